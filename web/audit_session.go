package web

import (
	"errors"

	"trunkline/tenancy"
)

// recordSignIn tells the audit that somebody is let in, before the browser gets its session: without that the session ends again.
func (s *Server) recordSignIn(r *Request, actor tenancy.Actor, by tenancy.SignedInBy, session string) error {
	event := s.describe(r.HTTP(), actor).AuditEvent(tenancy.AuditSignIn, tenancy.AuditUser(actor.UserID, actor.UserName))
	event.After = map[string]string{"by": wayIn(r, by), "session": session, "browser": r.HTTP().UserAgent()}
	err := tenancy.RecordFirst(r.Context(), s.Audit, event)
	if err == nil {
		return nil
	}
	_, ending := s.SignedIn.EndWhere(r.Context(), tenancy.SessionsWhere{ID: session}, "You could not be signed in. Try again.")
	return errors.Join(err, ending)
}

// wayIn names by what somebody came in.
func wayIn(r *Request, by tenancy.SignedInBy) string {
	switch path := r.echo.Path(); {
	case by.Provider != "":
		return "provider " + by.Provider
	case path == "/sign-in":
		return "password"
	case path == "/sign-in/:secret":
		return "one-time link"
	default:
		return "invitation"
	}
}

func (s *Server) recordSignOut(r *Request) error {
	if r.Actor.IsNobody() {
		return nil
	}
	if s.Acting != nil && r.Actor.Behind.ID != "" {
		if err := s.Acting.End(r.Context(), r.Actor); err != nil {
			return err
		}
		real := r.Actor
		real.UserID, real.UserName, real.Behind = r.Actor.Behind.ID, r.Actor.Behind.Name, tenancy.AuditPerson{}
		return tenancy.Record(r.Context(), s.Audit, real.AuditEvent(tenancy.AuditSignOut, tenancy.AuditUser(real.UserID, real.UserName)))
	}
	return tenancy.Record(r.Context(), s.Audit, r.Actor.AuditEvent(tenancy.AuditSignOut, tenancy.AuditUser(r.Actor.UserID, r.Actor.UserName)))
}
