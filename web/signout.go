package web

import (
	"net/http"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

// leaving is where somebody goes who signs out: to the provider where the session began there, so that the next person at this machine does not come in by its
// button. It is found out while the session is there.
func (s *Server) leaving(r *Request) (to, provider string) {
	if s.SSO.Door == nil || r.Actor.SessionID == "" {
		return "", ""
	}
	session, err := s.SignedIn.Current(r.Context(), r.Actor.SessionID)
	if err != nil || session.By.Provider == "" {
		return "", ""
	}
	by := session.By
	to, err = s.SSO.Door.LogoutURL(r.Context(), login.Identity{Provider: by.Provider, Issuer: by.Issuer, Subject: by.Subject, IDToken: by.IDToken}, s.SSO.Door.SignedOutURI(), "")
	if err != nil {
		s.Log.Info("nobody could be signed out at the provider too", "request", r.ID, "provider", by.Provider, "err", err)
	}
	return to, s.providerName(r, by.Provider)
}

// providerName is what is on the button.
func (s *Server) providerName(r *Request, id string) string {
	buttons, err := s.SSO.Door.Buttons(r.Context())
	if err != nil {
		return id
	}
	for _, b := range buttons {
		if b.ID == id {
			return b.Name
		}
	}
	return id
}

// signOut ends the session here, and leads to the provider that began it to end the one there; other browsers of the same person stay signed in.
// The way there is a page and not a redirect: browsers do not let a form lead to another site, since form-action is ours alone.
func (s *Server) signOut(r *Request) error {
	to, provider := s.leaving(r)
	if id := r.Actor.SessionID; id != "" {
		if _, err := s.SignedIn.EndWhere(r.Context(), tenancy.SessionsWhere{ID: id}, "You signed out. Sign in again to go on."); err != nil {
			return err
		}
	}
	if err := s.sessions.Destroy(r.Context()); err != nil {
		return fault.Wrap(err, fault.Unavailable, "You could not be signed out. Try again in a moment.")
	}
	if err := s.recordSignOut(r); err != nil {
		return err
	}
	switch {
	case to != "":
		r.Actor = tenancy.Actor{}
		return r.Page(http.StatusOK, templates.Onward{
			Heading: "Signed out here", Sentence: "You are led to " + provider + " to sign out there too.", URL: to, Word: "Go on to " + provider,
		})
	case provider != "":
		return r.Redirect("/signed-out?still=there")
	}
	return r.Redirect("/sign-in")
}

// signedOutPage is where providers lead back to.
func (s *Server) signedOutPage(r *Request) error {
	if !r.Actor.IsNobody() {
		return r.Redirect("/labs")
	}
	return r.Page(http.StatusOK, templates.SignedOut{StillThere: r.Query("still") == "there"})
}
