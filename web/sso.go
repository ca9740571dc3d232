package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

// SSO is signing in by organisations. With a nil Door nobody does.
type SSO struct {
	Door   Door
	People People
	Rules  func(ctx context.Context, provider string) ([]tenancy.Rule, error)
	Admin  Providers
}

// Door leads to providers and back: login.Service.
type Door interface {
	Buttons(ctx context.Context) ([]login.Button, error)
	Begin(ctx context.Context, provider, note, prompt, prefix string) (login.Start, error)
	Finish(ctx context.Context, provider string, query url.Values, name, value string) (login.Finished, error)
	// LogoutURL is where to sign out at the provider too; "" when it has no such page.
	LogoutURL(ctx context.Context, id login.Identity, after, state string) (string, error)
	SignedOutURI() string
}

// People is who comes in by providers: tenancy.Accounts.
type People interface {
	SignInBy(ctx context.Context, id tenancy.Identity, outcome tenancy.Outcome) (tenancy.Actor, tenancy.Admitted, error)
	Reassess(ctx context.Context, id tenancy.Identity, outcome tenancy.Outcome) (tenancy.Admitted, error)
	PasswordsOn(ctx context.Context) (bool, error)
	RefusedBy(ctx context.Context, provider, why string)
	OwnIdentities
}

// OwnIdentities is the ways in of the person who is signed in.
type OwnIdentities interface {
	Identities(ctx context.Context, actor tenancy.Actor) ([]tenancy.LinkedIdentity, error)
	LinkIdentity(ctx context.Context, actor tenancy.Actor, id tenancy.Identity) error // code: conflict
	UnlinkIdentity(ctx context.Context, actor tenancy.Actor, issuer, subject string) (tenancy.Settled, error)
}

// providers makes a handler that needs them: a site without them has no such pages.
func providers(handle handler) handler {
	return func(s *Server, r *Request) error {
		if s.SSO.Door == nil {
			return fault.New(fault.NotFound, "There is no such page.")
		}
		return handle(s, r)
	}
}

// signInNote is what comes back from the provider as it went: where to go on, and who wants to link.
type signInNote struct {
	Next string `json:"n"`
	Link string `json:"l,omitempty"` // id of the user who was signed in
}

// cookiePrefix binds cookies to this host where people reach us by TLS.
func (s *Server) cookiePrefix() string {
	if s.secure {
		return "__Host-"
	}
	return ""
}

// begin starts a sign-in at a provider and returns where it leads.
func (s *Server) begin(r *Request, provider string, note signInNote, prompt string) (string, error) {
	text, err := json.Marshal(note)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "A sign-in cannot be kept.")
	}
	start, err := s.SSO.Door.Begin(r.Context(), provider, string(text), prompt, s.cookiePrefix())
	if err != nil {
		return "", err
	}
	http.SetCookie(r.Writer(), &http.Cookie{
		Name: start.Cookie.Name, Value: start.Cookie.Value, Path: "/", MaxAge: int(start.Cookie.MaxAge.Seconds()),
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
	return start.URL, nil
}

// signInWith leads to a provider. Browsers that only look ahead are not led there.
func (s *Server) signInWith(r *Request) error {
	if h := r.HTTP().Header; h.Get("Sec-Purpose") != "" || h.Get("Purpose") == "prefetch" {
		r.Writer().WriteHeader(http.StatusNoContent)
		return nil
	}
	next := localPath(r.Query("next"))
	if !r.Actor.IsNobody() {
		return r.Redirect(next)
	}
	to, err := s.begin(r, r.Param("provider"), signInNote{Next: next}, "")
	if err != nil {
		return s.signInFailed(r, next, err)
	}
	r.Writer().Header().Set("Cache-Control", "no-store")
	http.Redirect(r.Writer(), r.HTTP(), to, http.StatusSeeOther)
	return nil
}

// signInReturn takes what a provider answers, makes the session, and goes on. The cookie of the attempt is gone whatever comes out.
func (s *Server) signInReturn(r *Request) error {
	r.Writer().Header().Set("Cache-Control", "no-store")
	query := r.HTTP().URL.Query()
	name, value := login.CookieOf(query, s.cookiePrefix()), ""
	if name != "" {
		if cookie, err := r.HTTP().Cookie(name); err == nil {
			value = cookie.Value
		}
		http.SetCookie(r.Writer(), &http.Cookie{Name: name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
	}
	done, err := s.SSO.Door.Finish(r.Context(), r.Param("provider"), query, name, value)
	if err != nil {
		return s.signInFailed(r, "", err)
	}
	var note signInNote
	if err := json.Unmarshal([]byte(done.Note), &note); err != nil {
		return s.signInFailed(r, "", fault.Wrap(err, fault.Invalid, "This answer belongs to another sign-in. Begin again."))
	}
	if note.Link != "" {
		return s.link(r, done.Identity, note)
	}
	return s.letIn(r, done.Identity, note)
}

// letIn gives the browser a session of whom the provider vouches for, with the memberships that the claims give now.
func (s *Server) letIn(r *Request, id login.Identity, note signInNote) error {
	outcome, err := s.outcome(r, id)
	if err != nil {
		return s.signInFailed(r, note.Next, err)
	}
	actor, admitted, err := s.SSO.People.SignInBy(r.Context(), id, outcome)
	if err != nil {
		return s.signInFailed(r, note.Next, err)
	}
	for _, skipped := range admitted.Skipped {
		s.Log.Info("a workspace that claims give is not there", "request", r.ID, "provider", id.Provider, "workspace", skipped.TenantID)
	}
	by := tenancy.SignedInBy{Provider: id.Provider, Issuer: id.Issuer, Subject: id.Subject, SID: id.SessionID, IDToken: id.IDToken}
	if err := s.signIn(r, actor, by); err != nil {
		return s.signInFailed(r, note.Next, err)
	}
	return r.Redirect(note.Next)
}

// outcome is what the claims give by the provider's rules.
func (s *Server) outcome(r *Request, id login.Identity) (tenancy.Outcome, error) {
	rules, err := s.SSO.Rules(r.Context(), id.Provider)
	if err != nil {
		return tenancy.Outcome{}, err
	}
	return tenancy.Evaluate(rules, id.Claims), nil
}

// signInFailed is the page of an attempt that came to nothing, with the way back. Nobody's session is touched by it.
func (s *Server) signInFailed(r *Request, next string, cause error) error {
	problem := fault.Public(cause)
	provider := r.Param("provider")
	s.SSO.People.RefusedBy(r.Context(), provider, problem.Sentence)
	s.Log.Warn("a sign-in by a provider failed", "request", r.ID, "provider", provider, "address", address(r.HTTP()), "code", string(problem.Code), "err", cause)
	view := templates.SignInFailed{Sentence: problem.Sentence, Back: "/sign-in", SignedIn: !r.Actor.IsNobody()}
	if next != "" {
		view.Back = signInPath(next)
	}
	if problem.Code != fault.NotFound {
		view.Again = login.BeginPath + url.PathEscape(provider)
		if next != "" {
			view.Again += "?next=" + url.QueryEscape(next)
		}
	}
	if view.SignedIn {
		view.Back, view.Again = "/account#ways-in", ""
	}
	if problem.Code == fault.Internal || problem.Code == fault.Unavailable {
		view.RequestID = r.ID
	}
	return r.Page(fault.Status(problem.Code), view)
}

func signInPath(next string) string {
	if next == "/labs" {
		return "/sign-in"
	}
	return "/sign-in?next=" + url.QueryEscape(next)
}

// addDoors fills the sign-in page: a button for each provider, and whether there are local accounts. A page is shown with what can be known.
func (s *Server) addDoors(r *Request, view *templates.SignIn) {
	view.Passwords = true
	if s.SSO.Door == nil {
		return
	}
	buttons, err := s.SSO.Door.Buttons(r.Context())
	if err != nil {
		s.Log.Warn("the providers could not be listed", "request", r.ID, "err", err)
	}
	for _, b := range buttons {
		path := b.Path
		if view.Next != "" && view.Next != "/labs" {
			path += "?next=" + url.QueryEscape(view.Next)
		}
		view.Providers = append(view.Providers, templates.SignInButton{Name: b.Name, Path: path})
	}
	if view.Passwords, err = s.passwordsOn(r); err != nil {
		s.Log.Warn("it is not known whether there are local accounts", "request", r.ID, "err", err)
		view.Passwords = true // the form says what is so
	}
}

func (s *Server) passwordsOn(r *Request) (bool, error) {
	if s.SSO.People == nil {
		return true, nil
	}
	return s.SSO.People.PasswordsOn(r.Context())
}
