package web

import (
	"context"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// Keys of a session.
const (
	sessionUser   = "user"
	sessionTenant = "tenant"
	sessionFlash  = "flash"
)

// sessionLife is how long somebody stays signed in.
const sessionLife = 14 * 24 * time.Hour

// newSessions sets the cookie: bound to this host and to TLS where people reach us by TLS.
func (s *Server) newSessions() *scs.SessionManager {
	m := scs.New()
	m.Store = s.Sessions
	m.Lifetime = sessionLife
	m.HashTokenInStore = true
	m.Cookie.Name = "trunkline"
	if s.secure {
		m.Cookie.Name = "__Host-trunkline"
	}
	m.Cookie.Secure = s.secure
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode
	m.Cookie.Path = "/"
	m.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		s.answerBare(w, r, fault.Wrap(err, fault.Unavailable, "Your session could not be read. Try again in a moment."))
	}
	return m
}

// signIn makes the session the actor's. The token changes, so that one planted before is worth nothing.
func (s *Server) signIn(ctx context.Context, actor tenancy.Actor) error {
	if err := s.sessions.Clear(ctx); err != nil {
		return fault.Wrap(err, fault.Unavailable, "Your session could not be stored. Try again in a moment.")
	}
	if err := s.sessions.RenewToken(ctx); err != nil {
		return fault.Wrap(err, fault.Unavailable, "Your session could not be stored. Try again in a moment.")
	}
	s.sessions.Put(ctx, sessionUser, actor.UserID)
	s.sessions.Put(ctx, sessionTenant, actor.TenantID)
	return nil
}

// flash keeps a sentence for the next page.
func (r *Request) flash(sentence string) {
	if sentence != "" {
		r.server.sessions.Put(r.Context(), sessionFlash, sentence)
	}
}

// takeFlash returns the kept sentence once. Fragments leave it for the next page.
func (r *Request) takeFlash() string {
	if r.IsFragment() || !r.server.sessions.Exists(r.Context(), sessionFlash) {
		return ""
	}
	return r.server.sessions.PopString(r.Context(), sessionFlash)
}
