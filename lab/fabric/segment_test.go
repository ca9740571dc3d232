package fabric

import (
	"testing"
	"time"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// fourHosts is h1 and h2 in VLAN 10, h3 and h4 in VLAN 20, on two switches joined by a trunk: h1 and h3 on sw1, h2 and h4 on sw2.
func fourHosts() hostapi.LabSpec {
	port := func(name string, access int) hostapi.SegmentPortSpec {
		return hostapi.SegmentPortSpec{Name: name, Access: access}
	}
	trunk := hostapi.SegmentPortSpec{Name: "up", Trunk: []int{10, 20}}
	return hostapi.LabSpec{ID: "vlans", Name: "vlans", Generation: 1,
		Nodes: []hostapi.NodeSpec{
			nodeSpec("h1", iface("eth1", 1, 1, "10.0.0.1/24")), nodeSpec("h2", iface("eth1", 2, 1, "10.0.0.2/24")),
			nodeSpec("h3", iface("eth1", 3, 1, "10.0.0.3/24")), nodeSpec("h4", iface("eth1", 4, 1, "10.0.0.4/24")),
		},
		Segments: []hostapi.SegmentSpec{
			{Name: "sw1", Kind: lab.Switch, Ports: []hostapi.SegmentPortSpec{port("p1", 10), port("p3", 20), trunk}},
			{Name: "sw2", Kind: lab.Switch, Ports: []hostapi.SegmentPortSpec{port("p2", 10), port("p4", 20), trunk}},
		},
		Cables: []hostapi.CableSpec{
			cable("h1", "eth1", "sw1", "p1"), cable("h3", "eth1", "sw1", "p3"), cable("h2", "eth1", "sw2", "p2"), cable("h4", "eth1", "sw2", "p4"),
			cable("sw1", "up", "sw2", "up"),
		},
	}
}

func TestSwitchesSeparateVLANsAndATrunkCarriesThem(t *testing.T) {
	r := newRig(t)
	spec := fourHosts()
	r.start("h1", "h2", "h3", "h4")
	r.plug(spec)
	r.wire(spec)
	r.reaches("h1", "10.0.0.2")
	r.reaches("h3", "10.0.0.4")
	for _, to := range []string{"10.0.0.3", "10.0.0.4"} {
		r.reachesNot("h1", to)
	}
	t.Run("a changed access VLAN moves the port and nothing else", func(t *testing.T) {
		spec.Segments[1].Ports[1].Access = 10 // h4
		r.wire(spec)
		r.reaches("h1", "10.0.0.4")
		r.stopsReaching("h3", "10.0.0.4")
	})
	t.Run("a trunk without the VLAN stops it", func(t *testing.T) {
		spec.Segments[0].Ports[2].Trunk = []int{20}
		r.wire(spec)
		r.stopsReaching("h1", "10.0.0.2")
	})
	t.Run("a rate towards a switch keeps the VLANs apart", func(t *testing.T) {
		spec.Segments[0].Ports[2].Trunk = nil
		spec.Cables[0].AtoB = lab.Impairment{RateBits: 20e6}
		spec.Cables[4].BtoA = lab.Impairment{RateBits: 50e6}
		r.wire(spec)
		r.reaches("h1", "10.0.0.2")
		r.reachesNot("h1", "10.0.0.3")
		spec.Cables[0].AtoB, spec.Cables[4].BtoA = lab.Impairment{}, lab.Impairment{}
		r.wire(spec)
		r.reaches("h1", "10.0.0.2")
		for _, link := range must(r.ownLinks(t.Context())) {
			if name := link.Attrs().Name; name[:3] == joinPanelPrefix {
				t.Errorf("the pair %s outlived its impairment", name)
			}
		}
	})
}

func TestALANJoinsAllItsMembers(t *testing.T) {
	r := newRig(t)
	spec := hostapi.LabSpec{ID: "lan", Name: "lan", Generation: 1,
		Nodes: []hostapi.NodeSpec{nodeSpec("a", iface("eth1", 1, 1, "10.0.0.1/24")), nodeSpec("b", iface("eth1", 2, 1, "10.0.0.2/24")),
			nodeSpec("c", iface("eth1", 3, 1, "10.0.0.3/24"))},
		Segments: []hostapi.SegmentSpec{{Name: "lan1", Kind: lab.LAN, Ports: []hostapi.SegmentPortSpec{{Name: "p1"}, {Name: "p2"}, {Name: "p3"}}}},
		Cables:   []hostapi.CableSpec{cable("a", "eth1", "lan1", "p1"), cable("b", "eth1", "lan1", "p2"), cable("lan1", "p3", "c", "eth1")},
	}
	r.start("a", "b", "c")
	r.plug(spec)
	r.wire(spec)
	r.reaches("a", "10.0.0.2")
	r.reaches("b", "10.0.0.3")
	r.reaches("c", "10.0.0.1")
	t.Run("two labs with the same names and addresses don't meet", func(t *testing.T) {
		other := spec
		other.ID = "other"
		nodes := r.nodes
		r.nodes = map[string]*node{}
		r.start("a", "b", "c")
		r.nodes["b"].stop()
		r.plug(other)
		r.wire(other, "b")
		r.reaches("a", "10.0.0.3")
		r.reachesNot("a", "10.0.0.2") // b lives in the first lab only
		if err := r.Unwire(t.Context(), "other"); err != nil {
			t.Fatal(err)
		}
		r.nodes = nodes
		r.reaches("a", "10.0.0.2")
	})
	t.Run("a loop of two switches with RSTP carries and doesn't storm", func(t *testing.T) {
		ports := []hostapi.SegmentPortSpec{{Name: "x"}, {Name: "y"}, {Name: "h"}}
		loop := hostapi.LabSpec{ID: "loop", Generation: 1, Nodes: []hostapi.NodeSpec{spec.Nodes[0], spec.Nodes[1]},
			Segments: []hostapi.SegmentSpec{{Name: "s1", Kind: lab.Switch, STP: "rstp", Ports: ports}, {Name: "s2", Kind: lab.Switch, STP: "rstp", Ports: ports}},
			Cables:   []hostapi.CableSpec{cable("s1", "x", "s2", "x"), cable("s1", "y", "s2", "y"), cable("a", "eth1", "s1", "h"), cable("b", "eth1", "s2", "h")}}
		if err := r.Unwire(t.Context(), "lan"); err != nil {
			t.Fatal(err)
		}
		r.plug(loop)
		r.wire(loop)
		eventually(t, "RSTP to converge", func() bool { return r.ping("a", "10.0.0.2", 56, time.Second) == nil })
		if err := r.Unwire(t.Context(), "loop"); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a loop without a spanning tree harms nobody else", func(t *testing.T) {
		ports := []hostapi.SegmentPortSpec{{Name: "x"}, {Name: "y"}, {Name: "h"}}
		loop := hostapi.LabSpec{ID: "loop", Generation: 1, Nodes: []hostapi.NodeSpec{spec.Nodes[0]},
			Segments: []hostapi.SegmentSpec{{Name: "s1", Kind: lab.Switch, Ports: ports}, {Name: "s2", Kind: lab.Switch, Ports: ports}},
			Cables:   []hostapi.CableSpec{cable("s1", "x", "s2", "x"), cable("s1", "y", "s2", "y"), cable("a", "eth1", "s1", "h")}}
		r.plug(loop)
		r.wire(loop)
		if err := r.ping("a", "10.0.0.77", 56, 200*time.Millisecond); err == nil { // floods an ARP request into the loop
			t.Error("nobody has 10.0.0.77")
		}
		peace := hostapi.LabSpec{ID: "peace", Generation: 1, Nodes: spec.Nodes[1:], Cables: []hostapi.CableSpec{cable("b", "eth1", "c", "eth1")}}
		r.plug(peace)
		r.wire(peace)
		r.reaches("b", "10.0.0.3")
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
