package web

import (
	"net/http"
	"time"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
)

// soon is when a token's end is near enough to be shown so.
const soon = 14 * 24 * time.Hour

var tokenLives = []templates.Choice{
	{Value: "7d", Word: "7 days"}, {Value: "30d", Word: "30 days"}, {Value: "90d", Word: "90 days", Chosen: true}, {Value: "365d", Word: "a year"},
	{Value: "never", Word: "ever, until it is revoked"},
}

// tokenRows shows tokens of "you" or "it"; each is revoked below base, which is "" for whoever may not.
func tokenRows(tokens []tenancy.Token, who, base string) []templates.Token {
	var rows []templates.Token
	for _, t := range tokens {
		row := templates.Token{
			ID: t.ID, Name: t.Name, Prefix: t.Prefix, Scope: t.Scope.Words(who), Workspace: t.Workspace, Created: t.Created,
			LastUsed: t.LastUsed, LastAddress: t.LastAddress, Expires: t.Expires,
		}
		row.Soon = !t.Expires.IsZero() && time.Until(t.Expires) < soon
		if base != "" {
			row.Revoke = base + "/" + t.ID + "/revoke"
		}
		rows = append(rows, row)
	}
	return rows
}

func newTokenForm(id, who, action string) templates.TokenForm {
	f := templates.TokenForm{ID: id, Action: action, Lives: append([]templates.Choice(nil), tokenLives...)}
	for _, scope := range tenancy.TokenScopes {
		f.Scopes = append(f.Scopes, templates.Choice{Value: string(scope), Word: scope.Words(who), Chosen: scope == tenancy.ScopeAll})
	}
	return f
}

// tokenRequest reads the form.
func tokenRequest(form Form) (tenancy.TokenRequest, error) {
	request := tenancy.TokenRequest{Name: form.Text("name"), Scope: tenancy.TokenScope(form.Text("scope"))}
	var err error
	request.Life, request.Never, err = tenancy.ParseTokenLife(form.Text("expires"))
	return request, err
}

// createToken shows the secret on the page that answers, and never again.
func (s *Server) createToken(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	request, err := tokenRequest(form)
	var secret string
	if err == nil {
		_, secret, err = s.Tokens.CreateToken(r.Context(), r.Actor, request)
	}
	view, failed := s.accountView(r)
	if failed != nil {
		return failed
	}
	status := http.StatusOK
	if err != nil {
		problem := fault.Public(err)
		if !mendable(problem.Code) {
			return err
		}
		status = fault.Status(problem.Code)
		view.TokenForm.Keep(form.Text("name"), form.Text("scope"), form.Text("expires"), problem.Field, problem.Sentence)
	} else {
		view.New = templates.NewToken{Name: request.Name, Secret: secret, Command: "trunkline login " + view.Address + " --token …"}
	}
	return r.Page(status, view)
}

func (s *Server) revokeToken(r *Request) error {
	if err := s.Tokens.RevokeToken(r.Context(), r.Actor, r.Param("token")); err != nil {
		return err
	}
	r.flash("The token was revoked. Programs that use it are refused from now on.")
	return r.Redirect("/account")
}

// sessionRows shows where somebody is signed in.
func (s *Server) sessionRows(r *Request) ([]templates.SessionRow, error) {
	sessions, err := s.SignedIn.List(r.Context(), r.Actor)
	var rows []templates.SessionRow
	for _, one := range sessions {
		rows = append(rows, templates.SessionRow{
			ID: one.ID, Browser: templates.BrowserName(one.Agent), Agent: one.Agent, Address: one.Address, Provider: one.By.Provider,
			Created: one.Created, Seen: one.Seen, Expires: one.Expires, Current: one.Current,
		})
	}
	return rows, err
}

func (s *Server) endSession(r *Request) error {
	if err := s.SignedIn.End(r.Context(), r.Actor, r.Param("session")); err != nil {
		return err
	}
	r.flash("The session was ended. Its open pages and shells are closed.")
	return r.Redirect("/account")
}

func (s *Server) endOtherSessions(r *Request) error {
	n, err := s.SignedIn.EndOthers(r.Context(), r.Actor)
	if err != nil {
		return err
	}
	r.flash(templates.Count(n, "other session was", "other sessions were") + " ended. You are signed in here alone.")
	return r.Redirect("/account")
}

// signOutMember ends every session of a member, for administrators of the site.
func (s *Server) signOutMember(r *Request) error {
	n, err := s.SignedIn.EndOf(r.Context(), r.Actor, r.Param("user"))
	if err != nil {
		return err
	}
	r.flash(templates.Count(n, "session was", "sessions were") + " ended, with the pages and shells open in them.")
	return r.Redirect("/members")
}

// mayHere says whether the actor may in the workspace that is chosen.
func mayHere(actor tenancy.Actor, verb tenancy.Verb) bool {
	return tenancy.Allow(actor, verb, tenancy.ObjectRef{Tenant: actor.TenantID}) == nil
}
