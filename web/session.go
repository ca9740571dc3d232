package web

import (
	"context"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// Keys of what pages remember in a session.
const (
	sessionTenant   = "tenant"
	sessionStanding = "standing" // the most that it could do so far
	sessionFlash    = "flash"
	sessionByLink   = "by-link" // it came by a one-time link, and has chosen no password yet
)

// Sessions is in which browsers people are signed in: tenancy.Sessions.
type Sessions interface {
	Life() time.Duration // the longest that one lasts
	// Begin makes a session for the browser that has the secret, and returns its id. Renew gives it another secret.
	Begin(ctx context.Context, secret string, actor tenancy.Actor, by tenancy.SignedInBy, agent string) (string, error)
	Renew(ctx context.Context, id, secret string) error
	// Seen and Current return a session that is not over, else fault.Unauthenticated with why; Seen notes that there was a request.
	Seen(ctx context.Context, secret, address string) (tenancy.Session, error)
	Used(ctx context.Context, id, address string) (tenancy.Session, error) // Seen, of what goes on without requests
	Current(ctx context.Context, id string) (tenancy.Session, error)
	OwnSessions
	// EndWhere ends sessions for what follows from something else, and returns how many there were. The reason is a sentence for their people.
	EndWhere(ctx context.Context, where tenancy.SessionsWhere, reason string) (int, error)
}

// OwnSessions is what people see of sessions and do about them.
type OwnSessions interface {
	List(ctx context.Context, actor tenancy.Actor) ([]tenancy.Session, error)
	End(ctx context.Context, actor tenancy.Actor, id string) error // code: not_found, also for somebody else's
	EndOthers(ctx context.Context, actor tenancy.Actor) (int, error)
	// ListOf and EndOf are for administrators of the site.
	ListOf(ctx context.Context, actor tenancy.Actor, userID string) ([]tenancy.Session, error)
	EndOf(ctx context.Context, actor tenancy.Actor, userID string) (int, error)
}

// newSessions sets the cookie: bound to this host and to TLS where people reach us by TLS.
func (s *Server) newSessions() *scs.SessionManager {
	m := scs.New()
	m.Store = sessionStore{s.Sessions}
	m.Lifetime = s.SignedIn.Life()
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

// signIn makes the browser's session the actor's. Its secret changes, so that one planted before is worth nothing, and an earlier session of
// this browser ends.
func (s *Server) signIn(r *Request, actor tenancy.Actor, by tenancy.SignedInBy) error {
	ctx := r.Context()
	if before := r.Actor.SessionID; before != "" {
		if _, err := s.SignedIn.EndWhere(ctx, tenancy.SessionsWhere{ID: before}, "Somebody signed in anew in this browser. Reload the page to go on."); err != nil {
			return err
		}
	}
	if err := s.sessions.Clear(ctx); err != nil {
		return fault.Wrap(err, fault.Unavailable, "Your session could not be stored. Try again in a moment.")
	}
	if err := s.sessions.RenewToken(ctx); err != nil {
		return fault.Wrap(err, fault.Unavailable, "Your session could not be stored. Try again in a moment.")
	}
	id, err := s.SignedIn.Begin(ctx, s.sessions.Token(ctx), s.describe(r.HTTP(), actor), by, r.HTTP().UserAgent())
	if err != nil {
		return err
	}
	if err := s.recordSignIn(r, actor, by, id); err != nil {
		return err
	}
	s.sessions.Put(ctx, sessionTenant, actor.TenantID)
	s.sessions.Put(ctx, sessionStanding, actor.Standing())
	return nil
}

// risen gives the browser another secret when its person may do more than ever before in this session. A page that is opened does so, and no
// part of one: several parts are asked for at once, and those with the old secret would be sent away.
func (s *Server) risen(r *Request) error {
	standing := r.Actor.Standing()
	mode := r.HTTP().Header.Get("Sec-Fetch-Mode")
	part := r.IsFragment() || r.HTTP().Method != http.MethodGet || mode != "" && mode != "navigate"
	if part || r.Actor.SessionID == "" || standing <= s.sessions.GetInt(r.Context(), sessionStanding) {
		return nil
	}
	s.sessions.Put(r.Context(), sessionStanding, standing)
	return s.renewSession(r)
}

// renewSession gives the browser another secret for the same session, for when what the old one gives has become worth more.
func (s *Server) renewSession(r *Request) error {
	ctx := r.Context()
	if err := s.sessions.RenewToken(keepingRow(ctx)); err != nil {
		return fault.Wrap(err, fault.Unavailable, "Your session could not be stored. Try again in a moment.")
	}
	return s.SignedIn.Renew(ctx, r.Actor.SessionID, s.sessions.Token(ctx))
}

// sessionStore keeps what pages remember by the hash of the browser's secret: who reads the database can be nobody.
type sessionStore struct{ scs.CtxStore }

type keepingKey struct{}

// keepingRow lets a renewed session keep its row, which then gets the new secret.
func keepingRow(ctx context.Context) context.Context {
	return context.WithValue(ctx, keepingKey{}, true)
}

func (s sessionStore) FindCtx(ctx context.Context, secret string) ([]byte, bool, error) {
	return s.CtxStore.FindCtx(ctx, tenancy.HashSecret(secret))
}

func (s sessionStore) CommitCtx(ctx context.Context, secret string, data []byte, expiry time.Time) error {
	return s.CtxStore.CommitCtx(ctx, tenancy.HashSecret(secret), data, expiry)
}

func (s sessionStore) DeleteCtx(ctx context.Context, secret string) error {
	if ctx.Value(keepingKey{}) != nil {
		return nil
	}
	return s.CtxStore.DeleteCtx(ctx, tenancy.HashSecret(secret))
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
