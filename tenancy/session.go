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

// SessionStore keeps whose sessions there are. A missing one is fault.NotFound; one that has expired is missing.
type SessionStore interface {
	// BeginSession says whose the session of a token is. tokenHash is HashSecret of what the browser has.
	BeginSession(ctx context.Context, tokenHash string, session Session) error
	// RenameSession gives the session another token; the one before is worth nothing from then on.
	RenameSession(ctx context.Context, id, tokenHash string) error
	Session(ctx context.Context, id string) (Session, error)
	// SessionsOf lists a person's, without their ID tokens, the last seen first.
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
	session, err := s.cfg.Store.Session(ctx, id)
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
	case !now.Before(session.Seen.Add(s.cfg.Idle)):
		return Session{}, fault.New(fault.Unauthenticated, "Nothing was done here for a long time, so you were signed out. Sign in again.")
	}
	return session, nil
}

// Seen is Current for a request: it notes that there was one, at most once a minute.
func (s *Sessions) Seen(ctx context.Context, id, address string) (Session, error) {
	session, err := s.Current(ctx, id)
	if err != nil {
		return session, err
	}
	now := s.cfg.Now()
	if now.Sub(session.Seen) >= seenAfter {
		session.Seen, session.Expires, session.Address = now, s.expiry(session.Created, now), address
		_ = s.cfg.Store.TouchSession(ctx, id, session.Seen, session.Expires, address) // a note is not worth refusing the request
	}
	return session, nil
}

// List returns where the actor is signed in, the last seen first.
func (s *Sessions) List(ctx context.Context, actor Actor) ([]Session, error) {
	if actor.IsNobody() {
		return nil, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	return s.listed(ctx, actor, actor.UserID)
}

// ListOf returns where somebody is signed in, for administrators of the site.
func (s *Sessions) ListOf(ctx context.Context, actor Actor, userID string) ([]Session, error) {
	if err := Allow(actor, ManageSite, ObjectRef{}); err != nil {
		return nil, err
	}
	return s.listed(ctx, actor, userID)
}

func (s *Sessions) listed(ctx context.Context, actor Actor, userID string) ([]Session, error) {
	sessions, err := s.cfg.Store.SessionsOf(ctx, userID)
	for i := range sessions {
		sessions[i].Current = sessions[i].ID == actor.SessionID
	}
	return sessions, err
}

// End ends one of the actor's sessions, the one that asks included. Somebody else's is fault.NotFound as a missing one.
func (s *Sessions) End(ctx context.Context, actor Actor, id string) error {
	if actor.IsNobody() {
		return fault.New(fault.Unauthenticated, "Sign in first.")
	}
	reason := "You ended this session from another one. Sign in again to go on."
	if id == actor.SessionID {
		reason = "You signed out. Sign in again to go on."
	}
	if id == "" {
		return Missing("such session")
	}
	ended, err := s.EndWhere(ctx, SessionsWhere{ID: id, UserID: actor.UserID}, reason)
	if err != nil {
		return err
	}
	if ended == 0 {
		return Missing("such session")
	}
	return Record(ctx, s.cfg.Audit, actor.AuditEvent(AuditSessionEnd, AuditObject{Kind: "session", ID: id}))
}

// EndOthers ends every session of the actor's but the one that asks, and says how many those were.
func (s *Sessions) EndOthers(ctx context.Context, actor Actor) (int, error) {
	if actor.IsNobody() {
		return 0, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	where := SessionsWhere{UserID: actor.UserID, Except: actor.SessionID}
	ended, err := s.EndWhere(ctx, where, "You ended this session from another one. Sign in again to go on.")
	if err != nil || ended == 0 {
		return ended, err
	}
	event := actor.AuditEvent(AuditSessionEnd, AuditObject{Kind: "user", ID: actor.UserID, Name: actor.UserName})
	event.After = map[string]int{"ended": ended}
	return ended, Record(ctx, s.cfg.Audit, event)
}

// EndOf ends every session of somebody, for administrators of the site.
func (s *Sessions) EndOf(ctx context.Context, actor Actor, userID string) (int, error) {
	if err := Allow(actor, ManageSite, ObjectRef{}); err != nil {
		return 0, err
	}
	if userID == "" {
		return 0, Missing("such user")
	}
	ended, err := s.EndWhere(ctx, SessionsWhere{UserID: userID, Except: actor.SessionID}, "An administrator of this site signed you out. Sign in again to go on.")
	if err != nil {
		return ended, err
	}
	event := actor.AuditEvent(AuditSessionEnd, AuditObject{Kind: "user", ID: userID})
	event.After = map[string]int{"ended": ended}
	return ended, Record(ctx, s.cfg.Audit, event)
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
