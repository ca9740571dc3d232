package fabric

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// wanted is what a lab shall have in Open vSwitch and in the host's namespace. It is computed from the spec alone.
type wanted struct {
	lab        string
	generation int64
	bridges    map[string]bridgeWant
	outside    map[string]string // bridges of devices that labs share: name to device
	ports      map[string]portWant
	ends       map[string]endWant // devices of the host's namespace
	cables     []cableWant
	held       []carrierEnd      // ends of cables: their carrier follows the far end
	limits     map[string]string // by cable id
	wrap       bool              // frames to other hosts get a tag of ours
	tunnel     bool              // a cable or a segment leads to another host
}

// bridgeWant is a segment's bridge.
type bridgeWant struct {
	name, object, stp string
	transparent       bool // frames to reserved addresses pass: it behaves like a wire, not like a bridge of IEEE 802.1D
	hub               bool // it learns nothing
	settings          map[string]string
	mirrors           []mirrorWant
	controller        *hostapi.ControllerSpec
}

// portWant is a port of the panel or of a segment.
type portWant struct {
	name, bridge, object string
	panel                bool              // flows name its number
	kind                 string            // "" for a device, "patch"
	options              map[string]string // patch: its peer
	vlan                 vlanWant
	device               bool              // it needs the device of its name
	protected            bool              // never exchanges frames with another protected port of its bridge
	number               int               // its OpenFlow number; 0: any that is free
	settings             map[string]string // of a switch's port: what it says to the spanning tree
}

// vlanWant is what a segment's port does with VLANs. The zero value lets every VLAN pass.
type vlanWant struct {
	mode   string // "", access, trunk, native-untagged
	tag    int
	trunks []int
}

// endWant is a device of the host's namespace: a host end of a node's interface, or half of a veth pair that joins the panel to a segment.
type endWant struct {
	object  string
	up      bool
	impair  lab.Impairment // towards what the device leads to
	cable   string
	inPlace bool   // Plug or the internet node made it; otherwise Wire does
	peer    string // of a pair that Wire makes
}

// cableWant joins two panel ports, or one with another host.
type cableWant struct {
	id     string // "" for the way from a segment to its part on another host
	a, b   string
	vni    uint32
	remote netip.Addr
	deafA  bool // what is for a is dropped: the cable is cut in one direction
	deafB  bool
}

// planner builds a wanted.
type planner struct {
	names     namer
	spec      hostapi.LabSpec
	present   func(hostEnd string) bool
	impairs   func(lab.Impairment) (possible lab.Impairment, limit string)
	w         *wanted
	nodes     map[string]hostapi.NodeSpec
	segments  map[string]hostapi.SegmentSpec
	internets map[string]hostapi.InternetSpec
	externals map[string]hostapi.ExternalSpec
	refused   map[string]string          // externals that can't be had, and why
	used      map[hostapi.PortRef]string // port to its cable
}

// end is one side of a cable, resolved.
type end struct {
	ref   hostapi.PortRef
	port  string // panel port; "" when it isn't there now
	held  string // device whose carrier follows the cable; "" for a patch port
	limit string
}

// plan turns a spec into what is wanted. present tells whether the host end of an interface exists; impairs what is left of an
// impairment on this kernel, and what to say of the rest; refused says why an external can't be had.
func plan(names namer, spec hostapi.LabSpec, present func(string) bool, impairs func(lab.Impairment) (lab.Impairment, string), refused map[string]string) *wanted {
	p := &planner{names: names, spec: spec, present: present, impairs: impairs, refused: refused,
		w: &wanted{lab: spec.ID, generation: spec.Generation, bridges: map[string]bridgeWant{}, outside: map[string]string{}, ports: map[string]portWant{},
			ends: map[string]endWant{}, limits: map[string]string{}},
		externals: map[string]hostapi.ExternalSpec{},
		nodes:     map[string]hostapi.NodeSpec{}, segments: map[string]hostapi.SegmentSpec{}, internets: map[string]hostapi.InternetSpec{},
		used: map[hostapi.PortRef]string{}}
	for _, s := range spec.Segments {
		p.segments[s.Name] = s
		p.mesh(s)
	}
	for _, x := range spec.Externals {
		p.externals[x.Name] = x
	}
	for _, n := range spec.Nodes {
		p.nodes[n.Name] = n
		for _, i := range n.Interfaces {
			p.hostEnd(n.Name, i.Name, i.Dummy)
		}
	}
	for _, in := range spec.Internets {
		p.internets[in.Name] = in
		for _, i := range in.Interfaces {
			p.hostEnd(in.Name, i, false)
		}
	}
	for _, c := range spec.Cables {
		p.cable(c)
	}
	for _, s := range spec.Segments {
		p.bridge(s)
	}
	return p.w
}

// hostEnd notes a device that Plug or the internet node made; it is down until a cable holds it.
func (p *planner) hostEnd(node, iface string, up bool) {
	if name := p.names.hostEnd(p.spec.ID, node, iface); iface != loopback && p.present(name) {
		p.w.ends[name] = endWant{object: node + ":" + iface, up: up, inPlace: true}
	}
}

func (p *planner) cable(c hostapi.CableSpec) {
	a := p.resolve(c, c.A, c.BtoA, c.B)
	if c.Remote.IsValid() {
		p.w.tunnel = true
		wired := p.connected(c, a) && !c.Cut && !p.switchedOff(c.A)
		p.hold(c, a, false, wired)
		if wired {
			p.raise(a)
			p.w.cables = append(p.w.cables, cableWant{id: c.ID, a: a.port, vni: c.VNI, remote: c.Remote.Unmap(), deafA: c.BtoA.IsCut(), deafB: c.AtoB.IsCut()})
		} else {
			p.leaveOut(a)
		}
		return
	}
	b := p.resolve(c, c.B, c.AtoB, c.A)
	hasA, hasB := p.connected(c, a), p.connected(c, b)
	wired := hasA && hasB && !c.Cut && !p.switchedOff(c.A) && !p.switchedOff(c.B)
	p.hold(c, a, false, wired)
	p.hold(c, b, true, wired)
	if wired {
		p.raise(a)
		p.raise(b)
		p.w.cables = append(p.w.cables, cableWant{id: c.ID, a: a.port, b: b.port, deafA: c.BtoA.IsCut(), deafB: c.AtoB.IsCut()})
	} else {
		p.leaveOut(a)
		p.leaveOut(b)
	}
}

// switchedOff reports that a person switched the segment's port off.
func (p *planner) switchedOff(ref hostapi.PortRef) bool {
	return slices.ContainsFunc(p.segments[ref.Node].Ports, func(port hostapi.SegmentPortSpec) bool { return port.Name == ref.Interface && port.Down })
}

// leaveOut takes the patch ports of an end out of what is wanted, as its cable carries nothing. A pair of devices shows that by its carrier; a
// patch port is always up, and the segment would go on sending to addresses that it learnt there.
func (p *planner) leaveOut(e end) {
	if outer, ok := p.w.ports[e.port]; ok && outer.kind == "patch" {
		delete(p.w.ports, outer.options["peer"])
		delete(p.w.ports, e.port)
	}
}

// hold notes an end whose carrier follows the far one's, and that tells its own.
func (p *planner) hold(c hostapi.CableSpec, e end, b, wired bool) {
	if e.port == "" || e.held == "" && !c.Remote.IsValid() {
		return
	}
	held := carrierEnd{key: endKey{p.spec.ID, c.ID, b}, port: e.ref, device: e.held, watched: p.w.ends[e.held].inPlace, wanted: wired,
		remote: c.Remote.Unmap(), vni: c.VNI}
	if first := c.A.Node+":"+c.A.Interface < c.B.Node+":"+c.B.Interface; c.Flap != nil && b != first { // one end, on whatever host
		held.flap = c.Flap
	}
	p.w.held = append(p.w.held, held)
}

func (p *planner) connected(c hostapi.CableSpec, e end) bool {
	if e.limit != "" {
		p.w.limits[c.ID] = e.limit
	}
	return e.port != ""
}

func (p *planner) raise(e end) {
	w, ok := p.w.ends[e.held]
	if !ok {
		return
	}
	w.up = true
	p.w.ends[e.held] = w
	if inner, ok := p.w.ends[w.peer]; ok {
		inner.up = true
		p.w.ends[w.peer] = inner
	}
}

// resolve finds the panel port of one side of a cable, and what impairs the frames that leave the panel there.
func (p *planner) resolve(c hostapi.CableSpec, ref hostapi.PortRef, towards lab.Impairment, other hostapi.PortRef) end {
	if first, taken := p.used[ref]; taken {
		return end{ref: ref, limit: fmt.Sprintf("The interface %s:%s already has the cable %q.", ref.Node, ref.Interface, first)}
	}
	p.used[ref] = c.ID
	if towards.IsCut() {
		towards = lab.Impairment{} // no flow leads there
	}
	if !towards.IsZero() {
		possible, limit := p.impairs(towards)
		if limit != "" {
			p.w.limits[c.ID] = limit
		}
		towards = possible
	}
	if s, ok := p.segments[ref.Node]; ok {
		_, toSegment := p.segments[other.Node]
		return p.resolveSegment(c, s, ref, towards, s.STP != "" && (toSegment || c.Remote.IsValid()) || wantsPairs(s) || c.Flap != nil)
	}
	if x, ok := p.externals[ref.Node]; ok {
		return p.resolveExternal(c, x, ref, towards)
	}
	n, isNode := p.nodes[ref.Node]
	in, isInternet := p.internets[ref.Node]
	switch {
	case !isNode && !isInternet:
		return end{ref: ref, limit: fmt.Sprintf("The cable's end %s:%s is not on this host.", ref.Node, ref.Interface)}
	case isNode && !slices.ContainsFunc(n.Interfaces, func(i hostapi.InterfaceSpec) bool { return i.Name == ref.Interface }),
		isInternet && !slices.Contains(in.Interfaces, ref.Interface):
		return end{ref: ref, limit: fmt.Sprintf("The node %s has no interface %s.", ref.Node, ref.Interface)}
	}
	name := p.names.hostEnd(p.spec.ID, ref.Node, ref.Interface)
	w, there := p.w.ends[name]
	if !there {
		return end{ref: ref}
	}
	w.impair, w.cable = towards, c.ID
	p.w.ends[name] = w
	p.w.ports[name] = portWant{name: name, object: w.object, panel: true, device: true}
	return end{ref: ref, port: name, held: name}
}

// resolveSegment joins a segment to the panel: by patch ports, or by a veth pair where frames towards the segment are impaired, since a
// queueing discipline needs a device, and between switches that speak a spanning tree: over patch ports the switch daemon would answer
// one BPDU within the handling of the other, deeper and deeper, and crash (Open vSwitch 3.1.0; seen with two switches and two cables). A
// pair also lets the segment see carrier come and go: what an OpenFlow controller is told, and what a cable that flaps loses. And a mirror
// copies only what comes in by a device.
func (p *planner) resolveSegment(c hostapi.CableSpec, s hostapi.SegmentSpec, ref hostapi.PortRef, towards lab.Impairment, pair bool) end {
	i := slices.IndexFunc(s.Ports, func(port hostapi.SegmentPortSpec) bool { return port.Name == ref.Interface })
	if i < 0 {
		return end{ref: ref, limit: fmt.Sprintf("The segment %s has no port %s.", ref.Node, ref.Interface)}
	}
	e := p.join(c, p.names.segment(p.spec.ID, s.Name), vlanOf(s.Ports[i]), ref, towards, pair)
	inner := p.names.joinSegment(p.spec.ID, ref.Node, ref.Interface)
	port := p.w.ports[inner]
	port.settings = treeOfPort(s.STP, s.Ports[i].STP)
	if s.Kind == lab.Switch {
		port.number = portNumbers(s)[ref.Interface]
	}
	p.w.ports[inner] = port
	return e
}

// wantsPairs reports that every port of a segment has to be a device.
func wantsPairs(s hostapi.SegmentSpec) bool {
	return s.Controller != nil || s.Switch != nil && len(s.Switch.Mirrors) > 0
}

// join makes the ports between the panel and a bridge.
func (p *planner) join(c hostapi.CableSpec, bridge string, vlan vlanWant, ref hostapi.PortRef, towards lab.Impairment, pair bool) end {
	inner, outer := p.names.joinSegment(p.spec.ID, ref.Node, ref.Interface), p.names.joinPanel(p.spec.ID, ref.Node, ref.Interface)
	object := ref.Node + ":" + ref.Interface
	toPanel := portWant{name: inner, bridge: bridge, object: object, vlan: vlan}
	toSegment := portWant{name: outer, object: object, panel: true}
	e := end{ref: ref, port: outer}
	if towards.IsZero() && !pair {
		toPanel.kind, toPanel.options = "patch", map[string]string{"peer": outer}
		toSegment.kind, toSegment.options = "patch", map[string]string{"peer": inner}
	} else {
		toPanel.device, toSegment.device, e.held = true, true, outer
		p.w.ends[outer] = endWant{object: object, impair: towards, cable: c.ID, peer: inner}
		p.w.ends[inner] = endWant{object: object}
	}
	p.w.ports[inner], p.w.ports[outer] = toPanel, toSegment
	return e
}

func vlanOf(s hostapi.SegmentPortSpec) vlanWant {
	trunks := slices.Clone(s.Trunk)
	slices.Sort(trunks)
	trunks = slices.Compact(trunks)
	switch {
	case s.Access > 0:
		return vlanWant{mode: "access", tag: s.Access}
	case s.Native > 0:
		return vlanWant{mode: "native-untagged", tag: s.Native, trunks: trunks}
	case len(trunks) > 0:
		return vlanWant{mode: "trunk", trunks: trunks}
	}
	return vlanWant{}
}

// panelPorts lists the ports of the panel in a stable order.
func (w *wanted) panelPorts() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(w.ports)) {
		if w.ports[name].panel {
			names = append(names, name)
		}
	}
	return names
}
