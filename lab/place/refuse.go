package place

import (
	"fmt"
	"slices"

	"trunkline/internal/fault"
)

const mostDetails = 50 // nodes that are explained one by one

// noHosts is the answer when no host is open to the tenant.
func noHosts(others int) error {
	if others == 0 {
		return fault.New(fault.Unavailable, "No compute host has joined yet. Start one with `trunkline host`, or use `trunkline up` for this machine.")
	}
	return fault.New(fault.Unavailable, "No compute host is open to this team. Ask an administrator to open one.")
}

// hopeless refuses before any search when the kind of host that a unit asks for is not there, or no such host is large enough.
func (u *united) hopeless() error {
	t := &telling{united: u, at: slices.Clone(u.stays), room: u.room, taken: u.company, beyond: u.beyond(u.stays)}
	var rest []int32
	for unit := range int32(u.n) {
		fits := slices.ContainsFunc(u.everyHost(), func(h int32) bool {
			return u.profiles[u.profile[unit]].fits[h] && u.room[h].holds(&u.needs[unit])
		})
		if !fits {
			rest = append(rest, unit)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return t.refuse(rest)
}

// refuse says of the first node why no host fits, counted, how many others have none, and the way out; the details have each node.
func (t *telling) refuse(units []int32) error {
	var nodes []int32
	for _, unit := range units {
		nodes = append(nodes, t.members[unit]...)
	}
	slices.Sort(nodes)
	var answer *fault.Error
	var details []fault.Place
	for _, node := range nodes[:min(len(nodes), mostDetails)] {
		said, worst := t.obstaclesTo(node)
		code, mend := worst.mend()
		name := t.nodes[node].Name
		details = append(details, fault.Place{Field: "topology.nodes." + name, Sentence: fmt.Sprintf("No host fits %s: %s.", name, said)})
		if answer != nil {
			continue
		}
		more := ""
		if len(nodes) > 1 {
			more = fmt.Sprintf(" %d more %s no host either.", len(nodes)-1, map[bool]string{true: "node has", false: "nodes have"}[len(nodes) == 2])
		}
		answer = fault.New(code, "%s%s %s", details[0].Sentence, more, mend).InField(details[0].Field)
	}
	if len(details) > 1 {
		answer.Details = details
	}
	return answer
}

// obstaclesTo counts the bars of every host for the node, and returns the one nearest to being mended.
func (t *telling) obstaclesTo(node int32) (string, bar) {
	n := &t.nodes[node]
	counts, example := map[bar]int{}, map[bar]string{}
	worst := noBar
	for h := range int32(len(t.hosts)) {
		b, lacking := t.bar(node, h)
		if b == noBar {
			b, lacking = t.groupBar(node, h)
		}
		if counts[b]++; counts[b] == 1 {
			example[b] = b.long(n, &t.hosts[h], lacking)
		}
		worst = max(worst, b)
	}
	return counted(counts, func(b bar) string { return example[b] }), worst
}

// groupBar is what keeps a node off a host that would take it alone: those that it wants to be with, or room that the search
// could not clear.
func (t *telling) groupBar(node, h int32) (bar, string) {
	for _, other := range t.members[t.unitOf[node]] {
		if b := t.classes[t.classOf[other]].barred[h]; b != noBar {
			return b, ""
		}
	}
	return barFull, "too little is left for the group"
}
