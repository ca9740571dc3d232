package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"trunkline/internal/fault"
	"trunkline/web/presence"
)

// maxChoice is the largest body that says what somebody has chosen.
const maxChoice = 64 << 10

// choice is what a page tells of what is chosen on it.
type choice struct {
	Seat string `json:"seat"`
	presence.Choice
}

// roomOf is where those meet who look at the lab.
func roomOf(r *Request, lab string) presence.Lab {
	return presence.Lab{Tenant: r.Actor.TenantID, ID: lab}
}

// sit lets the others in the lab see who asks, as long as the stream is open. An administrator who acts as somebody is seen as both.
func (s *Server) sit(r *Request, lab string) *presence.Seat {
	return s.present.Join(roomOf(r, lab), presence.Person{ID: onlooker(r.Actor), Name: r.Actor.ShownName(), Guest: r.Actor.OnlyGuest()})
}

// tellPresence sends what has changed of who is here.
func tellPresence(out *eventWriter, seat *presence.Seat) error {
	if news, some := seat.News(); some {
		return out.send("people", news)
	}
	return nil
}

// choose tells the others what somebody has chosen on a page whose stream is open. Nothing of it is stored.
func (s *Server) choose(r *Request) error {
	var said choice
	decoder := json.NewDecoder(r.HTTP().Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&said); err != nil {
		return fault.Wrap(err, fault.Invalid, "What is chosen could not be read. Reload the page.")
	}
	err := s.present.Choose(roomOf(r, r.Param("lab")), said.Seat, onlooker(r.Actor), said.Choice, time.Now())
	if fault.Is(err, fault.Conflict) {
		if seen := s.seesLab(r.Context(), r); seen != nil {
			return seen
		}
	}
	if err != nil {
		return err
	}
	r.Writer().WriteHeader(http.StatusNoContent)
	return nil
}

// seesLab refuses a lab as any page of it does.
func (s *Server) seesLab(ctx context.Context, r *Request) error {
	_, err := s.Labs.Get(ctx, r.Actor, r.Param("lab"))
	return err
}
