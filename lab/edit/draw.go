package edit

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// drawingPath is where notes and drawn groups are kept: variables of containerlab's config templates, which nobody asks for.
var drawingPath = []string{"topology", "defaults", "config", "vars", "trunkline"}

const (
	notesKey  = "notes"
	groupsKey = "drawn-groups"
)

// setPosition does SetPosition.
func (e *editor) setPosition(op Op) ([]Op, error) {
	var x, y any
	if op.At != nil {
		x, y = number(op.At.X), number(op.At.Y)
	}
	undo, err := e.setMany(op, []string{"labels"}, pairs{{"graph-posX", x}, {"graph-posY", y}})
	if err != nil {
		return nil, err
	}
	e.done = append(e.done, op)
	e.touchNode(op.Node)
	e.say("%s moved", op.Node)
	return undo, nil
}

// nodeStyles are the fields of StyleNode and the labels that they are.
var nodeStyles = pairs{{"group", lab.GroupLabel}, {"color", lab.ColorLabel}, {"icon", lab.IconLabel}, {"level", lab.LevelLabel}}

// styleNode does StyleNode.
func (e *editor) styleNode(op Op) ([]Op, error) {
	var labels pairs
	for _, p := range nodeStyles {
		if v, ok := op.Fields[p.key]; ok {
			labels = append(labels, pair{p.value.(string), asText(v)})
		}
	}
	for name := range op.Fields {
		if !nodeStyles.has(name) {
			return nil, fault.New(fault.Invalid, "A node's style has no field %q. It has group, color, icon and level.", name).InField("fields")
		}
	}
	if err := e.checkStyle(op); err != nil {
		return nil, err
	}
	undo, err := e.setMany(op, []string{"labels"}, labels)
	if err != nil {
		return nil, err
	}
	e.done = append(e.done, op)
	e.touchNode(op.Node)
	e.say("%s drawn differently", op.Node)
	return undo, nil
}

// asText is a value as labels have it: containerlab takes nothing but text there. nil stays nil.
func asText(v any) any {
	if v == nil {
		return nil
	}
	return canonical(ordered(v))
}

func (e *editor) checkStyle(op Op) error {
	n, err := e.node(op.Node)
	if err != nil {
		return err
	}
	for _, p := range nodeStyles {
		was, given := op.WasFields[p.key]
		now := textOf(child(child(n, "labels"), p.value.(string)))
		if given && canonical(ordered(was)) != now && canonical(ordered(op.Fields[p.key])) != now {
			return conflict(Clash{Where: "node " + op.Node + ": " + p.key, Line: n.Line, Base: canonical(ordered(was)), Yours: canonical(ordered(op.Fields[p.key])), Theirs: now})
		}
	}
	return nil
}

// setMany sets entries of one mapping below the op's node, or below the whole file; nil takes one out, and the mapping with it when it was all.
func (e *editor) setMany(op Op, in []string, entries pairs) ([]Op, error) {
	kept, words := len(e.done), len(e.words)
	defer func() { e.done, e.words = e.done[:kept], e.words[:words] }()
	base, err := e.base(Op{Node: op.Node})
	if err != nil {
		return nil, err
	}
	full := slices.Concat(base, in)
	w, rest, err := e.way(full)
	if err != nil {
		return nil, err
	}
	var set pairs
	for _, p := range entries {
		if p.value != nil {
			set = append(set, p)
		}
	}
	if len(rest) > 0 || isEmpty(w.last().value) {
		if len(set) == 0 {
			return nil, nil
		}
		return e.setNew(op, in, set)
	}
	m := w.last().value
	if len(set) == 0 && m.Kind == yaml.MappingNode && everyKeyIn(m, entries) {
		return e.do(Op{Op: Set, Node: op.Node, Path: in, Prune: op.Prune})
	}
	var have, add, gone []Op
	for _, p := range entries {
		_, v := entry(m, p.key)
		one := Op{Op: Set, Node: op.Node, Path: append(slices.Clone(in), p.key)}
		switch {
		case p.value == nil && v != nil:
			gone = append(gone, one)
		case p.value == nil:
		case v != nil:
			one.Value = Of(toJSON(p.value))
			have = append(have, one)
		default:
			one.Value = Of(toJSON(p.value))
			add = append(add, one)
		}
	}
	return e.all(slices.Concat(have, add, gone))
}

func everyKeyIn(m *yaml.Node, entries pairs) bool {
	for _, key := range keysOf(m) {
		if !entries.has(key) {
			return false
		}
	}
	return true
}

// setNew makes the mapping with the entries. What undoes it takes each out by itself: others may have been added meanwhile.
func (e *editor) setNew(op Op, in []string, set pairs) ([]Op, error) {
	undo, err := e.do(Op{Op: Set, Node: op.Node, Path: in, Value: Of(toJSON(set))})
	if err != nil || len(undo) == 0 {
		return undo, err
	}
	fields := map[string]any{}
	for _, p := range set {
		fields[p.key] = nil
	}
	first := undo[0]
	if first.Value.Given {
		return undo, nil
	}
	back := Op{Op: Forget, Node: op.Node, Path: in, Fields: fields, Raw: first.Raw, Prune: first.Prune + 1}
	if first.Raw != "" && first.Prune == 0 { // the mapping was there without anything in it
		back.Prune = 1
	}
	return []Op{back}, nil
}

// forget does Forget.
func (e *editor) forget(op Op) ([]Op, error) {
	base, err := e.base(op)
	if err != nil {
		return nil, err
	}
	full := slices.Concat(base, op.Path)
	w, rest, err := e.way(full)
	if err != nil || len(rest) > 0 {
		return nil, err
	}
	m := w.last().value
	var entries pairs
	for _, key := range keysOf(m) {
		if _, named := op.Fields[key]; named {
			entries = append(entries, pair{key, nil})
		}
	}
	kept, words := len(e.done), len(e.words)
	defer func() { e.done, e.words = append(e.done[:kept], op), e.words[:words] }()
	if len(entries) > 0 && everyKeyIn(m, entries) && op.Prune > 0 {
		return e.setValue(Op{Op: Set, Node: op.Node, Link: op.Link, Path: op.Path, Prune: op.Prune - 1, Raw: op.Raw})
	}
	var undo []Op
	for _, p := range entries {
		more, err := e.setValue(Op{Op: Set, Node: op.Node, Link: op.Link, Path: append(slices.Clone(op.Path), p.key)})
		if err != nil {
			return nil, err
		}
		undo = append(more, undo...)
	}
	return undo, nil
}

// drawnFields are what notes and groups have.
var drawnFields = map[Verb][]string{
	SetNote:  {"text", "x", "y", "width", "height", "color"},
	SetGroup: {"label", "color", "x", "y", "width", "height"},
}

// draw does SetNote, RemoveNote, SetGroup and RemoveGroup.
func (e *editor) draw(op Op) ([]Op, error) {
	key, what, id := notesKey, "note", &op.Note
	if op.Op == SetGroup || op.Op == RemoveGroup {
		key, what, id = groupsKey, "group", &op.Group
	}
	e.flush()
	all := e.tree().root
	for _, step := range append(slices.Clone(drawingPath), key) {
		all = child(all, step)
	}
	e.touchSection(key)
	if op.Op == RemoveNote || op.Op == RemoveGroup {
		return e.erase(op, key, what, *id, child(all, *id))
	}
	if *id == "" {
		for i := 1; *id == "" || child(all, *id) != nil; i++ {
			*id = what + itoa(i)
		}
	}
	var entries pairs
	for _, name := range drawnFields[op.Op] {
		if v, ok := op.Fields[name]; ok {
			entries = append(entries, pair{name, ordered(v)})
		}
	}
	for name := range op.Fields {
		if !slices.Contains(drawnFields[op.Op], name) {
			return nil, fault.New(fault.Invalid, "A %s has no field %q.", what, name).InField("fields")
		}
	}
	if err := checkDrawn(op, what, *id, child(all, *id)); err != nil {
		return nil, err
	}
	if len(entries) == 0 && child(all, *id) == nil {
		entries = pairs{{"x", plain("0")}, {"y", plain("0")}}
	}
	undo, err := e.setMany(Op{}, slices.Concat(drawingPath, []string{key, *id}), entries)
	if err != nil {
		return nil, err
	}
	e.done = append(e.done, op)
	e.say("%s %s changed", what, *id)
	return undo, nil
}

func checkDrawn(op Op, what, id string, now *yaml.Node) error {
	for name, was := range op.WasFields {
		current := canonical(valueOf(child(now, name)))
		if meant(ordered(was)) != meant(valueOf(child(now, name))) && canonical(ordered(op.Fields[name])) != current {
			line := 0
			if now != nil {
				line = now.Line
			}
			return conflict(Clash{Where: what + " " + id + ": " + name, Line: line, Base: canonical(ordered(was)), Yours: canonical(ordered(op.Fields[name])), Theirs: current})
		}
	}
	return nil
}

// erase takes a note or group out, and nodes out of the group.
func (e *editor) erase(op Op, key, what, id string, found *yaml.Node) ([]Op, error) {
	if found == nil {
		return nil, fault.New(fault.NotFound, "The drawing has no %s %s.", what, id).InField(what)
	}
	var undo []Op
	kept, words := len(e.done), len(e.words)
	if op.Op == RemoveGroup {
		for _, name := range slices.Clone(e.network().names) {
			if n, err := e.node(name); err == nil && textOf(child(child(n, "labels"), lab.GroupLabel)) == id {
				more, err := e.setMany(Op{Node: name}, []string{"labels"}, pairs{{lab.GroupLabel, nil}})
				if err != nil {
					return nil, err
				}
				e.touchNode(name)
				undo = append(more, undo...)
			}
		}
	}
	more, err := e.setValue(Op{Op: Set, Path: slices.Concat(drawingPath, []string{key, id}), Prune: 6})
	if err != nil {
		return nil, err
	}
	e.done, e.words = append(e.done[:kept], op), e.words[:words]
	e.say("%s %s removed", what, id)
	return append(more, undo...), nil
}
