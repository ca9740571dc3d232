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
	closed  map[string]string // names of hosts that are not open to the tenant, by ID
	ends    [][2]int32        // of every cable, by node
	weights []int64
	classOf []int32
	classes []class
	apart   [][]bool // by host: the hosts that it may not be used together with; nil: none
	cuts    int      // pairs of such hosts
}

// class is what nodes with equal demands on the kind of host have in common.
type class struct {
	first   int // a node of it
	barred  []bar
	missing []bool // hosts that have to fetch the image first
	lacking []bool // hosts that give up an impairment
}

func newTable(p Problem) (*table, error) {
	t := &table{Problem: p, node: map[string]int{}, host: map[string]int{}, closed: map[string]string{}}
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
			t.closed[h.ID] = h.Name
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
	t.apart = make([][]bool, len(t.hosts))
	for _, pair := range p.Cut {
		a, here := t.host[pair.A]
		b, there := t.host[pair.B]
		if here && there && a != b {
			t.cut(a, b)
		}
	}
	t.classify()
	return t, nil
}

// cut notes that two hosts do not reach each other.
func (t *table) cut(a, b int) {
	for _, h := range [2]int{a, b} {
		if t.apart[h] == nil {
			t.apart[h] = make([]bool, len(t.hosts))
		}
	}
	if !t.apart[a][b] {
		t.cuts++
	}
	t.apart[a][b], t.apart[b][a] = true, true
}

// clashing reports whether the two hosts do not reach each other.
func (t *table) clashing(a, b int32) bool { return t.apart[a] != nil && t.apart[a][b] }

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
	has := map[string][]int32{}
	for h := range t.hosts {
		for _, image := range t.hosts[h].Images {
			has[image] = append(has[image], int32(h))
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

func (t *table) newClass(first int, has map[string][]int32) class {
	c := class{first: first, barred: make([]bar, len(t.hosts)), missing: make([]bool, len(t.hosts)), lacking: make([]bool, len(t.hosts))}
	n := &t.nodes[first]
	for h := range c.missing {
		c.missing[h] = n.Image != ""
	}
	for _, h := range has[n.Image] {
		c.missing[h] = false
	}
	for h := range t.hosts {
		c.barred[h] = barOf(n, &t.hosts[h], !c.missing[h], t.BestEffort)
		c.lacking[h] = len(lacks(n, &t.hosts[h])) > 0
	}
	return c
}

// demands is equal for two nodes when every host answers both alike, room and company aside.
func demands(n *Node) string {
	if len(n.Arch)+len(n.Labels)+len(n.Wants) == 0 && n.Network == "" {
		return n.Image
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s|%s|%q|", n.Image, n.Network, slices.Sorted(slices.Values(n.Arch)))
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
