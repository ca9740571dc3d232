package control

import (
	"context"
	"errors"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// callTimeout bounds one small request to a host.
const callTimeout = 15 * time.Second

// side is what is known of a lab on a host now.
func (f *fleet) side(hostID, labID string) hostSide {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.hosts[hostID]
	if h == nil {
		return hostSide{ID: hostID, LostFor: f.lostForLocked(hostID)}
	}
	side := hostSide{ID: hostID, Name: h.info.Name, Connected: h.synced, Epoch: h.epoch, Status: h.labs[labID], LostFor: f.lostForLocked(hostID)}
	if since, guessed := h.guess[labID]; guessed {
		side.GuessedFor = f.now().Sub(since)
		side.Guessed = true
	}
	return side
}

// holders lists the hosts that have, or when last seen had, something of the lab.
func (f *fleet) holders(labID string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for id, h := range f.hosts {
		_, guessed := h.guess[labID]
		if h.labs[labID] != nil || guessed {
			ids = append(ids, id)
		}
	}
	return ids
}

// statuses is what each host has of the lab.
func (f *fleet) statuses(labID string) map[string]*hostapi.LabStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]*hostapi.LabStatus{}
	for id, h := range f.hosts {
		if status := h.labs[labID]; status != nil {
			all[id] = status
		}
	}
	return all
}

// forget drops what is remembered of a lab that no host has.
func (f *fleet) forget(labID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.hosts {
		delete(h.guess, labID)
		delete(h.labs, labID)
	}
}

// reach returns the linked host. Code: unavailable.
func (f *fleet) reach(hostID, name string) (Host, *hostState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.hosts[hostID]
	if h == nil || h.host == nil {
		return nil, nil, fault.New(fault.Unavailable, "Host %s is not connected. Start its agent, or wait until it is back.", name)
	}
	return h.host, h, nil
}

// apply tells a host a lab's spec. From then on the host counts as having something of it.
func (f *fleet) apply(ctx context.Context, hostID string, spec hostapi.LabSpec) error {
	host, h, err := f.reach(hostID, hostID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	h.telling.RLock()
	defer h.telling.RUnlock()
	f.mu.Lock()
	if h.labs[spec.ID] == nil {
		h.guess[spec.ID] = f.now()
	}
	f.mu.Unlock()
	err = host.Apply(ctx, spec)
	if err != nil && !errors.Is(err, context.Canceled) {
		f.trouble(hostID, err)
	}
	return err
}

// remove tells a host to have nothing of a lab. Its observation tells when that is so.
func (f *fleet) remove(ctx context.Context, hostID, labID string) error {
	host, h, err := f.reach(hostID, hostID)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	h.telling.RLock()
	defer h.telling.RUnlock()
	err = host.Remove(ctx, labID)
	if err != nil && !errors.Is(err, context.Canceled) {
		f.trouble(hostID, err)
	}
	return err
}

// resync makes a host send its full set anew.
func (f *fleet) resync(hostID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h := f.hosts[hostID]; h != nil && h.again != nil {
		h.again()
	}
}

// hostNow is a host as it is this moment.
type hostNow struct {
	connected bool
	known     bool // it has described itself to this process
	info      hostapi.HostInfo
	rtt       time.Duration
	lostFor   time.Duration // 0: it is connected; forever: it was revoked or removed

	use        *hostapi.Use // the newest
	trouble    string       // the last thing that went wrong, in a sentence
	troubledAt time.Time
	labs       int // that it has something of
}

func (f *fleet) current(hostID string) hostNow {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.hosts[hostID]
	if h == nil {
		return hostNow{lostFor: f.lostForLocked(hostID)}
	}
	n := hostNow{
		connected: h.synced, known: h.described, info: h.info, lostFor: f.lostForLocked(hostID),
		use: h.use, trouble: h.trouble, troubledAt: h.troubledAt, labs: len(h.labs),
	}
	if h.host != nil && h.rtt != nil {
		n.rtt = h.rtt()
	}
	return n
}

// allUsable reports whether there is a linked host and every one is synced and has described itself; if not, the channel closes when
// that changes.
func (f *fleet) allUsable() (bool, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	usable, arriving := false, false
	for _, h := range f.hosts {
		switch {
		case h.synced && h.described:
			usable = true
		case h.host != nil:
			arriving = true
		}
	}
	return usable && !arriving, f.arrived
}

// awaitUsable waits a little for the first host and for those that have just dialled in: right after a start they are about to say what
// they can, and without that nothing is placed on them.
func (f *fleet) awaitUsable(ctx context.Context, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		usable, arrived := f.allUsable()
		if usable {
			return
		}
		select {
		case <-arrived:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
