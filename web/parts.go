package web

import (
	"context"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/templates"
)

// partsGather is how long changes of hosts are gathered: each tells its load every few seconds, and a page has many.
const partsGather = time.Second

// part is a piece of a live page: an element's id and what draws it. A part with rows goes as a whole when its key changes, and
// row by row otherwise.
type part struct {
	id   string
	view templates.View
	key  string
	rows []part
}

// partMessage is what the browser is told of one.
type partMessage struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// streamParts streams "parts": those whose HTML is not what the browser has. make draws all of them anew; when what the page is
// about is no longer there, it is "gone".
func (s *Server) streamParts(r *Request, make func(context.Context) ([]part, error)) error {
	sent := map[string]string{}
	send := func(ctx context.Context, out *eventWriter) error {
		parts, err := make(ctx)
		if fault.Is(err, fault.NotFound) {
			return out.send("gone", true)
		}
		if err != nil {
			return err
		}
		changed, err := s.changedParts(parts, sent)
		if err != nil || len(changed) == 0 {
			return err
		}
		return out.send("parts", changed)
	}
	return s.stream(r, streaming{
		gather: partsGather,
		watch:  func(ctx context.Context) (<-chan control.Event, error) { return s.watchHosts(ctx, r) },
		begin:  send,
		pass:   func(ctx context.Context, out *eventWriter, _ []control.Event) error { return send(ctx, out) },
	})
}

// watchHosts makes events of the controller's word that something has changed.
func (s *Server) watchHosts(ctx context.Context, r *Request) (<-chan control.Event, error) {
	changed, err := s.Fleet.WatchHosts(ctx, r.Actor)
	if err != nil {
		return nil, err
	}
	events := make(chan control.Event)
	s.work.Go(func() { // the stream that called is held meanwhile, and its context ends this
		defer close(events)
		for range changed {
			select {
			case events <- control.Event{}:
			case <-ctx.Done():
				return
			}
		}
	})
	return events, nil
}

// changedParts draws parts and keeps those that differ from what was sent.
func (s *Server) changedParts(parts []part, sent map[string]string) ([]partMessage, error) {
	var changed []partMessage
	for _, p := range parts {
		whole := p.rows == nil || sent[p.id+" key"] != p.key
		if whole {
			html, err := s.pages.Fragment(templates.Frame{}, p.view)
			if err != nil {
				return nil, err
			}
			if text := string(html); sent[p.id] != text {
				sent[p.id] = text
				changed = append(changed, partMessage{ID: p.id, HTML: text})
			}
		}
		sent[p.id+" key"] = p.key
		rows, err := s.changedParts(p.rows, sent)
		if err != nil {
			return nil, err
		}
		if !whole {
			changed = append(changed, rows...)
		}
	}
	return changed, nil
}
