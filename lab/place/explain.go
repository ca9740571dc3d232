package place

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const namedHosts = 4 // other hosts that are named one by one; more are counted

// telling turns a division into words.
type telling struct {
	*united
	at     []int32 // by node
	room   []room  // by host, in the end
	beyond []bool  // by host: does not reach a host in use
	cables [][]int32
	why    map[asking]map[bar]int
	taken  map[[2]int32]int32
}

// asking is equal for nodes that the hosts answer alike.
type asking struct {
	class int32
	needs room
}

// explain makes the answer of the best division found, or the refusal when a node has no host.
func (u *united) explain(s *seats) (Placement, error) {
	t := &telling{united: u, at: slices.Clone(u.stays), room: s.room, why: map[asking]map[bar]int{}, taken: s.company, cables: make([][]int32, len(u.nodes))}
	for node := range t.at {
		if unit := u.unitOf[node]; unit >= 0 {
			t.at[node] = s.at[unit]
		}
	}
	t.beyond = u.beyond(t.at)
	if rest := s.without(); len(rest) > 0 {
		return Placement{}, t.refuse(rest)
	}
	p := Placement{Of: make(map[string]Choice, len(u.nodes)), Notes: u.notes()}
	for i, ends := range u.ends {
		if t.at[ends[0]] != t.at[ends[1]] {
			if !t.meshed(ends[0], ends[1]) {
				p.Crossing++
			}
			p.Weight += u.weights[i]
		}
		t.cables[ends[0]] = append(t.cables[ends[0]], ends[1])
		if ends[0] != ends[1] {
			t.cables[ends[1]] = append(t.cables[ends[1]], ends[0])
		}
	}
	for node := range t.at {
		n, h := &u.nodes[node], t.at[node]
		p.Of[n.Name] = Choice{HostID: u.hosts[h].ID, Why: t.reason(int32(node), h), GivenUp: t.gives(n, h)}
		if was, placed := u.Placed[n.Name]; placed && was != u.hosts[h].ID {
			p.Moved = append(p.Moved, n.Name)
		}
	}
	return p, nil
}

// meshed reports that the cable between the two ends at a segment that is on every host with a member.
func (t *telling) meshed(a, b int32) bool { return t.nodes[a].Mesh || t.nodes[b].Mesh }

func (t *telling) gives(n *Node, h int32) []string {
	host := &t.hosts[h]
	var all []string
	for _, ability := range lacks(n, host) {
		what := map[Ability]string{Netem: "without delay and loss: host %s has no netem.", Rate: "without bandwidth limit: host %s cannot limit rates."}[ability]
		all = append(all, fmt.Sprintf("%s runs "+what, n.Name, host.Name))
	}
	return all
}

// reason is one node's sentence: where it was, what speaks for the host, and what speaks against the others.
func (t *telling) reason(node, h int32) string {
	n := &t.nodes[node]
	var words []string
	if t.stays[node] >= 0 && t.Placed[n.Name] == t.hosts[h].ID {
		words = append(words, "stays where it runs")
	} else if t.was[node] != "" {
		words = append(words, "moved from "+t.was[node])
	}
	if free := t.room[h][1]; free < unlimited/2 && !n.Segment {
		words = append(words, bytes(max(free, 0))+" free")
	}
	if n.Mesh {
		words = append(words, "a part on each host with a member")
	} else {
		words = append(words, t.neighbours(node, h)...)
	}
	if n.Image != "" {
		words = append(words, map[bool]string{false: "image present", true: "image to be fetched"}[t.classes[t.classOf[node]].missing[h]])
	}
	if len(n.Labels) > 0 {
		words = append(words, "labels match")
	}
	if len(words) == 0 {
		words = append(words, "has room")
	}
	if against := t.against(node, h); against != "" {
		return strings.Join(words, ", ") + "; " + against
	}
	return strings.Join(words, ", ")
}

// neighbours says what the node is next to, and how many of its cables go to other hosts.
func (t *telling) neighbours(node, h int32) []string {
	var near []string
	far := 0
	for _, other := range t.cables[node] {
		switch {
		case other == node:
		case t.at[other] == h || t.nodes[other].Mesh:
			near = append(near, t.nodes[other].Name)
		default:
			far++
		}
	}
	slices.Sort(near)
	var words []string
	if near = slices.Compact(near); len(near) > 0 {
		words = append(words, "next to "+some(near))
	}
	switch {
	case far == 1:
		words = append(words, "1 cable to another host")
	case far > 1:
		words = append(words, fmt.Sprintf("%d cables to other hosts", far))
	}
	return words
}

// against says why not the other hosts: few are named, many are counted.
func (t *telling) against(node, h int32) string {
	if len(t.hosts) <= namedHosts+1 {
		var words []string
		for other := range int32(len(t.hosts)) {
			if other == h {
				continue
			}
			if b, _ := t.bar(node, other); b != noBar {
				words = append(words, t.hosts[other].Name+" "+b.short())
			} else if more := t.cablesTo(node, h) - t.cablesTo(node, other); more > 0 && !t.nodes[node].Mesh {
				words = append(words, t.hosts[other].Name+" farther from what it is cabled to")
			}
		}
		return strings.Join(words, ", ")
	}
	own, _ := t.bar(node, h)
	counts := t.counts(node)
	if own != noBar { // full by now, of this lab's nodes
		counts = maps.Clone(counts)
		if counts[own]--; counts[own] == 0 {
			delete(counts, own)
		}
	}
	if len(counts) == 0 {
		return ""
	}
	return "others: " + counted(counts, func(b bar) string { return b.short() })
}

// counts is how many hosts are barred, by what. Nodes that ask alike share it.
func (t *telling) counts(node int32) map[bar]int {
	key := asking{t.classOf[node], t.needsOf(node)}
	alike := len(t.nodes[node].Separate) == 0
	if known, seen := t.why[key]; alike && seen {
		return known
	}
	counts := map[bar]int{}
	for h := range int32(len(t.hosts)) {
		if b, _ := t.bar(node, h); b != noBar {
			counts[b]++
		}
	}
	if alike {
		t.why[key] = counts
	}
	return counts
}

// cablesTo counts the node's cables to nodes on the host.
func (t *telling) cablesTo(node, h int32) int {
	sum := 0
	for _, other := range t.cables[node] {
		if t.at[other] == h {
			sum++
		}
	}
	return sum
}

// bar is what keeps a node off a host when everything else is where it is, with what is lacking when it is full.
func (t *telling) bar(node, h int32) (bar, string) {
	if b := t.classes[t.classOf[node]].barred[h]; b != noBar {
		return b, ""
	}
	if t.beyond[h] {
		return t.reachBar(h)
	}
	for _, name := range t.sepOf(node) {
		count := t.taken[[2]int32{name, h}]
		if t.at[node] == h {
			count--
		}
		if count > 0 {
			return barCompany, ""
		}
	}
	needs := t.needsOf(node)
	if !t.room[h].holds(&needs) {
		return barFull, t.room[h].short(&needs)
	}
	return noBar, ""
}

// reachBar tells a host that does not reach the others from one that takes no part, or where one of the others does not.
func (t *telling) reachBar(h int32) (bar, string) {
	alone := t.hosts[h]
	for _, used := range t.at {
		if alone.Alone == "" && used >= 0 && t.clashing(h, used) {
			alone = t.hosts[used]
		}
	}
	if alone.Alone == "" {
		return barReach, ""
	}
	return barAlone, fmt.Sprintf("%s takes no part in labs on several hosts: it %s", alone.Name, alone.Alone)
}

// needsOf is what the node needs together with those that go where it goes.
func (t *telling) needsOf(node int32) room {
	if unit := t.unitOf[node]; unit >= 0 {
		return t.needs[unit]
	}
	return t.nodes[node].Needs.room()
}

// counted joins counts in words, the most frequent first.
func counted(counts map[bar]int, say func(bar) string) string {
	kinds := make([]bar, 0, len(counts))
	for b := range counts {
		kinds = append(kinds, b)
	}
	slices.SortFunc(kinds, func(a, b bar) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	words := make([]string, len(kinds))
	for i, b := range kinds {
		words[i] = fmt.Sprintf("%d %s", counts[b], say(b))
	}
	return strings.Join(words, ", ")
}

// bytes writes a size as people read it: "2 GiB", "1.5 GiB", "300 MiB".
func bytes(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<30:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/(1<<30)), ".0") + " GiB"
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
