package web

import (
	"context"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// Acting lets administrators of the site act as somebody else: tenancy.TakeOvers.
type Acting interface {
	// Begin makes the actor's session act as a member of the chosen workspace. Codes: forbidden, conflict, not_found.
	Begin(ctx context.Context, actor tenancy.Actor, userID string) (tenancy.Actor, error)
	// Of is whom the session's person acts as; false: as nobody.
	Of(ctx context.Context, session tenancy.Session, tenant string) (as tenancy.Actor, acting bool, err error)
	End(ctx context.Context, actor tenancy.Actor) error
	Touch(sessionID string)
}

// acting answers as for a missing page where nobody can act as somebody else.
func acting(handle handler) handler {
	return func(s *Server, r *Request) error {
		if s.Acting == nil {
			return fault.New(fault.NotFound, "There is no such page.")
		}
		return handle(s, r)
	}
}

func (s *Server) actAs(r *Request) error {
	as, err := s.Acting.Begin(r.Context(), r.Actor, r.Param("user"))
	if err != nil {
		return s.membersAgain(r, "", Form{}, err)
	}
	r.flash("You are acting as " + as.UserName + " now. It ends by the button above, or after 30 minutes in which nothing is done.")
	return r.Redirect("/labs")
}

func (s *Server) endActing(r *Request) error {
	if err := s.Acting.End(r.Context(), r.Actor); err != nil {
		return err
	}
	if r.Actor.Behind.ID != "" {
		r.flash("You are " + r.Actor.Behind.Name + " again.")
	}
	return r.Redirect("/members")
}

// actingAs is whom the session acts as; false: nobody.
func (s *Server) actingAs(ctx context.Context, session tenancy.Session) (tenancy.Actor, bool, error) {
	if s.Acting == nil {
		return tenancy.Actor{}, false, nil
	}
	return s.Acting.Of(ctx, session, s.sessions.GetString(ctx, sessionTenant))
}

// stillActing notes that a shell is typed in.
func (s *Server) stillActing(actor tenancy.Actor) {
	if s.Acting != nil && actor.Behind.ID != "" {
		s.Acting.Touch(actor.SessionID)
	}
}
