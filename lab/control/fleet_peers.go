package control

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// Hosts that join or move one after the other are told of together: gathering waits this long after a change, and longer in a large
// fleet, where each change is told to every host.
const (
	gatherLeast   = 100 * time.Millisecond
	gatherEachOf  = 4 * time.Millisecond
	gatherAtMost  = 5 * time.Second
	introduceWait = 500 * time.Millisecond // before another try, at first
	introduceMost = 30 * time.Second
	toldAtOnce    = 64
)

// meetLocked gathers the hosts that have an address on the underlay anew: linked or not, drained or not, for labs may be there.
func (f *fleet) meetLocked() {
	var met []hostapi.Peer
	for id, r := range f.roster {
		if address := f.underlayLocked(id); address.IsValid() {
			met = append(met, hostapi.Peer{Host: id, Name: r.Name, Address: address})
		}
	}
	slices.SortFunc(met, func(a, b hostapi.Peer) int { return strings.Compare(a.Host, b.Host) })
	if slices.Equal(met, f.met) {
		return
	}
	f.met = met
	close(f.meeting)
	f.meeting = make(chan struct{})
}

// underlay is where tunnels of other hosts reach the host, as it last said, also of one that was revoked since; the zero address: it
// takes no part.
func (f *fleet) underlay(hostID string) netip.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.underlayLocked(hostID)
}

func (f *fleet) underlayLocked(hostID string) netip.Addr {
	if h := f.hosts[hostID]; h != nil && h.described {
		return h.info.Underlay
	}
	if r, enrolled := f.roster[hostID]; enrolled {
		return r.Info.Underlay
	}
	return f.former[hostID].Info.Underlay
}

// acquaintances is every host with an address, a slice that never changes. The channel closes when there is another one.
func (f *fleet) acquaintances() ([]hostapi.Peer, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.met, f.meeting
}

// introduce keeps a linked host told of its peers until the link ends.
func (f *fleet) introduce(ctx context.Context, hostID string, linked Host) {
	host, able := linked.(FleetHost)
	if !able {
		return
	}
	wait := backoff{least: introduceWait, most: introduceMost}
	var told []hostapi.Peer // shared with all others: a copy for each host would be what a large fleet's memory goes to
	for first := true; ctx.Err() == nil; {
		met, changed := f.acquaintances()
		if first || !slices.Equal(others(hostID, met), others(hostID, told)) {
			err := f.setPeers(ctx, host, others(hostID, met))
			switch {
			case err == nil:
				told, first = met, false
				wait.reset()
			case ctx.Err() != nil || fault.Is(err, fault.Unsupported):
				return
			default:
				f.trouble(hostID, err)
				pause(ctx, wait.next())
				continue
			}
		}
		select {
		case <-changed:
			pause(ctx, min(gatherLeast+time.Duration(len(met))*gatherEachOf, gatherAtMost))
		case <-ctx.Done():
		}
	}
}

// others is all of them but the host itself; never nil.
func others(hostID string, met []hostapi.Peer) []hostapi.Peer {
	peers := make([]hostapi.Peer, 0, len(met))
	for _, p := range met {
		if p.Host != hostID {
			peers = append(peers, p)
		}
	}
	return peers
}

// setPeers tells a host the complete set, and only so many hosts at once.
func (f *fleet) setPeers(ctx context.Context, host FleetHost, peers []hostapi.Peer) error {
	select {
	case f.telling <- struct{}{}:
		defer func() { <-f.telling }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return host.SetPeers(ctx, peers)
}
