package tenancy

import (
	"context"
)

// List returns where the actor is signed in, the last seen first.
func (s *Sessions) List(ctx context.Context, actor Actor) ([]Session, error) {
	if err := Allow(actor, OwnSessions, ObjectRef{}); err != nil {
		return nil, err
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
	if err := Allow(actor, OwnSessions, ObjectRef{}); err != nil {
		return err
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
	if err := Allow(actor, OwnSessions, ObjectRef{}); err != nil {
		return 0, err
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

// WithSessions ends sessions whose password was changed.
func (a *Accounts) WithSessions(sessions *Sessions) *Accounts {
	a.sessions = sessions
	return a
}

// endOtherSessions is for a changed password: whoever knew the old one is out.
func (a *Accounts) endOtherSessions(ctx context.Context, actor Actor) error {
	if a.sessions == nil {
		return nil
	}
	where := SessionsWhere{UserID: actor.UserID, Except: actor.SessionID}
	_, err := a.sessions.EndWhere(ctx, where, "Your password was changed in another browser. Sign in with the new one to go on.")
	return err
}
