package control

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// fleet is the linked hosts and what each was last seen to have.
type fleet struct {
	log     *slog.Logger
	now     func() time.Time
	started time.Time
	touched func(labIDs ...string)                                                         // something of these labs changed on a host
	placed  func(ctx context.Context, hostID string) (wanted, leaving []string, err error) // labs that a host shall have, and may have still
	learnt  func(ctx context.Context, hostID string, info hostapi.HostInfo)
	refresh func(ctx context.Context) error // reads the enrolled hosts anew
	refused func(hostID string)             // a host that is not enrolled has a link all the same
	sampled func(ctx context.Context, hostID string, use hostapi.Use)
	changed func() // something that people see of the hosts is another

	running sync.WaitGroup
	telling chan struct{} // a slot for each host that is being told its peers

	mu      sync.Mutex
	hosts   map[string]*hostState
	roster  map[string]HostRecord // the enrolled hosts; nil until they were read once
	former  map[string]HostRecord // those that were revoked: labs may still count on them
	met     []hostapi.Peer        // every enrolled host that has an address on the underlay, by id
	meeting chan struct{}         // closed and renewed when met changes
	arrived chan struct{}         // closed and renewed when a host becomes usable
}

// hostState is one host. A host that was never linked in this process has only what was stored of it.
type hostState struct {
	id      string
	telling sync.RWMutex // Apply holds it for reading; Synced for writing, so that it never names an outdated set

	// Guarded by fleet.mu.
	host      Host
	epoch     int64
	rtt       func() time.Duration
	stop      context.CancelFunc
	synced    bool      // linked, and its full set is here
	lost      time.Time // since when it is not synced
	info      hostapi.HostInfo
	described bool // info is the host's own word
	labs      map[string]*hostapi.LabStatus
	guess     map[string]time.Time // labs it was told of and has not reported yet
	again     context.CancelFunc   // ends the present observation, so that the full set comes anew

	reach      map[string]report // of this link, by peer
	deaf       []string          // peers that it does not hear, or that do not hear it, as it says
	use        *hostapi.Use      // the newest
	trouble    string            // the last thing that went wrong, in a sentence
	troubledAt time.Time
}

func newFleet(log *slog.Logger, now func() time.Time) *fleet {
	return &fleet{
		log: log, now: now, started: now(), telling: make(chan struct{}, toldAtOnce), former: map[string]HostRecord{}, hosts: map[string]*hostState{}, meeting: make(chan struct{}), arrived: make(chan struct{}),
	}
}

// stateLocked finds or makes the host's state.
func (f *fleet) stateLocked(id string) *hostState {
	h := f.hosts[id]
	if h == nil {
		h = &hostState{id: id, lost: f.started, info: f.roster[id].Info, labs: map[string]*hostapi.LabStatus{}, guess: map[string]time.Time{}}
		f.hosts[id] = h
	}
	return h
}

// remember takes over what was stored of a lab on a host, unless the host itself has spoken or does not belong here any more.
func (f *fleet) remember(hostID, labID string, status *hostapi.LabStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.belongsLocked(hostID) {
		return
	}
	h := f.stateLocked(hostID)
	if !h.synced && h.labs[labID] == nil {
		h.labs[labID] = status
	}
}

// run follows the links until ctx ends, and returns after the last follower has.
func (f *fleet) run(ctx context.Context, links Links) {
	defer f.running.Wait()
	for ctx.Err() == nil {
		for event := range links.Watch(ctx) {
			f.take(ctx, event)
		}
		f.dropAll()
		pause(ctx, 100*time.Millisecond)
	}
}

// take starts or ends the follower of a host.
func (f *fleet) take(ctx context.Context, e LinkEvent) {
	if !f.admits(ctx, e) {
		return
	}
	defer f.changed()
	f.mu.Lock()
	h := f.stateLocked(e.HostID)
	switch {
	case e.Host == nil && e.Epoch < h.epoch:
		f.mu.Unlock()
		return // of a link that was replaced since
	case h.stop != nil:
		h.stop()
		h.stop = nil
	}
	if e.Host == nil {
		touched := f.loseLocked(h)
		h.host, h.reach = nil, nil
		f.troubleLocked(h.id, e.Reason)
		f.mu.Unlock()
		f.touched(touched...)
		return
	}
	followed, stop := context.WithCancel(ctx)
	h.host, h.epoch, h.rtt, h.stop, h.reach = e.Host, e.Epoch, e.RTT, stop, nil
	touched := f.loseLocked(h) // until its full set is here
	f.running.Go(func() { f.follow(followed, h, e) })
	f.running.Go(func() { f.introduce(followed, h.id, e.Host) })
	f.mu.Unlock()
	f.touched(touched...)
}

// admits reports whether the event is of a host that belongs here. One that has just joined is looked up.
func (f *fleet) admits(ctx context.Context, e LinkEvent) bool {
	if f.belongs(e.HostID) || e.Host == nil {
		return f.belongs(e.HostID)
	}
	if err := f.refresh(ctx); err != nil {
		f.log.Warn("Whether a host is enrolled could not be looked up; its link is taken, for that was checked when it linked.", "host", e.HostID, "err", err)
		return true
	}
	if f.belongs(e.HostID) {
		return true
	}
	f.refused(e.HostID)
	return false
}

// loseLocked notes that nothing new is known of the host, and returns the labs that this matters to.
func (f *fleet) loseLocked(h *hostState) []string {
	if h.synced {
		h.synced, h.lost = false, f.now()
	}
	return h.hasLocked()
}

// hasLocked lists the labs that the host is known, or guessed, to have something of.
func (h *hostState) hasLocked() []string {
	return slices.AppendSeq(slices.Collect(maps.Keys(h.labs)), maps.Keys(h.guess))
}

// dropAll forgets every link: the watch ended, and what comes next is the full set.
func (f *fleet) dropAll() {
	f.mu.Lock()
	var touched []string
	for _, h := range f.hosts {
		if h.stop != nil {
			h.stop()
			h.stop, h.host, h.reach = nil, nil, nil
		}
		touched = append(touched, f.loseLocked(h)...)
	}
	f.mu.Unlock()
	f.touched(touched...)
}

// steady is how long an observation lasts that did not fail at once.
const steady = 10 * time.Second

// follow observes one link of a host until the link ends. A broken observation starts over with the full set.
func (f *fleet) follow(ctx context.Context, h *hostState, e LinkEvent) {
	wait := backoff{least: 100 * time.Millisecond, most: 10 * time.Second}
	for ctx.Err() == nil {
		observed, again := context.WithCancel(ctx)
		f.mu.Lock()
		if h.epoch == e.Epoch { // else it is the new link's to observe
			h.again = again
		}
		f.mu.Unlock()
		begun := f.now()
		err := f.observe(observed, h, e)
		asked := observed.Err() != nil
		if f.now().Sub(begun) > steady {
			wait.reset()
		}
		again()
		f.mu.Lock()
		var touched []string
		if h.epoch == e.Epoch {
			touched = f.loseLocked(h)
		}
		f.mu.Unlock()
		f.touched(touched...)
		if ctx.Err() != nil {
			return
		}
		if asked {
			wait.reset()
			continue
		}
		f.log.Warn("A host's observation ended and starts over.", "host", h.id, "epoch", e.Epoch, "err", err)
		f.trouble(h.id, err)
		pause(ctx, wait.next())
	}
}

// observe takes one stream of observations: the full set, Synced, changes.
func (f *fleet) observe(ctx context.Context, h *hostState, e LinkEvent) error {
	full := map[string]*hostapi.LabStatus{}
	synced := false
	return e.Host.Observe(ctx, func(o hostapi.Observation) error {
		switch {
		case o.Host != nil:
			return f.learn(ctx, h, *o.Host)
		case o.Use != nil:
			f.noteUse(ctx, h, e.Epoch, *o.Use)
		case o.Reach != nil:
			f.noteReach(h, e.Epoch, o.Reach)
		case o.Lab != nil && !synced:
			full[o.Lab.ID] = o.Lab
		case o.Lab != nil:
			f.set(h, e.Epoch, o.Lab.ID, o.Lab)
		case o.Removed != "" && !synced:
			delete(full, o.Removed)
		case o.Removed != "":
			f.set(h, e.Epoch, o.Removed, nil)
		case o.Synced && !synced:
			synced = true
			return f.sync(ctx, h, e, full)
		}
		return nil
	})
}

// sync tells the host what it shall have, then makes its full set what is known of it.
func (f *fleet) sync(ctx context.Context, h *hostState, e LinkEvent, full map[string]*hostapi.LabStatus) error {
	if err := f.tellSynced(ctx, h, e); err != nil {
		return err
	}
	f.mu.Lock()
	if h.epoch != e.Epoch || h.host == nil {
		f.mu.Unlock()
		return fault.New(fault.Unavailable, "The link was replaced.")
	}
	touched := h.hasLocked()
	for id := range full {
		touched = append(touched, id)
	}
	h.labs, h.synced = full, true
	clear(h.guess)
	f.arriveLocked()
	f.mu.Unlock()
	f.changed()
	slices.Sort(touched)
	f.touched(slices.Compact(touched)...)
	return f.touchPlaced(ctx, h.id)
}

// touchPlaced has every lab looked at that the host shall have, or may have still. After an error the full set is asked for anew: nobody
// else looks at a lab that was never told there.
func (f *fleet) touchPlaced(ctx context.Context, hostID string) error {
	wanted, leaving, err := f.placed(ctx, hostID)
	if err != nil {
		return err
	}
	f.touched(wanted...)
	f.touched(leaving...)
	return nil
}

func (f *fleet) tellSynced(ctx context.Context, h *hostState, e LinkEvent) error {
	h.telling.Lock()
	defer h.telling.Unlock()
	wanted, _, err := f.placed(ctx, h.id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return e.Host.Synced(ctx, wanted)
}

// set notes one lab's state on a host.
func (f *fleet) set(h *hostState, epoch int64, labID string, status *hostapi.LabStatus) {
	f.mu.Lock()
	if h.epoch != epoch {
		f.mu.Unlock()
		return
	}
	delete(h.guess, labID)
	if status == nil {
		delete(h.labs, labID)
	} else {
		h.labs[labID] = status
	}
	f.mu.Unlock()
	f.touched(labID)
}

// learn takes over what a host says of itself. When its address on the underlay is another one, the labs there are looked at: their
// cables to other hosts have an end that moved.
func (f *fleet) learn(ctx context.Context, h *hostState, info hostapi.HostInfo) error {
	f.mu.Lock()
	moved := info.Underlay != h.info.Underlay
	h.info, h.described = info, true
	var touched []string
	if moved {
		touched = slices.Collect(maps.Keys(h.labs))
		f.meetLocked()
	}
	f.arriveLocked()
	f.mu.Unlock()
	f.learnt(ctx, h.id, info)
	f.changed()
	if !moved {
		return nil
	}
	f.touched(touched...)
	return f.touchPlaced(ctx, h.id)
}

// arriveLocked tells whoever waits for a usable host to look again.
func (f *fleet) arriveLocked() {
	close(f.arrived)
	f.arrived = make(chan struct{})
}
