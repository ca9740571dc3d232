package host

import (
	"context"
	"sync"
	"time"

	"trunkline/lab/hostapi"
)

// pingEvery is how often a reader gets a sign of life.
const pingEvery = 10 * time.Second

// hub keeps the newest observed state and tells its readers of changes. A reader's queue holds names, not states: it is never
// longer than there are labs, and who is slow is given the newest state instead of each change.
type hub struct {
	mu      sync.Mutex
	labs    map[string]hostapi.LabStatus
	info    *hostapi.HostInfo
	use     *hostapi.Use
	reach   []hostapi.Reach
	readers map[*reader]bool
}

// reader is one caller of observe. Its fields are guarded by the hub's mu.
type reader struct {
	dirty  []string
	queued map[string]bool
	info   bool
	use    bool
	reach  bool
	wake   chan struct{} // one token
}

func newHub() *hub {
	return &hub{labs: map[string]hostapi.LabStatus{}, readers: map[*reader]bool{}}
}

func (h *hub) setLab(status hostapi.LabStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.labs[status.ID] = status
	h.touchLocked(status.ID)
}

func (h *hub) removeLab(labID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.labs, labID)
	h.touchLocked(labID)
}

func (h *hub) setInfo(info hostapi.HostInfo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.info = &info
	for r := range h.readers {
		r.info = true
		r.wakeUp()
	}
}

func (h *hub) setUse(use hostapi.Use) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.use = &use
	for r := range h.readers {
		r.use = true
		r.wakeUp()
	}
}

func (h *hub) setReach(reach []hostapi.Reach) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reach = reach
	for r := range h.readers {
		r.reach = true
		r.wakeUp()
	}
}

func (h *hub) lab(labID string) (hostapi.LabStatus, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	status, ok := h.labs[labID]
	return status, ok
}

func (h *hub) touchLocked(labID string) {
	for r := range h.readers {
		if !r.queued[labID] {
			r.queued[labID] = true
			r.dirty = append(r.dirty, labID)
		}
		r.wakeUp()
	}
}

func (r *reader) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// observe sends the full set, Synced, and then changes and pings, until ctx or life ends. The channel is closed then. The full set
// waits for looked, so that what has not been looked at yet is not taken for what is there.
func (h *hub) observe(ctx, life context.Context, looked <-chan struct{}, owner *sync.WaitGroup) <-chan hostapi.Observation {
	out := make(chan hostapi.Observation)
	r := &reader{queued: map[string]bool{}, wake: make(chan struct{}, 1), info: true, use: true, reach: true}
	h.mu.Lock()
	h.readers[r] = true
	for id := range h.labs {
		r.queued[id] = true
		r.dirty = append(r.dirty, id)
	}
	h.mu.Unlock()
	owner.Go(func() {
		defer close(out)
		defer h.leave(r)
		send := func(o hostapi.Observation) bool {
			select {
			case out <- o:
				return true
			case <-ctx.Done():
			case <-life.Done():
			}
			return false
		}
		select {
		case <-looked:
		case <-ctx.Done():
			return
		case <-life.Done():
			return
		}
		if !h.drain(r, send) || !send(hostapi.Observation{Synced: true}) {
			return
		}
		ping := time.NewTicker(pingEvery)
		defer ping.Stop()
		for {
			select {
			case <-r.wake:
				if !h.drain(r, send) {
					return
				}
			case <-ping.C:
				if !send(hostapi.Observation{Ping: true}) {
					return
				}
			case <-ctx.Done():
				return
			case <-life.Done():
				return
			}
		}
	})
	return out
}

// drain sends what is new for the reader.
func (h *hub) drain(r *reader, send func(hostapi.Observation) bool) bool {
	for {
		o, any := h.next(r)
		if !any {
			return true
		}
		if !send(o) {
			return false
		}
	}
}

func (h *hub) next(r *reader) (hostapi.Observation, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.info && h.info != nil {
		r.info = false
		info := *h.info
		return hostapi.Observation{Host: &info}, true
	}
	if r.reach && len(h.reach) > 0 {
		r.reach = false
		return hostapi.Observation{Reach: h.reach}, true
	}
	if r.use && h.use != nil {
		r.use = false
		use := *h.use
		return hostapi.Observation{Use: &use}, true
	}
	if len(r.dirty) == 0 {
		return hostapi.Observation{}, false
	}
	id := r.dirty[0]
	r.dirty = r.dirty[1:]
	delete(r.queued, id)
	if status, ok := h.labs[id]; ok {
		return hostapi.Observation{Lab: &status}, true
	}
	return hostapi.Observation{Removed: id}, true
}

func (h *hub) leave(r *reader) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.readers, r)
}
