package web

import (
	"context"
	"net/http"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/templates"
	"trunkline/tenancy"
)

// hostAction is one button of a host's page.
type hostAction struct {
	do   func(*Server, context.Context, tenancy.Actor, string) error
	said string
}

func drain(on bool) func(*Server, context.Context, tenancy.Actor, string) error {
	return func(s *Server, ctx context.Context, actor tenancy.Actor, host string) error {
		_, err := s.Fleet.ChangeHost(ctx, actor, host, control.HostChange{Drained: &on})
		return err
	}
}

var hostActions = map[string]hostAction{
	"drain":   {drain(true), "It is being drained: its nodes move away one by one."},
	"undrain": {drain(false), "It takes nodes again."},
	"rotate": {func(s *Server, ctx context.Context, actor tenancy.Actor, host string) error {
		return s.Fleet.RotateHostKey(ctx, actor, host)
	}, "The host has a new key. The old one is refused."},
	"revoke": {func(s *Server, ctx context.Context, actor tenancy.Actor, host string) error {
		return s.Fleet.RevokeHost(ctx, actor, host)
	}, "Its link is cut and its key is refused from now on."},
}

func (s *Server) hostAction(r *Request) error {
	action, known := hostActions[r.Param("action")]
	if !known {
		return fault.New(fault.NotFound, "There is no such page.")
	}
	if err := action.do(s, r.Context(), r.Actor, r.Param("host")); err != nil {
		return err
	}
	return r.Done("/hosts/"+r.Param("host"), action.said)
}

// removeHost forgets a host and leads back to the others.
func (s *Server) removeHost(r *Request) error {
	if err := s.Fleet.RemoveHost(r.Context(), r.Actor, r.Param("host")); err != nil {
		return err
	}
	r.flash("The host was removed.")
	return r.Redirect("/hosts")
}

// logLines is how much of a log the page shows.
const logLines = 200

// hostLog is the end of the agent's log. That it cannot be read now belongs where the log would be.
func (s *Server) hostLog(r *Request) error {
	detail, err := s.Fleet.Host(r.Context(), r.Actor, r.Param("host"))
	if err != nil {
		return err
	}
	view := templates.HostLog{ID: detail.ID, Name: detail.Name, At: time.Now()}
	view.Lines, err = s.Fleet.HostLog(r.Context(), r.Actor, detail.ID, logLines)
	if fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Unsupported) {
		view.Problem = fault.Sentence(err)
	} else if err != nil {
		return err
	}
	if r.IsFragment() {
		return r.Fragment(http.StatusOK, view)
	}
	return r.Page(http.StatusOK, view)
}
