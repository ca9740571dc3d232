// Package ipam gives addresses to what has none, and marks those that cannot be together.
//
// It fills what is empty and never changes what is there: addresses once given stand in the lab file, so later edits elsewhere change none
// of them. What it gives depends on names alone and not on the order of the file: a router's loopback has the number in its name if that is
// free (r7: 10.254.0.7), a VLAN's subnet the VLAN's number (20: 10.64.20.0/24), and everything else, in the order of names, the lowest free.
//
// Routers that are cabled to each other get a /31 and a /127 (RFC 3021, RFC 6164). Every other broadcast domain – a LAN through switches,
// by VLAN, or one cable with a host on it – gets a /24 and a /64: routers have the first addresses, hosts begin at .11. A host with one
// router or way out gets a default route by it, and so does a router with a way out, where no static route is set.
//
// It is pure. It refuses to know text, revisions and hosts: what it gives comes as edits.
package ipam

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/edit"
)

// Filled is what Fill gives.
type Filled struct {
	Ops       []edit.Op
	Addresses int
	Routes    int
	Left      []fault.Place // what could not be given, and why
}

// Words says what was given.
func (f Filled) Words() string {
	words := fmt.Sprintf("%d addresses filled in", f.Addresses)
	if f.Addresses == 1 {
		words = "1 address filled in"
	}
	if f.Routes > 0 {
		words += fmt.Sprintf(", %d default routes", f.Routes)
	}
	return words
}

// Fill gives addresses to what has none. Equal labs get equal addresses; a lab that has everything gets no edits.
func Fill(l *lab.Lab) Filled {
	f := newFiller(l)
	f.loopbackAll()
	for _, s := range f.segments {
		f.segment(s)
	}
	f.routes()
	f.write()
	return f.filled
}

type filler struct {
	lab      *lab.Lab
	segments []*segment
	taken    *taken
	loopback pools
	links    pools
	lans     pools
	given    map[*end][]netip.Prefix
	filled   Filled
}

func newFiller(l *lab.Lab) *filler {
	f := &filler{lab: l, segments: segments(l), taken: newTaken(), given: map[*end][]netip.Prefix{}}
	a := l.Addressing
	if a == nil {
		a = &lab.Addressing{}
	}
	f.loopback = poolsOf(a.Loopbacks, defaultLoopbacks, loopbackBits, a, f.taken)
	f.links = poolsOf(a.Links, defaultLinks, linkBits, a, f.taken)
	f.lans = poolsOf(a.LANs, defaultLANs, lanBits, a, f.taken)
	if l.Mgmt != nil {
		for _, p := range []netip.Prefix{l.Mgmt.IPv4, l.Mgmt.IPv6} {
			if p.IsValid() {
				f.taken.put(p)
			}
		}
	}
	for _, n := range l.Nodes {
		for _, i := range n.Interfaces {
			for _, p := range i.Addresses {
				f.taken.put(p)
			}
		}
	}
	for _, s := range f.segments {
		if s.gate.IsValid() {
			f.taken.put(s.gate)
		}
		for _, e := range s.ends {
			for _, p := range e.have {
				f.taken.put(p)
			}
		}
	}
	return f
}

// loopbackAll gives each router its loopback.
func (f *filler) loopbackAll() {
	routers := slices.Clone(f.lab.Nodes)
	slices.SortFunc(routers, func(a, b *lab.Node) int { return natural(a.Name, b.Name) })
	for _, n := range routers {
		if n.Kind != lab.Router || n.StartupConfig != nil || setsAddress(n, "lo") {
			continue
		}
		have := n.Interface("lo").Addresses
		var more []netip.Prefix
		for _, of := range []family{v4, v6} {
			if hasFamily(have, of) || !f.loopback.has(of) {
				continue
			}
			if p, ok := f.loopback.take(of, numberAtEnd(n.Name)); ok {
				more = append(more, p)
			} else {
				f.leave(n.Line, "topology.nodes."+n.Name+".interfaces.lo", "The pool of loopbacks is used up: %s gets none.", n.Name)
			}
		}
		if len(more) > 0 {
			f.filled.Addresses += len(more)
			f.filled.Ops = append(f.filled.Ops, edit.Op{
				Op: edit.Set, Node: n.Name, Path: []string{"interfaces", "lo", "addresses"}, Value: edit.Of(texts(slices.Concat(have, more))),
			})
		}
	}
}

func (f *filler) leave(line int, field, format string, args ...any) {
	f.filled.Left = append(f.filled.Left, fault.Place{Line: line, Field: field, Sentence: fmt.Sprintf(format, args...)})
}

func hasFamily(list []netip.Prefix, of family) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return familyOf(p.Addr()) == of })
}

func texts(list []netip.Prefix) []any {
	all := make([]any, len(list))
	for i, p := range list {
		all[i] = p.String()
	}
	return all
}

// segment gives addresses to the ends of a broadcast domain.
func (f *filler) segment(s *segment) {
	if s.out || len(s.ends) < 2 {
		return
	}
	for _, of := range []family{v4, v6} {
		var wanting []*end
		for _, e := range s.ends {
			if !e.owned && !hasFamily(e.have, of) {
				wanting = append(wanting, e)
			}
		}
		if len(wanting) == 0 || of == v6 && s.gate.IsValid() {
			continue
		}
		if slices.ContainsFunc(s.ends, func(e *end) bool { return e.owned && len(e.have) == 0 }) {
			continue // the others' addresses are in commands or configurations that nobody reads here
		}
		subnet, ok := f.subnet(s, of)
		if !ok {
			continue
		}
		f.number(s, of, subnet, wanting)
	}
}

// subnet is the one that the domain has, or a new one.
func (f *filler) subnet(s *segment, of family) (netip.Prefix, bool) {
	var have []netip.Prefix
	for _, e := range s.ends {
		for _, p := range e.have {
			if familyOf(p.Addr()) == of && !slices.Contains(have, p.Masked()) {
				have = append(have, p.Masked())
			}
		}
	}
	if len(have) > 0 {
		return have[0], len(have) == 1 // of several nobody knows which is meant
	}
	from, what := f.lans, "LANs"
	if s.cable && s.ends[0].node.Kind == lab.Router && s.ends[1].node.Kind == lab.Router {
		from, what = f.links, "links"
	}
	if !from.has(of) {
		return netip.Prefix{}, false
	}
	p, ok := from.take(of, s.vlan)
	if !ok {
		f.leave(s.ends[0].link.Line, "topology.addressing", "The pool of %s is used up: %s gets no subnet.", what, s.ends[0])
	}
	return p, ok
}

// firstHost is the number of the first address that is not a router's.
const firstHost = 11

// number gives the ends addresses of the subnet: routers from the first on, others from the eleventh.
func (f *filler) number(s *segment, of family, subnet netip.Prefix, wanting []*end) {
	used := map[netip.Addr]bool{}
	for _, e := range s.ends {
		for _, p := range slices.Concat(e.have, f.given[e]) {
			used[p.Addr()] = true
		}
	}
	slices.SortStableFunc(wanting, func(a, b *end) int { return order(a) - order(b) })
	for _, e := range wanting {
		a, ok := pick(subnet, used, order(e) == 0)
		if !ok {
			f.leave(e.link.Line, "topology.links", "The subnet %s is full: %s gets no address.", subnet, e)
			continue
		}
		used[a] = true
		f.given[e] = append(f.given[e], netip.PrefixFrom(a, subnet.Bits()))
		f.filled.Addresses++
	}
}

// order puts routers before hosts.
func order(e *end) int {
	if e.node.Kind == lab.Router {
		return 0
	}
	return 1
}

// pick is a free address of a subnet.
func pick(subnet netip.Prefix, used map[netip.Addr]bool, router bool) (netip.Addr, bool) {
	host := subnet.Addr().BitLen() - subnet.Bits()
	size := uint64(1) << min(host, 20)
	first, last := uint64(1), size-1
	if host <= 1 {
		first = 0
	} else if subnet.Addr().Is4() {
		last-- // the broadcast address
	}
	starts := []uint64{first}
	if !router && host > 4 {
		starts = []uint64{firstHost, first}
	}
	for _, start := range starts {
		for n := start; n <= last; n++ {
			if a := add(subnet.Addr(), n, 0); !used[a] {
				return a, true
			}
		}
	}
	return netip.Addr{}, false
}

// write turns what was given into edits of the links.
func (f *filler) write() {
	fields := map[*lab.Link]map[string]any{}
	for _, s := range f.segments {
		for _, e := range s.ends {
			if len(f.given[e]) == 0 {
				continue
			}
			if fields[e.link] == nil {
				fields[e.link] = map[string]any{}
			}
			own := e.link.A.Addresses
			if e.side == "b" {
				own = e.link.B.Addresses
			}
			fields[e.link]["addresses-"+e.side] = texts(slices.Concat(own, f.given[e]))
		}
	}
	for _, k := range f.lab.Links {
		if fields[k] != nil {
			f.filled.Ops = append(f.filled.Ops, edit.Op{Op: edit.SetLink, Link: k.ID(), Fields: fields[k]})
		}
	}
}

// routes gives default routes where there is one way only.
func (f *filler) routes() {
	gateways := map[*lab.Node][]*segment{}
	for _, s := range f.segments {
		for _, e := range s.ends {
			if e.node.Kind.IsContainer() && !slices.Contains(gateways[e.node], s) {
				gateways[e.node] = append(gateways[e.node], s)
			}
		}
	}
	nodes := slices.Clone(f.lab.Nodes)
	slices.SortFunc(nodes, func(a, b *lab.Node) int { return natural(a.Name, b.Name) })
	for _, n := range nodes {
		if n.Routing != nil && len(n.Routing.Static) > 0 || n.StartupConfig != nil || setsRoute(n) || n.Egress {
			continue
		}
		var ways []*end
		in := map[*end]*segment{}
		for _, s := range gateways[n] {
			for _, e := range s.ends {
				if e.node != n && (e.node.Kind == lab.Internet || e.node.Kind == lab.Router && n.Kind != lab.Router) {
					ways = append(ways, e)
					in[e] = s
				}
			}
		}
		if len(ways) == 1 {
			f.route(n, ways[0])
		}
	}
}

// setsRoute reports a node whose commands make its routes.
func setsRoute(n *lab.Node) bool {
	return slices.ContainsFunc(n.Exec, func(command string) bool { return strings.Contains(command, "route") }) || strings.Contains(strings.Join(n.Cmd, " "), "route")
}

func (f *filler) route(n *lab.Node, by *end) {
	var static []any
	for _, p := range slices.Concat(by.have, f.given[by]) {
		to := "0.0.0.0/0"
		if p.Addr().Is6() {
			to = "::/0"
		}
		if !slices.ContainsFunc(static, func(r any) bool { return r.(map[string]any)["to"] == to }) {
			static = append(static, map[string]any{"to": to, "via": p.Addr().String()})
		}
	}
	if len(static) == 0 {
		return
	}
	f.filled.Routes += len(static)
	f.filled.Ops = append(f.filled.Ops, edit.Op{Op: edit.Set, Node: n.Name, Path: []string{"routing", "static"}, Value: edit.Of(static)})
}
