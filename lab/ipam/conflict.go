package ipam

import (
	"fmt"
	"net/netip"
	"slices"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// maxMarks bounds what is said of a lab.
const maxMarks = 500

// Conflicts marks addresses that cannot be together: one address twice in a broadcast domain, one subnet on several of them, an address
// outside of the subnet that the others of its domain have. Each mark has the line of its link or node.
func Conflicts(l *lab.Lab) []fault.Place {
	var places []fault.Place
	for _, m := range Marks(l) {
		places = append(places, m.Place)
	}
	return places
}

// Mark is one conflict, with the interfaces that it is about: the one that stands at Place first.
type Mark struct {
	fault.Place
	Ends []lab.Endpoint
}

// Marks are the Conflicts with their interfaces.
func Marks(l *lab.Lab) []Mark {
	c := &checker{}
	all := segments(l)
	for _, s := range all {
		c.inside(s)
	}
	c.between(all)
	if len(c.marks) > maxMarks {
		c.marks = c.marks[:maxMarks]
	}
	return c.marks
}

type checker struct{ marks []Mark }

func (c *checker) mark(e *end, format string, args ...any) {
	line, field := e.link.Line, fmt.Sprintf("link %s", e.link.ID())
	own := e.link.A.Addresses
	if e.side == "b" {
		own = e.link.B.Addresses
	}
	if len(own) == 0 {
		line, field = e.node.Line, "topology.nodes."+e.node.Name+".interfaces."+e.name
	}
	mark := Mark{Place: fault.Place{Line: line, Field: field, Sentence: fmt.Sprintf(format, args...)}, Ends: []lab.Endpoint{e.endpoint()}}
	for _, arg := range args {
		if other, ok := arg.(*end); ok && other != e {
			mark.Ends = append(mark.Ends, other.endpoint())
		}
	}
	c.marks = append(c.marks, mark)
}

// inside looks for one address twice, and for ends that are in no subnet of the others.
func (c *checker) inside(s *segment) {
	seen := map[netip.Addr]*end{}
	for _, e := range s.ends {
		for _, p := range e.have {
			if first := seen[p.Addr()]; first != nil && first != e {
				c.mark(e, "%s has the address %s that %s has too, and they hear each other. Give one of them another.", e, p.Addr(), first)
			}
			seen[p.Addr()] = e
		}
	}
	for _, of := range []family{v4, v6} {
		count := map[netip.Prefix]int{}
		var subnets []netip.Prefix
		for _, e := range s.ends {
			for _, p := range e.have {
				if familyOf(p.Addr()) != of {
					continue
				}
				if count[p.Masked()] == 0 {
					subnets = append(subnets, p.Masked())
				}
				count[p.Masked()]++
			}
		}
		if len(subnets) < 2 {
			continue
		}
		most := slices.MaxFunc(subnets, func(a, b netip.Prefix) int { return count[a] - count[b] })
		if count[most] < 2 && len(s.ends) > 2 {
			continue // nobody knows which of them is meant
		}
		for _, e := range s.ends {
			c.outside(s, e, of, most, count)
		}
	}
}

// outside marks an end all of whose addresses of a family lie outside of the subnet of most, and which shares no subnet with anybody.
func (c *checker) outside(s *segment, e *end, of family, most netip.Prefix, count map[netip.Prefix]int) {
	var own []netip.Prefix
	for _, p := range e.have {
		if familyOf(p.Addr()) == of {
			own = append(own, p)
		}
	}
	if len(own) == 0 || slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Masked() == most || count[p.Masked()] > 1 }) {
		return
	}
	c.mark(e, "%s has %s, and the others on its network are in %s: they do not reach each other without a router. Give it an address in that subnet.", e, own[0], most)
}

// between looks for subnets that overlap on different broadcast domains.
func (c *checker) between(all []*segment) {
	type use struct {
		s *segment
		e *end
	}
	var subnets []netip.Prefix
	uses := map[netip.Prefix][]use{}
	for _, s := range all {
		seen := map[netip.Prefix]bool{}
		for _, e := range s.ends {
			for _, p := range e.have {
				m := p.Masked()
				if seen[m] || m.Addr().IsLinkLocalUnicast() || m.Bits() == m.Addr().BitLen() {
					continue
				}
				seen[m] = true
				if uses[m] == nil {
					subnets = append(subnets, m)
				}
				uses[m] = append(uses[m], use{s, e})
			}
		}
	}
	slices.SortFunc(subnets, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	var around []netip.Prefix // that hold the present one
	for _, p := range subnets {
		around = slices.DeleteFunc(around, func(o netip.Prefix) bool { return !o.Overlaps(p) })
		for _, of := range uses[p][1:] {
			c.mark(of.e, "The subnet %s is used on two networks that are not joined: by %s and by %s. Give one of them another.", p, uses[p][0].e, of.e)
		}
		for _, o := range around {
			if uses[o][0].s != uses[p][0].s {
				c.mark(uses[p][0].e, "The subnet %s of %s lies in %s, which %s has on another network. Give one of them another.", p, uses[p][0].e, o, uses[o][0].e)
			}
		}
		around = append(around, p)
	}
}
