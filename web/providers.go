package web

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

// Providers sets up by which providers people sign in, for administrators of the site: login.Admin. Codes of all: unauthenticated, forbidden.
type Providers interface {
	Setups(ctx context.Context, actor tenancy.Actor) ([]login.Setup, error)
	Setup(ctx context.Context, actor tenancy.Actor, id string) (login.Setup, error) // code: not_found
	// Save makes or changes one; Check says what it would come to. Codes: invalid (with its field), conflict, not_found.
	Save(ctx context.Context, actor tenancy.Actor, c login.Change, fresh bool) (login.Setup, error)
	Check(ctx context.Context, actor tenancy.Actor, c login.Change, fresh bool) (login.Setup, error)
	// ChangeRules changes its rules alone, which edit gets as they are. Codes: as for Save.
	ChangeRules(ctx context.Context, actor tenancy.Actor, id, base string, edit func([]tenancy.Rule) ([]tenancy.Rule, error)) (login.Setup, error)
	Delete(ctx context.Context, actor tenancy.Actor, id string) error // codes: not_found, conflict
	Move(ctx context.Context, actor tenancy.Actor, id string, up bool) error
	Examine(ctx context.Context, actor tenancy.Actor, id string) (login.Finding, error)
	Preview(ctx context.Context, actor tenancy.Actor, id, pasted string, rules []tenancy.Rule) (login.Preview, error)
	LocalAccounts
}

// LocalAccounts is whether people come in by passwords. They go off only when an administrator comes in by a provider that works: conflict.
type LocalAccounts interface {
	LocalAccounts(ctx context.Context, actor tenancy.Actor) (bool, error)
	SetLocalAccounts(ctx context.Context, actor tenancy.Actor, on bool) error
}

func (s *Server) providersPage(r *Request) error {
	view, err := s.providersView(r)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, view)
}

func (s *Server) providersView(r *Request) (templates.Providers, error) {
	setups, err := s.SSO.Admin.Setups(r.Context(), r.Actor)
	if err != nil {
		return templates.Providers{}, err
	}
	view := templates.Providers{}
	if view.Passwords, err = s.SSO.Admin.LocalAccounts(r.Context(), r.Actor); err != nil {
		return view, err
	}
	first := 0
	for i, one := range setups {
		if one.FromFile {
			first = i + 1
		}
		view.List = append(view.List, templates.ProviderRow{
			ID: one.ID, Name: one.Name, Issuer: one.Issuer, FromFile: one.FromFile, Disabled: one.Disabled, Rules: len(one.Rules),
			CanUp: !one.FromFile && i > first, CanDown: !one.FromFile && i < len(setups)-1,
		})
	}
	return view, nil
}

// providersAgain shows the list with what was wrong.
func (s *Server) providersAgain(r *Request, cause error) error {
	problem := fault.Public(cause)
	if problem.Code != fault.Conflict && problem.Code != fault.Invalid {
		return cause
	}
	view, err := s.providersView(r)
	if err != nil {
		return err
	}
	view.Error = problem.Sentence
	return r.Page(fault.Status(problem.Code), view)
}

func (s *Server) moveProvider(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	if err := s.SSO.Admin.Move(r.Context(), r.Actor, r.Param("provider"), form.Text("to") == "up"); err != nil {
		return s.providersAgain(r, err)
	}
	return r.Redirect("/providers")
}

func (s *Server) deleteProvider(r *Request) error {
	if err := s.SSO.Admin.Delete(r.Context(), r.Actor, r.Param("provider")); err != nil {
		return s.providersAgain(r, err)
	}
	r.flash("The provider was deleted. Who came in by it is signed out, and what its rules gave is gone.")
	return r.Redirect("/providers")
}

func (s *Server) setLocalAccounts(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	on := form.Text("on") == "1"
	if err := s.SSO.Admin.SetLocalAccounts(r.Context(), r.Actor, on); err != nil {
		return s.providersAgain(r, err)
	}
	if on {
		r.flash("Passwords work again.")
	} else {
		r.flash("Passwords are switched off. Sessions that began by one go on until they end.")
	}
	return r.Redirect("/providers")
}

func (s *Server) newProviderPage(r *Request) error {
	if err := tenancy.Allow(r.Actor, tenancy.ManageSite, tenancy.ObjectRef{}); err != nil {
		return err
	}
	return r.Page(http.StatusOK, templates.Provider{Form: templates.ProviderForm{Fresh: true, Scopes: "profile email groups", Patience: "15m"}})
}

// createProvider makes one, and shows its page with what to register there.
func (s *Server) createProvider(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	view, change, err := providerForm(form)
	view.Fresh = true
	if err == nil {
		_, err = s.SSO.Admin.Save(r.Context(), r.Actor, change, true)
	}
	if err != nil {
		problem := fault.Public(err)
		if problem.Code != fault.Invalid && problem.Code != fault.Conflict {
			return err
		}
		view.Error, view.Field = problem.Sentence, problem.Field
		return r.Page(fault.Status(problem.Code), templates.Provider{Form: view})
	}
	r.flash("The provider is set up. Test it, then say by rules what its claims give.")
	return r.Redirect("/providers/" + change.ID)
}

// changeProvider stores its settings.
func (s *Server) changeProvider(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	view, change, err := providerForm(form)
	change.ID, view.ID = r.Param("provider"), r.Param("provider")
	if err == nil {
		_, err = s.SSO.Admin.Save(r.Context(), r.Actor, change, false)
	}
	if err != nil {
		return s.providerAgain(r, err, func(page *templates.Provider, problem *fault.Error) {
			view.Error, view.Field = problem.Sentence, problem.Field
			page.Refused(view)
		})
	}
	r.flash("The provider was changed.")
	return r.Redirect("/providers/" + change.ID)
}

// providerForm reads what was sent. The form comes back with it, but for the secret.
func providerForm(form Form) (templates.ProviderForm, login.Change, error) {
	view := templates.ProviderForm{
		ID: form.Text("id"), Name: form.Text("name"), Issuer: form.Text("issuer"), ClientID: form.Text("clientId"), Scopes: form.Text("scopes"),
		Patience: form.Text("patience"), AllowPrivate: form.Text("allowPrivate") == "1", Disabled: form.Text("disabled") == "1", DropSecret: form.Text("dropSecret") == "1",
	}
	change := login.Change{DropSecret: view.DropSecret, Base: form.Text("version"), Provider: login.Provider{
		ID: view.ID, Name: view.Name, Issuer: view.Issuer, ClientID: view.ClientID, ClientSecret: form.Text("clientSecret"),
		Scopes: strings.Fields(view.Scopes), AllowPrivate: view.AllowPrivate, Disabled: view.Disabled,
	}}
	var err error
	if change.Patience, err = time.ParseDuration(cmp.Or(view.Patience, "0s")); err != nil {
		return view, change, fault.New(fault.Invalid, "Write how long people stay as a time, such as 15m.").InField("patience")
	}
	if change.DropSecret && change.ClientSecret != "" {
		return view, change, fault.New(fault.Invalid, "Give a secret, or say that there is none, not both.").InField("clientSecret")
	}
	return view, change, nil
}
