package control

import (
	"context"
	"sync"
)

// watcherBacklog is how many events a watcher may be behind before it is told to read everything anew.
const watcherBacklog = 512

// hub passes events to watchers and never waits for one.
type hub struct {
	running sync.WaitGroup
	closed  chan struct{}
	once    sync.Once

	mu       sync.Mutex
	watchers map[*watcher]struct{}
}

// watcher is one reader with its bounded queue.
type watcher struct {
	tenant string
	lab    string // "" watches the whole tenant: lab events only

	mu     sync.Mutex
	queue  []Event
	behind bool
	wake   chan struct{}
}

func newHub() *hub {
	return &hub{closed: make(chan struct{}), watchers: map[*watcher]struct{}{}}
}

// watch adds a watcher. Its channel is closed when ctx or the hub ends.
func (h *hub) watch(ctx context.Context, tenant, lab string) <-chan Event {
	w := &watcher{tenant: tenant, lab: lab, wake: make(chan struct{}, 1)}
	out := make(chan Event)
	h.mu.Lock()
	h.watchers[w] = struct{}{}
	h.mu.Unlock()
	h.running.Go(func() {
		defer close(out)
		defer h.remove(w)
		w.deliver(ctx, h.closed, out)
	})
	return out
}

func (h *hub) remove(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers, w)
}

// publish queues the event for everyone who may see it.
func (h *hub) publish(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers {
		if w.wants(e) {
			w.add(e)
		}
	}
}

func (h *hub) close() {
	h.once.Do(func() { close(h.closed) })
	h.running.Wait()
}

func (w *watcher) wants(e Event) bool {
	if w.tenant != e.Tenant {
		return false
	}
	if w.lab == "" {
		return e.Node == nil && e.Edited == nil
	}
	return w.lab == e.LabID
}

func (w *watcher) add(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.behind:
	case len(w.queue) >= watcherBacklog:
		w.queue, w.behind = nil, true
	default:
		w.queue = append(w.queue, e)
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// next takes what is queued; a watcher that fell behind gets one event that says so.
func (w *watcher) next() (Event, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.behind {
		w.behind = false
		return Event{Tenant: w.tenant, LabID: w.lab, Resync: true}, true
	}
	if len(w.queue) == 0 {
		return Event{}, false
	}
	e := w.queue[0]
	w.queue = w.queue[1:]
	return e, true
}

func (w *watcher) deliver(ctx context.Context, closed <-chan struct{}, out chan<- Event) {
	for {
		e, some := w.next()
		if !some {
			select {
			case <-w.wake:
				continue
			case <-ctx.Done():
				return
			case <-closed:
				return
			}
		}
		select {
		case out <- e:
		case <-ctx.Done():
			return
		case <-closed:
			return
		}
	}
}
