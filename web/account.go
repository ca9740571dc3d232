package web

import (
	"net/http"

	"trunkline/internal/fault"
	"trunkline/templates"
)

func (s *Server) accountPage(r *Request) error {
	view, err := s.accountView(r)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, view)
}

func (s *Server) accountView(r *Request) (templates.Account, error) {
	tokens, err := s.Tokens.Tokens(r.Context(), r.Actor)
	if err != nil {
		return templates.Account{}, err
	}
	view := templates.Account{UserName: r.Actor.UserName, Address: s.PublicURL}
	if view.Address == "" {
		view.Address = "http://" + r.HTTP().Host
	}
	if view.Ways, err = s.waysIn(r); err != nil {
		return view, err
	}
	for _, t := range tokens {
		view.Tokens = append(view.Tokens, templates.Token{
			ID: t.ID, Name: t.Name, Prefix: t.Prefix, Created: t.Created, LastUsed: t.LastUsed, Expires: t.Expires,
		})
	}
	return view, nil
}

// changePassword wants the new one twice, since it cannot be seen.
func (s *Server) changePassword(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	password := form.Raw("password")
	if password != form.Raw("again") {
		err = fault.New(fault.Invalid, "The two passwords are not the same. Type them again.").InField("again")
	} else {
		err = s.Accounts.SetPassword(r.Context(), r.Actor, form.Text("email"), form.Text("name"), password)
	}
	if err != nil {
		return s.accountAgain(r, err)
	}
	if err := s.renewSession(r); err != nil {
		return err
	}
	r.flash("Your password was changed. Other browsers in which you were signed in are signed out.")
	return r.Redirect("/account")
}

// createToken shows the secret on the page that answers, and never again.
func (s *Server) createToken(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	name := form.Text("name")
	if name == "" || len(name) > 80 {
		return s.accountAgain(r, fault.New(fault.Invalid, "Give the token a name of at most 80 characters, such as the machine it is for.").InField("token"))
	}
	_, secret, err := s.Tokens.CreateToken(r.Context(), r.Actor, name)
	if err != nil {
		return s.accountAgain(r, err)
	}
	view, err := s.accountView(r)
	if err != nil {
		return err
	}
	view.NewName, view.NewSecret = name, secret
	return r.Page(http.StatusOK, view)
}

func (s *Server) revokeToken(r *Request) error {
	if err := s.Tokens.RevokeToken(r.Context(), r.Actor, r.Param("token")); err != nil {
		return err
	}
	r.flash("The token was revoked. Programs that use it are refused from now on.")
	return r.Redirect("/account")
}

// accountAgain shows the page with what was wrong beside the field.
func (s *Server) accountAgain(r *Request, cause error) error {
	problem := fault.Public(cause)
	if problem.Code != fault.Invalid && problem.Code != fault.Conflict && problem.Code != fault.Exhausted {
		return cause
	}
	view, err := s.accountView(r)
	if err != nil {
		return err
	}
	view.Error, view.Field = problem.Sentence, problem.Field
	return r.Page(fault.Status(problem.Code), view)
}

func (s *Server) aboutPage(r *Request) error {
	view := templates.About{Version: s.Version}
	for _, p := range s.assets.Vendored() {
		view.Vendored = append(view.Vendored, templates.Vendored(p))
	}
	return r.Page(http.StatusOK, view)
}
