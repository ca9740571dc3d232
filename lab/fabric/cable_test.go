package fabric

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

func twoNodes(id string) hostapi.LabSpec {
	return hostapi.LabSpec{ID: id, Name: id, Generation: 1,
		Nodes: []hostapi.NodeSpec{
			nodeSpec("r1", iface("eth1", 1, 1, "10.0.0.1/24", "fd00::1/64"), iface("lo", 1, 0, "192.0.2.1/32")),
			nodeSpec("r2", iface("eth1", 2, 1, "10.0.0.2/24", "fd00::2/64")),
		},
		Cables: []hostapi.CableSpec{cable("r1", "eth1", "r2", "eth1")},
	}
}

func TestTwoNodesPingOverACableAndNothingIsLeft(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	r.start("r1", "r2")
	r.plug(spec)
	if r.carrier("r1", "eth1") {
		t.Error("an interface that is plugged but not cabled has a carrier")
	}
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
	r.reaches("r2", "fd00::1")
	link := r.linksIn("r1")["eth1"].Attrs()
	if link.HardwareAddr.String() != "02:00:00:00:01:01" || link.MTU != 1500 {
		t.Errorf("eth1 has MAC %s and MTU %d", link.HardwareAddr, link.MTU)
	}
	labs, err := r.Labs(context.Background())
	if err != nil || len(labs) != 1 || labs[0] != "lab1" {
		t.Errorf("labs %q, %v", labs, err)
	}
	words, err := r.Leftovers(context.Background(), map[string]bool{"lab1": true})
	if err != nil || len(words) != 0 {
		t.Errorf("a running lab is called left over: %q, %v", words, err)
	}
	if err := r.Unwire(context.Background(), "lab1"); err != nil {
		t.Fatal(err)
	}
	r.clean()
	if _, there := r.linksIn("r1")["eth1"]; there {
		t.Error("eth1 outlived its lab")
	}
	if err := r.Unwire(context.Background(), "lab1"); err != nil {
		t.Errorf("removing a missing lab: %v", err)
	}
}

func TestASecondRunWritesNothing(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	spec.Segments = []hostapi.SegmentSpec{{Name: "sw", Kind: "switch", Ports: []hostapi.SegmentPortSpec{{Name: "p1", Access: 10}, {Name: "p2", Trunk: []int{20, 10}, Native: 10}}, STP: "rstp"}}
	spec.Nodes[0].Interfaces = append(spec.Nodes[0].Interfaces, iface("eth2", 1, 2))
	spec.Nodes[1].Interfaces = append(spec.Nodes[1].Interfaces, iface("eth2", 2, 2))
	c := cable("r2", "eth2", "sw", "p2")
	c.AtoB.RateBits = 10e6
	spec.Cables = append(spec.Cables, cable("r1", "eth2", "sw", "p1"), c)
	spec.Cables[0].AtoB.RateBits = 5e6
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	kernel, ovs := r.writes.Load(), r.ovs.writes.Load()
	again := spec
	again.Generation = 2
	r.plug(again)
	r.wire(again)
	if k, o := r.writes.Load()-kernel, r.ovs.writes.Load()-ovs; k != 0 || o != 0 {
		t.Errorf("the second run wrote %d times to the kernel and %d times to Open vSwitch", k, o)
	}
	// A second agent process that knows nothing but the stamps writes nothing either.
	second, err := New(r.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	next := &rig{Fabric: second, t: t, nodes: r.nodes}
	next.plug(again)
	next.wire(again)
	if k, o := second.writes.Load(), second.ovs.writes.Load(); k != 0 || o != 0 {
		t.Errorf("a new agent wrote %d times to the kernel and %d times to Open vSwitch", k, o)
	}
}

func TestACutCableTakesTheCarrierAtBothEnds(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
	spec.Cables[0].Cut = true
	start := time.Now()
	r.wire(spec)
	if r.carrier("r1", "eth1") || r.carrier("r2", "eth1") {
		t.Error("a cut cable has a carrier")
	}
	t.Logf("cut took %s", time.Since(start))
	r.reachesNot("r1", "10.0.0.2")
	spec.Cables[0].Cut = false
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
}

func TestTheLivePeerOfAnAbsentNodeHasNoCarrierUntilItReturns(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
	r.nodes["r2"].stop()
	r.wire(spec, "r2")
	if r.carrier("r1", "eth1") {
		t.Error("the peer of an absent node has a carrier")
	}
	r.start("r2")
	r.plug(spec)
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
}

func TestANodeRestartedBehindOurBackIsCabledAgain(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
	for range 3 {
		r.nodes["r2"].stop()
		r.start("r2")
		r.plug(spec)
		r.wire(spec)
		r.reaches("r1", "10.0.0.2")
		r.reaches("r2", "fd00::1")
	}
}

func routeTo(to, via string) lab.StaticRoute {
	return lab.StaticRoute{To: netip.MustParsePrefix(to), Via: netip.MustParseAddr(via)}
}
