package place

// seats is a division in the making: which unit is on which host, and what that leaves.
type seats struct {
	u       *united
	g       *graph
	open    []bool  // by host: takes new units
	at      []int32 // by unit: host; -1 without
	room    []room
	company map[[2]int32]int32
	guests  [][]int32 // by host: units
	seat    []int32   // by unit: its index among the host's guests
	pull    []int64   // scratch, by host
	near    []int32   // scratch: hosts with pull
}

func newSeats(u *united, g *graph, open []int32) *seats {
	s := &seats{u: u, g: g, open: make([]bool, len(u.hosts)), at: make([]int32, g.n), seat: make([]int32, g.n), room: make([]room, len(u.hosts)),
		guests: make([][]int32, len(u.hosts)), pull: make([]int64, len(u.hosts)), company: make(map[[2]int32]int32, len(u.company))}
	copy(s.room, u.room)
	for _, h := range open {
		s.open[h] = true
	}
	for key, count := range u.company {
		s.company[key] = count
	}
	for unit := range s.at {
		s.at[unit] = -1
	}
	return s
}

func (s *seats) may(unit, h int32) bool { return s.open[h] && s.u.profiles[s.g.profile[unit]].fits[h] }

func (s *seats) fits(unit, h int32) bool {
	if !s.may(unit, h) || !s.room[h].holds(&s.g.needs[unit]) {
		return false
	}
	for _, name := range s.g.separate[unit] {
		if s.company[[2]int32{name, h}] > 0 {
			return false
		}
	}
	return true
}

func (s *seats) put(unit, h int32) {
	s.at[unit], s.seat[unit] = h, int32(len(s.guests[h]))
	s.guests[h] = append(s.guests[h], unit)
	s.room[h].take(&s.g.needs[unit])
	for _, name := range s.g.separate[unit] {
		s.company[[2]int32{name, h}]++
	}
}

func (s *seats) lift(unit int32) {
	h := s.at[unit]
	guests := s.guests[h]
	last := guests[len(guests)-1]
	guests[s.seat[unit]], s.seat[last] = last, s.seat[unit]
	s.guests[h] = guests[:len(guests)-1]
	s.room[h].give(&s.g.needs[unit])
	for _, name := range s.g.separate[unit] {
		s.company[[2]int32{name, h}]--
	}
	s.at[unit] = -1
}

func (s *seats) move(unit, h int32) {
	s.lift(unit)
	s.put(unit, h)
}

// hostOf is where the far end of an edge is, or -1.
func (s *seats) hostOf(vertex int32) int32 {
	if vertex >= int32(s.g.n) {
		return vertex - int32(s.g.n)
	}
	return s.at[vertex]
}

// pulls fills near and pull with the hosts of the unit's neighbours and the weight that leads there, in order of the edges. They
// hold until the next call.
func (s *seats) pulls(unit int32) []int32 {
	for _, h := range s.near {
		s.pull[h] = 0
	}
	s.near = s.near[:0]
	for _, e := range s.g.adj[unit] {
		if h := s.hostOf(e.to); h >= 0 {
			if s.pull[h] == 0 {
				s.near = append(s.near, h)
			}
			s.pull[h] += e.weight
		}
	}
	return s.near
}

func (s *seats) soft(unit, h int32) int64 {
	return s.u.profiles[s.g.profile[unit]].soft[h] * int64(s.g.size[unit])
}

// weightTo is the weight between the unit and the host.
func (s *seats) weightTo(unit, h int32) int64 {
	var sum int64
	for _, e := range s.g.adj[unit] {
		if s.hostOf(e.to) == h {
			sum += e.weight
		}
	}
	return sum
}

func (s *seats) total() cost {
	var c cost
	for unit := range int32(s.g.n) {
		h := s.at[unit]
		if h < 0 {
			c.without += int(s.g.size[unit])
			continue
		}
		c.soft += s.soft(unit, h)
		for _, e := range s.g.adj[unit] {
			if e.to > unit && s.hostOf(e.to) != h {
				c.cut += e.weight
			}
		}
	}
	return c
}

// without lists the units that have no host.
func (s *seats) without() []int32 {
	var all []int32
	for unit, h := range s.at {
		if h < 0 {
			all = append(all, int32(unit))
		}
	}
	return all
}
