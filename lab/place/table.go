package place

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"trunkline/internal/fault"
)

// edge is a cable, or several between the same two, seen from one end.
type edge struct {
	to     int32
	weight int64
}

// table is the problem in canonical order, by number: equal problems give equal tables.
type table struct {
	Problem
	nodes   []Node      // by name
	hosts   []Candidate // by ID, those open to the tenant
	node    map[string]int
	host    map[string]int
	ends    [][2]int32 // of every cable, by node
	weights []int64
	classOf []int32
	classes []class
	clash   map[[2]int32]bool // hosts that may not be used together, smaller number first
}

// class is what nodes with equal demands on the kind of host have in common.
type class struct {
	first   int // a node of it
	barred  []bar
	missing []bool // hosts that have to fetch the image first
	lacking []bool // hosts that give up an impairment
}

func newTable(p Problem) (*table, error) {
	t := &table{Problem: p, node: map[string]int{}, host: map[string]int{}, clash: map[[2]int32]bool{}}
	t.nodes = slices.SortedFunc(slices.Values(p.Nodes), func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	for i, n := range t.nodes {
		if _, twice := t.node[n.Name]; twice {
			return nil, fault.New(fault.Invalid, "Node %s is there twice. Give one of them another name.", n.Name)
		}
		if n.Needs.CPU < 0 || n.Needs.Memory < 0 || n.Needs.PIDs < 0 || n.Needs.Interfaces < 0 {
			return nil, fault.New(fault.Invalid, "Node %s wants less than nothing. Give it CPU, memory, processes and interfaces of 0 or more.", n.Name)
		}
		t.node[n.Name] = i
	}
	for _, h := range slices.SortedFunc(slices.Values(p.Hosts), func(a, b Candidate) int { return cmp.Compare(a.ID, b.ID) }) {
		if p.Allowed != nil && !slices.Contains(p.Allowed, h.ID) {
			continue
		}
		if _, twice := t.host[h.ID]; twice {
			return nil, fault.New(fault.Invalid, "Host %s is there twice. Remove one of the two.", h.Name)
		}
		t.host[h.ID] = len(t.hosts)
		t.hosts = append(t.hosts, h)
	}
	if err := t.readCables(); err != nil {
		return nil, err
	}
	for _, pair := range p.Cut {
		a, here := t.host[pair.A]
		b, there := t.host[pair.B]
		if here && there && a != b {
			t.clash[[2]int32{int32(min(a, b)), int32(max(a, b))}] = true
		}
	}
	t.classify()
	return t, nil
}

func (t *table) readCables() error {
	for _, c := range t.Cables {
		a, here := t.node[c.A]
		b, there := t.node[c.B]
		if !here || !there {
			return fault.New(fault.Invalid, "The cable %s – %s ends at a node that is not in the lab. Add the node or remove the cable.", c.A, c.B)
		}
		t.ends = append(t.ends, [2]int32{int32(a), int32(b)})
		t.weights = append(t.weights, int64(max(c.Weight, 1)))
	}
	return nil
}

// classify finds the nodes that ask the same of a host, and asks every host once for all of them.
func (t *table) classify() {
	has := make([]map[string]bool, len(t.hosts))
	for h := range t.hosts {
		has[h] = make(map[string]bool, len(t.hosts[h].Images))
		for _, image := range t.hosts[h].Images {
			has[h][image] = true
		}
	}
	known := map[string]int32{}
	t.classOf = make([]int32, len(t.nodes))
	for i := range t.nodes {
		key := demands(&t.nodes[i])
		number, seen := known[key]
		if !seen {
			number = int32(len(t.classes))
			known[key] = number
			t.classes = append(t.classes, t.newClass(i, has))
		}
		t.classOf[i] = number
	}
}

func (t *table) newClass(first int, has []map[string]bool) class {
	c := class{first: first, barred: make([]bar, len(t.hosts)), missing: make([]bool, len(t.hosts)), lacking: make([]bool, len(t.hosts))}
	n := &t.nodes[first]
	for h := range t.hosts {
		c.missing[h] = n.Image != "" && !has[h][n.Image]
		c.barred[h] = barOf(n, &t.hosts[h], !c.missing[h], t.BestEffort)
		c.lacking[h] = len(lacks(n, &t.hosts[h])) > 0
	}
	return c
}

// demands is equal for two nodes when every host answers both alike, room and company aside.
func demands(n *Node) string {
	if len(n.Arch)+len(n.Labels)+len(n.Wants) == 0 {
		return n.Image
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s|%q|", n.Image, slices.Sorted(slices.Values(n.Arch)))
	keys := make([]string, 0, len(n.Labels))
	for key := range n.Labels {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		fmt.Fprintf(&b, "%q=%q,", key, n.Labels[key])
	}
	wants := make([]string, 0, len(n.Wants))
	for _, w := range n.Wants {
		wants = append(wants, string(w.Ability))
	}
	slices.Sort(wants)
	b.WriteString(strings.Join(slices.Compact(wants), ","))
	return b.String()
}
