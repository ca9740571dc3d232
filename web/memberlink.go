package web

import (
	"net/http"

	"trunkline/templates"
)

// linkMember makes a one-time link for a member who forgot the password.
func (s *Server) linkMember(r *Request) error {
	secret, expires, err := s.Accounts.LinkFor(r.Context(), r.Actor, r.Param("user"))
	if err != nil {
		return s.membersAgain(r, "", Form{}, err)
	}
	view, err := s.membersView(r)
	if err != nil {
		return err
	}
	view.NewLink = templates.NewSignInLink{Link: s.addressFor(r) + "/sign-in/" + secret, Expires: expires}
	for _, m := range view.Members {
		if m.ID == r.Param("user") {
			view.NewLink.For = m.Name
		}
	}
	return r.Page(http.StatusOK, view)
}
