package hostlink

import (
	"context"
	"time"

	"trunkline/internal/fault"
)

// EventKind says what happened to a host's link.
type EventKind string

const (
	Connected    EventKind = "connected"
	Disconnected EventKind = "disconnected"
)

// Event is one change of the set of live links.
type Event struct {
	Kind   EventKind
	HostID string
	Epoch  int64
	Link   *Link        // of Connected
	Reason *fault.Error // of Disconnected
	At     time.Time
}

// watchBacklog is how many changes a watcher may be behind before it is dropped.
const watchBacklog = 256

// Watch gives every live link as a Connected event, then each change in order. The channel is closed when ctx ends, the
// server closes, or the reader is too far behind: call Watch again then, it starts with the full set.
func (s *Server) Watch(ctx context.Context) <-chan Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(chan Event, len(s.links)+watchBacklog)
	if s.closed || ctx.Err() != nil {
		close(out)
		return out
	}
	for _, link := range s.links {
		out <- Event{Kind: Connected, HostID: link.HostID, Epoch: link.Epoch, Link: link, At: link.Since}
	}
	s.watchers[out] = context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.unwatchLocked(out)
	})
	return out
}

func (s *Server) publishLocked(e Event) {
	for out := range s.watchers {
		select {
		case out <- e:
		default:
			s.log.Warn("A watcher of the host links was too slow and starts over.", "backlog", cap(out))
			s.unwatchLocked(out)
		}
	}
}

func (s *Server) unwatchLocked(out chan Event) {
	if stop, ok := s.watchers[out]; ok {
		stop()
		delete(s.watchers, out)
		close(out)
	}
}
