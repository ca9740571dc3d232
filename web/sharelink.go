package web

import (
	"net/http"
	"net/url"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
)

// linkPage shows what a link to a lab leads to, to anybody who has it. Looking takes no use.
func (s *Server) linkPage(r *Request) error {
	view, err := s.linkView(r)
	if err != nil {
		return s.linkRefused(r, err)
	}
	return r.Page(http.StatusOK, view)
}

func (s *Server) linkView(r *Request) (templates.LabLink, error) {
	secret := r.Param("secret")
	lab, link, err := s.Shares.LookAtLink(r.Context(), secret, address(r.HTTP()))
	if err != nil {
		return templates.LabLink{}, err
	}
	here := "/s/" + url.PathEscape(secret)
	return templates.LabLink{
		Path: here, SignIn: "/sign-in?next=" + url.QueryEscape(here), Lab: lab.Name, Owner: lab.Owner, By: lab.By, May: levelWord(lab.Level), Until: lab.Until,
		Guests: link.Guests, SignedIn: !r.Actor.IsNobody(), UserName: r.Actor.UserName,
	}, nil
}

// linkRefused is the page of a link that leads nowhere: the same for all of them.
func (s *Server) linkRefused(r *Request, err error) error {
	code := fault.CodeOf(err)
	if code != fault.NotFound && code != fault.Exhausted {
		return err
	}
	s.Log.Info("a link to a lab was refused", "request", r.ID, "address", address(r.HTTP()), "code", string(code))
	return r.Page(fault.Status(code), templates.LabLinkRefused{Sentence: fault.Sentence(err), SignedIn: !r.Actor.IsNobody()})
}

// openLink makes the lab one that is shared with who is signed in; anybody else signs in first and comes back.
func (s *Server) openLink(r *Request) error {
	if r.Actor.IsNobody() {
		return r.Redirect("/sign-in?next=" + url.QueryEscape("/s/"+url.PathEscape(r.Param("secret"))))
	}
	lab, err := s.Shares.OpenLink(r.Context(), r.Actor, r.Param("secret"))
	if err != nil {
		return s.linkRefused(r, err)
	}
	return r.Redirect("/labs/" + lab.Lab)
}

// openLinkAsGuest lets in somebody without an account, under the name that he gives.
func (s *Server) openLinkAsGuest(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	if !r.Actor.IsNobody() {
		return r.Redirect("/s/" + url.PathEscape(r.Param("secret"))) // signed in meanwhile, in another tab
	}
	from := tenancy.Origin{Address: address(r.HTTP()), RequestID: r.ID}
	guest, lab, err := s.Shares.OpenLinkAsGuest(r.Context(), r.Param("secret"), form.Text("name"), s.guestsOf(r.Context()), from)
	if err != nil {
		return s.linkAgain(r, form, err)
	}
	if err := s.sessions.RenewToken(r.Context()); err != nil { // one that was planted before is worth nothing
		return fault.Wrap(err, fault.Unavailable, "Your session could not be stored. Try again in a moment.")
	}
	s.addGuest(r.Context(), guest)
	return r.Redirect("/labs/" + lab.Lab)
}

// linkAgain shows the page with what was wrong.
func (s *Server) linkAgain(r *Request, form Form, cause error) error {
	problem := fault.Public(cause)
	if problem.Code != fault.Invalid && problem.Code != fault.Forbidden {
		return s.linkRefused(r, cause)
	}
	view, err := s.linkView(r)
	if err != nil {
		return s.linkRefused(r, err)
	}
	view.Error, view.Name = problem.Sentence, form.Text("name")
	return r.Page(fault.Status(problem.Code), view)
}
