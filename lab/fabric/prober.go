package fabric

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"trunkline/lab/hostapi"
)

// How the way to a peer is probed.
const (
	probeEvery   = time.Second
	probeFirst   = 100 * time.Millisecond // between the first ones
	probesFirst  = 10
	deadAfter    = 3*probeEvery + 200*time.Millisecond // three missed
	rttSamples   = 9
	rttNews      = 10 * time.Second // a round trip that differs is told this often
	wantedInside = 1500             // bytes that any lab expects to pass
)

// prober knows what is known of the ways to the peers. It is pure: it is told the time and what was heard, and says what to send.
type prober struct {
	name     string // of this host, for sentences
	addr     netip.Addr
	netdev   bool // the userspace datapath: frames that are too large for the underlay are lost
	instance uint64
	trouble  string // why nothing can be sent from here; "": nothing
	peers    map[netip.Addr]*peerWay
}

// peerWay is the way to one peer.
type peerWay struct {
	peer     hostapi.Peer
	known    time.Time // since when
	next     time.Time // when the next probe is due
	sent     int
	sequence uint32
	flying   map[uint32]flight
	heard    time.Time // last frame of it
	answered time.Time // last sign that it hears us
	rtts     []time.Duration
	mtu      mtuSearch
	told     hostapi.Reach // as last published
	toldAt   time.Time
}

// flight is a probe on its way.
type flight struct {
	at   time.Time
	size int
}

// outgoing is a frame to send.
type outgoing struct {
	peer  netip.Addr
	probe probeSignal
}

// setPeers takes the complete set; what is known of those that stay is kept.
func (p *prober) setPeers(peers []hostapi.Peer, now time.Time) {
	next := map[netip.Addr]*peerWay{}
	for _, peer := range peers {
		addr := peer.Address.Unmap()
		w := p.peers[addr]
		if w == nil || w.peer.Host != peer.Host {
			w = &peerWay{known: now, next: now, flying: map[uint32]flight{}}
		}
		w.peer = peer
		next[addr] = w
	}
	p.peers = next
}

// tick says which probes are due.
func (p *prober) tick(now time.Time) []outgoing {
	var out []outgoing
	for addr, w := range p.peers {
		for sequence, f := range w.flying {
			if now.Sub(f.at) > deadAfter {
				delete(w.flying, sequence)
			}
		}
		if !now.Before(w.next) {
			w.next = now.Add(probeEvery)
			if w.sent < probesFirst {
				w.next = now.Add(probeFirst)
			}
			w.sent++
			out = append(out, outgoing{addr, p.launch(w, smallest, now)})
		}
		if size, due := w.mtu.due(now, w.answers(now) && len(w.rtts) >= rttSamples/2); due {
			out = append(out, outgoing{addr, p.launch(w, size, now)})
		}
	}
	return out
}

func (p *prober) launch(w *peerWay, size int, now time.Time) probeSignal {
	w.sequence++
	w.flying[w.sequence] = flight{now, size}
	return probeSignal{p.instance, w.sequence, size}
}

// returned notes a probe that came back.
func (p *prober) returned(from netip.Addr, s probeSignal, now time.Time) {
	w := p.peers[from]
	if w == nil || s.instance != p.instance {
		return
	}
	f, ok := w.flying[s.sequence]
	if !ok || f.size != s.size {
		return
	}
	delete(w.flying, s.sequence)
	w.heard, w.answered = now, now
	if f.size > smallest {
		w.mtu.passed(f.size, now)
		return
	}
	w.rtts = append(w.rtts, now.Sub(f.at))
	if len(w.rtts) > rttSamples {
		w.rtts = w.rtts[1:]
	}
}

// spoke notes a signal of a peer's agent.
func (p *prober) spoke(from netip.Addr, hearsUs bool, now time.Time) {
	w := p.peers[from]
	if w == nil {
		return
	}
	w.heard = now
	if hearsUs {
		w.answered = now
	}
}

func (w *peerWay) hears(now time.Time) bool { return !w.heard.IsZero() && now.Sub(w.heard) < deadAfter }

func (w *peerWay) answers(now time.Time) bool {
	return !w.answered.IsZero() && now.Sub(w.answered) < deadAfter
}

// judged reports whether there has been time enough to know.
func (w *peerWay) judged(now time.Time) bool {
	return w.hears(now) && w.answers(now) || now.Sub(w.known) >= deadAfter
}

// reach is what is known now of every peer that has been judged, in the order of their addresses, and whether it is news.
func (p *prober) reach(now time.Time) (all []hostapi.Reach, news bool) {
	for _, w := range p.peers {
		if !w.judged(now) {
			continue
		}
		r := hostapi.Reach{Host: w.peer.Host, Hears: w.hears(now), Answers: w.answers(now)}
		if r.Hears && r.Answers {
			r.RTT, r.MTU = median(w.rtts), w.mtu.result
		}
		r.Problem = p.problem(w, r)
		was := w.told
		same := !was.At.IsZero() && was.Hears == r.Hears && was.Answers == r.Answers && was.MTU == r.MTU && was.Problem == r.Problem
		if same && (was.RTT == r.RTT || now.Sub(w.toldAt) < rttNews || was.RTT > 0 && within(was.RTT, r.RTT)) {
			all = append(all, was)
			continue
		}
		r.At = now
		w.told, w.toldAt, news = r, now, true
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b hostapi.Reach) int { return p.addrOf(a.Host).Compare(p.addrOf(b.Host)) })
	return all, news
}

func (p *prober) addrOf(host string) netip.Addr {
	for addr, w := range p.peers {
		if w.peer.Host == host {
			return addr
		}
	}
	return netip.Addr{}
}

// within reports whether a round trip is about what it was.
func within(was, is time.Duration) bool { return is > was*3/4 && is < was*4/3 }

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	s := slices.Clone(d)
	slices.Sort(s)
	return s[len(s)/2]
}

// problem says what is wrong, and the mend.
func (p *prober) problem(w *peerWay, r hostapi.Reach) string {
	between := fmt.Sprintf("between %s and %s", p.addr, w.peer.Address)
	switch {
	case p.trouble != "" && !r.Hears:
		return p.trouble
	case !r.Hears:
		return fmt.Sprintf("%s does not hear %s: let UDP port %d through %s.", p.name, w.peer.Name, vxlanPort, between)
	case !r.Answers:
		return fmt.Sprintf("%s does not hear %s: let UDP port %d through %s.", w.peer.Name, p.name, vxlanPort, between)
	case r.MTU == 0 || r.MTU >= wantedInside:
		return ""
	}
	outside := wantedInside + overhead(p.addr)
	mend := fmt.Sprintf("raise the MTU of the network %s to %d", between, outside)
	if p.netdev {
		mend += ", or load the kernel's Open vSwitch with `modprobe openvswitch`: it sends large frames in pieces"
	}
	return fmt.Sprintf("Frames of at most %d bytes pass between %s and %s, where labs send %d: %s.", r.MTU, p.name, w.peer.Name, wantedInside, mend)
}

// overhead is how much longer a packet of the underlay is than what it carries: inner Ethernet, VXLAN, UDP and IP headers.
func overhead(underlay netip.Addr) int {
	if underlay.Is6() {
		return 70
	}
	return 50
}
