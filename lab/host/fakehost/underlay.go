package fakehost

import (
	"context"
	"net/netip"
	"slices"

	"trunkline/lab/hostapi"
)

// underlay is what the fake knows of other hosts. It is guarded by the host's mu.
type underlay struct {
	address netip.Addr
	mtu     int
	peers   []hostapi.Peer
	reach   []hostapi.Reach
	readers map[chan []hostapi.Reach]bool
}

// SetUnderlay sets where peers reach the fake. Without it the fake takes no part in labs on several hosts.
func (h *Host) SetUnderlay(address netip.Addr, mtu int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.underlay.address, h.underlay.mtu = address, mtu
}

// Peers lists what the fake was told last.
func (h *Host) Peers() []hostapi.Peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.underlay.peers)
}

// SetReach sets what the fake knows of the ways to its peers. Without it every peer is reached.
func (h *Host) SetReach(reach []hostapi.Reach) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reachLocked(reach)
}

func (h *Host) reachLocked(reach []hostapi.Reach) {
	h.underlay.reach = slices.Clone(reach)
	for r := range h.underlay.readers {
		select {
		case <-r: // a slow reader gets the newest
		default:
		}
		r <- slices.Clone(reach)
	}
}

// SetPeers implements host.Underlay: every peer is reached at once.
func (f *Fabric) SetPeers(ctx context.Context, peers []hostapi.Peer) error {
	return f.h.call(ctx, Call{Verb: "peers"}, 0, func() error {
		if slices.Equal(f.h.underlay.peers, peers) {
			return nil
		}
		f.h.underlay.peers = slices.Clone(peers)
		var reach []hostapi.Reach
		for _, p := range peers {
			reach = append(reach, hostapi.Reach{Host: p.Host, Hears: true, Answers: true, MTU: f.h.underlay.mtu})
		}
		f.h.reachLocked(reach)
		return nil
	})
}

// Reach implements host.Underlay.
func (f *Fabric) Reach(ctx context.Context) <-chan []hostapi.Reach {
	out, news := make(chan []hostapi.Reach), make(chan []hostapi.Reach, 1)
	f.h.mu.Lock()
	if f.h.underlay.readers == nil {
		f.h.underlay.readers = map[chan []hostapi.Reach]bool{}
	}
	f.h.underlay.readers[news] = true
	news <- slices.Clone(f.h.underlay.reach)
	f.h.mu.Unlock()
	f.h.waits.Go(func() {
		defer close(out)
		defer func() {
			f.h.mu.Lock()
			defer f.h.mu.Unlock()
			delete(f.h.underlay.readers, news)
		}()
		for {
			select {
			case reach := <-news:
				select {
				case out <- reach:
				case <-ctx.Done():
					return
				case <-f.h.life.Done():
					return
				}
			case <-ctx.Done():
				return
			case <-f.h.life.Done():
				return
			}
		}
	})
	return out
}

// UnderlayAddress implements host.Underlay.
func (f *Fabric) UnderlayAddress(context.Context) (netip.Addr, int, error) {
	f.h.mu.Lock()
	defer f.h.mu.Unlock()
	return f.h.underlay.address, f.h.underlay.mtu, nil
}
