package ipam

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"trunkline/lab"
)

// end is one interface of a container, or of a way out, in a broadcast domain.
type end struct {
	node  *lab.Node
	link  *lab.Link
	side  string // "a" or "b"
	name  string // of the interface
	have  []netip.Prefix
	owned bool // its addresses are somebody else's business: commands of the node, or a configuration of its own
}

func (e end) String() string { return e.node.Name + ":" + e.name }

func (e end) endpoint() lab.Endpoint { return lab.Endpoint{Node: e.node.Name, Interface: e.name} }

// segment is one broadcast domain: the interfaces that hear each other's broadcasts, through switches by VLAN.
type segment struct {
	ends  []*end
	vlan  int  // that it is on switches; 0: none, or untagged
	cable bool // two containers on one cable
	out   bool // leads to a network outside the lab, whose addresses are not ours to give
	gate  netip.Prefix
}

// id names a segment for its place in the order: it stays while its ends do.
func (s *segment) id() string { return s.ends[0].String() }

// point is a VLAN on a cable or inside a switch.
type point struct {
	at   string
	vlan int
}

// wires joins points into broadcast domains.
type wires struct{ parent map[point]point }

func (w *wires) find(p point) point {
	up, ok := w.parent[p]
	if !ok || up == p {
		return p
	}
	root := w.find(up)
	w.parent[p] = root
	return root
}

func (w *wires) join(a, b point) { w.parent[w.find(a)] = w.find(b) }

// segments finds the broadcast domains of a lab, in an order that does not depend on the file's.
func segments(l *lab.Lab) []*segment {
	nodes := map[string]*lab.Node{}
	for _, n := range l.Nodes {
		nodes[n.Name] = n
	}
	vlans := usedVLANs(l)
	w := &wires{parent: map[point]point{}}
	for i, k := range l.Links {
		if k.Type != lab.VEth {
			continue
		}
		cable := fmt.Sprint("cable ", i)
		for _, e := range []lab.Endpoint{k.A, k.B} {
			if n := nodes[e.Node]; n != nil {
				joinPort(w, cable, n, n.Interface(e.Interface), vlans)
			}
		}
	}
	found := map[point]*segment{}
	var all []*segment
	for i, k := range l.Links {
		if k.Type != lab.VEth {
			continue
		}
		for side, e := range map[string]lab.Endpoint{"a": k.A, "b": k.B} {
			n := nodes[e.Node]
			if n == nil || isSegment(n.Kind) {
				continue
			}
			root := w.find(point{fmt.Sprint("cable ", i), 0})
			s := found[root]
			if s == nil {
				s = &segment{vlan: vlanOf(w, l, root, vlans)}
				found[root] = s
				all = append(all, s)
			}
			s.add(n, k, side, e)
		}
	}
	for _, s := range all {
		slices.SortFunc(s.ends, func(a, b *end) int { return natural(a.String(), b.String()) })
		s.cable = len(s.ends) == 2 && s.ends[0].link == s.ends[1].link && s.ends[0].node.Kind.IsContainer() && s.ends[1].node.Kind.IsContainer()
	}
	slices.SortFunc(all, func(a, b *segment) int { return natural(a.id(), b.id()) })
	return all
}

// isSegment reports kinds that have no addresses of their own on their ports.
func isSegment(k lab.Kind) bool { return k == lab.Switch || k == lab.LAN || k == lab.Hub }

// usedVLANs lists the tags that any port of the lab names.
func usedVLANs(l *lab.Lab) []int {
	var vlans []int
	for _, n := range l.Nodes {
		for _, i := range n.Interfaces {
			vlans = append(vlans, i.Access, i.Native)
			vlans = append(vlans, i.Trunk...)
		}
	}
	slices.Sort(vlans)
	return slices.DeleteFunc(slices.Compact(vlans), func(v int) bool { return v == 0 })
}

// joinPort joins a cable with the inside of a switch as the port's VLANs say; tags pass hubs and lans as they are.
func joinPort(w *wires, cable string, n *lab.Node, port lab.Interface, vlans []int) {
	inside := "node " + n.Name
	switch {
	case n.Kind == lab.LAN || n.Kind == lab.Hub:
		for _, v := range append([]int{0}, vlans...) {
			w.join(point{cable, v}, point{inside, v})
		}
	case n.Kind != lab.Switch || port.Down:
	case len(port.Trunk) > 0:
		for _, v := range port.Trunk {
			if v != port.Native {
				w.join(point{cable, v}, point{inside, v})
			}
		}
		if port.Native != 0 {
			w.join(point{cable, 0}, point{inside, port.Native})
		}
	case port.Access != 0:
		w.join(point{cable, 0}, point{inside, port.Access})
	default:
		w.join(point{cable, 0}, point{inside, port.Native})
		for _, v := range vlans {
			if v != port.Native {
				w.join(point{cable, v}, point{inside, v})
			}
		}
	}
}

// vlanOf is the lowest VLAN that a domain is inside a switch, as a hint for its subnet.
func vlanOf(w *wires, l *lab.Lab, root point, vlans []int) int {
	for _, v := range vlans {
		for _, n := range l.Nodes {
			if n.Kind == lab.Switch && w.find(point{"node " + n.Name, v}) == root {
				return v
			}
		}
	}
	return 0
}

func (s *segment) add(n *lab.Node, k *lab.Link, side string, e lab.Endpoint) {
	switch n.Kind {
	case lab.External:
		s.out = true
		return
	case lab.Internet:
		s.gate = netip.MustParsePrefix("10.255.0.1/24")
		if n.Internet != nil && n.Internet.Subnet.IsValid() {
			s.gate = n.Internet.Subnet
		}
	}
	added := &end{node: n, link: k, side: side, name: e.Interface, have: slices.Concat(e.Addresses, n.Interface(e.Interface).Addresses)}
	if n.Kind == lab.Internet {
		added.have = []netip.Prefix{s.gate}
	}
	added.owned = n.Kind == lab.Internet || n.StartupConfig != nil || setsAddress(n, e.Interface)
	s.ends = append(s.ends, added)
}

// setsAddress reports a node whose commands give the interface its address.
func setsAddress(n *lab.Node, name string) bool {
	names := func(command string) bool {
		words := strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune(" \t\n;&|'\"", r) })
		return slices.Contains(words, name) && (strings.Contains(command, "addr") || strings.Contains(command, "ifconfig") || strings.Contains(command, "dhc"))
	}
	if slices.ContainsFunc(n.Exec, names) || names(strings.Join(n.Cmd, " ")) {
		return true
	}
	return slices.ContainsFunc(n.StageExecs, func(e lab.StageExec) bool { return names(e.Command) })
}

// natural orders names as people do: r2 before r10.
func natural(a, b string) int {
	for a != "" && b != "" {
		x, y := leading(a), leading(b)
		if isDigit(a[0]) && isDigit(b[0]) {
			m, n := strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if c := cmp.Or(cmp.Compare(len(m), len(n)), cmp.Compare(m, n), cmp.Compare(x, y)); c != 0 {
				return c
			}
		} else if c := cmp.Compare(x, y); c != 0 {
			return c
		}
		a, b = a[len(x):], b[len(y):]
	}
	return cmp.Compare(len(a), len(b))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// leading is the run of digits, or of other characters, that s begins with.
func leading(s string) string {
	i := 1
	for i < len(s) && isDigit(s[i]) == isDigit(s[0]) {
		i++
	}
	return s[:i]
}

// numberAtEnd is the number that a name ends with; 0 for none.
func numberAtEnd(name string) int {
	n, factor := 0, 1
	for i := len(name) - 1; i >= 0 && isDigit(name[i]) && factor < 1e6; i-- {
		n, factor = n+int(name[i]-'0')*factor, factor*10
	}
	return n
}
