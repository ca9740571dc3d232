package edit

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
)

// mergedFields are those of which a node gets the entries of all levels; any other it takes whole from the most specific one.
var mergedFields = []string{"labels", "env", "sysctls"}

// setValue does Set.
func (e *editor) setValue(op Op) ([]Op, error) {
	base, err := e.base(op)
	if err != nil {
		return nil, err
	}
	if len(op.Path) == 0 {
		return nil, fault.New(fault.Invalid, "The edit does not say what to set.").InField("path")
	}
	if undo, unpacked, err := e.unpack(op); err != nil || unpacked {
		if err != nil {
			return nil, err
		}
		more, err := e.setValue(op)
		return slices.Concat(more, undo), err
	}
	full := slices.Concat(base, op.Path)
	w, rest, err := e.way(full)
	if err != nil {
		return nil, err
	}
	if base, err = e.base(op); err != nil { // pending splices may have moved it
		return nil, err
	}
	current := e.current(op, w, rest)
	if err := e.checkWas(op, current); err != nil {
		return nil, err
	}
	e.noteSet(op, current)
	if !op.Value.Given {
		return e.unset(op, base, w, rest)
	}
	return e.assign(op, base, w, rest)
}

// current is the value that an editor sees at the path: the node's or link's own, one that it merges, or one that it inherits.
func (e *editor) current(op Op, w way, rest []string) any {
	if len(rest) == 0 {
		return valueOf(w.last().value)
	}
	n := w.last().value
	for _, key := range rest {
		if n = child(n, key); n == nil {
			break
		}
	}
	if n != nil {
		return valueOf(n)
	}
	if op.Node == "" {
		return nil
	}
	for _, level := range e.definitions(op.Node) {
		n := level
		for _, key := range op.Path {
			if n = child(n, key); n == nil {
				break
			}
		}
		if n != nil && !isEmpty(n) {
			return valueOf(n)
		}
	}
	return nil
}

func (e *editor) checkWas(op Op, current any) error {
	if !op.Was.Given || canonical(ordered(op.Was.V)) == canonical(current) {
		return nil
	}
	wanted := "" // removed
	if op.Value.Given {
		wanted = canonical(ordered(op.Value.V))
	}
	if wanted == canonical(current) {
		return nil // both did the same
	}
	line := 0
	if base, err := e.base(op); err == nil {
		w, _ := e.tree().walk(nil, slices.Concat(base, op.Path))
		if at := w.last().value; at != nil {
			line = at.Line
		}
	}
	return conflict(Clash{Where: where(op), Line: line, Base: canonical(ordered(op.Was.V)), Yours: wanted, Theirs: canonical(current)})
}

// assign sets the value at a path that exists or does not.
func (e *editor) assign(op Op, base []string, w way, rest []string) ([]Op, error) {
	path, v, raw := op.Path, ordered(op.Value.V), op.Raw
	if len(rest) > 0 {
		if from := e.copied(op, w, rest); from != nil { // what is inherited is overridden as a whole
			keep := len(path) - len(rest) + 1
			v, path, raw = deepSet(valueOf(from), path[keep:], v), path[:keep], ""
			rest = rest[:1]
		} else if s := w.last(); s.value.Kind == yaml.ScalarNode && !isNull(s.value) || s.value.Kind == yaml.SequenceNode && !isNumber(rest[0]) {
			if len(path) == 3 && len(rest) == 1 && path[0] == "interfaces" { // the short form: addresses only
				v, path, raw, rest = pairs{{"addresses", valueOf(s.value)}, {path[2], v}}, path[:2], "", nil
			}
		}
	}
	if v == nil {
		v = plain("null")
	}
	full := slices.Concat(base, path)
	old := valueOf(nil)
	if len(rest) == 0 {
		w, _ = e.tree().walk(nil, full)
		old = valueOf(w.last().value)
	}
	p, err := e.tree().set(nil, full, v, raw)
	if err != nil {
		return nil, err
	}
	var grows []string
	made := full
	if !p.had {
		made = full[:len(full)-p.prune]
		grows = made[:len(made)-1]
	}
	e.queue(made, p.splices, grows)
	if !p.had && (p.emptied != "" || isEmpty(w.last().value) || w.last().value.Kind == yaml.AliasNode) {
		e.set[joined(grows)] = true
	}
	undo := Op{Op: Set, Node: op.Node, Link: op.Link, Path: path, Was: Of(toJSON(v))}
	if p.had {
		undo.Value, undo.Raw = Of(toJSON(old)), p.raw
	} else {
		undo.Prune, undo.Raw = p.prune, p.emptied
	}
	return []Op{undo}, nil
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

// copied is the mapping that has to be taken over before something inside it can be said otherwise; nil for none.
func (e *editor) copied(op Op, w way, rest []string) *yaml.Node {
	if len(rest) < 2 {
		return nil
	}
	if v := child(w.last().value, rest[0]); v != nil && v.Kind == yaml.MappingNode {
		return v
	}
	if op.Node == "" || len(rest) != len(op.Path) || slices.Contains(mergedFields, rest[0]) {
		return nil
	}
	if v := e.inherited(op.Node, rest[0]); v != nil && v.Kind != yaml.ScalarNode {
		return v
	}
	return nil
}

// deepSet sets a value inside another.
func deepSet(in any, path []string, v any) any {
	if len(path) == 0 {
		return v
	}
	switch in := in.(type) {
	case []any:
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(in) {
			out := slices.Clone(in)
			out[i] = deepSet(in[i], path[1:], v)
			return out
		}
		return in
	case pairs:
		return in.with(path[0], deepSet(in.get(path[0]), path[1:], v))
	}
	return pairs{{path[0], deepSet(nil, path[1:], v)}}
}

// unset removes the entry at a path.
func (e *editor) unset(op Op, base []string, w way, rest []string) ([]Op, error) {
	if len(rest) > 0 {
		if v := e.current(op, w, rest); v != nil {
			return nil, fault.New(fault.Invalid, "%s is inherited from a group, a kind or the defaults. Change it there, or give the node a value of its own.", pathText(op.Path)).InField("path")
		}
		return nil, nil
	}
	full := slices.Concat(base, op.Path)
	if len(e.pending) > 0 {
		e.flush()
		if w, rest = e.tree().walk(nil, full); len(rest) > 0 {
			return nil, nil
		}
	}
	r, err := e.tree().remove(w, full, min(op.Prune, len(op.Path)-1), op.Raw)
	if err != nil {
		return nil, err
	}
	if err := e.now(r.splices); err != nil {
		return nil, err
	}
	piece := r.piece
	piece.In = piece.In[min(len(base), len(piece.In)):]
	return []Op{{Op: Restore, Node: op.Node, Link: op.Link, Pieces: []Piece{piece}}}, nil
}

// restore puts pieces back.
func (e *editor) restore(op Op) ([]Op, error) {
	var undo []Op
	for _, p := range op.Pieces {
		base, err := e.base(op)
		if err != nil {
			return nil, err
		}
		e.flush()
		relative := p.In
		p.In = slices.Concat(base, relative)
		w, rest := e.tree().walk(nil, p.In)
		emptied := ""
		if s := w.last(); len(rest) == 0 && isEmpty(s.value) && s.parent != nil && !s.flow && !s.inList() {
			start, end := e.tree().tail(s)
			emptied = e.tree().bytes(start, end)
		}
		splices, err := e.tree().restore(p)
		if err != nil {
			return nil, err
		}
		if err := e.now(splices); err != nil {
			return nil, err
		}
		back := e.takeOut(op, p, relative, emptied, len(rest))
		e.noteRestored(op, p)
		undo = append(back, undo...)
	}
	return undo, nil
}

// takeOut is what removes a piece that was put back.
func (e *editor) takeOut(op Op, p Piece, relative []string, emptied string, made int) []Op {
	path := joined(p.In)
	switch {
	case p.Key != "" && path == joined([]string{"topology", "nodes"}):
		name, _, _ := strings.Cut(p.Key, "|")
		return []Op{{Op: RemoveNode, Node: name, Raw: emptied, Prune: made}}
	case p.Key != "":
		return []Op{{Op: Set, Node: op.Node, Link: op.Link, Path: append(slices.Clone(relative), p.Key), Raw: emptied, Prune: made}}
	case path == joined([]string{"topology", "links"}):
		for _, k := range e.network().links {
			if canonical(valueOf(k.node)) == canonical(ordered(p.Value)) {
				return []Op{{Op: RemoveLink, Link: k.id, Raw: emptied, Prune: made}}
			}
		}
	}
	w, _ := e.tree().walk(nil, p.In)
	list := w.last().value
	for i := range list.Content {
		if list.Kind == yaml.SequenceNode && canonical(valueOf(list.Content[i])) == canonical(ordered(p.Value)) {
			return []Op{{Op: Set, Node: op.Node, Link: op.Link, Path: append(slices.Clone(relative), itoa(i)), Raw: emptied, Prune: made}}
		}
	}
	return nil
}
