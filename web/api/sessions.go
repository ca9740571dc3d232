package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/tenancy"
)

// Session is one browser in which somebody is signed in.
type Session struct {
	ID       string    `json:"id"`
	Provider string    `json:"provider,omitempty" doc:"Id of the provider; none: by password or link"`
	Created  time.Time `json:"created"`
	Seen     time.Time `json:"seen" doc:"The last request, to the minute"`
	Expires  time.Time `json:"expires" doc:"Unless there is another request before"`
	Address  string    `json:"address"`
	Agent    string    `json:"agent" doc:"What the browser says it is"`
	Current  bool      `json:"current,omitempty" doc:"The one that asks"`
}

// Ended is how many sessions were ended.
type Ended struct {
	Ended int `json:"ended"`
}

func (a *API) sessionOperations() {
	type ofInput struct {
		User string `query:"user" maxLength:"64" doc:"Id of somebody else, for administrators of the site"`
	}
	list := operation("GET", "/sessions", "list-sessions", "List the browsers in which one is signed in", tenancy.OwnSessions, "account")
	huma.Register(a.huma, when("user", tenancy.ManageSite, list), func(ctx context.Context, in *ofInput) (*answer[[]Session], error) {
		found, err := a.sessionsOf(ctx, in.User)
		views := make([]Session, len(found))
		for i, s := range found {
			views[i] = Session{ID: s.ID, Provider: s.By.Provider, Created: s.Created, Seen: s.Seen, Expires: s.Expires, Address: s.Address, Agent: s.Agent, Current: s.Current}
		}
		return respond(views, err)
	})
	type endInput struct {
		ID string `path:"id" maxLength:"64"`
	}
	huma.Register(a.huma, silent("DELETE", "/sessions/{id}", "end-session", "Sign one browser out, with what it has open", tenancy.OwnSessions, "account"),
		func(ctx context.Context, in *endInput) (*struct{}, error) {
			return done(a.SignedIn.End(ctx, actorOf(ctx), in.ID))
		})
	end := operation("DELETE", "/sessions", "end-sessions", "Sign all browsers out but the one that asks", tenancy.OwnSessions, "account")
	huma.Register(a.huma, when("user", tenancy.ManageSite, end), func(ctx context.Context, in *ofInput) (*answer[Ended], error) {
		var n int
		var err error
		if in.User == "" {
			n, err = a.SignedIn.EndOthers(ctx, actorOf(ctx))
		} else {
			n, err = a.SignedIn.EndOf(ctx, actorOf(ctx), in.User)
		}
		return respond(Ended{n}, err)
	})
}

func (a *API) sessionsOf(ctx context.Context, user string) ([]tenancy.Session, error) {
	if user == "" {
		return a.SignedIn.List(ctx, actorOf(ctx))
	}
	return a.SignedIn.ListOf(ctx, actorOf(ctx), user)
}
