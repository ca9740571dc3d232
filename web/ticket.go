package web

import (
	"net/http"
	"strings"
)

// shellPurpose is what the tickets of shells are for.
const shellPurpose = "shell"

// shellTicket gives the page a ticket for one connection to a shell of the node: POST …/shell/ticket, and then …/shell?ticket=.
func (s *Server) shellTicket(r *Request) error {
	// Forms of other sites do not come as far as this. A page at an address that is not ours is told here, where it can read it, and not by a refused handshake.
	if r.HTTP().Header.Get("Origin") != "" {
		if err := s.checkOrigin(r.HTTP()); err != nil {
			return err
		}
	}
	if _, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab")); err != nil {
		return err
	}
	secret, err := s.tickets.Issue(r.Actor, shellPurpose, strings.TrimSuffix(r.HTTP().URL.EscapedPath(), "/ticket"))
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, map[string]string{"ticket": secret})
}
