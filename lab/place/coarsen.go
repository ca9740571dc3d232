package place

import "slices"

const mostProfiles = 2_000 // kinds of units; with more, only units of one kind are joined

// level is one picture of the lab, and into which unit of the next coarser picture each of its units went.
type level struct {
	*graph
	into []int32
}

// coarsen pairs units along their heaviest edges until no more pairs are small enough to leave a host some choice.
func (u *united) coarsen(open []int32) []level {
	most := u.lump(open)
	levels := []level{{graph: &u.graph}}
	for {
		last := &levels[len(levels)-1]
		next := u.pair(last, &most)
		if next == nil {
			return levels
		}
		levels = append(levels, level{graph: next})
	}
}

// lump is the most that a coarse unit may need: a quarter of what a middling host has.
func (u *united) lump(open []int32) room {
	var most room
	for i := range most {
		free := make([]int64, 0, len(open))
		for _, h := range open {
			free = append(free, u.room[h][i])
		}
		slices.Sort(free)
		if len(free) > 0 {
			most[i] = free[len(free)/2] / 4
		}
	}
	return most
}

// pair makes the next coarser picture, or returns nil when hardly any pair is found.
func (u *united) pair(l *level, most *room) *graph {
	l.into = make([]int32, l.n)
	for i := range l.into {
		l.into[i] = -1
	}
	next := &graph{}
	for unit := range int32(l.n) {
		if l.into[unit] >= 0 {
			continue
		}
		mate := u.mate(l, unit, most)
		l.into[unit] = int32(next.n)
		needs, size, prof, sep := l.needs[unit], l.size[unit], l.profile[unit], l.separate[unit]
		if mate >= 0 {
			l.into[mate] = int32(next.n)
			needs.give(&l.needs[mate])
			size += l.size[mate]
			prof = u.both(prof, l.profile[mate])
			if len(l.separate[mate]) > 0 {
				sep = slices.Concat(sep, l.separate[mate])
				slices.Sort(sep)
			}
		}
		next.n++
		next.needs, next.size = append(next.needs, needs), append(next.size, size)
		next.profile, next.separate = append(next.profile, prof), append(next.separate, sep)
	}
	if next.n > l.n*9/10 {
		l.into = nil
		return nil
	}
	l.project(next)
	return next
}

// mate is the free neighbour with the heaviest edge for its size, or -1.
func (u *united) mate(l *level, unit int32, most *room) int32 {
	best, rate := int32(-1), 0.0
	for _, e := range l.adj[unit] {
		if e.to >= int32(l.n) || l.into[e.to] >= 0 {
			continue
		}
		r := float64(e.weight) / (float64(l.size[unit]) * float64(l.size[e.to])) / float64(len(l.adj[e.to]))
		if r <= rate {
			continue
		}
		if l.profile[unit] != l.profile[e.to] && len(u.profiles) > mostProfiles {
			continue
		}
		needs := l.needs[unit]
		needs.give(&l.needs[e.to])
		if !most.holds(&needs) || overlap(l.separate[unit], l.separate[e.to]) || u.profiles[u.both(l.profile[unit], l.profile[e.to])].count == 0 {
			continue
		}
		best, rate = e.to, r
	}
	return best
}

// project carries the edges over.
func (l *level) project(next *graph) {
	next.adj = make([][]edge, next.n)
	for unit := range int32(l.n) {
		from := l.into[unit]
		for _, e := range l.adj[unit] {
			to := e.to - int32(l.n) + int32(next.n)
			if e.to < int32(l.n) {
				to = l.into[e.to]
			}
			if to != from {
				next.adj[from] = append(next.adj[from], edge{to, e.weight})
			}
		}
	}
	for i := range next.adj {
		next.adj[i] = gather(next.adj[i])
	}
}

// overlap reports whether two sorted lists share a member.
func overlap(a, b []int32) bool {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			return true
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return false
}
