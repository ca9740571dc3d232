package webtest

import (
	"context"
	"time"

	"trunkline/internal/fault"
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

// UseSignInLink takes a link once. Who comes by it has no password yet.
func (w *World) UseSignInLink(_ context.Context, secret string) (tenancy.Actor, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id, known := w.links[secret]
	if !known {
		return tenancy.Actor{}, fault.New(fault.Unauthenticated, "This link was used already or is too old.")
	}
	delete(w.links, secret)
	w.users[id].password = ""
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

// HasPassword is true of everybody who is there.
func (w *World) HasPassword(_ context.Context, actor tenancy.Actor) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.users[actor.UserID]
	return u != nil && u.password != "", nil
}

// ChangePassword wants the one there is.
func (w *World) ChangePassword(ctx context.Context, actor tenancy.Actor, current, password string) error {
	w.mu.Lock()
	u := w.users[actor.UserID]
	wrong := u.password != "" && u.password != current
	w.mu.Unlock()
	if wrong {
		return fault.New(fault.Invalid, "That is not the password that you have now.").InField("current")
	}
	return w.SetPassword(ctx, actor, "", "", password)
}

// LinkFor makes no links: the world's people forget nothing.
func (w *World) LinkFor(context.Context, tenancy.Actor, string) (string, time.Time, error) {
	return "", time.Time{}, tenancy.Missing("such member")
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
