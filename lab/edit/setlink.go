package edit

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
)

// removeLink does RemoveLink.
func (e *editor) removeLink(op Op) ([]Op, error) {
	e.flush()
	k, err := e.link(op.Link)
	if err != nil {
		return nil, err
	}
	path := slices.Concat(linksPath, []string{itoa(k.i)})
	w, rest := e.tree().walk(nil, path)
	if len(rest) > 0 {
		return nil, fault.New(fault.Unsupported, "The links come from an anchor elsewhere in the file. Change them in the text.").InField("link")
	}
	r, err := e.tree().remove(w, path, op.Prune, op.Raw)
	if err != nil {
		return nil, err
	}
	if err := e.now(r.splices); err != nil {
		return nil, err
	}
	e.done = append(e.done, op)
	e.touchLink(k.id)
	e.say("link %s removed", k.id)
	return []Op{{Op: Restore, Pieces: []Piece{r.piece}}}, nil
}

// moveEnd does MoveEnd.
func (e *editor) moveEnd(op Op) ([]Op, error) {
	e.flush()
	k, err := e.link(op.Link)
	if err != nil {
		return nil, err
	}
	which := slices.Index([]string{"a", "b"}, op.End)
	if which < 0 || which >= len(k.ends) {
		return nil, fault.New(fault.Invalid, "A link has the ends a and b, not %q.", op.End).InField("end")
	}
	end := k.ends[which]
	node, name, _ := strings.Cut(op.To, ":")
	if _, err := e.node(node); err != nil {
		return nil, err
	}
	if name == "" {
		name = e.freeInterface(node)
	}
	to := node + ":" + name
	if to == end.String() {
		return nil, nil
	}
	if e.network().used[node][name] {
		return nil, fault.New(fault.Conflict, "%s has a link already. Move it to a free interface, or take that link away first.", to).InField("to")
	}
	var splices []splice
	write := func(at *yaml.Node, text string) {
		splices = append(splices, splice{e.tree().inner[at], e.tree().ends[at], e.tree().tokenFor(at, text, "", true)})
	}
	if end.at.Kind == yaml.MappingNode {
		write(child(end.at, "node"), node)
		write(child(end.at, "interface"), name)
	} else {
		write(end.at, to)
	}
	from := end.String()
	ends := []string{}
	for i, other := range k.ends {
		if i == which {
			ends = append(ends, to)
		} else {
			ends = append(ends, other.String())
		}
	}
	if len(ends) == 1 {
		ends = append(ends, strings.TrimPrefix(k.id, from+" "))
	}
	id := strings.Join(ends, " ")
	if err := e.now(splices); err != nil {
		return nil, err
	}
	op.To = to
	e.done = append(e.done, op)
	e.touchLink(id)
	e.say("link %s moved from %s to %s", k.id, from, to)
	return []Op{{Op: MoveEnd, Link: id, End: op.End, To: from}}, nil
}

// setLink does SetLink, as Sets of what becomes different.
func (e *editor) setLink(op Op) ([]Op, error) {
	k, err := e.link(op.Link)
	if err != nil {
		return nil, err
	}
	if undo, unpacked, err := e.unpack(op); err != nil || unpacked {
		if err != nil {
			return nil, err
		}
		more, err := e.setLink(op)
		return slices.Concat(more, undo), err
	}
	path := slices.Concat(linksPath, []string{itoa(k.i)})
	if _, _, err := e.way(path); err != nil {
		return nil, err
	}
	if k, err = e.link(op.Link); err != nil {
		return nil, err
	}
	old, _ := valueOf(k.node).(pairs)
	if err := e.checkLinkWas(op, k, old); err != nil {
		return nil, err
	}
	now, err := withLinkFields(old, op.Fields, slotsOf(k))
	if err != nil {
		return nil, err
	}
	if now, err = withMACs(now, op.Fields, slotsOf(k)); err != nil {
		return nil, err
	}
	before := map[string]any{}
	for name := range op.Fields {
		before[name] = toJSON(fieldOf(old, k, name))
	}
	e.done = append(e.done, Op{Op: SetLink, Link: k.id, Fields: op.Fields, WasFields: before})
	undo, err := e.setChanged(k, old, now)
	e.touchLink(k.id)
	e.say("%s", linkWords(k.id, op.Fields))
	return undo, err
}

func slotsOf(k linkItem) []int {
	slots := make([]int, len(k.ends))
	for i, end := range k.ends {
		slots[i] = end.slot
	}
	return slots
}

// setChanged sets the entries of a link that differ: those it has first, then new ones, then those that go.
func (e *editor) setChanged(k linkItem, old, now pairs) ([]Op, error) {
	kept := len(e.done)
	words := len(e.words)
	defer func() { e.done, e.words = e.done[:kept], e.words[:words] }()
	var sets, news, gone []Op
	for _, p := range now {
		switch {
		case !old.has(p.key):
			news = append(news, Op{Op: Set, Link: k.id, Path: []string{p.key}, Value: Of(toJSON(p.value))})
		case canonical(old.get(p.key)) != canonical(p.value):
			sets = append(sets, changedWays(k, p, old.get(p.key))...)
		}
	}
	for _, p := range old {
		if !now.has(p.key) {
			gone = append(gone, Op{Op: Set, Link: k.id, Path: []string{p.key}})
		}
	}
	return e.all(slices.Concat(sets, news, gone))
}

// changedWays sets only the way of an impairment that changes, where both stand by themselves.
func changedWays(k linkItem, p pair, old any) []Op {
	was, _ := old.(pairs)
	now, ok := p.value.(pairs)
	if p.key == "impair" && ok && was.has("a-to-b") && was.has("b-to-a") && now.has("a-to-b") && now.has("b-to-a") {
		var ops []Op
		for _, way := range []string{"a-to-b", "b-to-a"} {
			if canonical(was.get(way)) != canonical(now.get(way)) {
				ops = append(ops, Op{Op: Set, Link: k.id, Path: []string{"impair", way}, Value: Of(toJSON(now.get(way)))})
			}
		}
		return ops
	}
	return []Op{{Op: Set, Link: k.id, Path: []string{p.key}, Value: Of(toJSON(p.value))}}
}

// withMACs sets the MAC addresses of ends, which are written out for it.
func withMACs(v pairs, fields map[string]any, slots []int) (pairs, error) {
	for i, name := range []string{"mac-a", "mac-b"} {
		value, ok := fields[name]
		if !ok || i >= len(slots) {
			continue
		}
		if end, ok := v.get("endpoint").(pairs); ok {
			v = v.with("endpoint", end.with("mac", ordered(value)))
			continue
		}
		ends, _ := v.get("endpoints").([]any)
		if slots[i] >= len(ends) {
			continue
		}
		if _, written := ends[slots[i]].(pairs); !written {
			if value == nil {
				continue
			}
			v = writtenOut(v)
		}
		ends = slices.Clone(v.get("endpoints").([]any))
		ends[slots[i]] = ends[slots[i]].(pairs).with("mac", ordered(value))
		v = v.with("endpoints", ends)
	}
	return v, nil
}

// fieldOf is the present value of a field of SetLink.
func fieldOf(v pairs, k linkItem, name string) any {
	aToB, bToA := waysOf(v.get("impair"))
	switch name {
	case "impair":
		return joinWays(aToB, bToA)
	case "impair-a-to-b":
		return orNothing("", aToB)
	case "impair-b-to-a":
		return orNothing("", bToA)
	case "addresses-a", "mac-a":
		return endField(v, k, 0, name)
	case "addresses-b", "mac-b":
		return endField(v, k, 1, name)
	}
	return v.get(name)
}

func endField(v pairs, k linkItem, i int, name string) any {
	if i >= len(k.ends) {
		return nil
	}
	slot := k.ends[i].slot
	end, _ := v.get("endpoint").(pairs)
	if list, ok := v.get("endpoints").([]any); ok && slot < len(list) {
		end, _ = list[slot].(pairs)
	}
	if strings.HasPrefix(name, "mac") {
		return end.get("mac")
	}
	var all []any
	for _, family := range []string{"ipv4", "ipv6"} {
		for _, from := range []any{end.get(family), nthOf(v.get(family), slot)} {
			list, ok := from.([]any)
			if !ok {
				list = []any{from}
			}
			for _, item := range list {
				if s := canonical(item); s != "" {
					all = append(all, s)
				}
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

func nthOf(v any, i int) any {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if i < len(list) {
		return list[i]
	}
	return nil
}

func (e *editor) checkLinkWas(op Op, k linkItem, old pairs) error {
	var clashes []Clash
	for _, name := range linkFields {
		was, given := op.WasFields[name]
		if !given {
			continue
		}
		now, wanted := fieldOf(old, k, name), ordered(op.Fields[name])
		if meant(ordered(was)) != meant(now) && meant(wanted) != meant(now) {
			clashes = append(clashes, Clash{Where: "link " + k.id + ": " + name, Line: k.node.Line, Base: canonical(ordered(was)), Yours: canonical(wanted), Theirs: canonical(now)})
		}
	}
	if len(clashes) > 0 {
		return conflict(clashes...)
	}
	return nil
}

// meant is canonical for values with units: 20ms is 0.02s, 1% is 1.
func meant(v any) string {
	switch v := v.(type) {
	case pairs:
		out := make(pairs, 0, len(v))
		for _, p := range v {
			if s := meant(p.value); s != "" {
				out = append(out, pair{p.key, s})
			}
		}
		return canonical(out)
	case string:
		s := strings.ReplaceAll(v, " ", "")
		if d, err := time.ParseDuration(s); err == nil {
			return strconv.FormatInt(int64(d), 10) + "ns"
		}
		if f, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64); err == nil {
			return number(f)
		}
	case plain:
		if v == "false" {
			return ""
		}
		if f, err := strconv.ParseFloat(string(v), 64); err == nil {
			if f == 0 {
				return ""
			}
			return number(f)
		}
	}
	return canonical(v)
}
