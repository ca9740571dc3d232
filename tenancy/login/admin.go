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
	SaveProvider(ctx context.Context, p Provider, rules []tenancy.Rule) error
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

// Change is what one is to become. Its secret and rules stay as they are where none are given.
type Change struct {
	Provider
	DropSecret bool            // it has none any more
	Rules      *[]tenancy.Rule // nil: those it has
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
	s = Setup{Provider: p, HasSecret: p.ClientSecret != "" || p.SecretLost}
	s.ClientSecret = ""
	if s.Rules, err = a.Store.Rules(ctx, p.ID); err != nil {
		return s, err
	}
	s.FromFile, err = a.Store.ManagedByFile(ctx, p.ID)
	return s, err
}

// Check is Save without storing: what would be stored.
func (a *Admin) Check(ctx context.Context, actor tenancy.Actor, c Change, fresh bool) (Setup, error) {
	_, after, err := a.plan(ctx, actor, c, fresh)
	after.ClientSecret = ""
	return after, err
}

// Save makes a provider, or with fresh false changes one. Codes: invalid, by its field; conflict, when there is one of that id already, or it comes from the
// file, or nobody could administer the site afterwards; not_found.
func (a *Admin) Save(ctx context.Context, actor tenancy.Actor, c Change, fresh bool) (Setup, error) {
	before, after, err := a.plan(ctx, actor, c, fresh)
	if err != nil {
		return Setup{}, err
	}
	if after.Disabled && !before.Disabled {
		if err := a.needsDoorBut(ctx, after.ID); err != nil {
			return Setup{}, err
		}
	}
	if err := a.Store.SaveProvider(ctx, after.Provider, after.Rules); err != nil {
		return Setup{}, err
	}
	if err := a.record(ctx, actor, before, after, fresh); err != nil {
		return Setup{}, err
	}
	return a.Setup(ctx, actor, after.ID)
}

// plan is what a change comes to; the provider of after has its secret.
func (a *Admin) plan(ctx context.Context, actor tenancy.Actor, c Change, fresh bool) (before, after Setup, err error) {
	if err := allowed(actor); err != nil {
		return before, after, err
	}
	had, err := a.Store.Provider(ctx, c.ID)
	switch {
	case err == nil && fresh:
		return before, after, fault.New(fault.Conflict, "There is a provider %s already. Choose another id.", clip(c.ID)).InField("id")
	case err != nil && !(fresh && fault.Is(err, fault.NotFound)):
		return before, after, err
	case err == nil:
		if before, err = a.setup(ctx, had); err != nil {
			return before, after, err
		}
	}
	if before.FromFile {
		return before, after, fault.New(fault.Conflict, "The provider %s is set up in the file of --providers. Change it there and start Trunkline again.", c.ID)
	}
	after = Setup{Provider: c.Provider, Rules: before.Rules}
	if c.Rules != nil {
		after.Rules = *c.Rules
	}
	switch {
	case c.DropSecret:
		after.ClientSecret = ""
	case after.ClientSecret == "" && had.SecretLost:
		return before, after, fault.New(fault.Invalid, "The key of the secret is gone. Give the secret again, or say that there is none.").InField("clientSecret")
	case after.ClientSecret == "":
		after.ClientSecret = had.ClientSecret
	}
	after.HasSecret = after.ClientSecret != ""
	if err := after.Check(); err != nil {
		return before, after, err
	}
	return before, after, tenancy.CheckRules(after.Rules)
}

// record writes down what changed: the settings, the rules, or both.
func (a *Admin) record(ctx context.Context, actor tenancy.Actor, before, after Setup, fresh bool) error {
	about := tenancy.AuditObject{Kind: "provider", ID: after.ID, Name: after.Name}
	event := func(verb tenancy.AuditVerb, was, is any) tenancy.AuditEvent {
		e := actor.AuditEvent(verb, about)
		e.Tenant, e.Before, e.After = "", was, is
		return e
	}
	if fresh || !before.same(after.Provider) || before.Disabled != after.Disabled || before.Patience != after.Patience || before.HasSecret != after.HasSecret {
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
