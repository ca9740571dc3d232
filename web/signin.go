package web

import (
	"net/http"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
)

// home leads to the labs, or to the door.
func (s *Server) home(r *Request) error {
	if r.Actor.IsNobody() {
		return r.Redirect("/sign-in")
	}
	return r.Redirect("/labs")
}

func (s *Server) signInPage(r *Request) error {
	next := localPath(r.Query("next"))
	if !r.Actor.IsNobody() {
		return r.Redirect(next)
	}
	view := templates.SignIn{Next: next}
	s.addDoors(r, &view)
	return r.Page(http.StatusOK, view)
}

// signInForm checks a local account. The accounts bound how often one may try; a wrong pair comes back filled in.
func (s *Server) signInForm(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	view := templates.SignIn{Email: form.Text("email"), Next: localPath(form.Text("next"))}
	actor, err := s.Accounts.SignIn(r.Context(), view.Email, form.Raw("password"), address(r.HTTP()))
	if err != nil {
		code := fault.CodeOf(err)
		if code != fault.Unauthenticated && code != fault.Exhausted && code != fault.Invalid && code != fault.Forbidden {
			return err
		}
		view.Error = fault.Sentence(err)
		s.addDoors(r, &view)
		s.Log.Info("a sign-in was refused", "request", r.ID, "address", address(r.HTTP()), "code", string(code))
		return r.Page(fault.Status(code), view)
	}
	if err := s.signIn(r, actor, tenancy.SignedInBy{}); err != nil {
		return err
	}
	return r.Redirect(view.Next)
}

// signInLink takes a one-time link.
func (s *Server) signInLink(r *Request) error {
	actor, err := s.Accounts.UseSignInLink(r.Context(), r.Param("secret"))
	if err != nil {
		code := fault.CodeOf(err)
		if code == fault.Internal || code == fault.Unavailable {
			return err
		}
		if !r.Actor.IsNobody() {
			return r.Redirect("/labs") // the same link a second time, by somebody whom it has let in
		}
		return r.Page(http.StatusNotFound, templates.LinkUsed{})
	}
	if err := s.signIn(r, actor, tenancy.SignedInBy{}); err != nil {
		return err
	}
	s.sessions.Put(r.Context(), sessionByLink, true)
	return r.Redirect("/welcome")
}

// welcomePage asks who came by a one-time link for a password. Others change theirs on the account page, which asks for the one they have.
func (s *Server) welcomePage(r *Request) error {
	if !s.sessions.GetBool(r.Context(), sessionByLink) {
		return r.Redirect("/account")
	}
	known, err := s.Accounts.HasPassword(r.Context(), r.Actor)
	if err != nil {
		return err
	}
	view := templates.Welcome{Known: known}
	if known {
		view.Name = r.Actor.UserName
	}
	return r.Page(http.StatusOK, view)
}

// welcomeForm gives the account an address, a name and a password; one that had a password keeps its address and name.
func (s *Server) welcomeForm(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	if !s.sessions.GetBool(r.Context(), sessionByLink) {
		return fault.New(fault.Forbidden, "Only who comes by a one-time link chooses a password here. Change yours on your account page.")
	}
	view := templates.Welcome{Email: form.Text("email"), Name: form.Text("name")}
	if view.Known, err = s.Accounts.HasPassword(r.Context(), r.Actor); err != nil {
		return err
	}
	email, name := view.Email, view.Name
	if view.Known {
		email, name, view.Name = "", "", r.Actor.UserName
	}
	if err := s.Accounts.SetPassword(r.Context(), r.Actor, email, name, form.Raw("password")); err != nil {
		problem := fault.Public(err)
		if problem.Code != fault.Invalid && problem.Code != fault.Conflict {
			return err
		}
		view.Error, view.Field = problem.Sentence, problem.Field
		return r.Page(fault.Status(problem.Code), view)
	}
	s.sessions.Remove(r.Context(), sessionByLink)
	r.flash("Welcome. Next time you can sign in with your password.")
	return r.Redirect("/labs")
}
