package place

import (
	"cmp"
	"slices"
)

const (
	exactBudget = 100_000 // divisions begun
	newHosts    = 8       // hosts still empty that are tried for a unit
	mostHosts   = 48      // hosts looked at, beside those in use
)

// search is branch and bound over the units in an order in which each is near those before it.
type search struct {
	*seats
	open   []int32
	like   []int32 // by host: the first host that answers every unit alike while both are empty
	order  []int32
	least  []int64 // by position in order: the soft cost that the rest has at least
	now    cost
	best   cost
	found  []int32
	budget int
}

// exact returns the best division, or the best that the budget lets it meet; never worse than s.
func (s *seats) exact(open []int32) *seats {
	x := &search{seats: newSeats(s.u, s.g, open), open: s.shortlist(open), best: s.total(), budget: exactBudget}
	x.order = x.walk()
	x.alike()
	x.least = make([]int64, s.g.n+1)
	for i := s.g.n - 1; i >= 0; i-- {
		least := int64(-1)
		for _, h := range x.open {
			if soft := x.soft(x.order[i], h); x.may(x.order[i], h) && (least < 0 || soft < least) {
				least = soft
			}
		}
		x.least[i] = x.least[i+1] + max(least, 0)
	}
	x.now.without = 0
	x.descend(0)
	if x.found == nil {
		return s
	}
	better := newSeats(s.u, s.g, open)
	for unit, h := range x.found {
		better.put(int32(unit), h)
	}
	return better
}

// shortlist is the first hosts, those that the division uses, and those of nodes that stay.
func (s *seats) shortlist(open []int32) []int32 {
	list := slices.Clone(open[:min(len(open), mostHosts)])
	for _, h := range slices.Concat(s.at, s.u.stays) {
		if h >= 0 && s.open[h] && !slices.Contains(list, h) {
			list = append(list, h)
		}
	}
	return list
}

// walk starts with the unit of the greatest weight and goes on with what has most weight to those before.
func (x *search) walk() []int32 {
	n := x.g.n
	near, all, taken := make([]int64, n), make([]int64, n), make([]bool, n)
	for unit := range x.g.adj {
		for _, e := range x.g.adj[unit] {
			all[unit] += e.weight
			if e.to >= int32(n) {
				near[unit] += e.weight
			}
		}
	}
	var order []int32
	for len(order) < n {
		next := int32(-1)
		for unit := range int32(n) {
			if !taken[unit] && (next < 0 || cmp.Or(cmp.Compare(near[unit], near[next]), cmp.Compare(all[unit], all[next])) > 0) {
				next = unit
			}
		}
		taken[next] = true
		order = append(order, next)
		for _, e := range x.g.adj[next] {
			if e.to < int32(n) {
				near[e.to] += e.weight
			}
		}
	}
	return order
}

// alike finds hosts that differ in how well they are liked only: of those, the first empty one stands for all.
func (x *search) alike() {
	x.like = make([]int32, len(x.u.hosts))
	staying := make([]bool, len(x.u.hosts))
	for _, h := range x.u.stays {
		if h >= 0 {
			staying[h] = true
		}
	}
	sorted := slices.Clone(x.open)
	slices.SortFunc(sorted, func(a, b int32) int { return cmp.Compare(x.u.rank[a], x.u.rank[b]) })
	x.open = sorted
	for i, h := range sorted {
		x.like[h] = h
		for _, first := range sorted[:i] {
			if x.like[first] == first && !staying[h] && !staying[first] && x.u.room[h] == x.u.room[first] && x.same(h, first) {
				x.like[h] = first
				break
			}
		}
	}
}

func (x *search) same(a, b int32) bool {
	for _, number := range x.g.profile {
		p := &x.u.profiles[number]
		if p.fits[a] != p.fits[b] || p.soft[a]-x.u.rank[a] != p.soft[b]-x.u.rank[b] {
			return false
		}
	}
	return true
}

func (x *search) descend(depth int) {
	if depth == x.g.n {
		if x.now.less(x.best) {
			x.best = x.now
			x.found = slices.Clone(x.at)
		}
		return
	}
	if x.budget--; x.budget < 0 || !x.bound(depth).less(x.best) {
		return
	}
	unit := x.order[depth]
	for _, h := range x.choices(unit) {
		var seated int64
		for _, e := range x.g.adj[unit] {
			if at := x.hostOf(e.to); at >= 0 && at != h {
				seated += e.weight
			}
		}
		soft := x.soft(unit, h)
		x.now.cut, x.now.soft = x.now.cut+seated, x.now.soft+soft
		x.put(unit, h)
		x.descend(depth + 1)
		x.lift(unit)
		x.now.cut, x.now.soft = x.now.cut-seated, x.now.soft-soft
	}
}

// bound is what a division that begins like this one costs at least.
func (x *search) bound(depth int) cost {
	c := x.now
	for _, unit := range x.order[depth:] {
		var sum, most int64
		for _, h := range x.pulls(unit) {
			sum += x.pull[h]
			if x.pull[h] > most && x.fits(unit, h) {
				most = x.pull[h]
			}
		}
		c.cut += sum - most
	}
	c.soft += x.least[depth]
	return c
}

// choices lists the hosts for the unit, the most drawn to first; of empty hosts that are alike only the first.
func (x *search) choices(unit int32) []int32 {
	var all []int32
	fresh := map[int32]bool{}
	for _, h := range x.open {
		if !x.fits(unit, h) {
			continue
		}
		if len(x.guests[h]) == 0 {
			if fresh[x.like[h]] || len(fresh) == newHosts {
				continue
			}
			fresh[x.like[h]] = true
		}
		all = append(all, h)
	}
	weights := make(map[int32]int64, len(all))
	for _, h := range all {
		weights[h] = x.weightTo(unit, h)
	}
	slices.SortStableFunc(all, func(a, b int32) int { return -cmp.Compare(weights[a], weights[b]) })
	return all
}
