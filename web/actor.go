package web

import (
	"context"
	"net"
	"net/http"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

type actorKey struct{}

// ActorFrom returns who asks, or nobody.
func ActorFrom(ctx context.Context) tenancy.Actor {
	actor, _ := ctx.Value(actorKey{}).(tenancy.Actor)
	return actor
}

func withActor(ctx context.Context, actor tenancy.Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

type apiErrorKey struct{}

// Authenticated tells the API below our mount who asks, by bearer token or by session cookie. Nobody is fault.Unauthenticated.
func Authenticated(r *http.Request) (tenancy.Actor, error) {
	if err, ok := r.Context().Value(apiErrorKey{}).(error); ok {
		return tenancy.Actor{}, err
	}
	actor := ActorFrom(r.Context())
	if actor.IsNobody() {
		return tenancy.Actor{}, fault.New(fault.Unauthenticated, "Sign in, or send an API token as \"Authorization: Bearer …\".")
	}
	return actor, nil
}

// apiSession finds out who asks before the API does; a bearer token counts before the cookie, and loads no session.
func (s *Server) apiSession(api http.Handler) http.Handler {
	known := func(w http.ResponseWriter, r *http.Request, actor tenancy.Actor, err error) {
		if err == nil {
			actor, err = s.inWorkspace(r, actor)
		}
		if err == nil && !actor.IsNobody() && isUpload(r) {
			err = s.admitUpload(w, actor.UserID)
		}
		ctx := withActor(r.Context(), actor)
		if err != nil {
			ctx = context.WithValue(ctx, apiErrorKey{}, err)
		}
		api.ServeHTTP(w, r.WithContext(ctx))
	}
	byCookie := s.sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		actor, err := s.actorOfSession(r)
		known(w, r, actor, err)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if err := s.admitCall(w, r); err != nil {
			s.answerBare(w, r, err)
			return
		}
		shallow(r)
		secret := bearer(r)
		if secret == "" {
			byCookie.ServeHTTP(w, r)
			return
		}
		actor, err := s.Accounts.ActorOfToken(r.Context(), secret)
		if fault.Is(err, fault.Unauthenticated) {
			s.noteWrong(r)
		}
		known(w, r, s.describe(r, actor), err)
	})
}

// actorOfSession loads the session's user anew, so that lost rights count at once. Nobody is no error.
func (s *Server) actorOfSession(r *http.Request) (tenancy.Actor, error) {
	ctx := r.Context()
	if !s.sessions.Exists(ctx, sessionStanding) {
		return tenancy.Actor{}, nil
	}
	var actor tenancy.Actor
	session, err := s.SignedIn.Seen(ctx, s.sessions.Token(ctx), address(r))
	acting := false
	if err == nil {
		actor, acting, err = s.actingAs(ctx, session)
	}
	if err == nil && !acting {
		actor, err = s.Accounts.ActorOf(ctx, session.UserID, s.sessions.GetString(ctx, sessionTenant))
		if fault.Is(err, fault.NotFound) { // the workspace chosen is gone, the person perhaps not
			s.sessions.Remove(ctx, sessionTenant)
			actor, err = s.Accounts.ActorOf(ctx, session.UserID, "")
		}
	}
	if err == nil {
		actor.SessionID = session.ID
		return s.describe(r, actor), nil
	}
	if fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.NotFound) {
		if err := s.sessions.Destroy(ctx); err != nil {
			s.Log.Warn("a session could not be removed", "err", err)
		}
		return tenancy.Actor{}, nil
	}
	return tenancy.Actor{}, err
}

// describe adds where a request comes from.
func (s *Server) describe(r *http.Request, actor tenancy.Actor) tenancy.Actor {
	actor.Address, actor.RequestID = address(r), requestID(r.Context())
	return actor
}

// address is the peer's, without its port. Headers that anybody can send are not believed.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
