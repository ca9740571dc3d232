package fabric

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/lab/hostapi"
)

var proberPeer = hostapi.Peer{Host: "b", Name: "host-b", Address: netip.MustParseAddr("192.0.2.2")}

func newProber(start time.Time) *prober {
	p := &prober{name: "host-a", addr: netip.MustParseAddr("192.0.2.1"), instance: 1}
	p.setPeers([]hostapi.Peer{proberPeer}, start)
	p.peers[proberPeer.Address].mtu.likely = 1450
	return p
}

// runProber plays a way that lets frames up to a size pass until the time is over, and returns what is known then.
func runProber(p *prober, now *time.Time, long time.Duration, passes func(size int) bool) hostapi.Reach {
	var last hostapi.Reach
	for end := now.Add(long); now.Before(end); *now = now.Add(50 * time.Millisecond) {
		for _, o := range p.tick(*now) {
			if passes(o.probe.size) {
				p.returned(o.peer, o.probe, now.Add(2*time.Millisecond))
			}
		}
		if all, _ := p.reach(*now); len(all) > 0 {
			last = all[0]
		}
	}
	return last
}

func TestTheLargestFrameThatPassesIsFoundWhateverItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1000, 0)
		p := newProber(now)
		limit := rapid.IntRange(smallest+1, 9500).Draw(t, "limit")
		r := runProber(p, &now, 90*time.Second, func(size int) bool { return size <= limit })
		if want := min(limit, mtuLargest); r.MTU != want || r.RTT != 2*time.Millisecond || !r.Hears || !r.Answers {
			t.Fatalf("of at most %d bytes: %+v", want, r)
		}
		if (r.Problem != "") != (limit < wantedInside) {
			t.Fatalf("with %d bytes the problem is %q", limit, r.Problem)
		}
		next := rapid.IntRange(smallest+1, 9500).Draw(t, "limit later")
		if r := runProber(p, &now, 150*time.Second, func(size int) bool { return size <= next }); r.MTU != min(next, mtuLargest) {
			t.Fatalf("after a change to %d: %+v", next, r)
		}
	})
}

func TestADoubtedSizeIsConfirmedInTwoSteps(t *testing.T) {
	now := time.Unix(1000, 0)
	p := newProber(now)
	small := func(size int) bool { return size <= 1350 }
	if r := runProber(p, &now, 12*time.Second, small); r.MTU != 1350 {
		t.Errorf("after 12 s the largest frame is %d", r.MTU)
	}
	probes := 0
	p.peers[proberPeer.Address].mtu.waiting = now // a search that agrees costs as little
	runProber(p, &now, 5*time.Second, func(size int) bool {
		if size > smallest {
			probes++
		}
		return small(size)
	})
	if probes != 2*mtuTries+1 {
		t.Errorf("a search that finds what was known sends %d probes", probes)
	}
}

func TestAPeerIsDeadAfterThreeMissedProbesAndNotBefore(t *testing.T) {
	now := time.Unix(1000, 0)
	p := newProber(now)
	if all, news := p.reach(now); len(all) != 0 || news {
		t.Errorf("before anything could be known: %+v", all)
	}
	all := func(int) bool { return true }
	none := func(int) bool { return false }
	runProber(p, &now, 20*time.Second, all)
	if r := runProber(p, &now, 2*time.Second, none); !r.Hears || !r.Answers {
		t.Errorf("after two missed: %+v", r)
	}
	r := runProber(p, &now, 1500*time.Millisecond, none)
	if r.Hears || r.Answers || r.MTU != 0 || !strings.Contains(r.Problem, "host-a does not hear host-b") {
		t.Errorf("after three missed: %+v", r)
	}
	p.spoke(proberPeer.Address, false, now)
	heard, news := p.reach(now)
	if !news || !heard[0].Hears || heard[0].Answers || !strings.HasPrefix(heard[0].Problem, "host-b does not hear host-a: let UDP port 4789 through between 192.0.2.1 and 192.0.2.2") {
		t.Errorf("when only the peer is heard: %+v", heard)
	}
	if _, news := p.reach(now); news {
		t.Error("the same again is called news")
	}
	forged := probeSignal{instance: 99, sequence: 1, size: smallest}
	p.returned(proberPeer.Address, forged, now)
	p.returned(netip.MustParseAddr("192.0.2.9"), probeSignal{1, 1, smallest}, now)
	if still, _ := p.reach(now); still[0].Answers {
		t.Error("a probe that was never sent is taken for an answer")
	}
}
