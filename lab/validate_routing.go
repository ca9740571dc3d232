package lab

import (
	"net/netip"
	"slices"
	"strconv"
)

// MaxVLAN is the highest VLAN identifier (IEEE 802.1Q); the lowest is 1.
const MaxVLAN = 4094

// interfaces checks a node's settings for its interfaces, now that the links are known.
func (v *validator) interfaces(n *Node) {
	seen := map[string]bool{}
	for _, i := range n.Interfaces {
		at := nodePath(n) + ".interfaces." + i.Name
		if seen[i.Name] {
			v.say(n.Line, at, "Node %s has settings for %s twice.", n.Name, i.Name)
		}
		seen[i.Name] = true
		if err := CheckInterfaceName(i.Name); err != nil {
			v.say(n.Line, at, "%s", err)
			continue
		}
		if !v.has(n, i.Name) {
			v.say(n.Line, at, "Node %s has settings for %s, but no link leads there.%s", n.Name, i.Name, v.nearEnd(i.Name, n))
		}
		v.mtu(n.Line, at+".mtu", i.MTU)
		v.hardware(n.Line, at+".mac", i.MAC)
		for _, p := range i.Addresses {
			v.hostAddress(n.Line, at+".addresses", n.Name+":"+i.Name, p)
		}
		if len(i.Addresses) > 0 && !n.Kind.IsContainer() {
			v.say(n.Line, at+".addresses", "%s is a %s, and its ports have no addresses.", n.Name, n.Kind)
		}
		v.vlans(n, i, at)
	}
}

// has reports whether the node gets an interface of that name.
func (v *validator) has(n *Node, name string) bool {
	if _, cabled := v.ends[n.Name][name]; cabled {
		return true
	}
	switch name {
	case "lo":
		return n.Kind.IsContainer()
	case "eth0":
		return v.lab.Mgmt != nil && n.Kind.IsContainer() && !n.NoMgmt
	case "egress0":
		return n.Egress
	}
	return false
}

func (v *validator) vlans(n *Node, i Interface, at string) {
	if i.Access == 0 && len(i.Trunk) == 0 && i.Native == 0 {
		return
	}
	if n.Kind != Switch {
		v.say(n.Line, at, "VLANs are set on the ports of a switch; %s is a %s.", n.Name, n.Kind)
		return
	}
	for _, vlan := range append([]int{i.Access, i.Native}, i.Trunk...) {
		if vlan < 0 || vlan > MaxVLAN {
			v.say(n.Line, at, "There is no VLAN %d; they go from 1 to %d.", vlan, MaxVLAN)
		}
	}
	if i.Access > 0 && (len(i.Trunk) > 0 || i.Native > 0) {
		v.say(n.Line, at, "The port %s is both access and trunk. Keep access, or keep trunk and native.", i.Name)
	}
	if slices.Contains(i.Trunk, 0) {
		v.say(n.Line, at, "There is no VLAN 0; they go from 1 to %d.", MaxVLAN)
	}
}

func (v *validator) routing(n *Node) {
	r := n.Routing
	if r == nil {
		return
	}
	at := nodePath(n) + ".routing"
	if !n.Kind.IsContainer() {
		v.say(n.Line, at, "%s is a %s and does not route.", n.Name, n.Kind)
		return
	}
	if r.RouterID.IsValid() && !r.RouterID.Is4() {
		v.say(n.Line, at+".router-id", "The router-id is written as an IPv4 address.")
	}
	for _, s := range r.Static {
		v.static(n, s, at+".static")
	}
	if (r.OSPF != nil || r.BGP != nil) && n.Kind != Router {
		v.say(n.Line, at, "OSPF and BGP run on nodes of kind router; %s is a %s. Change its kind, or keep static routes only.", n.Name, n.Kind)
		return
	}
	if r.OSPF != nil {
		v.ospf(n, r.OSPF, at+".ospf")
	}
	if r.BGP != nil {
		v.bgp(n, r.BGP, at+".bgp")
	}
}

func (v *validator) static(n *Node, s StaticRoute, at string) {
	switch {
	case !s.To.IsValid():
		v.say(n.Line, at, "A static route of %s has no network.", n.Name)
	case !s.Via.IsValid() && s.Dev == "":
		v.say(n.Line, at, "The route to %s of %s needs via: an address, or dev: an interface.", s.To, n.Name)
	case s.Via.IsValid() && s.Via.Is4() != s.To.Addr().Is4():
		v.say(n.Line, at, "The route to %s of %s cannot go by %s: one is IPv4, the other IPv6.", s.To, n.Name, s.Via)
	case s.Dev != "" && !v.has(n, s.Dev):
		v.say(n.Line, at, "The route to %s leaves %s by %s, which it does not have.%s", s.To, n.Name, s.Dev, v.nearEnd(s.Dev, n))
	}
}

func (v *validator) ospf(n *Node, o *OSPF, at string) {
	if len(o.Areas) == 0 {
		v.say(n.Line, at+".areas", "OSPF of %s has no areas. Add areas: with 0.0.0.0: and a list of interfaces.", n.Name)
	}
	byName, byNetwork := false, false
	for _, area := range sorted(o.Areas) {
		if !isArea(area) {
			v.say(n.Line, at+".areas."+area, "An OSPF area is written 0.0.0.0 or 0, not %q.", area)
		}
		for _, member := range o.Areas[area] {
			if p, err := netip.ParsePrefix(member); err == nil && p.Addr().Is4() {
				byNetwork = true
				continue
			}
			byName = true
			v.known(n, member, at+".areas."+area)
		}
	}
	if byName && byNetwork {
		v.say(n.Line, at+".areas", "OSPF of %s names both interfaces and networks; FRR takes one or the other. Keep to interfaces.", n.Name)
	}
	if byNetwork && (o.HelloSeconds > 0 || o.DeadSeconds > 0) {
		v.say(n.Line, at, "hello and dead of %s are set for interfaces; name those in the areas instead of networks.", n.Name)
	}
	for _, name := range append(slices.Clone(o.Passive), o.PointToPoint...) {
		v.known(n, name, at)
	}
	for _, from := range o.Redistribute {
		if from != "connected" && from != "static" && from != "bgp" {
			v.say(n.Line, at+".redistribute", "OSPF redistributes connected, static or bgp, not %q.", from)
		}
	}
	if o.HelloSeconds < 0 || o.HelloSeconds > 65535 || o.DeadSeconds < 0 || o.DeadSeconds > 65535 {
		v.say(n.Line, at, "hello and dead are seconds from 1 to 65535.")
	} else if o.DeadSeconds > 0 && o.DeadSeconds <= o.HelloSeconds {
		v.say(n.Line, at+".dead", "dead (%d s) should be longer than hello (%d s).", o.DeadSeconds, o.HelloSeconds)
	}
}

func (v *validator) known(n *Node, name, at string) {
	if !v.has(n, name) {
		v.say(n.Line, at, "%s has no interface %q.%s", n.Name, name, v.nearEnd(name, n))
	}
}

func isArea(s string) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Is4()
	}
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

func (v *validator) bgp(n *Node, b *BGP, at string) {
	if b.AS == 0 {
		v.say(n.Line, at+".as", "BGP of %s has no AS number. Add as:.", n.Name)
	}
	seen := map[netip.Addr]bool{}
	for _, peer := range b.Neighbors {
		switch {
		case !peer.Address.IsValid():
			v.say(n.Line, at+".neighbors", "A neighbour of %s has no address.", n.Name)
		case seen[peer.Address]:
			v.say(n.Line, at+".neighbors", "%s has the neighbour %s twice.", n.Name, peer.Address)
		case peer.AS == 0:
			v.say(n.Line, at+".neighbors", "The neighbour %s of %s has no AS number. Add as:.", peer.Address, n.Name)
		case peer.RouteReflectorClient && peer.AS != b.AS:
			v.say(n.Line, at+".neighbors", "The neighbour %s of %s is in another AS and cannot be a route reflector's client.", peer.Address, n.Name)
		case peer.UpdateSource != "":
			if _, err := netip.ParseAddr(peer.UpdateSource); err != nil {
				v.known(n, peer.UpdateSource, at+".neighbors")
			}
		}
		seen[peer.Address] = true
	}
	for _, p := range b.Networks {
		if !p.IsValid() {
			v.say(n.Line, at+".networks", "A network of %s cannot be read.", n.Name)
		}
	}
	for _, from := range b.Redistribute {
		if from != "connected" && from != "static" && from != "ospf" {
			v.say(n.Line, at+".redistribute", "BGP redistributes connected, static or ospf, not %q.", from)
		}
	}
}
