package web

import (
	"net/http"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
)

func (s *Server) accountPage(r *Request) error {
	view, err := s.accountView(r)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, view)
}

func (s *Server) accountView(r *Request) (templates.Account, error) {
	view := templates.Account{UserName: r.Actor.UserName, Address: s.PublicURL, TokenForm: newTokenForm("token", "you", "/account/tokens")}
	if view.Address == "" {
		view.Address = "http://" + r.HTTP().Host
	}
	var err error
	if view.HasPassword, err = s.Accounts.HasPassword(r.Context(), r.Actor); err != nil {
		return view, err
	}
	if view.Ways, err = s.waysIn(r); err != nil {
		return view, err
	}
	if view.Sessions, err = s.sessionRows(r); err != nil {
		return view, err
	}
	if !mayHere(r.Actor, tenancy.OwnTokens) {
		return view, nil // who is a member of nothing has no tokens
	}
	tokens, err := s.Tokens.Tokens(r.Context(), r.Actor)
	view.Tokens, view.MayTokens = tokenRows(tokens, "you", "/account/tokens"), true
	return view, err
}

// changePassword wants the one there is, and the new one twice, since it cannot be seen.
func (s *Server) changePassword(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	password := form.Raw("password")
	if password != form.Raw("again") {
		err = fault.New(fault.Invalid, "The two passwords are not the same. Type them again.").InField("again")
	} else {
		err = s.Accounts.ChangePassword(r.Context(), r.Actor, form.Raw("current"), password)
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
