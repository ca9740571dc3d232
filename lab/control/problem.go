package control

import (
	"cmp"
	"fmt"
	"slices"

	"trunkline/lab"
	"trunkline/lab/place"
)

// What a container is taken to need when its file names no limits: what idle nodes use, with some to spare, and not the limits that
// they get. docs/decisions/0013-placement.md has the figures.
const (
	usualCPU    = 0.05
	usualMemory = 32 << 20
	usualPIDs   = 16
)

// What a crossing costs. Splitting a lan between two hosts costs about one tunnel, however many members it has.
const (
	cableWeight = 100
	meshWeight  = 2 * cableWeight // of all members of a lan together
)

// labProblem is the lab as placement sees it, hosts aside. It is pure. places is where it runs now.
func labProblem(l *lab.Lab, imageMap map[string]string, places map[string]Place) place.Problem {
	p := place.Problem{Placed: map[string]string{}}
	ends, members := endsOf(l), map[string]int{}
	wants, controlled := wantsOf(l), controlledBy(l)
	kinds := map[string]lab.Kind{}
	for _, n := range l.Nodes {
		kinds[n.Name] = n.Kind
		p.BestEffort = p.BestEffort || n.Placement().BestEffort
		p.Nodes = append(p.Nodes, placeNode(n, imageMap, ends[n.Name], wants[n.Name]))
		if groups := controlled[n.Name]; groups != nil {
			last := &p.Nodes[len(p.Nodes)-1]
			last.Together = append(slices.Clone(last.Together), groups...)
		}
		if at, placed := places[n.Name]; placed {
			p.Placed[n.Name] = at.HostID
			last := &p.Nodes[len(p.Nodes)-1]
			last.Grown = exceeds(last.Needs, at.Needs)
		}
		if n.Kind == lab.LAN {
			members[n.Name] = ends[n.Name]
		}
	}
	for _, k := range l.Links {
		p.BestEffort = p.BestEffort || k.Labels[lab.ImpairmentsLabel] == lab.BestEffort
		if k.B.Node == "" {
			continue
		}
		weight := cableWeight
		for _, end := range []string{k.A.Node, k.B.Node} {
			if count := members[end]; count > 0 {
				weight = min(weight, max(meshWeight/count, 1))
			}
		}
		p.Cables = append(p.Cables, place.Cable{A: k.A.Node, B: k.B.Node, Weight: weight})
	}
	return p
}

func placeNode(n *lab.Node, imageMap map[string]string, ends int, wants []place.Want) place.Node {
	node := place.Node{Name: n.Name, Segment: !n.Kind.IsContainer(), Mesh: n.Kind == lab.LAN, Needs: needsOf(n, ends), Wants: wants}
	if node.Mesh {
		return node // it is where its members are, and asks for nothing itself
	}
	asks := n.Placement()
	node.Labels, node.Together, node.Separate = asks.Labels, asks.Together, asks.Separate
	if n.Kind.IsContainer() {
		node.Image = imageOf(n, imageMap)
	}
	if n.Egress || n.Kind == lab.Internet {
		node.Wants = append(slices.Clone(wants), place.Want{Ability: place.Egress})
	}
	if n.Kind == lab.External && n.External != nil {
		node.Network = n.External.Network
	}
	return node
}

// needsOf is what the node's host promises to it: the limits that its file names, else what nodes usually need.
func needsOf(n *lab.Node, ends int) place.Amount {
	if !n.Kind.IsContainer() {
		return place.Amount{Interfaces: ends}
	}
	needs := place.Amount{CPU: cmp.Or(n.CPU, usualCPU), Memory: cmp.Or(n.MemoryBytes, usualMemory), PIDs: usualPIDs, Interfaces: ends}
	if n.Egress {
		needs.Interfaces++
	}
	return needs
}

// exceeds reports that the node wants more of something than it was promised. What was placed before needs were kept wants no more.
func exceeds(wants, promised place.Amount) bool {
	if promised == (place.Amount{}) {
		return false
	}
	return wants.CPU > promised.CPU || wants.Memory > promised.Memory || wants.PIDs > promised.PIDs || wants.Interfaces > promised.Interfaces
}

// endsOf counts the interfaces that each node gets from links and the management segment.
func endsOf(l *lab.Lab) map[string]int {
	ends := map[string]int{}
	for _, k := range l.Links {
		ends[k.A.Node]++
		if k.B.Node != "" {
			ends[k.B.Node]++
		}
	}
	for _, n := range l.Nodes {
		if l.Mgmt != nil && hasMgmt(n) {
			ends[n.Name]++
		}
	}
	return ends
}

// wantsOf is what impaired links want of the hosts of both their ends.
func wantsOf(l *lab.Lab) map[string][]place.Want {
	wants := map[string][]place.Want{}
	for _, k := range l.Links {
		ability, what := impairmentOf(k)
		if ability == "" {
			continue
		}
		want := place.Want{Ability: ability, Because: fmt.Sprintf("link %s wants %s", linkName(k), what)}
		for _, end := range []string{k.A.Node, k.B.Node} {
			if end != "" {
				wants[end] = append(wants[end], want)
			}
		}
	}
	return wants
}

// impairmentOf is the ability that the link's impairments need, and what they are in words; "" without any.
func impairmentOf(k *lab.Link) (ability place.Ability, what string) {
	switch {
	case k.AtoB.NeedsNetem() || k.BtoA.NeedsNetem():
		return place.Netem, "a delay or loss"
	case k.AtoB.NeedsRate() || k.BtoA.NeedsRate():
		return place.Rate, "a bandwidth limit"
	}
	return "", ""
}

func linkName(k *lab.Link) string { return k.A.String() + " – " + k.B.String() }

// givenUp says which impairments the lab goes without, by host, when its file allows that.
func givenUp(l *lab.Lab, places map[string]Place, hosts []place.Candidate) []string {
	byID := make(map[string]*place.Candidate, len(hosts))
	for i := range hosts {
		byID[hosts[i].ID] = &hosts[i]
	}
	type loss struct {
		host    string
		ability place.Ability
	}
	lost := map[loss][]string{}
	for _, k := range l.Links {
		ability, _ := impairmentOf(k)
		if ability == "" {
			continue
		}
		at, there := places[k.A.Node].HostID, places[k.B.Node].HostID
		for _, id := range slices.Compact([]string{at, there}) {
			h := byID[id]
			if h != nil && (ability == place.Netem && !h.Capabilities.Netem || ability == place.Rate && !h.Capabilities.RateLimit) {
				key := loss{h.Name, ability}
				lost[key] = append(lost[key], linkName(k))
			}
		}
	}
	var all []string
	for key, links := range lost {
		what := "without delay and loss: host %s has no netem."
		if key.ability == place.Rate {
			what = "without bandwidth limit: host %s cannot limit rates."
		}
		all = append(all, linksRun(links)+" "+fmt.Sprintf(what, key.host))
	}
	slices.Sort(all)
	return all
}

func linksRun(links []string) string {
	if len(links) == 1 {
		return "Link " + links[0] + " runs"
	}
	return fmt.Sprintf("%d links (%s) run", len(links), some(links))
}

// settleMeshes gives each lan the host that most of its members are on as its own: it has a part there anyway.
func settleMeshes(l *lab.Lab, places map[string]Place) {
	members := map[string]map[string]int{} // by lan and host
	for _, n := range l.Nodes {
		if n.Kind == lab.LAN {
			members[n.Name] = map[string]int{}
		}
	}
	for _, k := range l.Links {
		a, b := members[k.A.Node], members[k.B.Node]
		switch {
		case a != nil && b != nil: // a cable between two lans is at the first one's own host
			a[places[k.A.Node].HostID]++
			b[places[k.A.Node].HostID]++
		case a != nil && k.B.Node != "":
			a[places[k.B.Node].HostID]++
		case b != nil:
			b[places[k.A.Node].HostID]++
		}
	}
	for _, n := range l.Nodes {
		at, m := places[n.Name], members[n.Name]
		if len(m) == 0 || m[at.HostID] > 0 {
			continue
		}
		for id, count := range m {
			if most := m[at.HostID]; count > most || count == most && id < at.HostID {
				at.HostID = id
			}
		}
		places[n.Name] = at
	}
}
