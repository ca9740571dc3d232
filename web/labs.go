package web

import (
	"context"
	"net/http"

	"trunkline/lab/control"
	"trunkline/templates"
)

// labsPage is the list, which labsEvents keeps up to date.
func (s *Server) labsPage(r *Request) error {
	labs, err := s.Labs.List(r.Context(), r.Actor)
	if err != nil {
		return err
	}
	view := templates.Labs{Examples: s.exampleViews()}
	if view.Shared, err = s.sharedLabs(r); err != nil {
		return err
	}
	for _, l := range labs {
		view.Labs = append(view.Labs, labRow(l))
	}
	s.addQuota(r, &view)
	return r.Page(http.StatusOK, view)
}

func labRow(l control.LabView) templates.LabRow {
	return templates.LabRow{
		ID: l.ID, Name: l.Name, Owner: l.Owner, State: templates.State(l.State), Reason: l.Reason,
		Done: l.Done, Total: l.Total, Step: l.Step, Nodes: l.NodeCount, Links: l.LinkCount, Updated: l.UpdatedAt,
	}
}

// rowMessage is what the list is told of one lab.
type rowMessage struct {
	ID   string `json:"id"`
	HTML string `json:"html,omitempty"`
}

// labsEvents streams changed rows: "rows" once with all that there are, then "row" and "removed".
func (s *Server) labsEvents(r *Request) error {
	return s.stream(r, streaming{
		watch: func(ctx context.Context) (<-chan control.Event, error) { return s.Watching.WatchTenant(ctx, r.Actor) },
		begin: func(ctx context.Context, out *eventWriter) error {
			labs, err := s.Labs.List(ctx, r.Actor)
			if err != nil {
				return err
			}
			rows := make([]rowMessage, 0, len(labs))
			for _, l := range labs {
				row, err := s.rowMessage(r, l)
				if err != nil {
					return err
				}
				rows = append(rows, row)
			}
			return out.send("rows", rows)
		},
		pass: func(_ context.Context, out *eventWriter, events []control.Event) error {
			for _, e := range latestLabs(events) {
				if e.Removed {
					if err := out.send("removed", rowMessage{ID: e.LabID}); err != nil {
						return err
					}
					continue
				}
				row, err := s.rowMessage(r, *e.Lab)
				if err != nil {
					return err
				}
				if err := out.send("row", row); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

func (s *Server) rowMessage(r *Request, l control.LabView) (rowMessage, error) {
	html, err := s.pages.Fragment(templates.Frame{}, labRow(l))
	return rowMessage{ID: l.ID, HTML: string(html)}, err
}

// latestLabs keeps of several events about one lab the last, in the order in which the labs first came.
func latestLabs(events []control.Event) []control.Event {
	at := map[string]int{}
	var list []control.Event
	for _, e := range events {
		if e.Lab == nil && !e.Removed {
			continue
		}
		if i, known := at[e.LabID]; known {
			list[i] = e
			continue
		}
		at[e.LabID] = len(list)
		list = append(list, e)
	}
	return list
}
