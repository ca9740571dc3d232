package webtest

import (
	"context"

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
