package fabric

import (
	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// A segment with members on several hosts has a part, a bridge, on each. Every two parts are joined by a way of their own: a pair of patch ports
// between the part and the panel, and two flows between the panel and the tunnel. The part's ends of these ways are protected: a frame that
// came from one never leaves by another. So a frame crosses the underlay once for each host, no two ways make a loop, and nothing is echoed
// back. Which station is behind which way is learnt by the bridge as for any port.

// firstVNI is the lowest identifier that a lab may have: those below are for the hosts themselves.
const firstVNI = 4096

const maxVNI = 1<<24 - 1

// mesh joins a segment's part to those on the other hosts.
func (p *planner) mesh(s hostapi.SegmentSpec) {
	for _, peer := range s.Peers {
		peer = peer.Unmap()
		inner, outer := p.names.meshSegment(p.spec.ID, s.Name, peer), p.names.meshPanel(p.spec.ID, s.Name, peer)
		object := s.Name + " to " + peer.String()
		p.w.tunnel = true
		p.w.ports[inner] = portWant{name: inner, bridge: p.names.segment(p.spec.ID, s.Name), object: object, kind: "patch",
			options: map[string]string{"peer": outer}, protected: true}
		p.w.ports[outer] = portWant{name: outer, object: object, panel: true, kind: "patch", options: map[string]string{"peer": inner}}
		p.w.cables = append(p.w.cables, cableWant{a: outer, vni: s.VNI, remote: peer})
	}
}

// checkTunnels refuses identifiers that would let a lab hear what isn't its own.
func checkTunnels(spec hostapi.LabSpec) error {
	for _, s := range spec.Segments {
		if len(s.Peers) > 0 && !labsVNI(s.VNI) {
			return fault.New(fault.Invalid, "The segment %s has parts on other hosts and the identifier %d; it needs one from %d to %d.", s.Name, s.VNI, firstVNI, maxVNI)
		}
	}
	for _, c := range spec.Cables {
		if c.Remote.IsValid() && !labsVNI(c.VNI) {
			return fault.New(fault.Invalid, "The cable %s leads to another host and has the identifier %d; it needs one from %d to %d.", c.ID, c.VNI, firstVNI, maxVNI)
		}
	}
	return nil
}

func labsVNI(vni uint32) bool { return vni >= firstVNI && vni <= maxVNI }
