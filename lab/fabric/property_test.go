package fabric

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// dice makes random specs over a fixed set of nodes, so that each differs from the one before in every possible way.
type dice struct {
	*rand.Rand
	nodes []string
}

func (d dice) spec(id string, generation int64) hostapi.LabSpec {
	spec := hostapi.LabSpec{ID: id, Name: id, Generation: generation}
	var free []hostapi.PortRef
	for i, name := range d.nodes {
		n := nodeSpec(name)
		for k := range d.IntN(4) {
			eth := fmt.Sprintf("eth%d", k)
			one := iface(eth, i, k, fmt.Sprintf("10.%d.%d.%d/24", d.IntN(3), k, i+1))
			one.MTU = []int{1500, 1400, 9000}[d.IntN(3)]
			one.Dummy = d.IntN(8) == 0
			n.Interfaces = append(n.Interfaces, one)
			if !one.Dummy {
				free = append(free, hostapi.PortRef{Node: name, Interface: eth})
			}
		}
		spec.Nodes = append(spec.Nodes, n)
	}
	for s := range d.IntN(3) {
		segment := hostapi.SegmentSpec{Name: fmt.Sprintf("sw%d", s), Kind: lab.Switch, STP: []string{"", "", "rstp"}[d.IntN(3)]}
		for p := range 1 + d.IntN(4) {
			port := hostapi.SegmentPortSpec{Name: fmt.Sprintf("p%d", p)}
			switch d.IntN(4) {
			case 0:
				port.Access = 1 + d.IntN(3)
			case 1:
				port.Trunk = []int{1 + d.IntN(3), 1 + d.IntN(3)}
			case 2:
				port.Trunk, port.Native = []int{2, 3}, 1+d.IntN(3)
			}
			segment.Ports = append(segment.Ports, port)
			free = append(free, hostapi.PortRef{Node: segment.Name, Interface: port.Name})
		}
		spec.Segments = append(spec.Segments, segment)
	}
	d.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	for len(free) >= 2 && d.IntN(5) > 0 {
		c := hostapi.CableSpec{ID: free[0].Node + free[0].Interface + free[1].Node + free[1].Interface, A: free[0], B: free[1], Cut: d.IntN(5) == 0}
		c.AtoB.RateBits, c.BtoA.RateBits = int64(d.IntN(2))*10e6, int64(d.IntN(2))*int64(5e6+d.IntN(4)*1e6)
		spec.Cables = append(spec.Cables, c)
		free = free[2:]
	}
	return spec
}

func TestWhateverSpecsFollowEachOtherTheObservedIsTheWanted(t *testing.T) {
	if testing.Short() {
		t.Skip("takes many steps")
	}
	r := newRig(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	d := dice{rand.New(rand.NewPCG(seed, 1)), []string{"n0", "n1", "n2", "n3", "n4"}}
	r.start(d.nodes...)
	for step := range 20 {
		spec := d.spec("dice", int64(step+1))
		var absent []string
		switch name := d.nodes[d.IntN(len(d.nodes))]; d.IntN(4) {
		case 0:
			r.nodes[name].stop()
			absent = append(absent, name)
		case 1: // the container was restarted
			r.nodes[name].stop()
			r.start(name)
		}
		r.plug(spec)
		r.wire(spec, absent...)
		if !r.asWanted(t, spec, absent) {
			t.Fatalf("step %d differs", step)
		}
		kernel, ovs := r.writes.Load(), r.ovs.writes.Load()
		r.plug(spec)
		r.wire(spec, absent...)
		if k, o := r.writes.Load()-kernel, r.ovs.writes.Load()-ovs; k+o != 0 {
			t.Fatalf("step %d: repeating wrote %d times to the kernel and %d times to Open vSwitch", step, k, o)
		}
		for _, name := range absent {
			r.start(name)
		}
	}
	if err := r.Unwire(context.Background(), "dice"); err != nil {
		t.Fatal(err)
	}
	r.clean()
}

// asWanted compares what Open vSwitch and the kernel have with what the spec says, by ways that the code under test doesn't use.
func (r *rig) asWanted(t *testing.T, spec hostapi.LabSpec, absent []string) bool {
	t.Helper()
	state := must(r.ovs.observe(context.Background()))
	flows := must(parseFlows(must(r.ovs.dumpFlows(context.Background(), state.panelOf(r.cfg.HostID).name))))
	nameOf := map[int]string{}
	for name, p := range state.ports {
		if p.bridge == state.panelOf(r.cfg.HostID).name {
			nameOf[p.ofport] = name
		}
	}
	here := map[string]bool{}
	for _, f := range flows {
		ports := f.mentions()
		here[nameOf[ports[0]]+" > "+nameOf[ports[1]]] = true
	}
	want, up := map[string]bool{}, map[hostapi.PortRef]bool{}
	for _, c := range spec.Cables {
		if c.Cut || slices.Contains(absent, c.A.Node) || slices.Contains(absent, c.B.Node) {
			continue
		}
		a, b := r.portOf(spec, c.A), r.portOf(spec, c.B)
		want[a+" > "+b], want[b+" > "+a] = true, true
		up[c.A], up[c.B] = true, true
	}
	ok := maps.Equal(here, want)
	if !ok {
		t.Errorf("flows %v\nwanted %v", here, want)
	}
	for _, n := range spec.Nodes {
		if slices.Contains(absent, n.Name) {
			continue
		}
		links := r.linksIn(n.Name)
		if len(links) != len(n.Interfaces)+1 {
			t.Errorf("%s has %d interfaces besides lo, wanted %d", n.Name, len(links)-1, len(n.Interfaces))
			ok = false
		}
		for _, i := range n.Interfaces {
			link := links[i.Name]
			if link == nil || link.Attrs().MTU != i.MTU || link.Attrs().HardwareAddr.String() != i.MAC {
				t.Errorf("%s:%s is %+v", n.Name, i.Name, link)
				return false
			}
			carrier := link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
			if wanted := i.Dummy || up[hostapi.PortRef{Node: n.Name, Interface: i.Name}]; carrier != wanted {
				t.Errorf("%s:%s: carrier %t, wanted %t", n.Name, i.Name, carrier, wanted)
				ok = false
			}
		}
	}
	return ok && r.vlansAsWanted(t, spec, state)
}

func (r *rig) portOf(spec hostapi.LabSpec, ref hostapi.PortRef) string {
	for _, s := range spec.Segments {
		if s.Name == ref.Node {
			return r.names.joinPanel(spec.ID, s.Name, ref.Interface)
		}
	}
	return r.names.hostEnd(spec.ID, ref.Node, ref.Interface)
}

// vlansAsWanted checks the bridges and the VLANs of their cabled ports.
func (r *rig) vlansAsWanted(t *testing.T, spec hostapi.LabSpec, state *ovsState) bool {
	t.Helper()
	ok := true
	bridges := 0
	for _, b := range state.bridges {
		if b.ids[idHost] == r.cfg.HostID && b.ids[idLab] == spec.ID {
			bridges++
		}
	}
	if bridges != len(spec.Segments) {
		t.Errorf("%d bridges, wanted %d", bridges, len(spec.Segments))
		ok = false
	}
	for _, s := range spec.Segments {
		for _, port := range s.Ports {
			p := state.ports[r.names.joinSegment(spec.ID, s.Name, port.Name)]
			if p == nil {
				continue // no cable
			}
			tag := port.Access + port.Native
			if p.tag != tag || port.Access == 0 && len(port.Trunk) > 0 && len(p.trunks) == 0 || port.Access > 0 && p.vlanMode != "access" {
				t.Errorf("%s:%s is %+v, wanted %+v", s.Name, port.Name, p, port)
				ok = false
			}
		}
	}
	return ok
}
