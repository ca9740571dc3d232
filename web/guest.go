package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"trunkline/templates"
	"trunkline/tenancy"
)

// sessionGuests are the guests without an account that a browser came as, each for one lab.
const sessionGuests = "guests"

// mostGuests bounds as how many guests one browser is known.
const mostGuests = 12

// admitGuest lets a request about a lab act on it by the actor's role, by a share, or as a guest of another workspace. Only the id of a lab reaches
// out of the workspace that is chosen.
func (s *Server) admitGuest(r *Request) error {
	lab := r.Param("lab")
	if lab == "" || s.Shares == nil {
		return nil
	}
	actor, err := s.Shares.Reach(r.Context(), r.Actor, s.guestsOf(r.Context()), lab)
	if err != nil {
		return err
	}
	r.Actor = s.describe(r.HTTP(), actor)
	r.echo.SetRequest(r.HTTP().WithContext(withActor(r.Context(), r.Actor)))
	return nil
}

// withGuests lets API requests about a lab act on it as far as a share goes. It stands below apiSession, which has found out who asks.
func (s *Server) withGuests(api http.Handler) http.Handler {
	if api == nil || s.Shares == nil {
		return api
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lab := labOfAPI(r)
		if _, failed := r.Context().Value(apiErrorKey{}).(error); failed || lab == "" {
			api.ServeHTTP(w, r)
			return
		}
		var guests []string
		if r.Header.Get("Authorization") == "" { // then a session was loaded
			guests = s.guestsOf(r.Context())
		}
		actor, err := s.Shares.Reach(r.Context(), ActorFrom(r.Context()), guests, lab)
		ctx := withActor(r.Context(), s.describe(r, actor))
		if err != nil {
			ctx = context.WithValue(ctx, apiErrorKey{}, err)
		}
		api.ServeHTTP(w, r.WithContext(ctx))
	})
}

// guestName is the name of a guest without an account.
func (r *Request) guestName() string {
	if r.Actor.HasNoAccount() {
		return r.Actor.UserName
	}
	return ""
}

// guestsOf are the guests that the browser's session knows. The session has to be loaded.
func (s *Server) guestsOf(ctx context.Context) []string {
	return strings.Fields(s.sessions.GetString(ctx, sessionGuests))
}

// addGuest lets the browser's session know one more.
func (s *Server) addGuest(ctx context.Context, guest string) {
	known := []string{guest}
	for _, one := range s.guestsOf(ctx) {
		if one != guest && len(known) < mostGuests {
			known = append(known, one)
		}
	}
	s.sessions.Put(ctx, sessionGuests, strings.Join(known, " "))
}

// labOfAPI is the lab that an API request is about: the one in its path, or the one whose file it replaces.
func labOfAPI(r *http.Request) string {
	rest, isLab := strings.CutPrefix(r.URL.EscapedPath(), "/api/v1/labs")
	switch {
	case !isLab:
		return ""
	case rest == "" || rest == "/":
		return r.URL.Query().Get("replace")
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	lab, err := url.PathUnescape(first)
	if err != nil {
		return ""
	}
	return lab
}

// actorAgain loads the actor anew.
func (s *Server) actorAgain(ctx context.Context, actor tenancy.Actor) (tenancy.Actor, error) {
	if actor.Guest != nil && s.Shares != nil {
		return s.Shares.Again(ctx, actor)
	}
	return s.Accounts.Again(ctx, actor)
}

// guestLine says to a guest whose lab he sees, and until when.
func guestLine(actor tenancy.Actor) *templates.GuestLine {
	if !actor.OnlyGuest() {
		return nil
	}
	g := actor.Guest
	return &templates.GuestLine{Owner: g.Owner, By: g.By, May: levelWord(g.Level), Until: g.Until}
}

// levelWords say what a level allows, after “may”.
var levelWords = map[tenancy.Level]string{
	tenancy.LevelView: "look on", tenancy.LevelConsole: "work in its nodes", tenancy.LevelEdit: "change and run it",
}

func levelWord(level tenancy.Level) string { return levelWords[level] }

// levelChoices are the levels up to the highest.
func levelChoices(highest, chosen tenancy.Level) []templates.Choice {
	var list []templates.Choice
	for _, level := range tenancy.Levels {
		if highest.Includes(level) {
			list = append(list, templates.Choice{Value: string(level), Word: levelWord(level), Chosen: level == chosen})
		}
	}
	return list
}

// shareLives are how long a lab may be shared, the usual one week.
var shareLives = []struct {
	life time.Duration
	word string
}{{time.Hour, "an hour"}, {8 * time.Hour, "8 hours"}, {24 * time.Hour, "a day"}, {7 * 24 * time.Hour, "7 days"}, {30 * 24 * time.Hour, "30 days"}, {180 * 24 * time.Hour, "180 days"}}

func lifeChoices(longest time.Duration, chosen string) []templates.Choice {
	var list []templates.Choice
	for _, l := range shareLives {
		if l.life <= longest {
			value := l.life.String()
			list = append(list, templates.Choice{Value: value, Word: l.word, Chosen: value == chosen || chosen == "" && l.life == tenancy.ShareLife})
		}
	}
	return list
}
