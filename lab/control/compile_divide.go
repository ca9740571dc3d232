package control

import (
	"maps"
	"net/netip"
	"slices"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
	"trunkline/lab/place"
)

// divider gives every host its part of the whole lab's spec. A lan and the management segment have a part on each host with a member,
// so cables to them never cross; everything else is on one host, and a cable between two hosts is told to both, each with its own
// end as A.
type divider struct {
	*compiler
	mesh  map[string]bool                       // segments that may have parts on several hosts
	parts map[string]map[string]map[string]bool // of those: host, ports there
	pairs map[place.Pair]bool                   // hosts that something runs between
}

func (c *compiler) divide() {
	c.out.Specs = map[string]*hostapi.LabSpec{}
	d := &divider{compiler: c, mesh: map[string]bool{}, parts: map[string]map[string]map[string]bool{}, pairs: map[place.Pair]bool{}}
	for _, s := range c.spec.Segments {
		d.mesh[s.Name] = s.Kind == lab.LAN
	}
	for _, cable := range c.spec.Cables {
		d.addCable(cable)
	}
	awaited := c.awaited()
	for _, n := range c.spec.Nodes {
		n.Awaited = awaited[n.Name]
		part := d.part(d.home(n.Name))
		part.Nodes = append(part.Nodes, n)
	}
	for _, s := range c.spec.Segments {
		if d.mesh[s.Name] {
			d.addMesh(s)
		} else {
			part := d.part(d.home(s.Name))
			part.Segments = append(part.Segments, s)
		}
	}
	for _, n := range c.spec.Internets {
		part := d.part(d.home(n.Name))
		part.Internets = append(part.Internets, n)
	}
	for _, n := range c.spec.Externals {
		part := d.part(d.home(n.Name))
		part.Externals = append(part.Externals, n)
	}
}

// home is the host of a node; of what is not in the file, the host of the node that it belongs to.
func (d *divider) home(name string) string {
	if owner, way := d.ways[name]; way {
		name = owner
	}
	return d.Deployment.Places[name].HostID
}

// part finds or makes a host's spec.
func (d *divider) part(hostID string) *hostapi.LabSpec {
	part := d.out.Specs[hostID]
	if part == nil {
		part = &hostapi.LabSpec{ID: d.spec.ID, Name: d.spec.Name, Tenant: d.spec.Tenant, Generation: d.spec.Generation}
		d.out.Specs[hostID] = part
	}
	return part
}

func (d *divider) addCable(k hostapi.CableSpec) {
	a, b := d.home(k.A.Node), d.home(k.B.Node)
	switch { // an end at a mesh is where the other end is; between two meshes, at the first one's own host
	case d.mesh[k.B.Node]:
		b = a
	case d.mesh[k.A.Node]:
		a = b
	}
	d.member(k.A, a)
	d.member(k.B, b)
	if a == b {
		part := d.part(a)
		part.Cables = append(part.Cables, k)
		return
	}
	k.VNI = d.identifier(k.ID)
	near, far := k, k
	d.pair(a, b)
	near.Remote = d.address(b)
	far.A, far.B, far.AtoB, far.BtoA, far.Remote = k.B, k.A, k.BtoA, k.AtoB, d.address(a)
	here, there := d.part(a), d.part(b)
	here.Cables, there.Cables = append(here.Cables, near), append(there.Cables, far)
}

// member notes a port of a mesh on a host.
func (d *divider) member(port hostapi.PortRef, hostID string) {
	if !d.mesh[port.Node] {
		return
	}
	hosts := d.parts[port.Node]
	if hosts == nil {
		hosts = map[string]map[string]bool{}
		d.parts[port.Node] = hosts
	}
	if hosts[hostID] == nil {
		hosts[hostID] = map[string]bool{}
	}
	hosts[hostID][port.Interface] = true
}

// addMesh gives each host with a member its part, and tells it the others. A segment without members is at its own place.
func (d *divider) addMesh(s hostapi.SegmentSpec) {
	hosts := slices.Sorted(maps.Keys(d.parts[s.Name]))
	if len(hosts) == 0 {
		home := d.home(s.Name)
		if d.mgmt != nil && s.Name == d.mgmt.name && len(d.Lab.Nodes) > 0 {
			home = d.home(d.Lab.Nodes[0].Name)
		}
		part := d.part(home)
		part.Segments = append(part.Segments, s)
		return
	}
	var vni uint32
	if len(hosts) > 1 {
		vni = d.identifier(s.Name)
	}
	for _, hostID := range hosts {
		own := s
		own.Ports, own.VNI = nil, vni
		for _, port := range s.Ports {
			if d.parts[s.Name][hostID][port.Name] {
				own.Ports = append(own.Ports, port)
			}
		}
		for _, other := range hosts {
			if other != hostID {
				d.pair(hostID, other)
				own.Peers = append(own.Peers, d.address(other))
			}
		}
		part := d.part(hostID)
		part.Segments = append(part.Segments, own)
	}
}

// pair notes that something runs between two hosts.
func (d *divider) pair(a, b string) {
	p := place.Pair{A: min(a, b), B: max(a, b)}
	if !d.pairs[p] {
		d.pairs[p] = true
		d.out.Pairs = append(d.out.Pairs, p)
	}
}

// identifier is the VNI of what crosses hosts.
func (d *divider) identifier(name string) uint32 {
	d.out.Crossing = append(d.out.Crossing, name)
	vni := d.Deployment.VNIs[name]
	if vni == 0 && d.out.Lacks == nil {
		d.out.Lacks = fault.New(fault.Internal, "%s runs between hosts and has no identifier. Deploy the lab anew.", name)
	}
	return vni
}

// address is where the host's tunnels end.
func (d *divider) address(hostID string) netip.Addr {
	var address netip.Addr
	if d.Underlay != nil {
		address = d.Underlay(hostID)
	}
	if !address.IsValid() && d.out.Lacks == nil {
		name := hostID
		if d.HostName != nil {
			name = d.HostName(hostID)
		}
		d.out.Lacks = fault.New(fault.Unavailable, "Host %s has said no address that other hosts' tunnels reach it by. Start its agent with --underlay.", name)
	}
	return address
}

// awaited are the nodes that a node on another host waits for.
func (c *compiler) awaited() map[string]bool {
	awaited := map[string]bool{}
	for _, n := range c.Lab.Nodes {
		for _, w := range n.Stages {
			if c.Deployment.Places[w.Node].HostID != c.Deployment.Places[n.Name].HostID {
				awaited[w.Node] = true
			}
		}
	}
	return awaited
}
