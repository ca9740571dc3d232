package place

import (
	"cmp"
	"fmt"
	"slices"
)

// keep decides which nodes stay, takes their room, and leaves the others as units. First all those stay that want no more than
// before, then those that have grown, then follows the rest of groups: nobody's new wish takes the room of what runs.
func (u *united) keep() {
	u.was = make([]string, len(u.nodes))
	homes := make([]int32, len(u.members))
	for unit, nodes := range u.members {
		homes[unit] = u.home(nodes)
	}
	for _, grown := range []bool{false, true} {
		for unit, nodes := range u.members {
			for _, node := range nodes {
				if u.nodes[node].Grown == grown {
					u.keepNode(node, homes[unit])
				}
			}
		}
	}
	var left [][]int32
	for unit, nodes := range u.members {
		leaving := slices.DeleteFunc(slices.Clone(nodes), func(node int32) bool { return u.stays[node] >= 0 })
		switch {
		case len(leaving) == 0:
		case len(leaving) == len(nodes):
			left = append(left, nodes)
		case !u.follow(leaving, homes[unit]):
			u.release(nodes)
			left = append(left, nodes)
		}
	}
	u.members = left
	for unit, nodes := range left {
		for _, node := range nodes {
			u.unitOf[node] = int32(unit)
		}
	}
	u.build()
}

// home is the host on which most of these nodes run and may stay, or -1.
func (u *united) home(nodes []int32) int32 {
	votes := map[int32]int{}
	for _, node := range nodes {
		id, placed := u.Placed[u.nodes[node].Name]
		if !placed {
			continue
		}
		h, known := u.host[id]
		if !known {
			u.was[node] = "a host that is gone"
			if name, closed := u.closed[id]; closed {
				u.was[node] = name + ", which is not open to this team any more"
			}
			continue
		}
		u.was[node] = u.hosts[h].Name
		if why := u.leaves(node, int32(h)); why != "" {
			u.was[node] += ", which is " + why
			continue
		}
		votes[int32(h)]++
	}
	best := int32(-1)
	for h, count := range votes {
		if best < 0 || cmp.Or(cmp.Compare(count, votes[best]), cmp.Compare(best, h)) > 0 {
			best = h
		}
	}
	return best
}

// leaves says why a node that runs on the host cannot stay; "" when it can. A host that is only away for a while keeps its nodes.
func (u *united) leaves(node, h int32) string {
	host, n := &u.hosts[h], &u.nodes[node]
	switch {
	case host.Lost:
		return "lost"
	case host.Drained:
		return "being drained"
	case !host.Connected:
		return ""
	}
	if b := ableBar(n, host, !u.classes[u.classOf[node]].missing[h], u.BestEffort); b != noBar {
		return b.short()
	}
	return ""
}

// keepNode lets a node stay at its group's home if it runs there and nothing forbids it.
func (u *united) keepNode(node, home int32) {
	if home < 0 || u.was[node] != u.hosts[home].Name || u.Placed[u.nodes[node].Name] != u.hosts[home].ID {
		return
	}
	needs := u.nodes[node].Needs.room()
	if u.nodes[node].Grown && !u.room[home].holds(&needs) {
		u.was[node] += ", which is full"
		return
	}
	for _, name := range u.sepOf(node) {
		if u.company[[2]int32{name, home}] > 0 {
			u.was[node] += ", where it is kept apart from another node"
			return
		}
	}
	u.stay(node, home)
}

// stay seats a node for good.
func (u *united) stay(node, h int32) {
	needs := u.nodes[node].Needs.room()
	u.room[h].take(&needs)
	for _, name := range u.sepOf(node) {
		u.company[[2]int32{name, h}]++
	}
	u.stays[node], u.unitOf[node] = h, -1
}

// follow puts the rest of a group where the others stay, if that host can take them all.
func (u *united) follow(nodes []int32, h int32) bool {
	var whole room
	for _, node := range nodes {
		needs := u.nodes[node].Needs.room()
		whole.give(&needs)
		if u.classes[u.classOf[node]].barred[h] != noBar {
			return false
		}
		for _, name := range u.sepOf(node) {
			if u.company[[2]int32{name, h}] > 0 {
				return false
			}
		}
	}
	if !u.room[h].holds(&whole) {
		return false
	}
	for _, node := range nodes {
		u.stay(node, h)
	}
	return true
}

// release undoes stay for a group that has to move as one.
func (u *united) release(nodes []int32) {
	for _, node := range nodes {
		h := u.stays[node]
		if h < 0 {
			continue
		}
		needs := u.nodes[node].Needs.room()
		u.room[h].give(&needs)
		for _, name := range u.sepOf(node) {
			u.company[[2]int32{name, h}]--
		}
		u.stays[node] = -1
		u.was[node] += ", which cannot take the nodes that it wants to be with"
	}
}

// notes are sentences on hosts that the running lab uses together although they do not reach each other.
func (u *united) notes() []string {
	var all []string
	used := make([]bool, len(u.hosts))
	for _, h := range u.stays {
		if h >= 0 {
			used[h] = true
		}
	}
	for a := range u.hosts {
		for b := range a {
			if used[a] && used[b] && u.clashing(int32(a), int32(b)) {
				all = append(all, fmt.Sprintf("Hosts %s and %s do not reach each other, and the running lab has nodes on both: cables between them carry nothing until UDP is open.",
					min(u.hosts[a].Name, u.hosts[b].Name), max(u.hosts[a].Name, u.hosts[b].Name)))
			}
		}
	}
	slices.Sort(all)
	return all
}
