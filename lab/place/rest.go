package place

import (
	"cmp"
	"slices"
)

const evictionBudget = 3_000_000 // looks of a guest at a host, for all units together

// seatRest places what growing left over; with force it makes room by sending others elsewhere.
func (s *seats) seatRest(open []int32, force bool) {
	rest := s.without()
	if len(rest) == 0 {
		return
	}
	middling := s.u.room[open[len(open)/2]]
	weight := make(map[int32]float64, len(rest))
	for _, unit := range rest {
		weight[unit] = middling.share(&s.g.needs[unit])
		for i, need := range s.g.needs[unit] {
			if middling[i] > 0 {
				weight[unit] -= float64(need) / float64(middling[i])
			}
		}
	}
	slices.SortStableFunc(rest, func(a, b int32) int {
		return cmp.Or(cmp.Compare(s.u.profiles[s.g.profile[a]].count, s.u.profiles[s.g.profile[b]].count), cmp.Compare(weight[a], weight[b]))
	})
	budget := evictionBudget
	for _, unit := range rest {
		h := s.nearest(unit, open, -1)
		if h < 0 && force {
			h = s.makeRoom(unit, open, &budget)
		}
		if h >= 0 {
			s.put(unit, h)
		}
	}
}

// nearest is the host with most weight to the unit that takes it, else the first that does; -1 when none does.
func (s *seats) nearest(unit int32, open []int32, not int32) int32 {
	best := int32(-1)
	for _, h := range s.pulls(unit) {
		if h != not && (best < 0 || s.pull[h] > s.pull[best] || s.pull[h] == s.pull[best] && h < best) && s.fits(unit, h) {
			best = h
		}
	}
	if best >= 0 {
		return best
	}
	for _, h := range open {
		if h != not && s.fits(unit, h) {
			return h
		}
	}
	return -1
}

// makeRoom sends guests of one host elsewhere until the unit fits there, and returns that host, or -1 with nothing changed.
func (s *seats) makeRoom(unit int32, open []int32, budget *int) int32 {
	for _, h := range open {
		if *budget < 0 {
			return -1
		}
		if !s.may(unit, h) {
			continue
		}
		var sent []int32
		for _, guest := range slices.Clone(s.guests[h]) {
			if *budget -= len(open); *budget < 0 || s.fits(unit, h) {
				break
			}
			if to := s.nearest(guest, open, h); to >= 0 {
				s.move(guest, to)
				sent = append(sent, guest)
			}
		}
		if s.fits(unit, h) {
			return h
		}
		for _, guest := range sent {
			s.move(guest, h)
		}
	}
	return -1
}
