package control

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"trunkline/lab/hostapi"
	"trunkline/lab/place"
)

// probeTime is how long a host may take to hear a new peer before its silence counts as one.
const probeTime = 5 * time.Second

// report is what a host says of the way to a peer.
type report struct {
	hostapi.Reach
	since time.Time // when Hears and Answers became what they are, on our clock
}

// noteReach takes over what a host knows of all its peers.
func (f *fleet) noteReach(h *hostState, epoch int64, reach []hostapi.Reach) {
	f.mu.Lock()
	if h.epoch != epoch {
		f.mu.Unlock()
		return
	}
	had := h.reach
	h.reach, h.deaf = make(map[string]report, len(reach)), nil
	var touched []string
	for _, r := range reach {
		said := report{r, f.now()}
		if old, known := had[r.Host]; known && old.Hears == r.Hears && old.Answers == r.Answers {
			said.since = old.since
		} else if known || !r.Hears || !r.Answers {
			touched = slices.Collect(maps.Keys(h.labs)) // their cables to the peer carry something now, or nothing
		}
		h.reach[r.Host] = said
		if !r.Hears || !r.Answers {
			h.deaf = append(h.deaf, r.Host)
		}
	}
	f.mu.Unlock()
	f.touched(touched...)
	f.changed()
}

// cut lists the pairs of linked hosts that are not to be used together: one of them has no address on the underlay, or either says
// that frames do not pass. A way that nobody has probed yet counts as usable.
func (f *fleet) cut() []place.Pair {
	f.mu.Lock()
	defer f.mu.Unlock()
	pairs := map[place.Pair]bool{}
	check := func(a, b string) {
		if w := f.wayLocked(a, b); a != b && w.known && !w.usable() {
			pairs[place.Pair{A: min(a, b), B: max(a, b)}] = true
		}
	}
	for id, h := range f.hosts {
		if !h.synced {
			continue
		}
		suspects := h.deaf // few, where the ways of a thousand hosts are many
		if !f.underlayLocked(id).IsValid() {
			suspects = slices.Collect(maps.Keys(f.hosts))
		}
		for _, other := range suspects {
			if o := f.hosts[other]; o != nil && o.synced {
				check(id, other)
			}
		}
	}
	return slices.SortedFunc(maps.Keys(pairs), func(p, q place.Pair) int { return cmp.Or(cmp.Compare(p.A, q.A), cmp.Compare(p.B, q.B)) })
}

// apart reports that two linked hosts are not to be used together, as cut has it.
func (f *fleet) apart(a, b string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.wayLocked(a, b)
	return w.known && !w.usable()
}

// way is the way between two hosts, as the two see it.
type way struct {
	known    bool // something is known that decides whether it is usable
	aHears   bool // what b sends
	bHears   bool // what a sends
	noneHere string
	from     hostapi.Reach // what a says of b
}

func (w way) usable() bool { return w.known && w.aHears && w.bHears }

// wayLocked puts the two reports together: a host is heard unless one of the two says that it is not. Nothing is known of a way to a host
// that was revoked.
func (f *fleet) wayLocked(a, b string) way {
	if !f.belongsLocked(a) || !f.belongsLocked(b) {
		return way{}
	}
	for _, id := range []string{a, b} {
		if !f.underlayLocked(id).IsValid() {
			return way{known: true, noneHere: id}
		}
	}
	w := way{aHears: true, bHears: true}
	fromA, saysA := f.saysLocked(a, b)
	fromB, saysB := f.saysLocked(b, a)
	if saysA {
		w.known, w.from = true, fromA
		w.aHears, w.bHears = w.aHears && fromA.Hears, w.bHears && fromA.Answers
	}
	if saysB {
		w.known = true
		w.bHears, w.aHears = w.bHears && fromB.Hears, w.aHears && fromB.Answers
	}
	return w
}

// saysLocked is what a linked host says of a linked peer. Silence after which nobody can have answered yet is no word.
func (f *fleet) saysLocked(hostID, peer string) (hostapi.Reach, bool) {
	h, p := f.hosts[hostID], f.hosts[peer]
	if h == nil || p == nil || !h.synced || !p.synced {
		return hostapi.Reach{}, false
	}
	r, said := h.reach[peer]
	early := r.At.IsZero() && !(r.Hears && r.Answers) && f.now().Sub(r.since) < probeTime
	return r.Reach, said && !early
}

// matrix is the way from every host to every other, ordered by their names.
func (f *fleet) matrix() []HostReach {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := f.byNameLocked()
	all := make([]HostReach, 0, len(ids)*len(ids))
	for _, a := range ids {
		for _, b := range ids {
			if a != b {
				all = append(all, f.reachLocked(a, b))
			}
		}
	}
	return all
}

// reachFrom is the way from one host to every other.
func (f *fleet) reachFrom(hostID string) []HostReach {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.belongsLocked(hostID) {
		return nil
	}
	var all []HostReach
	for _, peer := range f.byNameLocked() {
		if peer != hostID {
			all = append(all, f.reachLocked(hostID, peer))
		}
	}
	return all
}

func (f *fleet) byNameLocked() []string {
	ids := make([]string, 0, len(f.roster))
	for id := range f.roster {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(f.roster[a].Name, f.roster[b].Name), cmp.Compare(a, b))
	})
	return ids
}

func (f *fleet) reachLocked(a, b string) HostReach {
	w := f.wayLocked(a, b)
	return HostReach{
		From: f.roster[a].Name, To: f.roster[b].Name, Known: w.known, Usable: w.usable(),
		MTU: w.from.MTU, RTT: w.from.RTT, Problem: f.obstacleLocked(a, b, w),
	}
}

// switchlessLocked names the first of the two that has no Open vSwitch that answers.
func (f *fleet) switchlessLocked(a, b string) string {
	for _, id := range []string{a, b} {
		if h := f.hosts[id]; h != nil && h.described && h.info.OVSVersion == "" {
			return f.roster[id].Name
		}
	}
	return ""
}

// obstacleLocked says in a sentence what is in the way, with the mend.
func (f *fleet) obstacleLocked(a, b string, w way) string {
	nameA, nameB := f.roster[a].Name, f.roster[b].Name
	switch {
	case w.noneHere != "":
		return fmt.Sprintf("%s has no address for tunnels: give its agent one by --underlay.", f.roster[w.noneHere].Name)
	case !w.known:
		for _, id := range []string{a, b} {
			if h := f.hosts[id]; h == nil || !h.synced {
				return fmt.Sprintf("%s is not connected, so nobody probes the way.", f.roster[id].Name)
			}
		}
		return ""
	case !w.usable() && f.switchlessLocked(a, b) != "":
		return fmt.Sprintf("Open vSwitch does not answer on %s: start it there.", f.switchlessLocked(a, b))
	case !w.aHears && !w.bHears:
		if nameB < nameA { // the same sentence from both sides
			a, b, nameA, nameB = b, a, nameB, nameA
		}
		return fmt.Sprintf("%s and %s do not hear each other: let UDP port 4789 through between %s and %s.",
			nameA, nameB, f.underlayLocked(a), f.underlayLocked(b))
	case !w.bHears:
		return fmt.Sprintf("%s does not hear %s: let UDP port 4789 through from %s to %s.", nameB, nameA, f.underlayLocked(a), f.underlayLocked(b))
	case !w.aHears:
		return fmt.Sprintf("%s does not hear %s: let UDP port 4789 through from %s to %s.", nameA, nameB, f.underlayLocked(b), f.underlayLocked(a))
	}
	return w.from.Problem
}
