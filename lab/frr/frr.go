// Package frr writes the frr.conf of a router from the routing that its lab declares.
//
// It knows FRR's configuration language (FRR 8.4 and later, docs.frrouting.org). It refuses to know how the text reaches
// the router, and it gives no addresses: the host sets those, and FRR learns them from the kernel.
package frr

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"trunkline/lab"
)

// Render returns the frr.conf of a node, the same text for the same node; "" for a node without routing. The node is
// expected to be valid (lab.Validate).
//
// The datacenter profile is taken for its short timers: a lab should converge while somebody watches.
func Render(hostname string, n *lab.Node) string {
	r := n.Routing
	if r == nil {
		return ""
	}
	w := &writer{}
	w.line("frr defaults datacenter")
	w.line("hostname %s", hostname)
	w.line("service integrated-vtysh-config")
	w.static(r.Static)
	id := routerID(n)
	if r.OSPF != nil {
		w.ospfInterfaces(r.OSPF)
		w.ospf(r.OSPF, id)
	}
	if r.BGP != nil {
		w.bgp(r.BGP, id)
	}
	return w.text.String()
}

// Daemons names what of FRR the node needs, in the order it is started.
func Daemons(n *lab.Node) []string {
	daemons := []string{"zebra", "staticd"}
	if n.Routing != nil && n.Routing.OSPF != nil {
		daemons = append(daemons, "ospfd")
	}
	if n.Routing != nil && n.Routing.BGP != nil {
		daemons = append(daemons, "bgpd")
	}
	return daemons
}

// routerID is the one declared, or the first IPv4 address of the loopback; without either FRR picks one.
func routerID(n *lab.Node) netip.Addr {
	if n.Routing.RouterID.IsValid() {
		return n.Routing.RouterID
	}
	for _, p := range n.Interface("lo").Addresses {
		if p.Addr().Is4() && !p.Addr().IsLoopback() {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

type writer struct{ text strings.Builder }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.text, format+"\n", args...) }

func (w *writer) static(routes []lab.StaticRoute) {
	if len(routes) > 0 {
		w.line("!")
	}
	for _, r := range routes {
		words := []string{"ip"}
		if r.To.Addr().Is6() {
			words[0] = "ipv6"
		}
		words = append(words, "route", r.To.String())
		if r.Via.IsValid() {
			words = append(words, r.Via.String())
		}
		if r.Dev != "" {
			words = append(words, r.Dev)
		}
		w.line("%s", strings.Join(words, " "))
	}
}

// ospfInterfaces writes what is set for each interface. FRR takes areas by interface or by network, not both.
func (w *writer) ospfInterfaces(o *lab.OSPF) {
	areaOf := map[string]string{}
	for area, members := range o.Areas {
		for _, m := range members {
			if _, err := netip.ParsePrefix(m); err != nil {
				areaOf[m] = area
			}
		}
	}
	for _, name := range interfaceNames(areaOf, o) {
		var lines []string
		if area, ok := areaOf[name]; ok {
			lines = append(lines, "ip ospf area "+area)
			if o.HelloSeconds > 0 && name != "lo" {
				lines = append(lines, fmt.Sprintf("ip ospf hello-interval %d", o.HelloSeconds))
			}
			if o.DeadSeconds > 0 && name != "lo" {
				lines = append(lines, fmt.Sprintf("ip ospf dead-interval %d", o.DeadSeconds))
			}
		}
		if slices.Contains(o.PointToPoint, name) {
			lines = append(lines, "ip ospf network point-to-point")
		}
		if slices.Contains(o.Passive, name) {
			lines = append(lines, "ip ospf passive")
		}
		w.block("interface "+name, lines)
	}
}

func interfaceNames(areaOf map[string]string, o *lab.OSPF) []string {
	names := slices.Concat(o.Passive, o.PointToPoint)
	for name := range areaOf {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (w *writer) block(head string, lines []string) {
	w.line("!")
	w.line("%s", head)
	for _, l := range lines {
		w.line(" %s", l)
	}
	w.line("exit")
}

func (w *writer) ospf(o *lab.OSPF, id netip.Addr) {
	var lines []string
	if id.IsValid() {
		lines = append(lines, "ospf router-id "+id.String())
	}
	for _, from := range o.Redistribute {
		lines = append(lines, "redistribute "+from)
	}
	var networks []string
	for area, members := range o.Areas {
		for _, m := range members {
			if p, err := netip.ParsePrefix(m); err == nil {
				networks = append(networks, "network "+p.Masked().String()+" area "+area)
			}
		}
	}
	slices.Sort(networks)
	w.block("router ospf", append(lines, networks...))
}

func (w *writer) bgp(b *lab.BGP, id netip.Addr) {
	var lines []string
	if id.IsValid() {
		lines = append(lines, "bgp router-id "+id.String())
	}
	lines = append(lines, "no bgp ebgp-requires-policy", "no bgp network import-check")
	for _, p := range b.Neighbors {
		lines = append(lines, fmt.Sprintf("neighbor %s remote-as %d", p.Address, p.AS))
		if p.UpdateSource != "" {
			lines = append(lines, fmt.Sprintf("neighbor %s update-source %s", p.Address, p.UpdateSource))
		}
	}
	lines = append(lines, family(b, true)...)
	if has6(b) {
		lines = append(lines, family(b, false)...)
	}
	w.block(fmt.Sprintf("router bgp %d", b.AS), lines)
}

// has6 reports whether anything of IPv6 is spoken of.
func has6(b *lab.BGP) bool {
	return slices.ContainsFunc(b.Neighbors, func(p lab.BGPNeighbor) bool { return p.Address.Is6() }) ||
		slices.ContainsFunc(b.Networks, func(p netip.Prefix) bool { return p.Addr().Is6() })
}

// family is one address family: its networks, what is redistributed, and the neighbours whose addresses are of it.
func family(b *lab.BGP, four bool) []string {
	name := "ipv6"
	if four {
		name = "ipv4"
	}
	lines := []string{"!", "address-family " + name + " unicast"}
	for _, p := range b.Networks {
		if p.Addr().Is4() == four {
			lines = append(lines, " network "+p.Masked().String())
		}
	}
	for _, from := range b.Redistribute {
		if from != "ospf" || four { // OSPFv2 carries IPv4 only
			lines = append(lines, " redistribute "+from)
		}
	}
	for _, p := range b.Neighbors {
		if p.Address.Is4() != four {
			if four { // an IPv6 session carries IPv6; FRR would carry IPv4 over it too
				lines = append(lines, fmt.Sprintf(" no neighbor %s activate", p.Address))
			}
			continue
		}
		lines = append(lines, fmt.Sprintf(" neighbor %s activate", p.Address))
		if p.NextHopSelf {
			lines = append(lines, fmt.Sprintf(" neighbor %s next-hop-self", p.Address))
		}
		if p.RouteReflectorClient {
			lines = append(lines, fmt.Sprintf(" neighbor %s route-reflector-client", p.Address))
		}
	}
	return append(lines, "exit-address-family")
}
