package place

import "math"

// room counts what a host has to give, or a node takes: thousandths of a core, bytes, processes, interfaces.
type room [4]int64

const unlimited = math.MaxInt64 / 4

var roomWords = [4]string{"CPU", "memory", "processes", "interfaces"}

func (a Amount) room() room {
	return room{int64(math.Ceil(a.CPU * 1000)), a.Memory, int64(a.PIDs), int64(a.Interfaces)}
}

// free is what the host can still give.
func (c Candidate) free() room {
	has, used := c.Capacity.room(), c.InUse.room()
	for i, factor := range []float64{c.OverCommit.CPU, c.OverCommit.Memory, c.OverCommit.PIDs, c.OverCommit.Interfaces} {
		switch {
		case has[i] <= 0:
			has[i] = unlimited
			continue
		case factor > 0:
			has[i] = int64(math.Min(float64(has[i])*factor, unlimited))
		}
		has[i] -= used[i]
	}
	return has
}

// holds reports whether need fits. What is not asked for is not looked at, so that a host that is over its limit still takes a segment.
func (r *room) holds(need *room) bool {
	for i := range r {
		if need[i] > 0 && need[i] > r[i] {
			return false
		}
	}
	return true
}

func (r *room) take(need *room) {
	for i := range r {
		r[i] -= need[i]
	}
}

func (r *room) give(need *room) {
	for i := range r {
		r[i] += need[i]
	}
}

// share is the part of the whole that fits, at most 1.
func (r *room) share(whole *room) float64 {
	least := 1.0
	for i := range r {
		if whole[i] > 0 {
			least = min(least, float64(max(r[i], 0))/float64(whole[i]))
		}
	}
	return least
}

// short names what is lacking, in words.
func (r *room) short(need *room) string {
	for i := range r {
		if need[i] > 0 && need[i] > r[i] {
			return roomWords[i]
		}
	}
	return ""
}

// cost compares placements: nodes without a place first, then the weight of crossing cables, then the softer wishes.
type cost struct {
	without int
	cut     int64
	soft    int64
}

func (c cost) less(d cost) bool {
	if c.without != d.without {
		return c.without < d.without
	}
	if c.cut != d.cut {
		return c.cut < d.cut
	}
	return c.soft < d.soft
}
