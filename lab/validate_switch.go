package lab

import (
	"fmt"
	"slices"
)

// The ranges that Open vSwitch takes (ovs-vswitchd.conf.db(5)); those of spanning trees are IEEE 802.1D's.
const (
	maxBridgePriority = 61440
	bridgePriorityBy  = 4096
	maxPortPriority   = 240
	portPriorityBy    = 16
	maxCostSTP        = 65535
	maxCostRSTP       = 200_000_000
	maxMirrors        = 16
)

// switchConfig checks the settings of a switch and of its ports, now that nodes and links are known.
func (v *validator) switchConfig(n *Node) {
	v.switchPorts(n)
	s := n.Switch
	if s == nil {
		return
	}
	at := nodePath(n) + ".switch"
	if n.Kind != Switch {
		v.say(n.Line, at, "switch: is for nodes of kind switch; %s is a %s.", n.Name, n.Kind)
		return
	}
	if s.STP != "" && s.STP != "stp" && s.STP != "rstp" {
		v.say(n.Line, at+".stp", "stp should be stp or rstp, not %q.", s.STP)
	}
	v.spanningTree(n, at)
	v.within(n, at+".mac-age", "mac-age", s.MACAge, 15, 3600)
	v.within(n, at+".mac-table", "mac-table", s.MACTable, 10, 1_000_000)
	if len(s.Mirrors) > maxMirrors {
		v.say(n.Line, at+".mirrors", "Switch %s has %d mirrors; it may have %d.", n.Name, len(s.Mirrors), maxMirrors)
		return
	}
	to := map[string]bool{}
	for i, m := range s.Mirrors {
		to[m.To] = true
		v.mirror(n, m, fmt.Sprintf("%s.mirrors[%d]", at, i))
	}
	for i, m := range s.Mirrors {
		for _, p := range m.Ports {
			if to[p] {
				v.say(n.Line, fmt.Sprintf("%s.mirrors[%d].ports", at, i), "The port %s of %s is where a mirror leads to, so it cannot be mirrored itself.", p, n.Name)
			}
		}
	}
	if s.OpenFlow != nil {
		v.openFlow(n, at+".openflow")
	}
}

func (v *validator) spanningTree(n *Node, at string) {
	s := n.Switch
	if s.STP == "" && (s.Priority != nil || s.Hello != 0 || s.MaxAge != 0 || s.ForwardDelay != 0) {
		v.say(n.Line, at, "Switch %s has settings for a spanning tree and speaks none. Add stp: rstp, or take priority, hello, max-age and forward-delay away.", n.Name)
		return
	}
	if p := s.Priority; p != nil && (*p < 0 || *p > maxBridgePriority || *p%bridgePriorityBy != 0) {
		v.say(n.Line, at+".priority", "priority should be from 0 to %d in steps of %d, not %d.", maxBridgePriority, bridgePriorityBy, *p)
	}
	if s.Hello != 0 && s.STP == "rstp" {
		v.say(n.Line, at+".hello", "hello is for stp: stp; RSTP says hello every two seconds. Take hello away.")
	}
	v.within(n, at+".hello", "hello", s.Hello, 1, 10)
	v.within(n, at+".max-age", "max-age", s.MaxAge, 6, 40)
	v.within(n, at+".forward-delay", "forward-delay", s.ForwardDelay, 4, 30)
	hello, age, delay := orInt(s.Hello, 2), orInt(s.MaxAge, 20), orInt(s.ForwardDelay, 15)
	if 2*(delay-1) < age {
		v.say(n.Line, at+".max-age", "A max-age of %d s needs a forward-delay of %d s at least, or the tree may loop while it changes.", age, age/2+1+age%2)
	}
	if age < 2*(hello+1) {
		v.say(n.Line, at+".max-age", "A hello of %d s needs a max-age of %d s at least.", hello, 2*(hello+1))
	}
}

func orInt(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// within checks a number that may be left out.
func (v *validator) within(n *Node, at, name string, value, low, high int) {
	if value != 0 && (value < low || value > high) {
		v.say(n.Line, at, "%s should be from %d to %d, not %d.", name, low, high, value)
	}
}

// switchPorts checks what the ports of a switch, hub or lan say beside their VLANs.
func (v *validator) switchPorts(n *Node) {
	segment := n.Kind == Switch || n.Kind == Hub || n.Kind == LAN
	for _, i := range n.Interfaces {
		at := nodePath(n) + ".interfaces." + i.Name
		if i.Down && !segment {
			v.say(n.Line, at+".down", "down: switches off a port of a switch, hub or lan; %s is a %s. Cut the link instead.", n.Name, n.Kind)
		}
		if i.STP == nil {
			continue
		}
		speaks := ""
		if n.Switch != nil {
			speaks = n.Switch.STP
		}
		switch {
		case n.Kind != Switch:
			v.say(n.Line, at+".stp", "stp: is for ports of a switch; %s is a %s.", n.Name, n.Kind)
			continue
		case speaks == "":
			v.say(n.Line, at+".stp", "The port %s has settings for a spanning tree, and %s speaks none. Add switch: {stp: rstp} to the node.", i.Name, n.Name)
		}
		if p := i.STP.Priority; p != nil && (*p < 0 || *p > maxPortPriority || *p%portPriorityBy != 0) {
			v.say(n.Line, at+".stp.priority", "priority should be from 0 to %d in steps of %d, not %d.", maxPortPriority, portPriorityBy, *p)
		}
		most := maxCostRSTP
		if speaks == "stp" {
			most = maxCostSTP
		}
		v.within(n, at+".stp.cost", "cost", i.STP.Cost, 1, most)
		if i.STP.Edge && speaks == "stp" {
			v.say(n.Line, at+".stp.edge", "edge is a word of RSTP; %s speaks STP. Write stp: rstp, or take edge away.", n.Name)
		}
	}
}

func (v *validator) mirror(n *Node, m Mirror, at string) {
	if m.Direction != "" && m.Direction != "in" && m.Direction != "out" {
		v.say(n.Line, at+".direction", "direction should be in, out or both, not %q.", m.Direction)
	}
	if len(m.Ports) == 0 && len(m.VLANs) == 0 {
		v.say(n.Line, at, "The mirror to %s of %s copies nothing. Name ports: or vlans: to copy.", m.To, n.Name)
	}
	if m.To == "" {
		v.say(n.Line, at+".to", "A mirror of %s needs to: the port that gets the copies.", n.Name)
	}
	for _, port := range append(slices.Clone(m.Ports), m.To) {
		if port != "" && !v.has(n, port) {
			v.say(n.Line, at, "A mirror of %s names the port %s, but no link leads there.%s", n.Name, port, v.nearEnd(port, n))
		}
	}
	for _, vlan := range m.VLANs {
		if vlan < 1 || vlan > MaxVLAN {
			v.say(n.Line, at+".vlans", "There is no VLAN %d; they go from 1 to %d.", vlan, MaxVLAN)
		}
	}
}

func (v *validator) openFlow(n *Node, at string) {
	o := n.Switch.OpenFlow
	if o.Fail != "" && o.Fail != "secure" && o.Fail != FailStandalone {
		v.say(n.Line, at+".fail", "fail should be secure or standalone, not %q.", o.Fail)
	}
	if n.Switch.STP != "" {
		v.say(n.Line, at, "The controller of %s decides where frames go, so the switch cannot speak a spanning tree too. Take stp or openflow away.", n.Name)
	}
	node, _, address, err := o.Target()
	switch {
	case err != nil:
		v.say(n.Line, at+".controller", "%s.", capital(err.Error()))
	case node == "" && !address.IsValid():
		v.say(n.Line, at+".controller", "Switch %s needs controller: the name of a node, or tcp:ADDRESS:PORT.", n.Name)
	case node != "":
		v.controllerNode(n, node, o, at)
	default:
		if a := address.Addr(); a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.Zone() != "" {
			v.say(n.Line, at+".controller", "A controller cannot be at %s: that address means whoever asks. Give one that the lab's internet node reaches.", a)
		}
		way := v.nodes[v.lab.ControllerNode(o)]
		if way == nil || way.Kind != Internet {
			v.say(n.Line, at+".via", "The controller %s is outside the lab, and %s has no internet node to reach it by. Add a node of kind internet, and name it with via: when there are several.", o.Controller, v.lab.Name)
		}
	}
}

func (v *validator) controllerNode(n *Node, node string, o *OpenFlow, at string) {
	c := v.nodes[node]
	switch {
	case c == nil:
		v.say(n.Line, at+".controller", "There is no node %q to control %s.%s", node, n.Name, v.near(node, v.names))
	case !c.Kind.IsContainer():
		v.say(n.Line, at+".controller", "A controller runs in a container; %s is a %s.", node, c.Kind)
	}
	if o.Via != "" {
		v.say(n.Line, at+".via", "via: is for controllers at an address; %s is a node of the lab. Take via away.", node)
	}
}

func capital(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
