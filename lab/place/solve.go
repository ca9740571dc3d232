package place

import (
	"cmp"
	"slices"
)

const (
	smallLab = 24  // units up to which the search for the best is exhaustive, within a budget
	someLab  = 400 // units up to which several beginnings are tried
)

// solve divides the units over the open hosts: whole on one host when one takes it all, else by coarsening, growing and refining
// (Karypis and Kumar, "Multilevel k-way Partitioning Scheme for Irregular Graphs", 1998), and for small labs by branch and bound.
func (u *united) solve(open []int32) *seats {
	best := u.onOne(open)
	if best != nil && best.total().cut == 0 {
		return best
	}
	liked := slices.Clone(open)
	slices.SortFunc(liked, func(a, b int32) int { return int(u.rank[a] - u.rank[b]) })
	better := func(s *seats) {
		if best == nil || s.total().less(best.total()) {
			best = s
		}
	}
	better(u.multilevel(open))
	if u.n <= someLab {
		better(u.multilevel(liked))
		better(u.flat(open))
		better(u.flat(liked))
	}
	if best.total().without > 0 {
		better(u.packed(open))
	}
	if u.n <= smallLab {
		better(best.exact(open))
	}
	return best
}

// onOne puts everything on the host that takes all of it with the fewest cables to nodes that stay elsewhere, and of those on the
// best liked; nil when no host takes all.
func (u *united) onOne(open []int32) *seats {
	if u.n == 0 {
		return newSeats(u, &u.graph, open)
	}
	var whole room
	pull, size := make([]int64, len(u.hosts)), make([]int64, len(u.profiles))
	for unit := range u.n {
		whole.give(&u.needs[unit])
		size[u.profile[unit]] += int64(u.size[unit])
		for _, e := range u.adj[unit] {
			if e.to >= int32(u.n) {
				pull[e.to-int32(u.n)] += e.weight
			}
		}
	}
	soft := make([]int64, len(u.hosts))
	able := slices.DeleteFunc(slices.Clone(open), func(h int32) bool {
		for number, nodes := range size {
			if nodes > 0 && !u.profiles[number].fits[h] {
				return true
			}
			soft[h] += nodes * u.profiles[number].soft[h]
		}
		return !u.room[h].holds(&whole)
	})
	slices.SortFunc(able, func(a, b int32) int {
		return cmp.Or(cmp.Compare(pull[b], pull[a]), cmp.Compare(soft[a], soft[b]), cmp.Compare(a, b))
	})
	for _, h := range able {
		s := newSeats(u, &u.graph, open)
		for unit := int32(0); unit < int32(u.n) && s.fits(unit, h); unit++ {
			s.put(unit, h)
		}
		if len(s.guests[h]) == u.n {
			return s
		}
		if len(u.company) == 0 {
			return nil // only two units that are kept apart can be in the way, and they are on any host
		}
	}
	return nil
}

// multilevel divides a coarse picture first and carries the division down, refining at each level.
func (u *united) multilevel(open []int32) *seats {
	levels := u.coarsen(open)
	var s *seats
	for i := len(levels) - 1; i >= 0; i-- {
		level := newSeats(u, levels[i].graph, open)
		if s != nil {
			for unit := range int32(level.g.n) {
				if h := s.at[levels[i].into[unit]]; h >= 0 {
					level.put(unit, h)
				}
			}
		}
		s = level
		if i == len(levels)-1 {
			s.grow(open)
		}
		s.seatRest(open, i == 0)
		s.refine()
	}
	return s
}

// flat is multilevel with one level.
func (u *united) flat(open []int32) *seats {
	s := newSeats(u, &u.graph, open)
	s.grow(open)
	s.seatRest(open, true)
	s.refine()
	return s
}

// packed looks for any division at all: the units with fewest hosts and greatest needs choose first.
func (u *united) packed(open []int32) *seats {
	s := newSeats(u, &u.graph, open)
	s.seatRest(open, true)
	s.refine()
	return s
}
