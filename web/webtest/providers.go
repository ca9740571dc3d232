package webtest

import (
	"context"
	"slices"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/internal/seal"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
	"trunkline/web"
)

// Organisations is providers in memory, and people who come in by them. There is nobody to ask: the addresses of providers lead nowhere, unless a test has one.
type Organisations struct {
	world *World

	mu        sync.Mutex
	providers []login.Provider
	rules     map[string][]tenancy.Rule
	fromFile  map[string]bool
	passwords bool
	linked    []tenancy.LinkedIdentity
}

// NewOrganisations makes none yet. People become users of the world.
func NewOrganisations(w *World) *Organisations {
	return &Organisations{world: w, rules: map[string][]tenancy.Rule{}, fromFile: map[string]bool{}, passwords: true}
}

// SSO is what the pages need of them.
func (o *Organisations) SSO(public string) (web.SSO, error) {
	service, err := login.New(login.Config{Providers: o, Keys: seal.Random(), PublicURL: public})
	if err != nil {
		return web.SSO{}, err
	}
	return web.SSO{Door: service, People: o, Rules: o.Rules, Admin: &login.Admin{Service: service, Store: o, Holdings: o, Local: o}}, nil
}

// Add sets one up; with fromFile the pages may not change it.
func (o *Organisations) Add(p login.Provider, fromFile bool, rules ...tenancy.Rule) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.providers = append(o.providers, p)
	o.fromFile[p.ID] = fromFile
	o.rules[p.ID] = numbered(p.ID, rules)
}

func numbered(provider string, rules []tenancy.Rule) []tenancy.Rule {
	rules = slices.Clone(rules)
	for i := range rules {
		if rules[i].ID == "" {
			rules[i].ID = ident.New()
		}
		rules[i].Provider = provider
	}
	return rules
}

// Providers lists them.
func (o *Organisations) Providers(context.Context) ([]login.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.providers), nil
}

// Provider returns one.
func (o *Organisations) Provider(ctx context.Context, id string) (login.Provider, error) {
	all, err := o.Providers(ctx)
	for _, p := range all {
		if p.ID == id {
			return p, nil
		}
	}
	if err == nil {
		err = fault.New(fault.NotFound, "There is no such provider.")
	}
	return login.Provider{}, err
}

// Rules lists a provider's.
func (o *Organisations) Rules(_ context.Context, id string) ([]tenancy.Rule, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.rules[id]), nil
}

// ManagedByFile says that the pages may not change it.
func (o *Organisations) ManagedByFile(_ context.Context, id string) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fromFile[id], nil
}

// ChangeProvider makes or changes one.
func (o *Organisations) ChangeProvider(_ context.Context, id string, decide func(login.Setup) (login.Provider, []tenancy.Rule, error)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := slices.IndexFunc(o.providers, func(p login.Provider) bool { return p.ID == id })
	had := login.Setup{FromFile: o.fromFile[id], Rules: slices.Clone(o.rules[id])}
	if at >= 0 {
		had.Provider = o.providers[at]
	}
	p, rules, err := decide(had)
	if err != nil {
		return err
	}
	if o.rules[id] = numbered(id, rules); at < 0 {
		o.providers = append(o.providers, p)
	} else {
		o.providers[at] = p
	}
	return nil
}

// DeleteProvider removes one.
func (o *Organisations) DeleteProvider(_ context.Context, id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.providers = slices.DeleteFunc(o.providers, func(p login.Provider) bool { return p.ID == id })
	delete(o.rules, id)
	return nil
}

// OrderProviders puts those made by hand into the order of the ids, after those of the file.
func (o *Organisations) OrderProviders(_ context.Context, ids []string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	slices.SortStableFunc(o.providers, func(a, b login.Provider) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return nil
}

// Held says who has an identity; it gives nothing in this world.
func (o *Organisations) Held(_ context.Context, _, issuer, subject string) (tenancy.User, []tenancy.Membership, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range o.linked {
		if one.Issuer == issuer && one.Subject == subject {
			return tenancy.User{ID: one.UserID, Name: one.Name}, nil, nil
		}
	}
	return tenancy.User{}, nil, fault.New(fault.NotFound, "Nobody here signs in that way.")
}

// PasswordsOn says whether the world's passwords count.
func (o *Organisations) PasswordsOn(context.Context) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.passwords, nil
}

// SetPasswordsOn switches them when a provider of an administrator works.
func (o *Organisations) SetPasswordsOn(ctx context.Context, actor tenancy.Actor, on bool, works func(context.Context, string) error) error {
	if err := tenancy.Allow(actor, tenancy.ManageSite, tenancy.ObjectRef{}); err != nil {
		return err
	}
	linked, err := o.Identities(ctx, actor)
	if err != nil {
		return err
	}
	if !on && len(linked) == 0 {
		return fault.New(fault.Conflict, "No administrator of this site can sign in by a provider yet. Link a provider on your account page first.")
	}
	if !on {
		if err := works(ctx, linked[0].Provider); err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.passwords = on
	return nil
}

// NeedsDoor refuses nothing here.
func (o *Organisations) NeedsDoor(context.Context, func(context.Context, string) error) error {
	return nil
}

// SignInBy lets in who has the identity; anybody else is nobody in this world.
func (o *Organisations) SignInBy(ctx context.Context, id tenancy.Identity, _ tenancy.Outcome) (tenancy.Actor, tenancy.Admitted, error) {
	user, _, err := o.Held(ctx, id.Provider, id.Issuer, id.Subject)
	if err != nil {
		return tenancy.Actor{}, tenancy.Admitted{}, err
	}
	actor, err := o.world.ActorOf(ctx, user.ID, "")
	return actor, tenancy.Admitted{User: user}, err
}

// Reassess changes nothing.
func (o *Organisations) Reassess(context.Context, tenancy.Identity, tenancy.Outcome) (tenancy.Admitted, error) {
	return tenancy.Admitted{}, nil
}

// RefusedBy keeps nothing.
func (o *Organisations) RefusedBy(context.Context, string, string) {}

// Identities lists the actor's own.
func (o *Organisations) Identities(_ context.Context, actor tenancy.Actor) ([]tenancy.LinkedIdentity, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var own []tenancy.LinkedIdentity
	for _, one := range o.linked {
		if one.UserID == actor.UserID {
			own = append(own, one)
		}
	}
	return own, nil
}

// LinkIdentity gives the actor another way in.
func (o *Organisations) LinkIdentity(_ context.Context, actor tenancy.Actor, id tenancy.Identity) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	o.linked = append(o.linked, tenancy.LinkedIdentity{UserID: actor.UserID, Provider: id.Provider, Issuer: id.Issuer, Subject: id.Subject, Email: id.Email, Name: id.Name, Created: now, LastUsed: now, Checked: now})
	return nil
}

// UnlinkIdentity takes one away.
func (o *Organisations) UnlinkIdentity(_ context.Context, actor tenancy.Actor, issuer, subject string) (tenancy.Settled, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.linked = slices.DeleteFunc(o.linked, func(l tenancy.LinkedIdentity) bool {
		return l.UserID == actor.UserID && l.Issuer == issuer && l.Subject == subject
	})
	return tenancy.Settled{}, nil
}
