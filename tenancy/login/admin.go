package login

import (
	"context"
	"slices"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// SetupStore keeps how providers are set up. A missing one is fault.NotFound; changing one from the file is fault.Conflict.
type SetupStore interface {
	ProviderStore
	Rules(ctx context.Context, id string) ([]tenancy.Rule, error)
	ManagedByFile(ctx context.Context, id string) (bool, error)
	// ChangeProvider asks decide about one as it is, with its secret, and stores what it says, in one transaction that no other change of providers
	// overlaps. One without an id: there is none yet.
	ChangeProvider(ctx context.Context, id string, decide func(had Setup) (Provider, []tenancy.Rule, error)) error
	DeleteProvider(ctx context.Context, id string) error
	OrderProviders(ctx context.Context, ids []string) error
}

// Holdings says who has an identity and what its provider gives. Code: not_found.
type Holdings interface {
	Held(ctx context.Context, provider, issuer, subject string) (tenancy.User, []tenancy.Membership, error)
}

// Local is whether people come in by passwords, and whether anybody could come in without: *tenancy.Accounts.
type Local interface {
	PasswordsOn(ctx context.Context) (bool, error)
	SetPasswordsOn(ctx context.Context, actor tenancy.Actor, on bool, works func(ctx context.Context, provider string) error) error
	NeedsDoor(ctx context.Context, works func(ctx context.Context, provider string) error) error
}

// Admin sets providers up, for administrators of the site. Codes of all its methods: unauthenticated, forbidden.
type Admin struct {
	Service  *Service
	Store    SetupStore
	Holdings Holdings
	Local    Local
	Audit    tenancy.Auditor // nil: nothing is recorded
}

// Setup is a provider as it is set up, without its secret.
type Setup struct {
	Provider
	HasSecret bool           `json:"hasSecret"`
	FromFile  bool           `json:"fromFile"`
	Rules     []tenancy.Rule `json:"rules"`
}

// shown is what leaves this package: the secret does not.
func (s Setup) shown() Setup {
	s.HasSecret = s.ClientSecret != "" || s.SecretLost
	s.ClientSecret = ""
	return s
}

func allowed(actor tenancy.Actor) error {
	return tenancy.Allow(actor, tenancy.ManageSite, tenancy.ObjectRef{})
}

// Setups lists all providers, in the order of their buttons.
func (a *Admin) Setups(ctx context.Context, actor tenancy.Actor) ([]Setup, error) {
	if err := allowed(actor); err != nil {
		return nil, err
	}
	providers, err := a.Store.Providers(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Setup, len(providers))
	for i, p := range providers {
		if all[i], err = a.setup(ctx, p); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Setup returns one. Code: not_found.
func (a *Admin) Setup(ctx context.Context, actor tenancy.Actor, id string) (Setup, error) {
	if err := allowed(actor); err != nil {
		return Setup{}, err
	}
	p, err := a.Store.Provider(ctx, id)
	if err != nil {
		return Setup{}, err
	}
	return a.setup(ctx, p)
}

func (a *Admin) setup(ctx context.Context, p Provider) (s Setup, err error) {
	s = Setup{Provider: p}.shown()
	if s.Rules, err = a.Store.Rules(ctx, p.ID); err != nil {
		return s, err
	}
	s.FromFile, err = a.Store.ManagedByFile(ctx, p.ID)
	return s, err
}

// record writes down what changed: the settings, the rules, or both. Both have their secrets, which are not written down.
func (a *Admin) record(ctx context.Context, actor tenancy.Actor, before, after Setup, fresh bool) error {
	about := tenancy.AuditObject{Kind: "provider", ID: after.ID, Name: after.Name}
	event := func(verb tenancy.AuditVerb, was, is any) tenancy.AuditEvent {
		e := actor.AuditEvent(verb, about)
		e.Tenant, e.Before, e.After = "", was, is
		return e
	}
	if fresh || !before.same(after.Provider) || before.Disabled != after.Disabled || before.Patience != after.Patience || before.shown().HasSecret != after.shown().HasSecret {
		var was any = before.Provider
		if fresh {
			was = nil
		}
		if err := tenancy.Record(ctx, a.Audit, event(tenancy.AuditProviderChange, was, after.Provider)); err != nil {
			return err
		}
	}
	if slices.Equal(before.Rules, after.Rules) {
		return nil
	}
	return tenancy.Record(ctx, a.Audit, event(tenancy.AuditRuleChange, before.Rules, after.Rules))
}

// Delete removes one, with what it gave. Codes: not_found; conflict, as for Save.
func (a *Admin) Delete(ctx context.Context, actor tenancy.Actor, id string) error {
	before, err := a.Setup(ctx, actor, id)
	if err != nil {
		return err
	}
	if err := a.needsDoorBut(ctx, id); err != nil {
		return err
	}
	if err := a.Store.DeleteProvider(ctx, id); err != nil {
		return err
	}
	e := actor.AuditEvent(tenancy.AuditProviderDelete, tenancy.AuditObject{Kind: "provider", ID: id, Name: before.Name})
	e.Tenant, e.Before = "", before.Provider
	return tenancy.Record(ctx, a.Audit, e)
}

// Move puts a provider's button one place up or down among those made by hand. At the end it stays.
func (a *Admin) Move(ctx context.Context, actor tenancy.Actor, id string, up bool) error {
	all, err := a.Setups(ctx, actor)
	if err != nil {
		return err
	}
	var ids []string
	for _, one := range all {
		if !one.FromFile {
			ids = append(ids, one.ID)
		}
	}
	at := slices.Index(ids, id)
	if at < 0 {
		_, err := a.Setup(ctx, actor, id)
		if err == nil {
			err = fault.New(fault.Conflict, "The order of the providers in the file of --providers is the file's.")
		}
		return err
	}
	to := at + 1
	if up {
		to = at - 1
	}
	if to < 0 || to >= len(ids) {
		return nil
	}
	ids[at], ids[to] = ids[to], ids[at]
	return a.Store.OrderProviders(ctx, ids)
}

// SetLocalAccounts switches passwords on or off. They go off only when a provider works by which an administrator comes in. Code: conflict.
func (a *Admin) SetLocalAccounts(ctx context.Context, actor tenancy.Actor, on bool) error {
	return a.Local.SetPasswordsOn(ctx, actor, on, a.works(""))
}

// LocalAccounts says whether they are on.
func (a *Admin) LocalAccounts(ctx context.Context, actor tenancy.Actor) (bool, error) {
	if err := allowed(actor); err != nil {
		return false, err
	}
	return a.Local.PasswordsOn(ctx)
}

func (a *Admin) needsDoorBut(ctx context.Context, id string) error {
	return a.Local.NeedsDoor(ctx, a.works(id))
}

// works asks a provider whether people can sign in by it now. The one left out does not.
func (a *Admin) works(but string) func(context.Context, string) error {
	return func(ctx context.Context, id string) error {
		if id == but {
			return fault.New(fault.Conflict, "There is no other provider.")
		}
		found, err := a.Service.Examine(ctx, id)
		if err == nil && found.Error != "" {
			err = fault.New(fault.Unavailable, "%s", found.Error)
		}
		return err
	}
}

// Examine asks a provider what it can do, now. Code: not_found.
func (a *Admin) Examine(ctx context.Context, actor tenancy.Actor, id string) (Finding, error) {
	if err := allowed(actor); err != nil {
		return Finding{}, err
	}
	return a.Service.Examine(ctx, id)
}
