package web

import (
	"net/http"
	"net/url"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

// waysIn is the part of the account page about how one signs in.
func (s *Server) waysIn(r *Request) (*templates.WaysIn, error) {
	if s.SSO.Door == nil {
		return nil, nil
	}
	buttons, err := s.SSO.Door.Buttons(r.Context())
	if err != nil {
		return nil, err
	}
	linked, err := s.SSO.People.Identities(r.Context(), r.Actor)
	if err != nil {
		return nil, err
	}
	view := &templates.WaysIn{}
	if view.Passwords, err = s.passwordsOn(r); err != nil {
		return nil, err
	}
	current := s.begunBy(r)
	names := map[string]string{}
	for _, b := range buttons {
		names[b.ID] = b.Name
		view.Providers = append(view.Providers, templates.SignInButton{Name: b.Name, Path: "/account/ways-in/" + url.PathEscape(b.ID) + "/link"})
	}
	for _, one := range linked {
		w := templates.WayIn{Name: names[one.Provider], Who: one.Email, Issuer: one.Issuer, Subject: one.Subject, Linked: one.Created, Used: one.LastUsed, Checked: one.Checked}
		if w.Name == "" {
			w.Name = one.Provider
		}
		if w.Who == "" {
			w.Who = one.Subject
		}
		w.Current = current.Issuer == one.Issuer && current.Subject == one.Subject
		view.Linked = append(view.Linked, w)
	}
	return view, nil
}

// begunBy is how the session that asks began.
func (s *Server) begunBy(r *Request) tenancy.SignedInBy {
	session, err := s.SignedIn.Current(r.Context(), r.Actor.SessionID)
	if err != nil {
		return tenancy.SignedInBy{}
	}
	return session.By
}

// beginLink leads to a provider to sign in there anew, for another way in. It goes by a page: see signOut.
func (s *Server) beginLink(r *Request) error {
	to, err := s.begin(r, r.Param("provider"), signInNote{Next: "/account", Link: r.Actor.UserID}, "login")
	if err != nil {
		return s.signInFailed(r, "", err)
	}
	name := s.providerName(r, r.Param("provider"))
	return r.Page(http.StatusOK, templates.Onward{
		Heading: "On to " + name, Sentence: "Sign in there, and you are back here with one more way in.", URL: to, Word: "Go on to " + name,
	})
}

// link gives the person who began it another way in. Somebody else may be signed in by now.
func (s *Server) link(r *Request, id login.Identity, note signInNote) error {
	if r.Actor.IsNobody() || r.Actor.UserID != note.Link {
		return s.signInFailed(r, "", fault.New(fault.Forbidden, "Whoever began to link this is not signed in here any more. Nothing was linked; sign in and begin again on the account page."))
	}
	outcome, err := s.outcome(r, id)
	if err != nil {
		return s.signInFailed(r, "", err)
	}
	if err := s.SSO.People.LinkIdentity(r.Context(), r.Actor, id); err != nil {
		return s.signInFailed(r, "", err)
	}
	if _, err := s.SSO.People.Reassess(r.Context(), id, outcome); err != nil {
		return s.signInFailed(r, "", err)
	}
	r.flash("From now on you can also sign in by " + s.providerName(r, id.Provider) + ".")
	return r.Redirect("/account")
}

// unlink takes a way in away. The one by which this session began stays until one came in otherwise.
func (s *Server) unlink(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	issuer, subject := form.Raw("issuer"), form.Raw("subject")
	if by := s.begunBy(r); by.Issuer == issuer && by.Subject == subject && issuer != "" {
		return s.accountAgain(r, fault.New(fault.Conflict, "You came in this way just now. Sign in another way first, and take this one away then.").InField("ways-in"))
	}
	if _, err := s.SSO.People.UnlinkIdentity(r.Context(), r.Actor, issuer, subject); err != nil {
		if problem := fault.Public(err); problem.Code == fault.Conflict {
			return s.accountAgain(r, problem.InField("ways-in"))
		}
		return err
	}
	where := tenancy.SessionsWhere{Issuer: issuer, Subject: subject, Except: r.Actor.SessionID}
	if _, err := s.SignedIn.EndWhere(r.Context(), where, "This way in was taken away on the account page. Sign in another way."); err != nil {
		return err
	}
	r.flash("You cannot sign in that way any more, and sessions that began so have ended.")
	return r.Redirect("/account")
}
