package control

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// drawnLab is a random lab on random hosts.
type drawnLab struct {
	lab    *lab.Lab
	places map[string]Place
	hosts  int
}

var drawnKinds = []lab.Kind{lab.Linux, lab.Linux, lab.Router, lab.Switch, lab.LAN, lab.LAN, lab.Internet}

func drawLab(t *rapid.T) drawnLab {
	d := drawnLab{lab: &lab.Lab{Name: "x"}, places: map[string]Place{}, hosts: rapid.IntRange(1, 5).Draw(t, "hosts")}
	ports := map[string]int{}
	for i := range rapid.IntRange(1, 12).Draw(t, "nodes") {
		n := &lab.Node{Name: fmt.Sprintf("n%d", i), Kind: rapid.SampledFrom(drawnKinds).Draw(t, "kind")}
		if n.Kind.IsContainer() {
			n.Egress = rapid.IntRange(0, 4).Draw(t, "egress") == 0
			n.NoMgmt = rapid.IntRange(0, 4).Draw(t, "no mgmt") == 0
			if other := rapid.IntRange(-3, i-1).Draw(t, "waits for"); other >= 0 && d.lab.Nodes[other].Kind.IsContainer() {
				n.Stages = []lab.Wait{{Stage: "create", Node: d.lab.Nodes[other].Name, NodeStage: "configure"}}
			}
		}
		d.lab.Nodes = append(d.lab.Nodes, n)
		d.places[n.Name] = Place{HostID: fmt.Sprintf("h%d", rapid.IntRange(0, d.hosts-1).Draw(t, "host"))}
	}
	if rapid.Bool().Draw(t, "mgmt") {
		d.lab.Mgmt = &lab.Mgmt{}
	}
	end := func() lab.Endpoint {
		n := d.lab.Nodes[rapid.IntRange(0, len(d.lab.Nodes)-1).Draw(t, "end")]
		ports[n.Name]++
		return lab.Endpoint{Node: n.Name, Interface: fmt.Sprintf("eth%d", ports[n.Name])}
	}
	for range rapid.IntRange(0, 20).Draw(t, "links") {
		k := &lab.Link{Type: lab.VEth, A: end(), B: end(), Cut: rapid.Bool().Draw(t, "cut")}
		k.AtoB.Delay = time.Duration(rapid.IntRange(0, 3).Draw(t, "there")) * time.Millisecond
		k.BtoA.Loss = float64(rapid.IntRange(0, 3).Draw(t, "back"))
		d.lab.Links = append(d.lab.Links, k)
	}
	settleMeshes(d.lab, d.places)
	return d
}

func underlayAt(hostID string) netip.Addr { return netip.MustParseAddr("192.0.2." + hostID[1:]) }

func (d drawnLab) compile(t *rapid.T, places map[string]Place, vnis map[string]uint32) compiled {
	out, err := compile(compileInput{LabID: "l", Tenant: "t", Generation: 3, Lab: d.lab, Deployment: Deployment{Want: WantRun, Places: places, VNIs: vnis}, Underlay: underlayAt})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheSpecsOfAllHostsTogetherAreTheLab(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawLab(t)
		vnis := map[string]uint32{}
		for i, name := range d.compile(t, d.places, nil).Crossing {
			vnis[name] = 5000 + uint32(i)
		}
		out := d.compile(t, d.places, vnis)
		if out.Lacks != nil || len(out.Crossing) != len(vnis) {
			t.Fatalf("%v; %d identifiers for %v", out.Lacks, len(vnis), out.Crossing)
		}
		alone := map[string]Place{}
		for name := range d.places {
			alone[name] = Place{HostID: "h1"}
		}
		whole := d.compile(t, alone, nil).Specs["h1"]
		d.checkNodes(t, out, whole)
		d.checkCables(t, out, whole, vnis)
		d.checkSegments(t, out, whole, vnis)
	})
}

// checkNodes: each node is on its host and nowhere else, the same as if the lab were on one host.
func (d drawnLab) checkNodes(t *rapid.T, out compiled, whole *hostapi.LabSpec) {
	nodes, internets := 0, 0
	for hostID, spec := range out.Specs {
		if spec.ID != whole.ID || spec.Generation != whole.Generation || spec.Tenant != whole.Tenant {
			t.Fatalf("%s is told of lab %s, generation %d", hostID, spec.ID, spec.Generation)
		}
		for _, n := range spec.Nodes {
			nodes++
			want := whole.Nodes[slices.IndexFunc(whole.Nodes, func(w hostapi.NodeSpec) bool { return w.Name == n.Name })]
			want.Awaited = d.awaited(n.Name)
			if d.places[n.Name].HostID != hostID || !reflect.DeepEqual(n, want) {
				t.Fatalf("%s has %+v, want %+v on %s", hostID, n, want, d.places[n.Name].HostID)
			}
		}
		for _, n := range spec.Internets {
			internets++
			if !slices.ContainsFunc(whole.Internets, func(w hostapi.InternetSpec) bool { return reflect.DeepEqual(w, n) }) {
				t.Fatalf("%s has a strange way out %+v", hostID, n)
			}
		}
	}
	if nodes != len(whole.Nodes) || internets != len(whole.Internets) {
		t.Fatalf("%d of %d nodes and %d of %d ways out are told", nodes, len(whole.Nodes), internets, len(whole.Internets))
	}
}

func (d drawnLab) awaited(name string) bool {
	for _, n := range d.lab.Nodes {
		for _, w := range n.Stages {
			if w.Node == name && d.places[n.Name].HostID != d.places[name].HostID {
				return true
			}
		}
	}
	return false
}

// has reports that the port is on the host.
func has(spec *hostapi.LabSpec, p hostapi.PortRef) bool {
	for _, n := range spec.Nodes {
		if n.Name == p.Node {
			return slices.ContainsFunc(n.Interfaces, func(i hostapi.InterfaceSpec) bool { return i.Name == p.Interface })
		}
	}
	for _, s := range spec.Segments {
		if s.Name == p.Node {
			return slices.ContainsFunc(s.Ports, func(i hostapi.SegmentPortSpec) bool { return i.Name == p.Interface })
		}
	}
	for _, n := range spec.Internets {
		if n.Name == p.Node {
			return slices.Contains(n.Interfaces, p.Interface)
		}
	}
	return false
}

// checkCables: each cable is whole on one host, or on two with mirrored ends, one identifier and each other's address.
func (d drawnLab) checkCables(t *rapid.T, out compiled, whole *hostapi.LabSpec, vnis map[string]uint32) {
	told := map[string][]string{}
	specs := map[string]hostapi.CableSpec{}
	for _, hostID := range slices.Sorted(maps.Keys(out.Specs)) {
		for _, k := range out.Specs[hostID].Cables {
			if !has(out.Specs[hostID], k.A) {
				t.Fatalf("%s has no port %v of cable %s", hostID, k.A, k.ID)
			}
			if k.VNI == 0 && !has(out.Specs[hostID], k.B) {
				t.Fatalf("%s has no port %v of cable %s", hostID, k.B, k.ID)
			}
			told[k.ID] = append(told[k.ID], hostID)
			specs[hostID+" "+k.ID] = k
		}
	}
	for _, want := range whole.Cables {
		hosts := told[want.ID]
		first := specs[hosts[0]+" "+want.ID]
		if len(hosts) == 1 {
			if first != want {
				t.Fatalf("cable %+v, want %+v", first, want)
			}
			continue
		}
		if len(hosts) != 2 || vnis[want.ID] == 0 {
			t.Fatalf("cable %s is on %v with identifier %d", want.ID, hosts, vnis[want.ID])
		}
		want.VNI = vnis[want.ID]
		second := specs[hosts[1]+" "+want.ID]
		if first.A != want.A {
			hosts[0], hosts[1], first, second = hosts[1], hosts[0], second, first
		}
		mirrored := want
		want.Remote = underlayAt(hosts[1])
		mirrored.A, mirrored.B, mirrored.AtoB, mirrored.BtoA, mirrored.Remote = want.B, want.A, want.BtoA, want.AtoB, underlayAt(hosts[0])
		if first != want || second != mirrored {
			t.Fatalf("the two ends are %+v and %+v", first, second)
		}
	}
	if len(told) != len(whole.Cables) {
		t.Fatalf("%d cables are told, want %d", len(told), len(whole.Cables))
	}
}

// checkSegments: each port is on one part, parts know all other parts, and only what is on several hosts has an identifier.
func (d drawnLab) checkSegments(t *rapid.T, out compiled, whole *hostapi.LabSpec, vnis map[string]uint32) {
	for _, want := range whole.Segments {
		parts, ports := map[string]hostapi.SegmentSpec{}, 0
		for hostID, spec := range out.Specs {
			for _, s := range spec.Segments {
				if s.Name == want.Name {
					parts[hostID] = s
					ports += len(s.Ports)
				}
			}
		}
		if ports != len(want.Ports) || len(parts) == 0 || want.Kind == lab.Switch && len(parts) > 1 {
			t.Fatalf("segment %s has %d of %d ports on %d hosts", want.Name, ports, len(want.Ports), len(parts))
		}
		if at := d.places[want.Name].HostID; at != "" {
			if _, there := parts[at]; !there {
				t.Fatalf("segment %s has no part at its own place %s", want.Name, at)
			}
		}
		for hostID, s := range parts {
			var peers []netip.Addr
			for _, other := range slices.Sorted(maps.Keys(parts)) {
				if other != hostID {
					peers = append(peers, underlayAt(other))
				}
			}
			if !slices.Equal(s.Peers, peers) || (len(peers) > 0) != (s.VNI != 0) || s.VNI != vnis[want.Name] || s.Kind != want.Kind {
				t.Fatalf("part of %s on %s is %+v; peers should be %v", want.Name, hostID, s, peers)
			}
		}
	}
}
