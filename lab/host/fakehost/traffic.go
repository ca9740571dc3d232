package fakehost

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

var (
	_ host.Counters     = (*Fabric)(nil)
	_ host.SwitchTeller = (*Fabric)(nil)
)

// traffic is what the interfaces and segment ports of one lab have carried, and what its segments have learnt.
type traffic struct {
	counts map[hostapi.PortRef]host.PortCount // as the node or segment sees it
	learnt map[learnt]station
}

// learnt is where one address is in one segment.
type learnt struct {
	segment, mac string
	vlan         int
}

type station struct {
	port  string
	owner string
	heard time.Time
}

// Send lets a node send frames to everybody on its link, as a node does that broadcasts: over a cable to the other end, and from a segment's
// port to every other one of the same VLAN. Switches learn its address. What is cut, or loses everything, carries nothing.
func (h *Host) Send(labID, node, iface string, frames, bytes uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, wired := h.wires[labID]
	if _, runs := w.pids[node]; !wired || !runs {
		return
	}
	if h.traffic == nil {
		h.traffic = map[string]*traffic{}
	}
	t := h.traffic[labID]
	if t == nil {
		t = &traffic{counts: map[hostapi.PortRef]host.PortCount{}, learnt: map[learnt]station{}}
		h.traffic[labID] = t
	}
	s := sending{t: t, spec: w.spec, frame: hostapi.Counter{Frames: frames, Bytes: bytes}, owner: node + ":" + iface, been: map[string]bool{}}
	for _, n := range w.spec.Nodes {
		for _, i := range n.Interfaces {
			if n.Name == node && i.Name == iface {
				s.mac = i.MAC
			}
		}
	}
	s.out(hostapi.PortRef{Node: node, Interface: iface}, 0)
}

// sending is frames on their way.
type sending struct {
	t     *traffic
	spec  hostapi.LabSpec
	frame hostapi.Counter
	mac   string
	owner string
	been  map[string]bool // segments: a loop ends where it began
}

// out sends by a port, with a tag or 0.
func (s *sending) out(from hostapi.PortRef, tag int) {
	count := s.t.counts[from]
	count.Out = count.Out.Plus(s.frame)
	s.t.counts[from] = count
	for _, c := range s.spec.Cables {
		to, way := c.B, c.AtoB
		if c.B == from {
			to, way = c.A, c.BtoA
		} else if c.A != from {
			continue
		}
		if !c.Cut && !way.IsCut() {
			s.in(to, tag)
		}
	}
}

func (s *sending) in(at hostapi.PortRef, tag int) {
	count := s.t.counts[at]
	count.In = count.In.Plus(s.frame)
	s.t.counts[at] = count
	i := slices.IndexFunc(s.spec.Segments, func(g hostapi.SegmentSpec) bool { return g.Name == at.Node })
	if i < 0 || s.been[at.Node] {
		return
	}
	s.been[at.Node] = true
	segment := s.spec.Segments[i]
	entry := portNamed(segment, at.Interface)
	vlan, ok := admitted(entry, tag)
	if !ok {
		return
	}
	if segment.Kind != lab.Hub {
		s.t.learnt[learnt{at.Node, s.mac, vlan}] = station{at.Interface, s.owner, time.Now()}
	}
	for _, p := range segment.Ports {
		if p.Name == at.Interface || p.Down {
			continue
		}
		if tag, ok := sent(p, vlan); ok {
			s.out(hostapi.PortRef{Node: at.Node, Interface: p.Name}, tag)
		}
	}
}

func portNamed(s hostapi.SegmentSpec, name string) hostapi.SegmentPortSpec {
	if i := slices.IndexFunc(s.Ports, func(p hostapi.SegmentPortSpec) bool { return p.Name == name }); i >= 0 {
		return s.Ports[i]
	}
	return hostapi.SegmentPortSpec{Down: true}
}

// admitted is the VLAN that a frame is in when it comes in by a port.
func admitted(p hostapi.SegmentPortSpec, tag int) (vlan int, ok bool) {
	switch {
	case p.Down, p.Access > 0 && tag > 0:
		return 0, false
	case p.Access > 0:
		return p.Access, true
	case p.Native > 0 && tag == 0:
		return p.Native, true
	}
	return tag, len(p.Trunk) == 0 || tag == 0 || slices.Contains(p.Trunk, tag)
}

// sent is the tag with which a frame leaves by a port.
func sent(p hostapi.SegmentPortSpec, vlan int) (tag int, ok bool) {
	switch {
	case p.Access > 0:
		return 0, p.Access == vlan
	case p.Native > 0 && p.Native == vlan:
		return 0, true
	}
	return vlan, len(p.Trunk) == 0 || vlan == 0 && p.Native == 0 || slices.Contains(p.Trunk, vlan)
}

// Counters implements host.Counters.
func (f *Fabric) Counters(ctx context.Context, labs []hostapi.LabSpec) (all map[string]map[hostapi.PortRef]host.PortCount, err error) {
	ids := make([]string, len(labs))
	for i, spec := range labs {
		ids[i] = spec.ID
	}
	slices.Sort(ids)
	err = f.h.call(ctx, Call{Verb: "counters", Lab: strings.Join(ids, " ")}, 0, func() error {
		all = make(map[string]map[hostapi.PortRef]host.PortCount, len(labs))
		for _, spec := range labs {
			all[spec.ID] = f.h.countsLocked(spec.ID)
		}
		return nil
	})
	return all, err
}

// countsLocked are the counters of every interface that is plugged, and of the segments' ports that lead to other segments.
func (h *Host) countsLocked(labID string) map[hostapi.PortRef]host.PortCount {
	counts := map[hostapi.PortRef]host.PortCount{}
	t, w := h.traffic[labID], h.wires[labID]
	if t == nil {
		t = &traffic{}
	}
	for _, n := range w.spec.Nodes {
		for _, i := range n.Interfaces {
			ref := hostapi.PortRef{Node: n.Name, Interface: i.Name}
			if _, there := w.pids[n.Name]; there {
				counts[ref] = t.counts[ref]
			}
		}
	}
	segment := func(ref hostapi.PortRef) bool {
		return slices.ContainsFunc(w.spec.Segments, func(s hostapi.SegmentSpec) bool { return s.Name == ref.Node })
	}
	for _, c := range w.spec.Cables {
		if segment(c.A) && segment(c.B) {
			counts[c.A], counts[c.B] = t.counts[c.A], t.counts[c.B]
		}
	}
	return counts
}

// Switch implements host.SwitchTeller.
func (f *Fabric) Switch(ctx context.Context, spec hostapi.LabSpec, name string) (view hostapi.SwitchView, err error) {
	i := slices.IndexFunc(spec.Segments, func(s hostapi.SegmentSpec) bool { return s.Name == name })
	if i < 0 {
		return view, fault.New(fault.NotFound, "The lab has no switch %s on this host.", name)
	}
	err = f.h.call(ctx, Call{Verb: "switch", Lab: spec.ID, Node: name}, 0, func() error {
		w, wired := f.h.wires[spec.ID]
		if !wired {
			return fault.New(fault.Conflict, "Switch %s isn't made yet. Try again when the lab runs.", name)
		}
		view = f.h.switchLocked(w, spec.Segments[i])
		return nil
	})
	return view, err
}

func (h *Host) switchLocked(w wire, s hostapi.SegmentSpec) hostapi.SwitchView {
	view := hostapi.SwitchView{Name: s.Name, Kind: s.Kind, At: time.Now(), Ports: []hostapi.SwitchPort{}, MACs: []hostapi.SwitchMAC{}}
	t := h.traffic[w.spec.ID]
	if t == nil {
		t = &traffic{}
	}
	for n, p := range s.Ports {
		port := h.switchPortLocked(w, s, p)
		count := t.counts[hostapi.PortRef{Node: s.Name, Interface: p.Name}]
		port.Number, port.In, port.Out = n+1, count.In, count.Out
		view.Ports = append(view.Ports, port)
	}
	for where, at := range t.learnt {
		if where.segment == s.Name {
			view.MACs = append(view.MACs, hostapi.SwitchMAC{MAC: where.mac, VLAN: where.vlan, Port: at.port, Age: int(time.Since(at.heard).Seconds()), Owner: at.owner})
		}
	}
	slices.SortFunc(view.MACs, func(a, b hostapi.SwitchMAC) int {
		return slices.Compare([]string{fmt.Sprintf("%05d", a.VLAN), a.MAC}, []string{fmt.Sprintf("%05d", b.VLAN), b.MAC})
	})
	view.ListVLANs()
	if s.STP != "" {
		view.Tree = &hostapi.SwitchTree{Protocol: s.STP, Bridge: "32768.02:00:00:00:00:01", Root: "32768.02:00:00:00:00:01", IsRoot: true, Hello: 2, MaxAge: 20, ForwardDelay: 15}
		for i, p := range view.Ports {
			if view.Ports[i].Role, view.Ports[i].State, view.Ports[i].Cost = "disabled", "disabled", 2000; p.Oper {
				view.Ports[i].Role, view.Ports[i].State = "designated", "forwarding"
			}
		}
	}
	if s.Controller != nil {
		view.Controller = &hostapi.SwitchController{Problem: fmt.Sprintf("No controller answers on port %d in node %s.", s.Controller.Port, s.Controller.Node)}
	}
	if s.Switch != nil {
		view.Mirrors = s.Switch.Mirrors
	}
	return view
}

// switchPortLocked is what the settings say of a port, and whether its cable leads to something that is there.
func (h *Host) switchPortLocked(w wire, s hostapi.SegmentSpec, p hostapi.SegmentPortSpec) hostapi.SwitchPort {
	port := hostapi.SwitchPort{Name: p.Name, Admin: !p.Down, Mode: "all"}
	switch {
	case p.Access > 0:
		port.Mode, port.Access = "access", p.Access
	case p.Native > 0:
		port.Mode, port.Native, port.Trunk = "native", p.Native, p.Trunk
	case len(p.Trunk) > 0:
		port.Mode, port.Trunk = "trunk", p.Trunk
	}
	if s.Switch != nil && slices.ContainsFunc(s.Switch.Mirrors, func(m lab.Mirror) bool { return m.To == p.Name }) {
		port.Mode = "mirror"
	}
	for _, c := range w.spec.Cables {
		far := c.B
		if c.B.Node == s.Name && c.B.Interface == p.Name {
			far = c.A
		} else if c.A.Node != s.Name || c.A.Interface != p.Name {
			continue
		}
		_, runs := w.pids[far.Node]
		isNode := slices.ContainsFunc(w.spec.Nodes, func(n hostapi.NodeSpec) bool { return n.Name == far.Node })
		port.Peer = far.Node + ":" + far.Interface
		port.Oper = port.Admin && !c.Cut && (runs || !isNode)
	}
	return port
}
