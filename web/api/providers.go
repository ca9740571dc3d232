package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/internal/fault"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

// Provider is how people may sign in, without its secret.
type Provider struct {
	ID           string         `json:"id"`
	Name         string         `json:"name" doc:"On its button"`
	Issuer       string         `json:"issuer"`
	ClientID     string         `json:"clientId"`
	HasSecret    bool           `json:"hasSecret"`
	Scopes       []string       `json:"scopes" doc:"openid is always asked for"`
	AllowPrivate bool           `json:"allowPrivate" doc:"It may be at a private or loopback address, and without TLS"`
	Patience     string         `json:"patience" doc:"How long people stay while it cannot be asked"`
	Disabled     bool           `json:"disabled"`
	FromFile     bool           `json:"fromFile" doc:"Set up by the file of --providers, which alone changes it"`
	Rules        []tenancy.Rule `json:"rules"`
	Version      string         `json:"version" doc:"Of the settings and rules: send it as base with what is made from them"`
}

// ProviderSettings is what a provider is to become. What is left out stays as it is.
type ProviderSettings struct {
	Name         string          `json:"name" maxLength:"80"`
	Issuer       string          `json:"issuer" maxLength:"2048"`
	ClientID     string          `json:"clientId" maxLength:"512"`
	ClientSecret *string         `json:"clientSecret,omitempty" maxLength:"4096" doc:"Left out: the one that is kept; empty: a public client"`
	Scopes       []string        `json:"scopes,omitempty" maxItems:"50" doc:"Left out: profile and email"`
	AllowPrivate bool            `json:"allowPrivate,omitempty"`
	Patience     string          `json:"patience,omitempty" maxLength:"32" doc:"Such as 15m, which is the default"`
	Disabled     bool            `json:"disabled,omitempty"`
	Rules        *[]tenancy.Rule `json:"rules,omitempty" doc:"Left out: those that there are"`
	Base         string          `json:"base,omitempty" maxLength:"64" doc:"The version that this was made from: a conflict, and nothing stored, when the settings, or rules that are given, were changed since; left out: whatever there is"`
}

// ProviderSaved is what became of it.
type ProviderSaved struct {
	Provider
	Made bool `json:"made" doc:"There was none of that id"`
}

// PreviewRequest is claims to look at.
type PreviewRequest struct {
	Claims string          `json:"claims" maxLength:"524288" doc:"JSON, or a token, whose signature is not checked"`
	Rules  *[]tenancy.Rule `json:"rules,omitempty" doc:"Rules to try; left out: those that are stored"`
}

func (a *API) providerOperations() {
	type providerPath struct {
		Provider string `path:"provider" maxLength:"64" doc:"Id"`
	}
	huma.Register(a.huma, operation("GET", "/providers", "list-providers", "List the providers that people sign in by", tenancy.ManageSite, "providers"),
		func(ctx context.Context, _ *struct{}) (*answer[[]Provider], error) {
			setups, err := a.Providers.Setups(ctx, actorOf(ctx))
			list := make([]Provider, len(setups))
			for i, one := range setups {
				list[i] = providerOf(one)
			}
			return respond(list, err)
		})
	huma.Register(a.huma, operation("GET", "/providers/{provider}", "get-provider", "Show a provider and its rules", tenancy.ManageSite, "providers"),
		func(ctx context.Context, in *providerPath) (*answer[Provider], error) {
			setup, err := a.Providers.Setup(ctx, actorOf(ctx), in.Provider)
			return respond(providerOf(setup), err)
		})
	type saveInput struct {
		Provider string `path:"provider" maxLength:"64" doc:"Id"`
		DryRun   bool   `query:"dryRun" doc:"Say what it would come to, and store nothing"`
		Body     ProviderSettings
	}
	save := operation("PUT", "/providers/{provider}", "save-provider", "Make or change a provider, with its rules", tenancy.ManageSite, "providers")
	save.Errors = append(save.Errors, http.StatusConflict)
	huma.Register(a.huma, save,
		func(ctx context.Context, in *saveInput) (*answer[ProviderSaved], error) {
			return respond(a.saveProvider(ctx, in.Provider, in.Body, in.DryRun))
		})
	huma.Register(a.huma, silent("DELETE", "/providers/{provider}", "delete-provider", "Delete a provider with its rules and what they gave", tenancy.ManageSite, "providers"),
		func(ctx context.Context, in *providerPath) (*struct{}, error) {
			return done(a.Providers.Delete(ctx, actorOf(ctx), in.Provider))
		})
	huma.Register(a.huma, operation("POST", "/providers/{provider}/examine", "examine-provider", "Ask a provider what it can do", tenancy.ManageSite, "providers"),
		func(ctx context.Context, in *providerPath) (*answer[login.Finding], error) {
			return respond(a.Providers.Examine(ctx, actorOf(ctx), in.Provider))
		})
	type previewInput struct {
		Provider string `path:"provider" maxLength:"64" doc:"Id"`
		Body     PreviewRequest
	}
	huma.Register(a.huma, operation("POST", "/providers/{provider}/preview", "preview-claims", "Say what claims would give, and why; nothing is stored", tenancy.ManageSite, "providers"),
		func(ctx context.Context, in *previewInput) (*answer[login.Preview], error) {
			var rules []tenancy.Rule
			if in.Body.Rules != nil {
				rules = append([]tenancy.Rule{}, *in.Body.Rules...)
			}
			return respond(a.Providers.Preview(ctx, actorOf(ctx), in.Provider, in.Body.Claims, rules))
		})
}

func (a *API) saveProvider(ctx context.Context, id string, s ProviderSettings, dryRun bool) (ProviderSaved, error) {
	actor := actorOf(ctx)
	_, err := a.Providers.Setup(ctx, actor, id)
	fresh := fault.Is(err, fault.NotFound)
	if err != nil && !fresh {
		return ProviderSaved{}, err
	}
	change := login.Change{Rules: s.Rules, Base: s.Base, Provider: login.Provider{
		ID: id, Name: s.Name, Issuer: s.Issuer, ClientID: s.ClientID, Scopes: s.Scopes, AllowPrivate: s.AllowPrivate, Disabled: s.Disabled,
	}}
	if s.ClientSecret != nil {
		change.ClientSecret, change.DropSecret = *s.ClientSecret, *s.ClientSecret == ""
	}
	if s.Patience != "" {
		if change.Patience, err = time.ParseDuration(s.Patience); err != nil {
			return ProviderSaved{}, fault.New(fault.Invalid, "Write the patience as a time, such as 15m.").InField("patience")
		}
	}
	save := a.Providers.Save
	if dryRun {
		save = a.Providers.Check
	}
	setup, err := save(ctx, actor, change, fresh)
	return ProviderSaved{Provider: providerOf(setup), Made: fresh}, err
}

func providerOf(s login.Setup) Provider {
	p := Provider{
		ID: s.ID, Name: s.Name, Issuer: s.Issuer, ClientID: s.ClientID, HasSecret: s.HasSecret, Scopes: s.Scopes, AllowPrivate: s.AllowPrivate,
		Patience: s.Waits().String(), Disabled: s.Disabled, FromFile: s.FromFile, Rules: orEmpty(s.Rules),
		Version: s.Version(),
	}
	if p.Scopes == nil {
		p.Scopes = []string{"profile", "email"}
	}
	return p
}
