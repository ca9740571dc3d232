package lab

import (
	"fmt"

	"trunkline/internal/fault"
)

// Validate returns what keeps a lab from running, in the order of the lab; nil for a valid one. A Place's Field is the
// path in the lab file ("topology.nodes.r1.image", "topology.links[2].mtu"), its Line that of the node or link, if known.
//
// Whether images exist and hosts have room is not asked here.
func Validate(l *Lab) []fault.Place {
	v := &validator{lab: l, nodes: make(map[string]*Node, len(l.Nodes))}
	v.name()
	v.mgmt()
	for _, n := range l.Nodes {
		v.node(n)
	}
	v.lostPolicy()
	v.links()
	for _, n := range l.Nodes {
		v.interfaces(n)
		v.switchConfig(n)
		v.routing(n)
		v.waits(n)
	}
	v.cycles()
	return v.places
}

type validator struct {
	lab    *Lab
	nodes  map[string]*Node
	names  []string                  // of nodes, for "did you mean"
	ends   map[string]map[string]int // node to interface to the index of the link that has it
	places []fault.Place
}

// maxPlaces bounds what is said of a lab, and so the work that a hostile one makes.
const maxPlaces = 500

// full reports that enough was said.
func (v *validator) full() bool { return len(v.places) >= maxPlaces }

func (v *validator) say(line int, field, format string, args ...any) {
	if v.full() {
		return
	}
	v.places = append(v.places, fault.Place{Line: line, Field: field, Sentence: fmt.Sprintf(format, args...)})
}

// near is DidYouMean for the first complaints: a lab with many has another fault than a slip of the finger.
func (v *validator) near(word string, candidates []string) string {
	if len(v.places) > 20 {
		return ""
	}
	return DidYouMean(word, candidates)
}

func (v *validator) nearEnd(word string, n *Node) string {
	if len(v.places) > 20 {
		return ""
	}
	return DidYouMean(word, sorted(v.ends[n.Name]))
}

func nodePath(n *Node) string { return "topology.nodes." + n.Name }

func linkPath(i int) string { return fmt.Sprintf("topology.links[%d]", i) }

func (v *validator) name() {
	if v.lab.Name == "" {
		v.say(0, "name", "The lab has no name. Add name: with letters, digits, dots, dashes or underscores.")
		return
	}
	if why := checkName(v.lab.Name, MaxLabName); why != "" {
		v.say(0, "name", "The lab name %q %s.", v.lab.Name, why)
	}
	if v.lab.Prefix != nil && len(*v.lab.Prefix) > MaxLabName {
		v.say(0, "prefix", "The prefix is longer than %d characters.", MaxLabName)
	}
}

func (v *validator) mgmt() {
	m := v.lab.Mgmt
	if m == nil {
		return
	}
	if m.IPv4.IsValid() && !m.IPv4.Addr().Is4() {
		v.say(0, "mgmt.ipv4-subnet", "The management subnet %s is not IPv4.", m.IPv4)
	}
	if m.IPv6.IsValid() && !m.IPv6.Addr().Is6() {
		v.say(0, "mgmt.ipv6-subnet", "The management subnet %s is not IPv6.", m.IPv6)
	}
	if m.IPv4GW.IsValid() && !m.IPv4.Contains(m.IPv4GW) {
		v.say(0, "mgmt.ipv4-gw", "The gateway %s is not in the management subnet %s.", m.IPv4GW, m.IPv4)
	}
	if m.IPv6GW.IsValid() && !m.IPv6.Contains(m.IPv6GW) {
		v.say(0, "mgmt.ipv6-gw", "The gateway %s is not in the management subnet %s.", m.IPv6GW, m.IPv6)
	}
	v.mtu(0, "mgmt.mtu", m.MTU)
	if m.IPv4.IsValid() && m.IPv4.Addr().Is4() && hostsIn(m.IPv4) < len(v.lab.Nodes)+1 {
		v.say(0, "mgmt.ipv4-subnet", "The management subnet %s has no room for %d nodes and the gateway. Take a larger one.", m.IPv4, len(v.lab.Nodes))
	}
}

// MTU limits: 68 is IPv4's least (RFC 791). A veth takes up to 65535, but Open vSwitch in user space reads frames into a buffer that leaves
// no room for headers and tags beside those.
const (
	MinMTU = 68
	MaxMTU = 65000
)

func (v *validator) mtu(line int, field string, mtu int) {
	switch {
	case mtu > MaxMTU:
		v.say(line, field, "The MTU is %d; switches carry at most %d. Set mtu to %d or less.", mtu, MaxMTU, MaxMTU)
	case mtu != 0 && mtu < MinMTU:
		v.say(line, field, "The MTU is %d; it should be from %d to %d.", mtu, MinMTU, MaxMTU)
	}
}
