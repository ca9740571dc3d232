package edit

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
)

// removed is the splices that take an entry or item out, and the piece that puts it back.
type removed struct {
	splices []splice
	piece   Piece
}

// remove takes out the entry or item in the last slot. prune is how many of the mappings around go with it when it was all they held;
// emptied is what stays behind the key of the innermost that is left empty: "" is {} or [].
func (t *text) remove(w way, path []string, prune int, emptied string) (removed, error) {
	return t.removeBefore(w, path, prune, emptied, 0)
}

// removeBefore is remove where more goes right behind it: what then follows is at the offset after. 0: what follows it now.
func (t *text) removeBefore(w way, path []string, prune int, emptied string, after int) (removed, error) {
	for prune > 0 && len(w) > 2 && t.isOnly(w.last()) {
		w, path, prune = w.up(), path[:len(path)-1], prune-1
	}
	s := w.last()
	if s.parent == nil || len(w) < 2 {
		return removed{}, fault.New(fault.Invalid, "The whole file cannot be taken away.").InField("path")
	}
	if err := t.keepsAnchor(s.value); err != nil {
		return removed{}, err
	}
	piece := Piece{In: slices.Clone(path[:len(path)-1]), Indent: t.keyColumn(s), Value: toJSON(valueOf(s.value))}
	if !s.inList() {
		piece.Key = s.parent.Content[s.i].Value
	}
	piece.After = t.before(s)
	var r removed
	switch {
	case t.overrides(s, emptied):
		r = t.collapse(w[len(w)-2], s, emptied)
	case t.isOnly(s) && w[len(w)-2].parent != nil:
		r = t.removeOnly(w[len(w)-2], s, emptied)
	case isFlow(s.parent) || s.flow:
		r = t.removeFlow(s)
	default:
		r = t.removeBlock(s, w[len(w)-2], after)
	}
	piece.Text, piece.Whole, piece.Skip, piece.Bare = r.piece.Text, r.piece.Whole, r.piece.Skip, r.piece.Bare
	r.piece = piece
	return r, nil
}

// isOnly reports that nothing else is in the mapping or list.
func (t *text) isOnly(s slot) bool {
	if s.inList() {
		return len(s.parent.Content) == 1
	}
	return s.parent != nil && len(s.parent.Content) == 2
}

// overrides reports that a mapping holds nothing but what it merges, and the slot; emptied is the alias that it was before.
func (t *text) overrides(s slot, emptied string) bool {
	if !strings.Contains(emptied, "*") || s.inList() || len(s.parent.Content) != 4 || s.i != 2 {
		return false
	}
	alias := s.parent.Content[1]
	return s.parent.Content[0].ShortTag() == "!!merge" && alias.Kind == yaml.AliasNode && strings.Contains(emptied, "*"+alias.Value)
}

// collapse makes such a mapping the alias again.
func (t *text) collapse(outer, s slot, emptied string) removed {
	start, end := t.at(outer.value), t.ends[outer.value]
	if isTail(emptied) {
		start, end = t.tail(outer)
	}
	whole := t.bytes(start, end)
	return removed{[]splice{{start, end, emptied}}, Piece{Text: t.bytes(t.region(s).start, t.region(s).end), Whole: whole}}
}

// before names what stands before the slot.
func (t *text) before(s slot) string {
	if s.inList() {
		if s.i == 0 {
			return ""
		}
		return itemName(s.parent, s.i-1)
	}
	if s.i == 0 {
		return ""
	}
	return s.parent.Content[s.i-2].Value
}

// removeOnly takes the last thing out of a mapping or list: outer is the slot of that.
func (t *text) removeOnly(outer, s slot, emptied string) removed {
	nothing := "{}"
	if s.inList() {
		nothing = "[]"
	}
	start, end := t.at(outer.value), t.ends[outer.value]
	if outer.flow || outer.inList() {
		return removed{[]splice{{start, end, nothing}}, Piece{Text: t.bytes(start, end), Whole: t.bytes(start, end)}}
	}
	tailStart, tailEnd := t.tail(outer)
	piece := Piece{Whole: t.bytes(tailStart, tailEnd), Text: t.bytes(t.region(s).start, t.region(s).end)}
	if isFlow(s.parent) {
		piece.Text = t.bytes(start, end)
	}
	if emptied != "" && isTail(emptied) {
		return removed{[]splice{{tailStart, tailEnd, emptied}}, piece}
	}
	rest := ""
	if line := t.lineBreak(tailStart); line < start { // what stands on the line of the key is a comment
		rest = t.bytes(tailStart+1, line)
	}
	return removed{[]splice{{tailStart, tailEnd, ": " + nothing + rest}}, piece}
}

func (t *text) removeFlow(s slot) removed {
	stride, content := 2, s.parent.Content
	if s.inList() {
		stride = 1
	}
	start, end := t.at(content[s.i]), t.ends[content[s.i+stride-1]]
	if s.i > 0 {
		start = t.ends[content[s.i-1]]
	} else {
		end = t.at(content[stride])
	}
	return removed{[]splice{{start, end, ""}}, Piece{Text: t.bytes(start, end)}}
}

func (t *text) removeBlock(s, outer slot, after int) removed {
	r := t.region(s)
	after = max(after, r.end)
	if r.inline && s.i == 0 { // the first entry of a mapping that begins behind a dash
		end := t.at(s.parent.Content[2])
		if s.inList() {
			end = t.dash(s.parent, 1)
		}
		return removed{[]splice{{r.start, end, ""}}, Piece{Text: t.bytes(r.start, end)}}
	}
	floor := t.floor(s, outer)
	r = t.withComments(r, floor, after, t.keyColumn(s))
	text := t.bytes(r.start, r.end)
	start := r.start
	if r.end == len(t.data) && !strings.HasSuffix(text, "\n") && start > 0 && t.data[start-1] == '\n' {
		start -= len(t.nl) // the file goes on ending without a line end
	}
	return removed{[]splice{{start, r.end, ""}}, Piece{Text: text, Skip: bytes.Count(t.data[floor:r.start], []byte("\n")), Bare: start < r.start}}
}

// floor is where what stands before the slot ends: the entry before, or the key of the mapping that it is the first of.
func (t *text) floor(s, outer slot) int {
	if s.i > 0 {
		before := s
		before.i -= 2
		if s.inList() {
			before.i = s.i - 1
		}
		return t.region(before).end
	}
	if outer.parent == nil {
		return t.lines[0]
	}
	if outer.inList() {
		return t.lineStart(t.at(s.parent.Content[0]))
	}
	return t.nextLine(t.colon(outer))
}

// restore puts a piece back.
func (t *text) restore(p Piece) ([]splice, error) {
	w, rest := t.walk(nil, p.In)
	v := ordered(p.Value)
	if len(rest) > 0 { // what it was in is gone too
		if p.Key == "" {
			v = []any{v}
		} else {
			v = pairs{{p.Key, v}}
		}
		whole := ""
		if len(rest) == 1 {
			whole = p.Whole
		}
		put, err := t.set(nil, p.In, v, whole)
		return put.splices, err
	}
	s := w.last()
	if p.Key != "" {
		if _, had := entry(s.value, p.Key); had != nil {
			return nil, conflict(Clash{Where: pathText(append(p.In, p.Key)), Line: had.Line, Yours: strings.TrimSpace(p.Text), Theirs: canonical(valueOf(had))})
		}
	}
	if isEmpty(s.value) || s.value.Kind == yaml.AliasNode {
		return t.restoreFirst(w, p, v)
	}
	return t.restoreBeside(w, p, v)
}

// restoreFirst puts a piece into a mapping or list that holds nothing.
func (t *text) restoreFirst(w way, p Piece, v any) ([]splice, error) {
	s := w.last()
	if s.parent != nil && p.Whole != "" {
		if isTail(p.Whole) && !s.flow && !s.inList() {
			start, end := t.tail(s)
			return []splice{{start, end, p.Whole}}, nil
		}
		if !isTail(p.Whole) {
			start, end := t.at(s.value), t.ends[s.value]
			return []splice{{start, end, t.spaced(s, start, p.Whole)}}, nil
		}
	}
	if p.Key == "" {
		return t.appendItem(w, v, func(column int) string {
			return strings.Repeat(" ", column) + t.renderer().item("", v, column)
		}).splices, nil
	}
	put, err := t.insert(w, p.Key, v, "", false)
	return put.splices, err
}

// restoreBeside puts a piece where it stood among others.
func (t *text) restoreBeside(w way, p Piece, v any) ([]splice, error) {
	s := w.last()
	n := s.value
	if n.Kind == yaml.ScalarNode || n.Kind == yaml.AliasNode || (n.Kind == yaml.MappingNode) != (p.Key != "") {
		return nil, fault.New(fault.Conflict, "What stood in %s cannot be put back: line %d holds something else now.", pathText(p.In), n.Line)
	}
	stride := 2
	if p.Key == "" {
		stride = 1
	}
	after := -stride
	for i := 0; i+stride <= len(n.Content); i += stride {
		name := n.Content[i].Value
		if p.Key == "" {
			name = itemName(n, i)
		}
		if p.After != "" && name == p.After {
			after = i
		}
	}
	if p.After != "" && after < 0 {
		after = len(n.Content) - stride
	}
	if s.flow || isFlow(n) {
		return t.restoreFlow(n, p, v, after, stride), nil
	}
	if p.inline() && after < 0 {
		at := t.at(n.Content[0])
		if stride == 1 {
			at = t.dash(n, 0)
		}
		return []splice{{at, at, p.Text}}, nil
	}
	floor := t.floor(slot{parent: n, i: after + stride, value: n}, s)
	if after+stride >= len(n.Content) {
		floor = t.region(slot{parent: n, i: after}).end
	}
	for skip := p.Skip; skip > 0 && floor < len(t.data); skip-- {
		line := bytes.TrimSpace(t.data[floor:t.nextLine(floor)])
		if len(line) > 0 && line[0] != '#' {
			break
		}
		floor = t.nextLine(floor)
	}
	column := n.Content[0].Column - 1
	if stride == 1 {
		column = t.dashColumn(n)
	}
	text := shift(p.Text, column-p.Indent, true)
	if !strings.HasSuffix(text, "\n") && floor < len(t.data) {
		text += t.nl
	}
	if floor == len(t.data) && floor > 0 && (p.Bare || t.data[floor-1] != '\n') {
		text = t.nl + strings.TrimSuffix(text, t.nl)
	}
	return []splice{{floor, floor, text}}, nil
}

// inline reports a piece that began behind a dash.
func (p Piece) inline() bool {
	return p.After == "" && p.Text != "" && p.Text[0] != ' ' && p.Text[0] != '#' && p.Text[0] != '\n' && !strings.HasSuffix(p.Text, "\n") && p.Indent > 0
}

func (t *text) restoreFlow(n *yaml.Node, p Piece, v any, after, stride int) []splice {
	written := inline(v)
	if p.Key != "" {
		written = scalar(p.Key, true, 0) + ": " + written
	}
	if after < 0 {
		at := t.at(n.Content[0])
		if strings.HasSuffix(strings.TrimRight(p.Text, " \t\r\n"), ",") {
			return []splice{{at, at, p.Text}}
		}
		return []splice{{at, at, written + ", "}}
	}
	at := t.ends[n.Content[after+stride-1]]
	if strings.HasPrefix(strings.TrimLeft(p.Text, " \t\r\n"), ",") {
		return []splice{{at, at, p.Text}}
	}
	return []splice{{at, at, ", " + written}}
}
