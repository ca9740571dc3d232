package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

// Intervals of a stream.
const (
	gather    = 60 * time.Millisecond // changes that come close together are sent as one
	heartbeat = 15 * time.Second      // a sign of life, and a look whether the person still may
	sendTime  = 20 * time.Second      // a browser that takes nothing for so long is let go; it comes back by itself
	retryTime = "1000"                // milliseconds until a browser comes back
)

// streaming is one live page: begin sends the whole state, pass sends changes. Every connection starts with the whole state,
// so a browser that was away needs no memory of what it missed.
type streaming struct {
	gather time.Duration // 0: gather
	watch  func(context.Context) (<-chan control.Event, error)
	begin  func(context.Context, *eventWriter) error
	pass   func(context.Context, *eventWriter, []control.Event) error

	woken  func() <-chan struct{}   // something else has changed; nil: there is nothing else. Asked for after begin
	beside func(*eventWriter) error // then sends what
}

// eventWriter writes server-sent events (HTML standard, section 9.2).
type eventWriter struct {
	w  http.ResponseWriter
	rc *http.ResponseController
	b  bytes.Buffer
}

// send writes one event whose data is JSON.
func (e *eventWriter) send(name string, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return err
	}
	e.b.WriteString("event: " + name + "\ndata: ")
	e.b.Write(body)
	e.b.WriteString("\n\n")
	return nil
}

// flush sends what has gathered.
func (e *eventWriter) flush() error {
	_ = e.rc.SetWriteDeadline(time.Now().Add(sendTime)) // a writer without deadlines has none to miss
	if _, err := e.w.Write(e.b.Bytes()); err != nil {
		return err
	}
	e.b.Reset()
	return e.rc.Flush()
}

// stream runs a live page until the browser goes, the rights end or the server closes.
func (s *Server) stream(r *Request, page streaming) error {
	ctx, release, err := s.hold(r.Context())
	if err != nil {
		return err
	}
	defer release()
	heard, unheard, err := s.hear(ctx, r)
	if err != nil {
		return err
	}
	defer unheard()
	events, err := page.watch(ctx)
	if err != nil {
		return err
	}
	out := &eventWriter{w: r.Writer(), rc: http.NewResponseController(r.Writer())}
	out.b.WriteString("retry: " + retryTime + "\n\n")
	if err := page.begin(ctx, out); err != nil {
		return err
	}
	h := r.Writer().Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	r.Writer().WriteHeader(http.StatusOK)
	if err := out.flush(); err != nil {
		return ignoreGone(err)
	}
	return s.follow(ctx, r, page, out, events, heard)
}

// farewell is the last event of a stream whose reader may not go on: the sentence that says why.
func (e *eventWriter) farewell(reason string) error {
	if err := e.send("revoked", reason); err != nil {
		return err
	}
	return ignoreGone(e.flush())
}

// follow passes changes on, gathered.
func (s *Server) follow(ctx context.Context, r *Request, page streaming, out *eventWriter, events <-chan control.Event, heard <-chan tenancy.Revocation) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var waiting []control.Event
	var due, dueBeside <-chan time.Time
	var woken <-chan struct{}
	if page.woken != nil {
		woken = page.woken()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case told := <-heard:
			if reason := s.ended(ctx, r, told); reason != "" {
				return out.farewell(reason)
			}
			continue
		case e, open := <-events:
			if !open {
				return nil
			}
			waiting = append(waiting, e)
			if due == nil {
				due = time.After(cmp.Or(page.gather, gather))
			}
			continue
		case <-due:
			batch := waiting
			waiting, due = nil, nil
			if err := passOn(ctx, page, out, batch); err != nil {
				return err
			}
		case <-woken:
			if dueBeside == nil {
				dueBeside = time.After(gather)
			}
			continue
		case <-dueBeside:
			dueBeside = nil
			if err := page.beside(out); err != nil {
				return err
			}
		case <-beat.C:
			if reason := s.ended(ctx, r, tenancy.Revocation{}); reason != "" {
				return out.farewell(reason)
			}
			out.b.WriteString("event: alive\ndata: 1\n\n")
		}
		if err := out.flush(); err != nil {
			return ignoreGone(err)
		}
	}
}

// passOn sends a batch, or everything when the watcher was too slow.
func passOn(ctx context.Context, page streaming, out *eventWriter, batch []control.Event) error {
	for _, e := range batch {
		if e.Resync {
			return page.begin(ctx, out)
		}
	}
	return page.pass(ctx, out, batch)
}

// stillThere loads the actor anew. Not being able to ask is no reason to cut anybody off.
func (s *Server) stillThere(ctx context.Context, r *Request) bool {
	now, err := s.actorAgain(ctx, r.Actor)
	switch fault.CodeOf(err) {
	case "":
		return now.SameRights(r.Actor)
	case fault.Unavailable, fault.Internal:
		return true
	}
	return false
}
