package place

import "slices"

// graph is what is to be divided: units, and edges between them. An edge to n+h leads to nodes that stay on host h.
type graph struct {
	n        int
	adj      [][]edge
	needs    []room
	size     []int32 // nodes in the unit
	profile  []int32
	separate [][]int32 // numbers of the names that keep it apart, sorted
}

// profile is which hosts may take a unit, and how little they are liked.
type profile struct {
	fits  []bool
	soft  []int64
	count int // hosts that may
}

// united is the table with every node either staying on a host or part of a unit that goes to one host.
type united struct {
	*table
	graph
	profiles []profile
	merged   map[[2]int32]int32
	byHash   map[uint64][]int32 // profiles
	unitOf   []int32            // by node; -1 when it stays
	stays    []int32            // by node: host; -1 when it does not
	was      []string
	members  [][]int32 // of units: nodes
	room     []room    // by host, after those that stay
	company  map[[2]int32]int32
	names    map[string]int32 // of anti-affinity
	rank     []int64          // by host: 0 is liked best
}

// unite joins nodes that want to be together.
func (t *table) unite() *united {
	u := &united{table: t, merged: map[[2]int32]int32{}, byHash: map[uint64][]int32{}, company: map[[2]int32]int32{}, names: map[string]int32{}}
	parent := make([]int32, len(t.nodes))
	for i := range parent {
		parent[i] = int32(i)
	}
	find := func(i int32) int32 {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	first := map[string]int32{}
	for i := range t.nodes {
		for _, name := range t.nodes[i].Together {
			if other, seen := first[name]; seen {
				a, b := find(int32(i)), find(other)
				parent[max(a, b)] = min(a, b)
			} else {
				first[name] = int32(i)
			}
		}
		for _, name := range t.nodes[i].Separate {
			if _, seen := u.names[name]; !seen {
				u.names[name] = int32(len(u.names))
			}
		}
	}
	u.unitOf = make([]int32, len(t.nodes))
	u.stays = make([]int32, len(t.nodes))
	number := map[int32]int32{}
	for i := range t.nodes {
		root := find(int32(i))
		unit, seen := number[root]
		if !seen {
			unit = int32(len(u.members))
			number[root] = unit
			u.members = append(u.members, nil)
		}
		u.members[unit] = append(u.members[unit], int32(i))
		u.unitOf[i], u.stays[i] = unit, -1
	}
	u.room = make([]room, len(t.hosts))
	for h := range t.hosts {
		u.room[h] = t.hosts[h].free()
	}
	return u
}

// sepOf lists the numbers of a node's anti-affinity names.
func (u *united) sepOf(node int32) []int32 {
	var all []int32
	for _, name := range u.nodes[node].Separate {
		all = append(all, u.names[name])
	}
	return all
}

// build makes the graph of the units that are left after keep.
func (u *united) build() {
	u.rankHosts()
	number := make([]int32, len(u.classes)) // of the profile, by class
	for c := range u.classes {
		number[c] = u.intern(u.profileOf(&u.classes[c]))
	}
	u.n = len(u.members)
	u.adj, u.needs = make([][]edge, u.n), make([]room, u.n)
	u.size, u.profile, u.separate = make([]int32, u.n), make([]int32, u.n), make([][]int32, u.n)
	for unit, nodes := range u.members {
		u.profile[unit] = number[u.classOf[nodes[0]]]
		for _, node := range nodes {
			needs := u.nodes[node].Needs.room()
			u.needs[unit].give(&needs)
			u.size[unit]++
			u.separate[unit] = append(u.separate[unit], u.sepOf(node)...)
			u.profile[unit] = u.both(u.profile[unit], number[u.classOf[node]])
		}
		slices.Sort(u.separate[unit])
		u.separate[unit] = slices.Compact(u.separate[unit])
	}
	for i, ends := range u.ends {
		a, b := u.vertex(ends[0]), u.vertex(ends[1])
		if a == b {
			continue
		}
		if a < int32(u.n) {
			u.adj[a] = append(u.adj[a], edge{b, u.weights[i]})
		}
		if b < int32(u.n) {
			u.adj[b] = append(u.adj[b], edge{a, u.weights[i]})
		}
	}
	for unit := range u.adj {
		u.adj[unit] = gather(u.adj[unit])
	}
}

func (u *united) vertex(node int32) int32 {
	if h := u.stays[node]; h >= 0 {
		return int32(u.n) + h
	}
	return u.unitOf[node]
}

// gather adds up edges to the same end and sorts them.
func gather(edges []edge) []edge {
	slices.SortFunc(edges, func(a, b edge) int { return int(a.to) - int(b.to) })
	out := edges[:0]
	for _, e := range edges {
		if k := len(out) - 1; k >= 0 && out[k].to == e.to {
			out[k].weight += e.weight
		} else {
			out = append(out, e)
		}
	}
	return out
}

func (u *united) profileOf(c *class) profile {
	p := profile{fits: make([]bool, len(u.hosts)), soft: make([]int64, len(u.hosts))}
	for h := range u.hosts {
		p.fits[h] = c.barred[h] == noBar
		if p.fits[h] {
			p.count++
		}
		p.soft[h] = u.rank[h]
		if c.missing[h] {
			p.soft[h] += 10_000
		}
		if c.lacking[h] {
			p.soft[h] += 100_000
		}
	}
	return p
}

// both is the profile of two units on one host.
func (u *united) both(a, b int32) int32 {
	if a == b {
		return a
	}
	key := [2]int32{min(a, b), max(a, b)}
	if known, seen := u.merged[key]; seen {
		return known
	}
	p := profile{fits: make([]bool, len(u.hosts)), soft: make([]int64, len(u.hosts))}
	for h := range u.hosts {
		p.fits[h] = u.profiles[a].fits[h] && u.profiles[b].fits[h]
		if p.fits[h] {
			p.count++
		}
		p.soft[h] = max(u.profiles[a].soft[h], u.profiles[b].soft[h])
	}
	u.merged[key] = u.intern(p)
	return u.merged[key]
}

// intern returns the number of the profile, and gives equal ones the same.
func (u *united) intern(p profile) int32 {
	hash := uint64(14695981039346656037) // FNV-1a over whole numbers
	for h, soft := range p.soft {
		bit := uint64(0)
		if p.fits[h] {
			bit = 1
		}
		hash = (hash ^ (uint64(soft)<<1 | bit)) * 1099511628211
	}
	for _, known := range u.byHash[hash] {
		if slices.Equal(u.profiles[known].fits, p.fits) && slices.Equal(u.profiles[known].soft, p.soft) {
			return known
		}
	}
	u.profiles = append(u.profiles, p)
	u.byHash[hash] = append(u.byHash[hash], int32(len(u.profiles)-1))
	return int32(len(u.profiles) - 1)
}
