package tenancy

import (
	"cmp"
	"context"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
)

// SignedInBy is how a browser session began. The zero value is by password or by a one-time link.
type SignedInBy struct {
	Provider string // id of the provider
	Issuer   string
	Subject  string
	SID      string // of the session at the provider; "" where it tells none
	IDToken  string // as signed: the hint for signing out at the provider
}

// Session is one browser in which somebody is signed in.
type Session struct {
	ID      string // for lists; the secret stays with the browser
	UserID  string
	By      SignedInBy
	Created time.Time
	Seen    time.Time // the last request, to the minute
	Expires time.Time // unless there is another request before
	Address string    // of the last request
	Agent   string    // what the browser said it is
	Current bool      // the one that asks
}

// SessionsWhere chooses sessions: of a person, of an identity, or that a session at a provider began. The empty one chooses none.
type SessionsWhere struct {
	ID       string
	UserID   string
	Provider string
	Issuer   string
	Subject  string // with Issuer
	SID      string // with Issuer
	Except   string // id of a session that stays
}

// named reports that it chooses by something that is enough.
func (w SessionsWhere) named() bool {
	return w.ID != "" || w.UserID != "" || w.Provider != "" || w.Issuer != "" && (w.Subject != "" || w.SID != "")
}

// SessionKey names one session: by its id, or by HashSecret of what the browser has.
type SessionKey struct{ ID, TokenHash string }

// SessionStore keeps whose sessions there are. A missing one is fault.NotFound.
type SessionStore interface {
	// BeginSession says whose the session of a token is. tokenHash is HashSecret of what the browser has.
	BeginSession(ctx context.Context, tokenHash string, session Session) error
	// RenameSession gives the session another token; the one before is worth nothing from then on.
	RenameSession(ctx context.Context, id, tokenHash string) error
	// Session returns one with its ID token, also one whose time is over and that is not cleared away yet.
	Session(ctx context.Context, key SessionKey) (Session, error)
	// SessionsOf lists a person's whose time is not over, without their ID tokens, the last seen first.
	SessionsOf(ctx context.Context, userID string) ([]Session, error)
	// TouchSession notes a request.
	TouchSession(ctx context.Context, id string, seen, expires time.Time, address string) error
	// EndSessions deletes those chosen and returns them, without their ID tokens.
	EndSessions(ctx context.Context, where SessionsWhere) ([]Session, error)
}

// Limits of sessions where none are given, and the least that may be given.
const (
	SessionIdle      = 12 * time.Hour
	SessionAbsolute  = 7 * 24 * time.Hour
	LeastSessionIdle = 5 * time.Minute
)

// SessionConfig is what Sessions are made of.
type SessionConfig struct {
	Store    SessionStore
	Bell     *Revocations // rung with the id of each session that ends; nil: nobody listens
	Audit    Auditor      // nil: nothing is recorded
	Idle     time.Duration
	Absolute time.Duration
	Now      func() time.Time
}

// Sessions is in which browsers people are signed in, for how long, and how that ends.
type Sessions struct{ cfg SessionConfig }

// NewSessions fills in the usual limits and clock.
func NewSessions(c SessionConfig) *Sessions {
	c.Idle, c.Absolute = cmp.Or(c.Idle, SessionIdle), cmp.Or(c.Absolute, SessionAbsolute)
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Sessions{cfg: c}
}

// Life is how long a session lasts at most.
func (s *Sessions) Life() time.Duration { return s.cfg.Absolute }

// seenAfter keeps the note of the last request from writing at each.
const seenAfter = time.Minute

// signedOut is what somebody reads whose session is over.
var signedOut = fault.New(fault.Unauthenticated, "You are signed out. Sign in again.")

// Begin makes a session of the actor's for the browser's secret and returns its id.
func (s *Sessions) Begin(ctx context.Context, secret string, actor Actor, by SignedInBy, agent string) (string, error) {
	if actor.IsNobody() || secret == "" {
		return "", fault.New(fault.Unauthenticated, "Sign in first.")
	}
	if err := refuseService(actor); err != nil {
		return "", err
	}
	now := s.cfg.Now()
	session := Session{
		ID: ident.New(), UserID: actor.UserID, By: by, Created: now, Seen: now, Expires: s.expiry(now, now),
		Address: actor.Address, Agent: plainText(strings.TrimSpace(agent), 256),
	}
	return session.ID, s.cfg.Store.BeginSession(ctx, HashSecret(secret), session)
}

// Renew gives a session another secret, for when the rights of its person have risen.
func (s *Sessions) Renew(ctx context.Context, id, secret string) error {
	return s.cfg.Store.RenameSession(ctx, id, HashSecret(secret))
}

// expiry is when a session ends that is not used again.
func (s *Sessions) expiry(created, seen time.Time) time.Time {
	end, idle := created.Add(s.cfg.Absolute), seen.Add(s.cfg.Idle)
	if idle.Before(end) {
		return idle
	}
	return end
}

// Current returns a session that is not over, with its ID token. Code: unauthenticated.
func (s *Sessions) Current(ctx context.Context, id string) (Session, error) {
	if id == "" {
		return Session{}, signedOut
	}
	return s.alive(ctx, SessionKey{ID: id})
}

// Seen returns the session of a browser's secret as Current does, and notes that there was a request, at most once a minute.
func (s *Sessions) Seen(ctx context.Context, secret, address string) (Session, error) {
	if secret == "" {
		return Session{}, signedOut
	}
	return s.used(ctx, SessionKey{TokenHash: HashSecret(secret)}, address)
}

// Used is Seen for what goes on in a session without requests, such as typing in a shell.
func (s *Sessions) Used(ctx context.Context, id, address string) (Session, error) {
	if id == "" {
		return Session{}, signedOut
	}
	return s.used(ctx, SessionKey{ID: id}, address)
}

func (s *Sessions) used(ctx context.Context, key SessionKey, address string) (Session, error) {
	session, err := s.alive(ctx, key)
	if err != nil {
		return session, err
	}
	now := s.cfg.Now()
	if now.Sub(session.Seen) >= seenAfter {
		session.Seen, session.Expires, session.Address = now, s.expiry(session.Created, now), address
		_ = s.cfg.Store.TouchSession(ctx, session.ID, session.Seen, session.Expires, address) // a note is not worth refusing the request
	}
	return session, nil
}

func (s *Sessions) alive(ctx context.Context, key SessionKey) (Session, error) {
	session, err := s.cfg.Store.Session(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return Session{}, signedOut
	}
	if err != nil {
		return Session{}, err
	}
	now := s.cfg.Now()
	switch {
	case !now.Before(session.Created.Add(s.cfg.Absolute)):
		return Session{}, fault.New(fault.Unauthenticated, "You have been signed in for as long as this site lets anybody. Sign in again.")
	case !now.Before(session.Seen.Add(s.cfg.Idle)), !now.Before(session.Expires):
		return Session{}, fault.New(fault.Unauthenticated, "Nothing was done here for a long time, so you were signed out. Sign in again.")
	}
	return session, nil
}

// EndWhere ends the sessions chosen and tells what lives on them the reason, a sentence for whom it concerns. It asks for no rights: it is for what follows from
// something else that was decided, such as a changed password or a logout at the provider, and the caller records that.
func (s *Sessions) EndWhere(ctx context.Context, where SessionsWhere, reason string) (int, error) {
	if !where.named() {
		return 0, fault.New(fault.Internal, "Which sessions shall end was not said.")
	}
	ended, err := s.cfg.Store.EndSessions(ctx, where)
	if err != nil {
		return 0, err
	}
	for _, one := range ended {
		s.cfg.Bell.Publish(Revocation{UserID: one.UserID, SessionID: one.ID, Reason: reason})
	}
	return len(ended), nil
}
