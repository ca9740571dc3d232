package web

import (
	"context"
	"encoding/json"
	"html/template"
	"math"
	"net/http"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/templates"
	"trunkline/tenancy"
	"trunkline/web/presence"
)

// labPage is the map, the file beside it and the dock.
func (s *Server) labPage(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	if r.Param("lab") != detail.ID {
		return r.Redirect("/labs/" + detail.ID)
	}
	view := templates.Lab{Status: labStatus(detail, r.Actor), File: detail.File, Source: detail.Source}
	view.CanEdit = mayOn(r.Actor, tenancy.EditLab, detail.LabView)
	view.CanRun = mayOn(r.Actor, tenancy.RunLab, detail.LabView)
	view.CanUse = mayOn(r.Actor, tenancy.UseNode, detail.LabView)
	view.Guest = guestLine(r.Actor)
	view.Status.CanShare = view.Status.CanShare && s.Shares != nil
	for _, f := range detail.Files {
		view.Files = append(view.Files, templates.ProjectFile{Path: f.Path, Size: f.Size, Main: f.Path == detail.File})
	}
	drawn := s.drawnFor(r, detail)
	view.Editor, view.Kinds = drawn.Editor, paletteKinds()
	body, err := json.Marshal(drawn) // escapes <, > and &, so it may stand in a script element
	if err != nil {
		return fault.Wrap(err, fault.Internal, "The map could not be made. The log has the details.")
	}
	view.Map = template.JS(body)
	return r.Page(http.StatusOK, view)
}

// mayOn says whether a button is worth showing. The services have the last word.
func mayOn(actor tenancy.Actor, verb tenancy.Verb, l control.LabView) bool {
	return tenancy.Allow(actor, verb, tenancy.ObjectRef{Tenant: l.Tenant, Owner: l.OwnerID, Lab: l.ID, Name: "lab " + l.Name}) == nil
}

func labStatus(d *control.LabDetail, actor tenancy.Actor) templates.LabStatus {
	v := statusOf(d.LabView, actor)
	for _, n := range d.Nodes {
		if n.State == "running" {
			v.Up++
		}
	}
	return v
}

func statusOf(l control.LabView, actor tenancy.Actor) templates.LabStatus {
	v := templates.LabStatus{
		ID: l.ID, Name: l.Name, Owner: l.Owner, State: templates.State(l.State), Reason: l.Reason, Step: l.Step,
		Done: l.Done, Total: l.Total, Nodes: l.NodeCount, Links: l.LinkCount, CanRun: mayOn(actor, tenancy.RunLab, l),
		CanShare: mayOn(actor, tenancy.ShareLab, l), Guest: actor.OnlyGuest(),
	}
	if l.Error != nil {
		v.Details = places(l.Error.Details)
		if v.Reason == "" {
			v.Reason = l.Error.Sentence
		}
	}
	return v
}

// statusMessage is what the lab's page is told of the lab.
type statusMessage struct {
	State string `json:"state"`
	HTML  string `json:"html"`
}

// labEvents streams the lab: "lab", "nodes", "edited" and "people" with everything, then the same with what changed, and "gone".
func (s *Server) labEvents(r *Request) error {
	id := r.Param("lab")
	up := map[string]bool{}
	var seat *presence.Seat // once it is certain that the lab may be seen
	defer func() {
		if seat != nil {
			seat.Leave()
		}
	}()
	begin := func(ctx context.Context, out *eventWriter) error {
		detail, err := s.Labs.Get(ctx, r.Actor, id)
		if fault.Is(err, fault.NotFound) {
			return out.send("gone", true)
		}
		if err != nil {
			return err
		}
		clear(up)
		nodes := make([]mapNode, 0, len(detail.Nodes))
		for _, n := range detail.Nodes {
			up[n.Name] = n.State == "running"
			nodes = append(nodes, nodeState(n))
		}
		if err := s.sendStatus(r, out, labStatus(detail, r.Actor)); err != nil {
			return err
		}
		if err := out.send("nodes", nodes); err != nil {
			return err
		}
		// Edited between the page and its stream, or while that was away: a page that has this revision already leaves it at that.
		if err := out.send("edited", control.EditedEvent{Revision: detail.Revision}); err != nil {
			return err
		}
		if seat == nil {
			seat = s.sit(r, detail.ID)
		}
		seat.Restart()
		return tellPresence(out, seat)
	}
	return s.stream(r, streaming{
		woken:  func() <-chan struct{} { return seat.Woken() },
		beside: func(out *eventWriter) error { return tellPresence(out, seat) },
		watch:  func(ctx context.Context) (<-chan control.Event, error) { return s.Watching.WatchLab(ctx, r.Actor, id) },
		begin:  begin,
		pass: func(ctx context.Context, out *eventWriter, events []control.Event) error {
			return s.passLab(r, out, events, up)
		},
	})
}

// passLab sends of each node and of the lab the last state only.
func (s *Server) passLab(r *Request, out *eventWriter, events []control.Event, up map[string]bool) error {
	var lab *control.LabView
	at := map[string]int{}
	nodes := []mapNode{}
	for _, e := range events {
		switch {
		case e.Removed:
			return out.send("gone", true)
		case e.Edited != nil:
			if err := out.send("edited", e.Edited); err != nil {
				return err
			}
		case e.Lab != nil:
			lab = e.Lab
		case e.Node != nil:
			up[e.Node.Name] = e.Node.State == "running"
			if i, known := at[e.Node.Name]; known {
				nodes[i] = nodeState(*e.Node)
				continue
			}
			at[e.Node.Name] = len(nodes)
			nodes = append(nodes, nodeState(*e.Node))
		}
	}
	if lab != nil {
		status := statusOf(*lab, r.Actor)
		for _, is := range up {
			if is {
				status.Up++
			}
		}
		if err := s.sendStatus(r, out, status); err != nil {
			return err
		}
	}
	if len(nodes) == 0 {
		return nil
	}
	return out.send("nodes", nodes)
}

func (s *Server) sendStatus(_ *Request, out *eventWriter, view templates.LabStatus) error {
	view.CanShare = view.CanShare && s.Shares != nil
	html, err := s.pages.Fragment(templates.Frame{}, view)
	if err != nil {
		return err
	}
	return out.send("lab", statusMessage{State: string(view.State), HTML: string(html)})
}

// moveNodes keeps where somebody dragged nodes to.
func (s *Server) moveNodes(r *Request) error {
	var positions map[string]control.Position
	if err := json.NewDecoder(r.HTTP().Body).Decode(&positions); err != nil {
		return fault.Wrap(err, fault.Invalid, "The positions could not be read. Reload the page and try again.")
	}
	for name, p := range positions {
		if math.IsNaN(p.X) || math.Abs(p.X) > 1e6 || math.Abs(p.Y) > 1e6 {
			return fault.New(fault.Invalid, "Node %s is too far away from the others. Move it nearer.", name)
		}
	}
	if err := s.Labs.Move(r.Context(), r.Actor, r.Param("lab"), positions); err != nil {
		return err
	}
	r.Writer().WriteHeader(http.StatusNoContent)
	return nil
}

// layoutAnew forgets where nodes were dragged to, keeps the new drawing and returns it.
func (s *Server) layoutAnew(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	positions := map[string]control.Position{}
	for i, p := range layout(detail.Lab) {
		positions[detail.Lab.Nodes[i].Name] = control.Position{X: p.X, Y: p.Y}
	}
	if err := s.Labs.Move(r.Context(), r.Actor, detail.ID, positions); err != nil {
		return err
	}
	return r.JSON(http.StatusOK, positions)
}
