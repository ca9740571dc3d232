package host_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

func peer(id, address string) hostapi.Peer {
	return hostapi.Peer{Host: id, Name: "host-" + id, Address: netip.MustParseAddr(address)}
}

// observed waits for an observation of the host as a whole.
func (r *rig) observed(what string, ok func(hostapi.Observation) bool) hostapi.Observation {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for o := range r.x.Observe(ctx) {
		if ok(o) {
			return o
		}
	}
	r.t.Fatalf("waited in vain for %s", what)
	return hostapi.Observation{}
}

// reaches waits until the ways to exactly these peers are told.
func (r *rig) reaches(ids ...string) {
	r.t.Helper()
	r.observed("the ways to the peers", func(o hostapi.Observation) bool {
		var got []string
		for _, way := range o.Reach {
			got = append(got, way.Host)
		}
		return slices.Equal(got, ids)
	})
}

func TestPeersOutliveTheAgentAndTheSwitch(t *testing.T) {
	r := newRig(t, fakehost.Config{})
	r.pulse = 10 * time.Millisecond
	r.fake.SetUnderlay(netip.MustParseAddr("10.0.0.1"), 1500)
	r.start()
	two := []hostapi.Peer{peer("h2", "10.0.0.2"), peer("h3", "10.0.0.3")}
	if err := r.x.SetPeers(t.Context(), two); err != nil {
		t.Fatal(err)
	}
	r.reaches("h2", "h3")
	r.stop()

	again := fakehost.New(fakehost.Config{}) // a fabric that has forgotten all
	r.fake.Close()
	r.fake = again
	r.start()
	r.reaches("h2", "h3")
	if got := r.fake.Peers(); !slices.Equal(got, two) {
		t.Errorf("after a restart the fabric has %v", got)
	}

	down := fault.New(fault.Unavailable, "Open vSwitch does not answer.")
	r.fake.SetSwitchDown(down)
	info := r.observed("the switch's trouble", func(o hostapi.Observation) bool {
		return o.Host != nil && o.Host.OVSVersion == "fake" && len(o.Host.Problems) > 1
	})
	if len(info.Host.Problems) == 0 {
		t.Error("nothing is said of the switch")
	}
	if err := r.x.SetPeers(t.Context(), two[:1]); err != nil {
		t.Errorf("peers are refused while the switch is down: %v", err)
	}
	r.fake.SetSwitchDown(nil)
	r.reaches("h2")
}

func TestWhatIsNoPeerIsRefused(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	if err := r.x.SetPeers(t.Context(), []hostapi.Peer{{Host: "h2"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a peer without address gives %v", err)
	}
	r.stop()
	if err := os.WriteFile(filepath.Join(r.dir, "peers.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	if err := r.x.SetPeers(t.Context(), []hostapi.Peer{peer("h2", "10.0.0.2")}); err != nil {
		t.Errorf("after a damaged file: %v", err)
	}
	r.reaches("h2")
}

func TestTheHostSaysWhatIsInUseAndWhereItIsReached(t *testing.T) {
	r := newRig(t, fakehost.Config{})
	r.fake.SetUnderlay(netip.MustParseAddr("10.0.0.1"), 1450)
	r.useEvery = 20 * time.Millisecond
	r.start()
	spec := lab1()
	r.apply(spec)
	r.converged(spec)
	use := r.observed("the running nodes", func(o hostapi.Observation) bool { return o.Use != nil && o.Use.Nodes == len(spec.Nodes) })
	if use.Use.MemoryBytes <= 0 || use.Use.DiskBytes <= 0 || use.Use.At.IsZero() || use.Use.CPU < 0 {
		t.Errorf("in use is %+v", use.Use)
	}
	info := r.observed("the description", func(o hostapi.Observation) bool { return o.Host != nil }).Host
	if info.Underlay != netip.MustParseAddr("10.0.0.1") || info.UnderlayMTU != 1450 || info.DiskBytes <= use.Use.DiskBytes || info.Protocol != hostapi.Version {
		t.Errorf("the host is %+v", info)
	}
}

func TestANewUnderlayAddressIsToldSoon(t *testing.T) {
	r := newRig(t, fakehost.Config{})
	r.fake.SetUnderlay(netip.MustParseAddr("10.0.0.1"), 1500)
	r.useEvery = 10 * time.Millisecond
	r.start()
	at := func(address string) {
		r.observed("the address "+address, func(o hostapi.Observation) bool {
			return o.Host != nil && o.Host.Underlay == netip.MustParseAddr(address)
		})
	}
	at("10.0.0.1")
	r.fake.SetUnderlay(netip.MustParseAddr("10.0.0.9"), 1500)
	at("10.0.0.9")
}

func lab1() hostapi.LabSpec {
	node := func(name string) hostapi.NodeSpec {
		return hostapi.NodeSpec{Name: name, Kind: lab.Linux, Image: "trunkline/tiny:latest", Run: hostapi.Running,
			Interfaces: []hostapi.InterfaceSpec{{Name: "eth1", MAC: "02:00:00:00:00:01", MTU: 1500}}}
	}
	return hostapi.LabSpec{ID: "l1", Name: "one", Generation: 1, Nodes: []hostapi.NodeSpec{node("a"), node("b"), node("c")}}
}

func TestALogIsToldWhereOneIsKept(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	if _, err := r.x.Log(t.Context(), 10); !fault.Is(err, fault.Unsupported) {
		t.Errorf("without a log: %v", err)
	}
	r.stop()
	r.tail = func(n int) []string { return []string{"one", "two", "three"}[3-n:] }
	r.start()
	if lines, err := r.x.Log(t.Context(), 2); err != nil || !slices.Equal(lines, []string{"two", "three"}) {
		t.Errorf("got %q, %v", lines, err)
	}
}

func TestAWaitForANodeOnAnotherHostEndsWhenItIsReached(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := lab1()
	spec.Nodes[0].WaitFor = []lab.Wait{{Stage: "create", Node: "far", NodeStage: "configure"}}
	r.apply(spec)
	waits := func(s *hostapi.LabStatus) bool {
		return s != nil && len(s.Nodes) == 3 && s.Nodes[0].State == hostapi.NodeWaiting && s.Nodes[0].Reason == "waits for far on another host to be configured" &&
			s.Nodes[1].State == hostapi.NodeRunning && s.Nodes[2].State == hostapi.NodeRunning
	}
	if status := r.until("the wait", spec.ID, waits); status.Converged {
		t.Error("the lab says that it converged")
	}
	if err := r.x.Reached(t.Context(), spec.ID, map[string][]string{"far": {"create", "create-links"}}); err != nil {
		t.Fatal(err)
	}
	r.until("the wait that goes on", spec.ID, waits)
	if err := r.x.Reached(t.Context(), spec.ID, map[string][]string{"far": {"create", "create-links", "configure"}}); err != nil {
		t.Fatal(err)
	}
	r.converged(spec)
	if err := r.x.Reached(t.Context(), "other", nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("a lab that is not here gives %v", err)
	}

	t.Run("the agent remembers it, and so does a new spec", func(t *testing.T) {
		r.stop()
		r.start()
		spec.Generation++
		spec.Nodes[0].Image = "trunkline/host:latest" // made anew: it has to wait again, and need not
		r.apply(spec)
		r.converged(spec)
	})
	t.Run("what was taken back holds again", func(t *testing.T) {
		if err := r.x.Reached(t.Context(), spec.ID, nil); err != nil {
			t.Fatal(err)
		}
		spec.Generation++
		spec.Nodes[0].Image = "trunkline/tiny:latest"
		r.apply(spec)
		r.until("the new wait", spec.ID, waits)
	})
}

func TestTheSameGenerationMayNameOtherPeers(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := lab1()
	spec.Cables = []hostapi.CableSpec{{ID: "a:eth1 far:eth1", A: hostapi.PortRef{Node: "a", Interface: "eth1"}, B: hostapi.PortRef{Node: "far", Interface: "eth1"}, VNI: 5000, Remote: netip.MustParseAddr("10.0.0.2")}}
	spec.Segments = []hostapi.SegmentSpec{{Name: "lan", Kind: lab.LAN, VNI: 5001, Peers: []netip.Addr{netip.MustParseAddr("10.0.0.2")}}}
	r.apply(spec)
	r.converged(spec)
	made := r.fake.Calls()["create"]

	moved := spec
	moved.Cables = slices.Clone(spec.Cables)
	moved.Cables[0].Remote = netip.MustParseAddr("10.0.0.9")
	moved.Segments = []hostapi.SegmentSpec{{Name: "lan", Kind: lab.LAN, VNI: 5001, Peers: []netip.Addr{netip.MustParseAddr("10.0.0.9")}}}
	r.apply(moved)
	r.eventually("the new address", func() bool {
		wired, _, _ := r.fake.Wired(spec.ID)
		return len(wired.Cables) == 1 && wired.Cables[0].Remote == moved.Cables[0].Remote && wired.Segments[0].Peers[0] == moved.Cables[0].Remote
	})
	r.converged(moved)
	if got := r.fake.Calls()["create"]; got != made {
		t.Errorf("%d containers were made for it", got-made)
	}
	older := moved
	older.Generation = 0
	if err := r.x.Apply(t.Context(), older); !fault.Is(err, fault.Conflict) {
		t.Errorf("an older generation gives %v", err)
	}
}

func TestAnExternalNodeIsWiredLikeASegment(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := lab1()
	spec.Externals = []hostapi.ExternalSpec{{Name: "campus", Device: "eno2", VLAN: 120, Ports: []string{"p1"}}}
	spec.Cables = []hostapi.CableSpec{{ID: "a:eth1 campus:p1", A: hostapi.PortRef{Node: "a", Interface: "eth1"}, B: hostapi.PortRef{Node: "campus", Interface: "p1"}}}
	r.apply(spec)
	if got := state(r.converged(spec), "campus"); got.State != hostapi.NodeRunning || got.ContainerID != "" {
		t.Errorf("the external node is %+v", got)
	}
	spec.Generation, spec.Externals = 2, []hostapi.ExternalSpec{{Name: "campus", Device: "eno2", VLAN: 121, Ports: []string{"p1"}}}
	r.apply(spec)
	r.converged(spec)
	if wired, _, _ := r.fake.Wired(spec.ID); len(wired.Externals) != 1 || wired.Externals[0].VLAN != 121 {
		t.Errorf("wired is %+v", wired.Externals)
	}
	spec.Generation, spec.Externals = 3, []hostapi.ExternalSpec{{Name: "campus", VLAN: 120}}
	if err := r.x.Apply(t.Context(), spec); !fault.Is(err, fault.Invalid) {
		t.Errorf("an external node without interface gives %v", err)
	}
}

func TestWhatMovedElsewhereIsDropped(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := lab1()
	ref := func(node string) hostapi.PortRef { return hostapi.PortRef{Node: node, Interface: "eth1"} }
	spec.Cables = []hostapi.CableSpec{{ID: "a:eth1 b:eth1", A: ref("a"), B: ref("b")}}
	spec.Segments = []hostapi.SegmentSpec{{Name: "lan", Kind: lab.LAN}}
	r.apply(spec)
	r.converged(spec)
	r.stop() // the host is lost, and two of its nodes and the segment are placed elsewhere
	r.start()
	r.converged(spec)
	rest := spec
	rest.Generation = 2
	rest.Nodes, rest.Segments = spec.Nodes[:1], nil
	rest.Cables = []hostapi.CableSpec{{ID: "a:eth1 b:eth1", A: ref("a"), B: ref("b"), VNI: 5000, Remote: netip.MustParseAddr("10.0.0.2")}}
	before := len(r.fake.Log())
	r.apply(rest)
	r.converged(rest)
	if got := r.fake.Count(spec.ID); got != 1 {
		t.Errorf("%d containers are left", got)
	}
	wired, there, _ := r.fake.Wired(spec.ID)
	if !slices.Equal(there, []string{"a"}) || len(wired.Segments) != 0 || !wired.Cables[0].Remote.IsValid() {
		t.Errorf("wired is %+v with %v", wired, there)
	}
	var order []string
	for _, c := range r.fake.Log()[before:] {
		switch c.Verb {
		case "remove", "wire":
			order = append(order, c.Verb)
		case "create", "start", "stop":
			t.Errorf("a needless %s of %s", c.Verb, c.Node)
		}
	}
	if len(order) < 3 || order[0] != "remove" || order[1] != "remove" || order[2] != "wire" {
		t.Errorf("the containers go before the cables change; got %v", order)
	}
	t.Run("and the whole lab when nothing of it is here any more", func(t *testing.T) {
		r.stop()
		r.start()
		if err := r.x.Synced(t.Context(), []string{}); err != nil {
			t.Fatal(err)
		}
		r.gone(spec.ID)
		if left, err := r.x.Leftovers(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	})
}

// rebooted is a host with a peer that runs a lab and comes back after its machine was down.
func rebooted(t *testing.T, patience time.Duration) (*rig, hostapi.LabSpec) {
	r := newRig(t, fakehost.Config{})
	r.patience = patience
	r.start()
	if err := r.x.SetPeers(t.Context(), []hostapi.Peer{peer("h2", "10.0.0.2")}); err != nil {
		t.Fatal(err)
	}
	spec := lab1()
	r.apply(spec)
	r.converged(spec)
	r.stop()
	r.fake.RestartEngine()
	r.start()
	return r, spec
}

func TestAReturningHostStartsNothingThatMayHaveMoved(t *testing.T) {
	waits := func(s *hostapi.LabStatus) bool {
		return s != nil && len(s.Nodes) == 3 && !slices.ContainsFunc(s.Nodes, func(n hostapi.NodeStatus) bool {
			return n.State != hostapi.NodeWaiting || n.Reason != "waits for the controller to say whether it still belongs to this host"
		})
	}
	t.Run("what moved never starts", func(t *testing.T) {
		r, spec := rebooted(t, time.Hour)
		started := r.fake.Calls()["start"]
		r.until("the controller's word", spec.ID, waits)
		spec.Generation, spec.Nodes = 2, spec.Nodes[:1]
		r.apply(spec)
		r.converged(spec)
		r.eventually("node a to run", func() bool { return slices.Equal(r.fake.Running(spec.ID), []string{"a"}) })
		if got := r.fake.Calls()["start"] - started; got != 1 {
			t.Errorf("%d nodes were started", got)
		}
	})
	t.Run("a lab that is wanted as it was starts", func(t *testing.T) {
		r, spec := rebooted(t, time.Hour)
		r.until("the controller's word", spec.ID, waits)
		if err := r.x.Synced(t.Context(), []string{spec.ID}); err != nil {
			t.Fatal(err)
		}
		r.converged(spec)
	})
	t.Run("without a controller it starts after a while", func(t *testing.T) {
		r, spec := rebooted(t, 50*time.Millisecond)
		r.converged(spec)
	})
}

// The link may be there before the loops are: what the controller says until then counts.
func TestWhatIsAskedForBeforeTheLoopsRunIsNotHeldBack(t *testing.T) {
	r := newRig(t, fakehost.Config{})
	r.patience = time.Hour
	x, run := r.prepare()
	if err := x.SetPeers(t.Context(), []hostapi.Peer{peer("h2", "10.0.0.2")}); err != nil {
		t.Fatal(err)
	}
	spec := lab1()
	r.apply(spec)
	run()
	r.converged(spec)
}

func TestANewSpecInterruptsTheOneUnderWay(t *testing.T) {
	r := newRig(t, fakehost.Config{})
	stuck, let := make(chan struct{}, 8), make(chan struct{})
	r.fake.Intercept(func(ctx context.Context, c fakehost.Call, do func() error) error {
		if c.Verb == "start" && c.Node == "c" {
			stuck <- struct{}{}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-let:
			}
		}
		return do()
	})
	defer close(let)
	r.start()
	spec := lab1()
	r.apply(spec)
	<-stuck
	rest := spec
	rest.Generation, rest.Nodes = 2, spec.Nodes[:2]
	r.apply(rest)
	r.converged(rest) // though nobody let the start of c go on
	if got := r.fake.Count(spec.ID); got != 2 {
		t.Errorf("%d containers are left", got)
	}
}

var _ host.Underlay = (*fakehost.Fabric)(nil)
