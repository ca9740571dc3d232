package web

import (
	"net/http"
	"net/url"

	"trunkline/templates"
)

// signInLinkPage asks whether to sign in by a one-time link: looking at an address changes nothing, whoever looks.
func (s *Server) signInLinkPage(r *Request) error {
	return r.Page(http.StatusOK, templates.SignInLink{Path: "/sign-in/" + url.PathEscape(r.Param("secret"))})
}
