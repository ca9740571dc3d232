package login

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// Change is what a provider is to become. Its secret and rules stay as they are where none are given.
type Change struct {
	Provider
	DropSecret bool            // it has none any more
	Rules      *[]tenancy.Rule // nil: those it has
	Base       string          // the version that it was made from; "": whatever there is
}

// Version names the settings and the rules as they are: each by a hash, with a dash between. The secret is in neither.
func (s Setup) Version() string {
	s.Provider.ClientSecret, s.Provider.SecretLost = "", false
	rules := s.Rules
	if len(rules) == 0 {
		rules = nil // read from a database, none are an empty list
	}
	return hashOf(s.Provider) + "-" + hashOf(rules)
}

func hashOf(what any) string {
	text, err := json.Marshal(what)
	if err != nil {
		panic(err) // plain structs of texts and numbers
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// settingsSince refuses a change of settings that were others when it was made; rulesSince one of rules. Code: conflict, in the field base.
func (s Setup) settingsSince(base string) error {
	was, _, _ := strings.Cut(base, "-")
	is, _, _ := strings.Cut(s.Version(), "-")
	return s.unchanged("settings", base, was == is)
}

func (s Setup) rulesSince(base string) error {
	_, was, _ := strings.Cut(base, "-")
	_, is, _ := strings.Cut(s.Version(), "-")
	return s.unchanged("rules", base, was == is)
}

func (s Setup) unchanged(what, base string, same bool) error {
	if base == "" || same {
		return nil
	}
	return s.changedMeanwhile(what)
}

func (s Setup) changedMeanwhile(what string) error {
	return fault.New(fault.Conflict, "The %s of %s were changed after you read them, so nothing was stored. Look at them as they are now, and save again what still fits.", what, s.Name).InField("base")
}

// onto is what the change makes of a provider as it is, with its secret. Codes: invalid, by its field; conflict; not_found.
func (c Change) onto(had Setup, fresh bool) (Setup, error) {
	if err := c.fits(had, fresh); err != nil {
		return Setup{}, err
	}
	after := Setup{Provider: c.Provider, Rules: had.Rules}
	if c.Rules != nil {
		after.Rules = *c.Rules
	}
	switch {
	case c.DropSecret:
		after.ClientSecret = ""
	case after.ClientSecret == "" && had.SecretLost:
		return Setup{}, fault.New(fault.Invalid, "The key of the secret is gone. Give the secret again, or say that there is none.").InField("clientSecret")
	case after.ClientSecret == "":
		after.ClientSecret = had.ClientSecret
	}
	if err := after.Check(); err != nil {
		return Setup{}, err
	}
	return after, tenancy.CheckRules(after.Rules)
}

// fits refuses a change of what is not as whoever made it believes.
func (c Change) fits(had Setup, fresh bool) error {
	switch {
	case had.ID == "" && !fresh:
		return fault.New(fault.NotFound, "There is no such provider.")
	case had.ID != "" && fresh:
		return fault.New(fault.Conflict, "There is a provider %s already. Choose another id.", clip(c.ID)).InField("id")
	}
	if err := had.byHand(); err != nil || fresh {
		return err
	}
	if err := had.settingsSince(c.Base); err != nil || c.Rules == nil {
		return err
	}
	return had.rulesSince(c.Base)
}

// byHand refuses to change what comes from the file.
func (s Setup) byHand() error {
	if s.FromFile {
		return fault.New(fault.Conflict, "The provider %s is set up in the file of --providers. Change it there and start Trunkline again.", s.ID)
	}
	return nil
}

// Check is Save without storing: what would be stored.
func (a *Admin) Check(ctx context.Context, actor tenancy.Actor, c Change, fresh bool) (Setup, error) {
	if err := allowed(actor); err != nil {
		return Setup{}, err
	}
	had, err := a.had(ctx, c.ID)
	if err != nil {
		return Setup{}, err
	}
	after, err := c.onto(had, fresh)
	return after.shown(), err
}

// had is a provider as it is, with its secret; one without an id: there is none.
func (a *Admin) had(ctx context.Context, id string) (Setup, error) {
	p, err := a.Store.Provider(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return Setup{}, nil
	}
	if err != nil {
		return Setup{}, err
	}
	had, err := a.setup(ctx, p)
	had.Provider = p
	return had, err
}

// Save makes a provider, or with fresh false changes one. Codes: invalid, by its field; conflict, when there is one of that id already, or it comes from the
// file, or it was changed since the base of the change, or nobody could administer the site afterwards; not_found.
func (a *Admin) Save(ctx context.Context, actor tenancy.Actor, c Change, fresh bool) (Setup, error) {
	if err := allowed(actor); err != nil {
		return Setup{}, err
	}
	before, err := a.had(ctx, c.ID)
	if err != nil {
		return Setup{}, err
	}
	if _, err := c.onto(before, fresh); err != nil {
		return Setup{}, err
	}
	off := c.Disabled && !before.Disabled
	if off {
		if err := a.needsDoorBut(ctx, c.ID); err != nil {
			return Setup{}, err
		}
	}
	return a.change(ctx, actor, c.ID, func(had Setup) (Setup, error) {
		after, err := c.onto(had, fresh)
		if err == nil && c.Disabled && !had.Disabled && !off {
			err = had.changedMeanwhile("settings") // it was switched on this moment, and nobody has asked whether another one works
		}
		return after, err
	})
}

// ChangeRules changes the rules of a provider, which edit gets as they are, and nothing else of it. With a base, they have to be those of that version. Codes: as
// for Save, and what edit says.
func (a *Admin) ChangeRules(ctx context.Context, actor tenancy.Actor, id, base string, edit func([]tenancy.Rule) ([]tenancy.Rule, error)) (Setup, error) {
	if err := allowed(actor); err != nil {
		return Setup{}, err
	}
	return a.change(ctx, actor, id, func(had Setup) (Setup, error) {
		if err := had.rulesSince(base); err != nil {
			return Setup{}, err
		}
		rules, err := edit(append([]tenancy.Rule{}, had.Rules...))
		if err != nil {
			return Setup{}, err
		}
		return Change{Provider: had.Provider, Rules: &rules}.onto(had, false)
	})
}

// change stores what decide makes of a provider, and records it.
func (a *Admin) change(ctx context.Context, actor tenancy.Actor, id string, decide func(had Setup) (Setup, error)) (Setup, error) {
	var before, after Setup
	err := a.Store.ChangeProvider(ctx, id, func(had Setup) (Provider, []tenancy.Rule, error) {
		var err error
		before = had
		after, err = decide(had)
		return after.Provider, after.Rules, err
	})
	if err != nil {
		return Setup{}, err
	}
	if err := a.record(ctx, actor, before, after, before.ID == ""); err != nil {
		return Setup{}, err
	}
	return a.Setup(ctx, actor, id)
}
