package tenancy

import (
	"context"
	"errors"

	"trunkline/internal/fault"
)

// LocalStore keeps whether people come in by passwords that are kept here.
type LocalStore interface {
	// PasswordsOn says so; it is the default.
	PasswordsOn(ctx context.Context) (bool, error)
	SetPasswordsOn(ctx context.Context, on bool) error
	// AdministratorsBy lists the providers by whose identities administrators of the site come in.
	AdministratorsBy(ctx context.Context) ([]string, error)
}

// WithLocal lets an administrator switch local accounts off.
func (a *Accounts) WithLocal(store LocalStore) *Accounts {
	a.local = store
	return a
}

// PasswordsOn says whether people come in by passwords that are kept here. The administrator's one-time link of the machine works all the same.
func (a *Accounts) PasswordsOn(ctx context.Context) (bool, error) {
	if a.local == nil {
		return true, nil
	}
	return a.local.PasswordsOn(ctx)
}

// errPasswordsOff is the answer to whoever tries.
var errPasswordsOff = fault.New(fault.Forbidden, "Passwords are switched off on this site. Sign in by your organisation.")

// needPasswords refuses what needs a local account where there are none.
func (a *Accounts) needPasswords(ctx context.Context) error {
	on, err := a.PasswordsOn(ctx)
	if err == nil && !on {
		return errPasswordsOff
	}
	return err
}

// SetPasswordsOn switches local accounts on or off. They go off only when another door is open: works is asked of each provider by which an administrator
// comes in, until one of them does. Code: conflict when none is.
func (a *Accounts) SetPasswordsOn(ctx context.Context, actor Actor, on bool, works func(ctx context.Context, provider string) error) error {
	if err := Allow(actor, ManageSite, ObjectRef{}); err != nil {
		return err
	}
	if actor.TokenID != "" {
		return fault.New(fault.Forbidden, "An API token cannot switch passwords on or off. Do this on the page.")
	}
	if a.local == nil {
		return fault.New(fault.Unsupported, "Local accounts cannot be switched off here.")
	}
	was, err := a.local.PasswordsOn(ctx)
	if err != nil || was == on {
		return err
	}
	if !on {
		if err := a.otherDoor(ctx, works); err != nil {
			return err
		}
	}
	if err := a.local.SetPasswordsOn(ctx, on); err != nil {
		return err
	}
	event := actor.AuditEvent(AuditSiteChange, AuditObject{Kind: "site", Name: "local accounts"})
	return Record(ctx, a.audit, ofSite(event, map[string]bool{"localAccounts": was}, map[string]bool{"localAccounts": on}))
}

// NeedsDoor refuses a change after which no administrator could come in: while local accounts are off, works has to be true of one provider by which an
// administrator comes in. Code: conflict.
func (a *Accounts) NeedsDoor(ctx context.Context, works func(ctx context.Context, provider string) error) error {
	on, err := a.PasswordsOn(ctx)
	if err != nil || on {
		return err
	}
	if err := a.otherDoor(ctx, works); err != nil {
		return fault.Wrap(err, fault.Conflict, "Passwords are switched off, and no administrator could sign in after this. Switch passwords on first.")
	}
	return nil
}

func (a *Accounts) otherDoor(ctx context.Context, works func(ctx context.Context, provider string) error) error {
	providers, err := a.local.AdministratorsBy(ctx)
	if err != nil {
		return err
	}
	if len(providers) == 0 {
		return fault.New(fault.Conflict, "No administrator of this site can sign in by a provider yet. Link a provider on your account page first.")
	}
	var failures []error
	for _, id := range providers {
		err := works(ctx, id)
		if err == nil {
			return nil
		}
		failures = append(failures, err)
	}
	return fault.Wrap(errors.Join(failures...), fault.Conflict, "No provider by which an administrator signs in works now: %s", fault.Sentence(failures[0]))
}
