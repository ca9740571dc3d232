package place

import (
	"cmp"
	"container/heap"
	"slices"
)

// wish is a unit with how much moving or placing it is worth.
type wish struct {
	unit int32
	gain int64
}

// wishes is a heap: the greatest gain first, then the smaller number.
type wishes []wish

func (w wishes) Len() int { return len(w) }
func (w wishes) Less(i, j int) bool {
	return w[i].gain > w[j].gain || w[i].gain == w[j].gain && w[i].unit < w[j].unit
}
func (w wishes) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w *wishes) Push(x any)   { *w = append(*w, x.(wish)) }
func (w *wishes) Pop() any {
	old := *w
	last := old[len(old)-1]
	*w = old[:len(old)-1]
	return last
}

const seedsTried = 64 // that did not fit, before a host counts as full

// grow fills one host after the other, each with what hangs together most with what it has.
func (s *seats) grow(open []int32) {
	seeds := s.seedOrder()
	staying := make([][]edge, len(s.u.hosts)) // from nodes that stay to units
	bound := make([]int64, s.g.n)             // twice the weight to the host being filled, less all weight to units without a host
	for unit := range s.g.adj {
		for _, e := range s.g.adj[unit] {
			if e.to < int32(s.g.n) {
				bound[unit] -= e.weight
			} else {
				h := e.to - int32(s.g.n)
				staying[h] = append(staying[h], edge{int32(unit), e.weight})
			}
		}
	}
	gain := make([]int64, s.g.n)
	touched := make([]int32, s.g.n)
	for turn, h := range open {
		g := grower{seats: s, h: h, turn: int32(turn + 1), outside: bound, gain: gain, touched: touched}
		for _, e := range staying[h] {
			g.closer(e.to, e.weight)
		}
		if seeds = g.fill(seeds); len(seeds) == 0 {
			return
		}
	}
}

// grower fills one host.
type grower struct {
	*seats
	h       int32
	turn    int32
	outside []int64
	gain    []int64
	touched []int32
	heap    wishes
}

// closer tells that the unit gained weight to the host.
func (g *grower) closer(unit int32, weight int64) {
	if g.touched[unit] != g.turn {
		g.touched[unit], g.gain[unit] = g.turn, 0
	}
	g.gain[unit] += weight
	heap.Push(&g.heap, wish{unit, 2*g.gain[unit] + g.outside[unit]})
}

// fill takes units until none fits, and returns the seeds that are left.
func (g *grower) fill(seeds []int32) []int32 {
	behind := 0
	for {
		for len(g.heap) > 0 {
			w := heap.Pop(&g.heap).(wish)
			if g.at[w.unit] < 0 && w.gain == 2*g.gain[w.unit]+g.outside[w.unit] && g.fits(w.unit, g.h) {
				g.take(w.unit)
			}
		}
		next, tried := -1, 0
		for i, unit := range seeds {
			if g.at[unit] >= 0 {
				behind++
				continue
			}
			if g.fits(unit, g.h) {
				next = i
				break
			}
			if tried++; tried == seedsTried {
				break
			}
		}
		if next < 0 {
			break
		}
		g.take(seeds[next])
	}
	for len(seeds) > 0 && g.at[seeds[0]] >= 0 {
		seeds = seeds[1:]
	}
	if behind > seedsTried {
		seeds = slices.DeleteFunc(seeds, func(unit int32) bool { return g.at[unit] >= 0 })
	}
	return seeds
}

func (g *grower) take(unit int32) {
	g.put(unit, g.h)
	for _, e := range g.g.adj[unit] {
		if e.to < int32(g.g.n) && g.at[e.to] < 0 {
			g.outside[e.to] += e.weight
			g.closer(e.to, e.weight)
		}
	}
}

// seedOrder lists units with the fewest possible hosts first, and else in the order of a walk in breadth from an outlying unit.
func (s *seats) seedOrder() []int32 {
	starts := make([]int32, s.g.n)
	for i := range starts {
		starts[i] = int32(i)
	}
	slices.SortStableFunc(starts, func(a, b int32) int { return cmp.Compare(len(s.g.adj[a]), len(s.g.adj[b])) })
	seen := make([]bool, s.g.n)
	order := make([]int32, 0, s.g.n)
	for _, start := range starts {
		if seen[start] {
			continue
		}
		seen[start] = true
		order = append(order, start)
		for i := len(order) - 1; i < len(order); i++ {
			for _, e := range s.g.adj[order[i]] {
				if e.to < int32(s.g.n) && !seen[e.to] {
					seen[e.to] = true
					order = append(order, e.to)
				}
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		return cmp.Compare(s.u.profiles[s.g.profile[a]].count, s.u.profiles[s.g.profile[b]].count)
	})
	return order
}
