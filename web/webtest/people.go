package webtest

import (
	"context"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/tenancy"
)

// SignIn checks an account.
func (w *World) SignIn(_ context.Context, email, password, _ string) (tenancy.Actor, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.users {
		if u.email == email && u.password == password {
			return u.actor, nil
		}
	}
	return tenancy.Actor{}, fault.New(fault.Unauthenticated, "That name and password do not go together. Check both and try again.")
}

// UseSignInLink takes a link once.
func (w *World) UseSignInLink(_ context.Context, secret string) (tenancy.Actor, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id, known := w.links[secret]
	if !known {
		return tenancy.Actor{}, fault.New(fault.Unauthenticated, "This link was used already or is too old.")
	}
	delete(w.links, secret)
	return w.users[id].actor, nil
}

// ActorOf loads somebody anew.
func (w *World) ActorOf(_ context.Context, userID, tenantID string) (tenancy.Actor, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[userID]
	if u == nil {
		return tenancy.Actor{}, fault.New(fault.Unauthenticated, "You are signed out. Sign in again.")
	}
	if tenantID != "" && tenantID != u.actor.TenantID {
		return tenancy.Actor{}, tenancy.Missing("such workspace")
	}
	return u.actor, nil
}

// Remove takes somebody's account away.
func (w *World) Remove(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.users, "u-"+name)
}

// ActorOfToken knows who a token is.
func (w *World) ActorOfToken(ctx context.Context, token string) (tenancy.Actor, error) {
	w.mu.Lock()
	id, known := w.secrets[token]
	w.mu.Unlock()
	if !known {
		return tenancy.Actor{}, fault.New(fault.Unauthenticated, "This token is unknown, expired or revoked.")
	}
	return w.ActorOf(ctx, id, "")
}

// SetPassword changes one's own account.
func (w *World) SetPassword(_ context.Context, actor tenancy.Actor, email, name, password string) error {
	if err := tenancy.CheckPassword(password); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[actor.UserID]
	if email != "" {
		clean, err := tenancy.CleanEmail(email)
		if err != nil {
			return err
		}
		u.email = clean
	}
	if name != "" {
		u.actor.UserName = name
	}
	u.password = password
	return nil
}

// Tokens lists all tokens; the world has one tenant's worth.
func (w *World) Tokens(context.Context, tenancy.Actor) ([]tenancy.Token, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]tenancy.Token(nil), w.tokens...), nil
}

// CreateToken makes one.
func (w *World) CreateToken(_ context.Context, actor tenancy.Actor, name string) (tenancy.Token, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	secret := "tl_" + ident.Long(40)
	t := tenancy.Token{ID: ident.New(), Name: name, Prefix: secret[:8], Created: time.Now()}
	w.tokens = append(w.tokens, t)
	w.secrets[secret] = actor.UserID
	return t, secret, nil
}

// RevokeToken takes one away.
func (w *World) RevokeToken(_ context.Context, _ tenancy.Actor, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, t := range w.tokens {
		if t.ID == id {
			w.tokens = append(w.tokens[:i], w.tokens[i+1:]...)
			return nil
		}
	}
	return tenancy.Missing("such token")
}
