package edit

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
)

// insert adds an entry to the mapping in the last slot of the way, after its last one. An empty or missing mapping is made.
func (t *text) insert(w way, key string, v any, raw string, exact bool) (put, error) {
	s := w.last()
	n := s.value
	name := ""
	if s.parent != nil && !s.inList() {
		name = s.parent.Content[s.i].Value
	}
	switch {
	case n.Kind == yaml.AliasNode:
		return t.override(s, key, v)
	case isNull(n), n.Kind != yaml.ScalarNode && len(n.Content) == 0 && (n.Kind == yaml.MappingNode || isFlow(n)):
		return put{splices: t.fillEmpty(s, func(column int) string {
			return strings.Repeat(" ", column) + t.renderer().entry(name, key, v, column)
		}, inline(pairs{{key, v}}), t.step)}, nil
	case n.Kind != yaml.MappingNode:
		return put{}, fault.New(fault.Invalid, "Line %d holds a value where a mapping is needed for %s. Change it in the text.", n.Line, key).InField(key)
	case s.flow || isFlow(n):
		last := t.ends[n.Content[len(n.Content)-1]]
		return put{splices: []splice{{last, last, ", " + scalar(key, true, 0) + ": " + inline(v)}}}, nil
	}
	column := n.Content[0].Column - 1
	at := t.entryRegion(n, len(n.Content)-2).end
	line := t.renderer().entry(name, key, v, column)
	if exact && isTail(raw) && saysTail(raw, column, v) {
		line = scalar(key, false, 0) + raw
	}
	line = strings.Repeat(" ", column) + line + t.nl
	if t.isSpaced(n) {
		line = t.nl + line
	}
	return put{splices: []splice{{at, at, t.endLine(at, line)}}}, nil
}

// isSpaced reports a mapping whose last two entries have a blank line between them.
func (t *text) isSpaced(n *yaml.Node) bool {
	if len(n.Content) < 4 {
		return false
	}
	r := t.entryRegion(n, len(n.Content)-4)
	next := t.at(n.Content[len(n.Content)-2])
	return r.end < next && r.end < len(t.data) && t.blankLine(r.end)
}

// fillEmpty puts the first entry or item into a mapping or list that has none: lines below its key, or between its brackets.
func (t *text) fillEmpty(s slot, lines func(column int) string, between string, step int) []splice {
	n := s.value
	start, end := t.at(n), t.ends[n]
	if s.parent == nil {
		return []splice{{end, end, t.endLine(end, lines(0)+t.nl)}}
	}
	if s.flow || s.inList() {
		return []splice{{start, end, t.spaced(s, start, between)}}
	}
	var splices []splice
	colon := t.colon(s)
	if end > start {
		splices = append(splices, splice{colon + 1, end, ""})
	}
	at := t.nextLine(max(end, colon))
	text := lines(t.keyColumn(s)+step) + t.nl
	return append(splices, splice{at, at, t.endLine(at, text)})
}

// override writes a mapping that takes over what an alias stands for, and says the key otherwise.
func (t *text) override(s slot, key string, v any) (put, error) {
	if s.value.Alias == nil || s.value.Alias.Kind != yaml.MappingNode {
		return put{}, fault.New(fault.Invalid, "Line %d refers to something that is no mapping. Change it in the text.", s.value.Line).InField(key)
	}
	start, end := t.at(s.value), t.ends[s.value]
	alias := t.bytes(start, end)
	p := put{emptied: alias}
	if s.flow || s.inList() {
		p.splices = []splice{{start, end, "{<<: " + alias + ", " + scalar(key, true, 0) + ": " + inline(v) + "}"}}
		return p, nil
	}
	tailStart, tailEnd := t.tail(s)
	p.emptied = t.bytes(tailStart, tailEnd)
	column := t.keyColumn(s) + t.step
	pad := strings.Repeat(" ", column)
	text := pad + "<<: " + alias + t.nl + pad + t.renderer().entry("", key, v, column) + t.nl
	at := t.nextLine(end)
	p.splices = []splice{{t.colon(s) + 1, end, ""}, {at, at, t.endLine(at, text)}}
	return p, nil
}

// appendItem adds an item to the list in the last slot of the way.
func (t *text) appendItem(w way, v any, block func(column int) string) put {
	s := w.last()
	n := s.value
	switch {
	case isEmpty(n):
		p := put{splices: t.fillEmpty(s, block, "["+inline(v)+"]", t.dashed)}
		if s.parent != nil && !s.flow && !s.inList() {
			start, end := t.tail(s)
			p.emptied = t.bytes(start, end)
		}
		return p
	case s.flow || isFlow(n):
		last := t.ends[n.Content[len(n.Content)-1]]
		return put{splices: []splice{{last, last, ", " + inline(v)}}}
	}
	r := t.itemRegion(n, len(n.Content)-1)
	text := block(t.dashColumn(n)) + t.nl
	if t.isSpacedList(n) {
		text = t.nl + text
	}
	return put{splices: []splice{{r.end, r.end, t.endLine(r.end, text)}}}
}

func (t *text) isSpacedList(n *yaml.Node) bool {
	if len(n.Content) < 2 {
		return false
	}
	r := t.itemRegion(n, len(n.Content)-2)
	return len(bytes.TrimSpace(t.data[r.end:t.dash(n, len(n.Content)-1)])) == 0 && r.end < t.lineStart(t.dash(n, len(n.Content)-1))
}
