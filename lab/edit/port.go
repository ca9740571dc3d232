package edit

import (
	"slices"

	"trunkline/lab"
)

// unplug does an edit that takes ends of links away, and takes what their nodes say of those interfaces with them: settings of an interface that
// no link leads to are no lab any more. What a node inherits stays, as it is said elsewhere.
func (e *editor) unplug(op Op, do func(Op) ([]Op, error)) ([]Op, error) {
	e.flush()
	ends := slices.DeleteFunc(e.endsOf(op), func(end lab.Endpoint) bool { return !e.saysOf(end) }) // mostly none: then the text is read once
	undo, err := do(op)
	if err != nil {
		return nil, err
	}
	for _, end := range ends {
		if e.plugged(end) || !e.saysOf(end) {
			continue
		}
		back, err := e.setValue(Op{Op: Set, Node: end.Node, Path: []string{"interfaces", end.Interface}, Prune: 1})
		if err != nil {
			return nil, err
		}
		undo = slices.Concat(back, undo)
	}
	return undo, nil
}

// endsOf are the ends that an edit takes away from nodes that stay.
func (e *editor) endsOf(op Op) []lab.Endpoint {
	var ends []lab.Endpoint
	add := func(k linkItem, keep func(lab.Endpoint) bool) {
		for _, end := range k.ends {
			if end.Node != "" && end.Interface != "" && keep(end.Endpoint) {
				ends = append(ends, lab.Endpoint{Node: end.Node, Interface: end.Interface})
			}
		}
	}
	switch op.Op {
	case RemoveNode:
		for _, k := range e.network().links {
			if k.on(op.Node) {
				add(k, func(end lab.Endpoint) bool { return end.Node != op.Node })
			}
		}
	case RemoveLink, MoveEnd:
		k, err := e.link(op.Link)
		if err != nil {
			return nil // the edit itself says so
		}
		which := slices.Index([]string{"a", "b"}, op.End)
		if op.Op == MoveEnd && which >= 0 && which < len(k.ends) {
			k.ends = k.ends[which : which+1]
		}
		add(k, func(lab.Endpoint) bool { return true })
	}
	return ends
}

// plugged reports that a link leads to the interface.
func (e *editor) plugged(at lab.Endpoint) bool {
	e.flush()
	return slices.ContainsFunc(e.network().links, func(k linkItem) bool {
		return slices.ContainsFunc(k.ends, func(end linkEnd) bool { return end.Node == at.Node && end.Interface == at.Interface })
	})
}

// saysOf reports that the node itself has settings for the interface.
func (e *editor) saysOf(at lab.Endpoint) bool {
	w, rest := e.tree().walk(nil, []string{"topology", "nodes", at.Node, "interfaces", at.Interface})
	return len(rest) == 0 && w.last().value != nil
}
