package lab

import (
	"fmt"
	"reflect"
	"strings"
)

// Verb is what a step does. The set is closed.
type Verb string

const (
	Create     Verb = "create"
	Recreate   Verb = "recreate" // the node's files and processes are lost
	Remove     Verb = "remove"
	Change     Verb = "change" // while it runs
	Connect    Verb = "connect"
	Move       Verb = "re-cable" // an end of a link goes to another interface while the nodes run
	Disconnect Verb = "disconnect"
)

// Step is one line of a plan: "create node r1: it is new".
type Step struct {
	Verb   Verb   `json:"verb"`
	Object string `json:"object"` // "node r1", "link r1:eth1 r2:eth1" or "management segment"
	Reason string `json:"reason"`
}

// Diff says what leads from one lab to the other, in the order it is done: links are taken away before nodes, nodes are
// made before links. A nil lab is an empty one, so Diff(nil, l) makes all of l and Diff(l, nil) removes it. Equal labs
// give no steps.
func Diff(from, to *Lab) []Step {
	d := &differ{from: orEmpty(from), to: orEmpty(to)}
	d.before, d.after = nodesByName(d.from), nodesByName(d.to)
	d.recreated = map[string]bool{}
	d.mgmt()
	nodes := d.nodes()
	oldLinks, newLinks := linksByID(d.from), linksByID(d.to)
	d.findMoved(oldLinks, newLinks)
	d.lostLinks(oldLinks, newLinks)
	d.lostNodes()
	d.steps = append(d.steps, nodes...)
	d.newLinks(oldLinks, newLinks)
	return d.steps
}

type differ struct {
	from, to      *Lab
	before, after map[string]*Node
	recreated     map[string]bool
	moved         map[string]*Link // links that have one end elsewhere now, by their new id, as they were
	left          map[string]bool  // their old ids
	steps         []Step
}

func orEmpty(l *Lab) *Lab {
	if l == nil {
		return &Lab{}
	}
	return l
}

func nodesByName(l *Lab) map[string]*Node {
	m := make(map[string]*Node, len(l.Nodes))
	for _, n := range l.Nodes {
		m[n.Name] = n
	}
	return m
}

func linksByID(l *Lab) map[string]*Link {
	m := make(map[string]*Link, len(l.Links))
	for _, k := range l.Links {
		m[k.ID()] = k
	}
	return m
}

func (d *differ) add(verb Verb, object, format string, args ...any) {
	d.steps = append(d.steps, Step{verb, object, fmt.Sprintf(format, args...)})
}

func (d *differ) mgmt() {
	const object = "management segment"
	switch a, b := d.from.Mgmt, d.to.Mgmt; {
	case a == nil && b != nil:
		d.add(Create, object, "the lab now has one")
	case a != nil && b == nil:
		d.add(Remove, object, "the lab has none any more")
	case a != nil && *a != *b:
		d.add(Change, object, "its subnets or its MTU changed")
	}
}

// nodes returns the steps that make or change nodes, in the order of the new lab.
func (d *differ) nodes() []Step {
	var steps []Step
	for _, n := range d.to.Nodes {
		old := d.before[n.Name]
		if old == nil {
			steps = append(steps, Step{Create, "node " + n.Name, "it is new"})
			continue
		}
		fresh, live := changes(old, n)
		if (d.from.Mgmt == nil) != (d.to.Mgmt == nil) && n.Kind.IsContainer() && !n.NoMgmt {
			live = append(live, "eth0")
		}
		switch {
		case len(fresh) > 0:
			d.recreated[n.Name] = true
			steps = append(steps, Step{Recreate, "node " + n.Name, changedWords(append(fresh, live...)) + "; that needs a new " + thing(n)})
		case len(live) > 0:
			steps = append(steps, Step{Change, "node " + n.Name, changedWords(live)})
		}
	}
	return steps
}

func thing(n *Node) string {
	if n.Kind.IsContainer() {
		return "container"
	}
	return string(n.Kind)
}

// changedWords names fields that changed; what says by itself how it changes comes first.
func changedWords(fields []string) string {
	var live, changed []string
	for _, f := range fields {
		if strings.HasSuffix(f, " live") || strings.HasSuffix(f, " any more") {
			live = append(live, f)
		} else {
			changed = append(changed, f)
		}
	}
	if len(changed) > 0 {
		live = append(live, strings.Join(changed, ", ")+" changed")
	}
	return strings.Join(live, "; ")
}

func (d *differ) lostNodes() {
	for _, n := range d.from.Nodes {
		if d.after[n.Name] == nil {
			d.add(Remove, "node "+n.Name, "the lab no longer has it")
		}
	}
}

func (d *differ) lostLinks(before, after map[string]*Link) {
	for _, k := range d.from.Links {
		object := "link " + k.ID()
		switch now := after[k.ID()]; {
		case d.left[k.ID()]:
		case now == nil && d.gone(k) != "":
			d.add(Disconnect, object, "node %s goes", d.gone(k))
		case now == nil:
			d.add(Disconnect, object, "the lab no longer has it")
		case now.Type != k.Type:
			d.add(Disconnect, object, "it is now of type %s", now.Type)
		}
	}
}

func (d *differ) gone(k *Link) string {
	for _, name := range []string{k.A.Node, k.B.Node} {
		if name != "" && d.after[name] == nil {
			return name
		}
	}
	return ""
}

func (d *differ) newLinks(before, after map[string]*Link) {
	for _, k := range d.to.Links {
		object := "link " + k.ID()
		old := before[k.ID()]
		switch {
		case d.moved[k.ID()] != nil:
			d.move(d.moved[k.ID()], k)
		case old == nil:
			d.add(Connect, object, "it is new")
		case old.Type != k.Type:
			d.add(Connect, object, "it was of type %s", old.Type)
		case d.recreated[k.A.Node] || d.recreated[k.B.Node]:
			d.add(Connect, object, "%s is made anew", d.fresh(k))
		default:
			if changed := linkChanges(old, k); len(changed) > 0 {
				d.add(Change, object, "%s", changedWords(changed))
			}
		}
	}
}

func (d *differ) fresh(k *Link) string {
	if d.recreated[k.A.Node] {
		return "node " + k.A.Node
	}
	return "node " + k.B.Node
}

func linkChanges(a, b *Link) []string {
	return compare([]pair{
		{"MTU", a.MTU, b.MTU},
		{"impairment towards " + b.B.String(), a.AtoB, b.AtoB},
		{"impairment towards " + b.A.String(), a.BtoA, b.BtoA},
		{"cut", a.Cut, b.Cut},
		{"flap", orZero(a.Flap), orZero(b.Flap)},
		{"addresses of " + b.A.String(), a.A.Addresses, b.A.Addresses},
		{"addresses of " + b.B.String(), a.B.Addresses, b.B.Addresses},
		{"MAC of " + b.A.String(), a.A.MAC, b.A.MAC},
		{"MAC of " + b.B.String(), a.B.MAC, b.B.MAC},
		{"labels", a.Labels, b.Labels},
		{"vars", a.Vars, b.Vars},
	})
}

// pair is one field before and after.
type pair struct {
	name          string
	before, after any
}

// compare returns the names of the pairs that differ. Nil and empty maps and lists are alike.
func compare(pairs []pair) []string {
	var names []string
	for _, p := range pairs {
		if !same(p.before, p.after) {
			names = append(names, p.name)
		}
	}
	return names
}

func same(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.IsValid() && y.IsValid() {
		if k := x.Kind(); (k == reflect.Map || k == reflect.Slice) && x.Len() == 0 && y.Len() == 0 {
			return true
		}
	}
	return reflect.DeepEqual(a, b)
}
