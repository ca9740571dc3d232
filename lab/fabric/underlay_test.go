package fabric

import (
	"strings"
	"testing"
	"time"

	"trunkline/lab/hostapi"
)

func TestHostsProbeTheWaysToEachOther(t *testing.T) {
	f := newFarm(t, 3)
	a, b, c := f.hosts[0], f.hosts[1], f.hosts[2]
	f.meet()
	whole := func(from, to *farmHost) bool {
		r := from.reach(to)
		return r.Hears && r.Answers && r.RTT > 0 && r.Problem == "" && r.MTU == farmMTU-50
	}
	// searched waits for what a search for the largest frame finds. One is 20 tries of 0.3 s, and on a busy machine a frame may be late.
	searched := func(from *farmHost, found func() bool) bool {
		return waitFor(time.Minute, "", func() bool {
			from.call("ProbeAgain", true)
			return found()
		}) == nil
	}
	for _, from := range f.hosts {
		for _, to := range f.hosts {
			if from != to && !searched(from, func() bool { return whole(from, to) }) {
				t.Fatalf("%s knows of %s: %+v", from.name, to.name, from.reach(to))
			}
		}
	}
	t.Logf("from %s to %s: %+v", a.name, b.name, a.reach(b))
	t.Run("the same peers again write nothing", func(t *testing.T) {
		before := a.written()
		a.call("SetPeers", f.peersOf(a))
		if n := a.written() - before; n != 0 {
			t.Errorf("it wrote %d times", n)
		}
	})
	t.Run("one direction closed is told at both ends, with the mend", func(t *testing.T) {
		b.ovs("ovs-ofctl", "add-flow", "br-phy", "priority=100,udp,tp_dst=4789,nw_src="+a.addr.String()+",actions=drop")
		start := time.Now()
		eventually(t, "host-a to know", func() bool { r := a.reach(b); return r.Hears && !r.Answers })
		t.Logf("known after %s", time.Since(start).Round(100*time.Millisecond))
		eventually(t, "host-b to know", func() bool { r := b.reach(a); return !r.Hears && !r.Answers })
		want := "host-b does not hear host-a: let UDP port 4789 through between 192.168.77.1 and 192.168.77.2."
		eventually(t, "host-a to say: "+want, func() bool { return a.reach(b).Problem == want })
		eventually(t, "host-b to say that it does not hear host-a", func() bool {
			return strings.HasPrefix(b.reach(a).Problem, "host-b does not hear host-a: let UDP port 4789")
		})
		if !searched(a, func() bool { return whole(a, c) }) || !searched(b, func() bool { return whole(b, c) }) {
			t.Errorf("the ways to host-c are blamed too: %+v, %+v", a.reach(c), b.reach(c))
		}
		b.ovs("ovs-ofctl", "del-flows", "br-phy", "udp,tp_dst=4789,nw_src="+a.addr.String())
		if !searched(a, func() bool { return whole(a, b) }) || !searched(b, func() bool { return whole(b, a) }) {
			t.Errorf("they are not well again: %+v, %+v", a.reach(b), b.reach(a))
		}
	})
	t.Run("a small underlay is measured and said", func(t *testing.T) {
		b.ovs("ovs-vsctl", "set", "Interface", "br-phy", "mtu_request=1500")
		c.call("SetMTU", 1400)
		if !searched(a, func() bool {
			r := a.reach(c)
			return r.MTU == 1350 && strings.Contains(r.Problem, "at most 1350 bytes") && strings.Contains(r.Problem, "to 1550")
		}) {
			t.Fatalf("host-a knows of host-c: %+v", a.reach(c))
		}
		c.call("SetMTU", farmMTU)
	})
	t.Run("the ways come back after the switch daemon was started anew", func(t *testing.T) {
		c.call("KillSwitch", true)
		eventually(t, "host-a to miss host-c", func() bool { return !a.reach(c).Hears })
		c.call("StartSwitch", true)
		eventually(t, "host-a to hear host-c", func() bool { r := a.reach(c); return r.Hears && r.Answers })
		eventually(t, "host-c to hear host-a", func() bool { r := c.reach(a); return r.Hears && r.Answers })
	})
	t.Run("a peer whose agent is away still answers by its switch", func(t *testing.T) {
		b.call("EndAgent", true)
		away := time.Now()
		eventually(t, "host-a to hear host-b though its agent has long been away", func() bool {
			r := a.reach(b)
			return time.Since(away) > deadAfter+time.Second && r.Hears && r.Answers
		})
		b.call("StartAgent", true)
		b.call("SetPeers", f.peersOf(b))
		eventually(t, "host-b to hear host-a", func() bool { r := b.reach(a); return r.Hears && r.Answers })
	})
	t.Run("without peers nothing is left", func(t *testing.T) {
		for _, h := range f.hosts {
			h.call("SetPeers", []hostapi.Peer{})
			if out := h.ovs("ovs-vsctl", "list-br"); strings.TrimSpace(out) != "br-phy" {
				t.Errorf("%s has the bridges %q", h.name, out)
			}
		}
	})
}

// steady fails when something stops being so before the time is over.
func steady(t testing.TB, long time.Duration, what string, so func() bool) {
	t.Helper()
	if err := waitFor(long, "", func() bool { return !so() }); err == nil {
		t.Fatalf("it ended too soon: %s", what)
	}
}
