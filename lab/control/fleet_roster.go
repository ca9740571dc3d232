package control

import (
	"maps"
	"math"
	"slices"
	"time"

	"trunkline/internal/fault"
)

// forever is how long a host is lost that was revoked or removed: it does not come back.
const forever = time.Duration(math.MaxInt64)

// gone reports that the host was revoked or removed: it has nothing of the lab any more that anyone could ask for or take away.
func (s hostSide) gone() bool { return !s.Connected && s.LostFor == forever }

// enrolled makes these the hosts that belong to the fleet, but for those that were revoked. What is known of any other is forgotten, and
// its link is not followed.
func (f *fleet) enrolled(records []HostRecord) {
	roster, former := make(map[string]HostRecord, len(records)), map[string]HostRecord{}
	for _, r := range records {
		if r.RevokedAt.IsZero() {
			roster[r.ID] = r
		} else {
			former[r.ID] = r
		}
	}
	f.mu.Lock()
	f.roster, f.former = roster, former
	var touched []string
	for id := range f.hosts {
		if !f.belongsLocked(id) {
			touched = append(touched, f.expelLocked(id)...)
		}
	}
	f.meetLocked()
	f.mu.Unlock()
	f.touched(touched...)
}

// belongsLocked reports that the host is enrolled. Before the enrolled hosts were read once, every host is.
func (f *fleet) belongsLocked(id string) bool {
	_, there := f.roster[id]
	return there || f.roster == nil
}

func (f *fleet) belongs(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.belongsLocked(id)
}

// expel forgets a host that was revoked or removed, at once and whatever its link does, and returns the labs that it had something of.
func (f *fleet) expel(id string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, known := f.roster[id]; known {
		f.former[id] = r
	}
	delete(f.roster, id)
	labs := f.expelLocked(id)
	f.meetLocked()
	return labs
}

func (f *fleet) expelLocked(id string) []string {
	h := f.hosts[id]
	if h == nil {
		return nil
	}
	if h.stop != nil {
		h.stop()
		h.stop = nil
	}
	labs := slices.Collect(maps.Keys(h.labs))
	for lab := range h.guess {
		labs = append(labs, lab)
	}
	h.host, h.synced = nil, false
	delete(f.hosts, id)
	return labs
}

// lostFor is how long the host has not been linked with its full set known; 0: it is, forever: it was revoked or removed.
func (f *fleet) lostFor(hostID string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lostForLocked(hostID)
}

func (f *fleet) lostForLocked(hostID string) time.Duration {
	h := f.hosts[hostID]
	switch {
	case h != nil && h.synced:
		return 0
	case !f.belongsLocked(hostID):
		return forever
	case h == nil:
		return f.now().Sub(f.started)
	}
	return f.now().Sub(h.lost)
}

// trouble notes the last thing that went wrong with the host.
func (f *fleet) trouble(hostID string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.troubleLocked(hostID, fault.Sentence(err))
}

func (f *fleet) troubleLocked(hostID, sentence string) {
	if h := f.hosts[hostID]; h != nil && sentence != "" {
		h.trouble, h.troubledAt = sentence, f.now()
		f.changed()
	}
}
