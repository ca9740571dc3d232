package place

import (
	"cmp"
	"math"
	"slices"
)

// rankHosts orders the hosts by how well they are liked: fewest images of the lab missing, fewest labs of the tenant, fewest labs,
// least given away, name.
func (u *united) rankHosts() {
	missing, load := make([]int, len(u.hosts)), make([]float64, len(u.hosts))
	for h := range u.hosts {
		for c := range u.classes {
			if u.classes[c].missing[h] {
				missing[h]++
			}
		}
		has, free := u.hosts[h].Capacity.room(), u.hosts[h].free()
		load[h] = 1 - free.share(&has)
	}
	order := u.everyHost()
	slices.SortFunc(order, func(i, j int32) int {
		a, b := &u.hosts[i], &u.hosts[j]
		return cmp.Or(cmp.Compare(missing[i], missing[j]), cmp.Compare(a.TenantLabs, b.TenantLabs), cmp.Compare(a.Labs, b.Labs),
			cmp.Compare(load[i], load[j]), cmp.Compare(a.Name, b.Name), cmp.Compare(i, j))
	})
	u.rank = make([]int64, len(u.hosts))
	for place, h := range order {
		u.rank[h] = int64(place)
	}
}

func (u *united) everyHost() []int32 {
	all := make([]int32, len(u.hosts))
	for h := range all {
		all[h] = int32(h)
	}
	return all
}

const mostOpenSets = 12

// openSets lists sets of hosts that all reach each other and the hosts in use; those with most room come first. Without
// unreachable pairs there is one set.
func (u *united) openSets() [][]int32 {
	order := u.byRoom(u.everyHost())
	if u.cuts == 0 {
		return [][]int32{order}
	}
	inUse := make([]bool, len(u.hosts))
	for _, h := range u.stays {
		if h >= 0 {
			inUse[h] = true
		}
	}
	var kept, rest []int32
	for _, h := range order {
		switch {
		case inUse[h]:
			kept = append(kept, h)
		case !slices.ContainsFunc(order, func(k int32) bool { return inUse[k] && u.clashing(h, k) }):
			rest = append(rest, h)
		}
	}
	sets := [][]int32{u.reaching(kept, rest)}
	for _, seed := range rest[:min(len(rest), mostOpenSets)] {
		set := u.reaching(append(slices.Clone(kept), seed), rest)
		if !slices.ContainsFunc(sets, func(s []int32) bool { return slices.Equal(s, set) }) {
			sets = append(sets, set)
		}
	}
	for _, seed := range u.scarce(rest) {
		set := u.reaching(append(slices.Clone(kept), seed), rest)
		if !slices.ContainsFunc(sets, func(s []int32) bool { return slices.Equal(s, set) }) {
			sets = append(sets, set)
		}
	}
	return sets
}

// scarce lists hosts that are among few which a unit can use: a set without them may have no place for it.
func (u *united) scarce(rest []int32) []int32 {
	var all []int32
	for _, p := range u.profiles {
		if p.count > mostOpenSets {
			continue
		}
		for _, h := range rest {
			if p.fits[h] && !slices.Contains(all, h) && len(all) < mostOpenSets {
				all = append(all, h)
			}
		}
	}
	return all
}

// reaching grows a set from its first hosts. Those are in already; of two that do not reach each other the later takes nothing new.
func (u *united) reaching(first, rest []int32) []int32 {
	var set []int32
	in := make([]bool, len(u.hosts))
	for _, h := range slices.Concat(first, rest) {
		if !in[h] && (u.apart[h] == nil || !slices.ContainsFunc(set, func(k int32) bool { return u.apart[h][k] })) {
			in[h] = true
			set = append(set, h)
		}
	}
	return u.byRoom(set)
}

// byRoom sorts hosts: those with about twice the room for this lab come first, and among equals those liked better.
func (u *united) byRoom(hosts []int32) []int32 {
	var whole room
	for unit := range u.n {
		whole.give(&u.needs[unit])
	}
	size := make([]int, len(u.hosts))
	for _, h := range hosts {
		size[h] = math.Ilogb(max(u.room[h].share(&whole), 1e-9))
	}
	sorted := slices.Clone(hosts)
	slices.SortFunc(sorted, func(a, b int32) int { return cmp.Or(-cmp.Compare(size[a], size[b]), cmp.Compare(u.rank[a], u.rank[b])) })
	return sorted
}

// beyond tells which hosts do not reach some host that is in use, given the hosts of the nodes.
func (u *united) beyond(at []int32) []bool {
	beyond := make([]bool, len(u.hosts))
	done := make([]bool, len(u.hosts))
	for _, h := range at {
		if h < 0 || done[h] || u.apart[h] == nil {
			continue
		}
		done[h] = true
		for other, cut := range u.apart[h] {
			beyond[other] = beyond[other] || cut
		}
	}
	return beyond
}
