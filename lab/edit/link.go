package edit

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// addLink does AddLink.
func (e *editor) addLink(op Op) ([]Op, error) {
	for _, end := range []*End{&op.A, &op.B} {
		if _, err := e.nodeOf(end.Node); err != nil {
			return nil, err
		}
		if end.Interface == "" {
			end.Interface = e.freeInterface(end.Node)
		} else if e.network().used[end.Node][end.Interface] {
			return nil, fault.New(fault.Conflict, "%s:%s has a link already. Take another interface.", end.Node, end.Interface).InField("to")
		}
		e.use(end.Node, end.Interface)
	}
	v, err := linkValue(op)
	if err != nil {
		return nil, err
	}
	id := op.A.Node + ":" + op.A.Interface + " " + op.B.Node + ":" + op.B.Interface
	w, rest := e.tree().walk(nil, linksPath)
	var p put
	if len(rest) > 0 || isEmpty(w.last().value) {
		p, err = e.firstLink(v)
	} else {
		if w.last().value.Kind != yaml.SequenceNode {
			return nil, fault.New(fault.Invalid, "topology.links on line %d is no list. Mend the text first.", w.last().value.Line).InField("links")
		}
		p = e.tree().appendItem(w, v, func(column int) string { return e.linkLines(w.last().value, v, column) })
		e.queue(slices.Concat(linksPath, []string{"+" + id}), p.splices, linksPath)
	}
	if err != nil {
		return nil, err
	}
	e.done = append(e.done, op)
	e.touchLink(id)
	e.say("link %s added", id)
	return []Op{{Op: RemoveLink, Link: id, Raw: p.emptied, Prune: p.prune}}, nil
}

// nodeOf is node, without the need to see what it says.
func (e *editor) nodeOf(name string) (*yaml.Node, error) {
	if n, ok := e.network().nodes[name]; ok {
		return n, nil
	}
	return e.node(name)
}

// firstLink makes the list of links with one in it.
func (e *editor) firstLink(v pairs) (put, error) {
	e.flush()
	w, rest := e.tree().walk(nil, linksPath)
	var p put
	if len(rest) == 0 {
		p = e.tree().appendItem(w, v, func(column int) string { return e.linkLines(nil, v, column) })
	} else {
		var err error
		if p, err = e.tree().set(nil, linksPath, []any{v}, ""); err != nil {
			return put{}, err
		}
		p.prune++
	}
	return p, e.now(p.splices)
}

// linkLines writes a link like the last one of the list is written.
func (e *editor) linkLines(list *yaml.Node, v pairs, column int) string {
	var quotes yaml.Style
	flow := false
	if list != nil && len(list.Content) > 0 {
		last := list.Content[len(list.Content)-1]
		flow = isFlow(last) && last.Kind == yaml.MappingNode
		if ends := child(last, "endpoints"); ends != nil && len(ends.Content) > 0 && ends.Content[0].Kind == yaml.ScalarNode {
			quotes = ends.Content[0].Style
		}
	}
	pad := strings.Repeat(" ", column)
	if flow {
		return pad + "- " + inline(v)
	}
	lines := make([]string, len(v))
	for i, p := range v {
		if ends, ok := p.value.([]any); ok && p.key == "endpoints" && allScalars(ends) {
			parts := make([]string, len(ends))
			for j, end := range ends {
				parts[j] = scalar(end.(string), true, quotes)
			}
			lines[i] = "endpoints: [" + strings.Join(parts, ", ") + "]"
			continue
		}
		lines[i] = e.tree().renderer().entry("links", p.key, p.value, column+2)
	}
	return pad + "- " + strings.Join(lines, e.tree().nl+pad+"  ")
}

// linkValue is the item of a new link.
func linkValue(op Op) (pairs, error) {
	a, b := op.A.Node+":"+op.A.Interface, op.B.Node+":"+op.B.Interface
	v := pairs{{"endpoints", []any{a, b}}}
	if op.Fields["mac-a"] != nil || op.Fields["mac-b"] != nil {
		ends := make([]any, 2)
		for i, end := range []End{op.A, op.B} {
			m := pairs{{"node", end.Node}, {"interface", end.Interface}}
			ends[i] = m.with("mac", ordered(op.Fields[[]string{"mac-a", "mac-b"}[i]]))
		}
		v[0].value = ends
	}
	return withLinkFields(v, op.Fields, []int{0, 1})
}

// withLinkFields is a link's item with fields set. slots is where its ends stand among the endpoints.
func withLinkFields(v pairs, fields map[string]any, slots []int) (pairs, error) {
	if err := checkLinkFields(fields); err != nil {
		return nil, err
	}
	v, err := withAddresses(v, fields, slots)
	if err != nil {
		return nil, err
	}
	return withImpairments(withPlainFields(v, fields), fields), nil
}

// linkFields are what SetLink and AddLink may name.
var linkFields = []string{"mtu", "cut", "flap", "labels", "vars", "impair", "impair-a-to-b", "impair-b-to-a", "addresses-a", "addresses-b", "mac-a", "mac-b"}

func checkLinkFields(fields map[string]any) error {
	for name := range fields {
		if !slices.Contains(linkFields, name) {
			return fault.New(fault.Invalid, "A link has no field %q to set.%s", name, lab.DidYouMean(name, linkFields)).InField("fields")
		}
	}
	return nil
}

func withPlainFields(v pairs, fields map[string]any) pairs {
	for _, name := range []string{"mtu", "labels", "vars", "cut", "flap"} {
		if value, ok := fields[name]; ok {
			v = v.with(name, orNothing(name, ordered(value)))
		}
	}
	return v
}

// orNothing is nil for a value that says what a link is without it.
func orNothing(name string, v any) any {
	switch v := v.(type) {
	case plain:
		if name == "cut" && v == "false" || name == "mtu" && v == "0" {
			return nil
		}
	case pairs:
		if len(v) == 0 {
			return nil
		}
	}
	return v
}

// withImpairments sets impair, or one way of it.
func withImpairments(v pairs, fields map[string]any) pairs {
	impair := v.get("impair")
	if both, ok := fields["impair"]; ok {
		impair = ordered(both)
	}
	aToB, bToA := waysOf(impair)
	_, one := fields["impair-a-to-b"]
	_, other := fields["impair-b-to-a"]
	if one {
		aToB, _ = ordered(fields["impair-a-to-b"]).(pairs)
	}
	if other {
		bToA, _ = ordered(fields["impair-b-to-a"]).(pairs)
	}
	if one || other {
		impair = joinWays(aToB, bToA)
	}
	if m, ok := impair.(pairs); ok && len(m) == 0 {
		impair = nil
	}
	return v.with("impair", impair)
}

// waysOf splits what a file says of both ways.
func waysOf(impair any) (aToB, bToA pairs) {
	m, _ := impair.(pairs)
	if m.has("a-to-b") || m.has("b-to-a") {
		aToB, _ = m.get("a-to-b").(pairs)
		bToA, _ = m.get("b-to-a").(pairs)
		return aToB, bToA
	}
	return m, m
}

func joinWays(aToB, bToA pairs) any {
	switch {
	case len(aToB)+len(bToA) == 0:
		return nil
	case canonical(aToB) == canonical(bToA):
		return aToB
	}
	var m pairs
	if len(aToB) > 0 {
		m = append(m, pair{"a-to-b", aToB})
	}
	if len(bToA) > 0 {
		m = append(m, pair{"b-to-a", bToA})
	}
	return m
}
