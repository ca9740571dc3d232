package place

import "container/heap"

const (
	passes  = 6
	patient = 100 // moves without a new best before a pass ends
	hub     = 200 // neighbours from which on a unit is not looked at again at each of their moves
)

// refine moves units between hosts while that makes the cut smaller: passes in the manner of Fiduccia and Mattheyses (1982), which go
// through worse divisions and return to the best, and exchanges where hosts are full.
func (s *seats) refine() {
	for range passes {
		moved := s.pass()
		if swapped := s.exchange(); !moved && !swapped {
			return
		}
	}
}

// step is one move, to be undone.
type step struct{ unit, from int32 }

// pass moves each unit at most once, and keeps the moves up to the best division met.
func (s *seats) pass() bool {
	var queue wishes
	for unit := range int32(s.g.n) {
		if h, gain := s.bestMove(unit); h >= 0 {
			queue = append(queue, wish{unit, gain})
		}
	}
	heap.Init(&queue)
	locked := make([]bool, s.g.n)
	var done []step
	var now, best int64
	keep, softNow, softBest := 0, int64(0), int64(0)
	for len(queue) > 0 && len(done)-keep < patient {
		w := heap.Pop(&queue).(wish)
		if locked[w.unit] || s.at[w.unit] < 0 {
			continue
		}
		h, gain := s.bestMove(w.unit)
		if h < 0 {
			continue
		}
		if gain < w.gain {
			heap.Push(&queue, wish{w.unit, gain})
			continue
		}
		from := s.at[w.unit]
		softNow += s.soft(w.unit, h) - s.soft(w.unit, from)
		s.move(w.unit, h)
		locked[w.unit] = true
		done = append(done, step{w.unit, from})
		if now += gain; now > best || now == best && softNow < softBest {
			best, softBest, keep = now, softNow, len(done)
		}
		for _, e := range s.g.adj[w.unit] {
			if e.to < int32(s.g.n) && !locked[e.to] && s.at[e.to] >= 0 && len(s.g.adj[e.to]) < hub {
				if to, gain := s.bestMove(e.to); to >= 0 {
					heap.Push(&queue, wish{e.to, gain})
				}
			}
		}
	}
	for i := len(done) - 1; i >= keep; i-- {
		s.move(done[i].unit, done[i].from)
	}
	return keep > 0
}

// bestMove is the neighbouring host to which the unit goes with most gain, or -1.
func (s *seats) bestMove(unit int32) (int32, int64) {
	from := s.at[unit]
	if from < 0 {
		return -1, 0
	}
	best, gain := int32(-1), int64(0)
	for _, h := range s.pulls(unit) {
		if h == from {
			continue
		}
		g := s.pull[h] - s.pull[from]
		if best >= 0 && (g < gain || g == gain && s.soft(unit, h) >= s.soft(unit, best)) {
			continue
		}
		if s.fits(unit, h) {
			best, gain = h, g
		}
	}
	return best, gain
}

// draw is a host and how much the cut shrinks when a unit goes there.
type draw struct {
	host int32
	gain int64
}

// exchange sends a unit to a full host, and a guest from there back or to a third host, where that makes the cut smaller.
func (s *seats) exchange() bool {
	any := false
	for unit := range int32(s.g.n) {
		from := s.at[unit]
		if from < 0 {
			continue
		}
		var better []draw
		for _, h := range s.pulls(unit) {
			if gain := s.pull[h] - s.pull[from]; h != from && gain > 0 && s.may(unit, h) {
				better = append(better, draw{h, gain})
			}
		}
		for _, d := range better {
			if s.exchangeWith(unit, d.host, d.gain) {
				any = true
				break
			}
		}
	}
	return any
}

func (s *seats) exchangeWith(unit, h int32, gain int64) bool {
	from := s.at[unit]
	if s.fits(unit, h) {
		s.move(unit, h)
		return true
	}
	for _, guest := range append([]int32(nil), s.guests[h]...) {
		s.lift(unit)
		s.lift(guest)
		if s.fits(unit, h) {
			s.put(unit, h)
			to, loss := s.refuge(guest, h, from)
			if to >= 0 && gain > loss {
				s.put(guest, to)
				return true
			}
			s.lift(unit)
		}
		s.put(guest, h)
		s.put(unit, from)
	}
	return false
}

// refuge is where a guest sent from h loses least, with the loss beside staying on h.
func (s *seats) refuge(guest, h, from int32) (int32, int64) {
	s.pulls(guest)
	best := int32(-1)
	try := func(to int32) {
		if to != h && (best < 0 || s.pull[to] > s.pull[best]) && s.fits(guest, to) {
			best = to
		}
	}
	for _, to := range s.near {
		try(to)
	}
	try(from)
	if best < 0 {
		return -1, 0
	}
	return best, s.pull[h] - s.pull[best]
}
