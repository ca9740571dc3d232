package web

import (
	"net/http"
	"net/url"
	"strings"

	"trunkline/internal/fault"
)

// canonicalOrigin is an address as browsers write it in the header Origin (RFC 6454 section 6.1): in small letters, without the scheme's own port.
func canonicalOrigin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	}
	return u.Scheme + "://" + host
}

// checkOrigin refuses what a page of another site asks for. Only the public address is ours, exactly; where none is set, or it leads to this machine alone, also the
// host that the request came to. Browsers always send an origin with a websocket, so one without is refused. Code: forbidden.
func (s *Server) checkOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	switch {
	case len(r.Header.Values("Origin")) != 1:
	case s.origin != "" && origin == s.origin:
		return nil
	case (s.origin == "" || IsLoopback(s.origin)) && r.Host != "" && (origin == "http://"+strings.ToLower(r.Host) || origin == "https://"+strings.ToLower(r.Host)):
		return nil
	}
	if s.origin == "" || IsLoopback(s.origin) {
		return fault.New(fault.Forbidden, "Only pages of this site may open this. Open Trunkline itself and try again.")
	}
	return fault.New(fault.Forbidden, "Only pages at %s may open this. Open Trunkline there and try again.", s.origin)
}
