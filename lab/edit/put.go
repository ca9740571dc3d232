package edit

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
)

// put makes the splices that set a value at a path, and what undoes them: the raw text that stood there, or how many mappings were made.
type put struct {
	splices []splice
	raw     string // what stood there, for Op.Raw
	had     bool   // there was a value of its own
	prune   int    // mappings made on the way
	emptied string // what stood behind the key of the mapping or list that was empty, for Op.Raw
}

// set sets the value at path below from.
func (t *text) set(from way, path []string, v any, raw string) (put, error) {
	w, rest := t.walk(from, path)
	if len(rest) == 0 {
		return t.replace(w.last(), outerKey(w), v, raw)
	}
	at := w.last()
	for i := len(rest) - 1; i > 0; i-- {
		v = pairs{{rest[i], v}}
	}
	p, err := t.insert(w, rest[0], v, raw, len(rest) == 1)
	p.prune = len(rest) - 1
	if isEmpty(at.value) {
		if at.parent != nil && !at.flow && !at.inList() {
			start, end := t.tail(at)
			p.emptied = t.bytes(start, end)
		}
	}
	return p, err
}

// outerKey is the key of the mapping around the last slot's mapping: how its entries are written depends on it.
func outerKey(w way) string {
	if len(w) < 2 {
		return ""
	}
	s := w[len(w)-2]
	if s.parent == nil || s.inList() {
		return ""
	}
	return s.parent.Content[s.i].Value
}

// replace writes another value in the place of the one in the slot.
func (t *text) replace(s slot, outer string, v any, raw string) (put, error) {
	if s.parent == nil {
		return put{}, fault.New(fault.Invalid, "The whole file is set by its text.").InField("path")
	}
	if err := t.keepsAnchor(s.value); err != nil {
		return put{}, err
	}
	old := s.value
	start, end := t.at(old), t.ends[old]
	p := put{had: true, raw: t.bytes(start, end)}
	if s.flow || s.inList() {
		p.splices = []splice{{start, end, t.spaced(s, start, t.tokenFor(old, v, raw, true))}}
		return p, nil
	}
	tailStart, tailEnd := t.tail(s)
	column := t.keyColumn(s)
	if isTail(raw) && saysTail(raw, column, v) {
		p.raw = t.bytes(tailStart, tailEnd)
		p.splices = []splice{{tailStart, tailEnd, raw}}
		return p, nil
	}
	if isToken(old) && fitsLine(v) {
		token := t.tokenFor(old, v, raw, false)
		if start == end || token == "" {
			p.raw = t.bytes(tailStart, tailEnd)
		}
		p.splices = []splice{{start, end, t.spaced(s, start, token)}}
		return p, nil
	}
	p.raw = t.bytes(tailStart, tailEnd)
	key := s.parent.Content[s.i].Value
	p.splices = []splice{{tailStart, tailEnd, ":" + t.renderer().after(outer, key, v, column)}}
	return p, nil
}

// isToken reports a scalar on its own: no block, nothing that spans the lines below.
func isToken(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 || n.Kind == yaml.AliasNode
}

// fitsLine reports a value that is written as one word or phrase.
func fitsLine(v any) bool {
	switch v := v.(type) {
	case string:
		return !strings.Contains(v, "\n")
	case plain:
		return true
	}
	return false
}

// isTail reports raw text that begins with the colon, and so stands for all behind a key.
func isTail(raw string) bool {
	return raw == ":" || len(raw) > 1 && raw[0] == ':' && strings.IndexByte(" \t\r\n", raw[1]) >= 0
}

// saysTail reports that raw text behind a key in the column means the value.
func saysTail(raw string, column int, v any) bool {
	var doc yaml.Node
	text := strings.Repeat(" ", max(column, 0)) + "k" + raw + "\n"
	if yaml.Unmarshal([]byte(text), &doc) != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode || len(doc.Content[0].Content) != 2 {
		return strings.Contains(raw, "*") // aliases have no anchor here
	}
	return canonical(valueOf(doc.Content[0].Content[1])) == canonical(v)
}

// saysToken reports that a word between brackets means the value.
func saysToken(raw string, v any) bool {
	var doc yaml.Node
	if yaml.Unmarshal([]byte("[ "+raw+" ]"), &doc) != nil || len(doc.Content) == 0 || len(doc.Content[0].Content) > 1 {
		return strings.HasPrefix(raw, "*")
	}
	var n *yaml.Node
	if len(doc.Content[0].Content) == 1 {
		n = doc.Content[0].Content[0]
	}
	return canonical(valueOf(n)) == canonical(v)
}

// tokenFor is the value as one token: the raw one if it says the same, else in the quotes of the old one.
func (t *text) tokenFor(old *yaml.Node, v any, raw string, flow bool) string {
	if raw != "" && !isTail(raw) && saysToken(raw, v) {
		return raw
	}
	if s, ok := v.(string); ok {
		style := yaml.Style(0)
		if old != nil && old.Kind == yaml.ScalarNode && old.ShortTag() == "!!str" {
			style = old.Style
		}
		return scalar(s, flow, style)
	}
	return inline(v)
}

// spaced puts a blank before a token that follows a colon or dash at once, and the colon where there is none yet.
func (t *text) spaced(s slot, at int, token string) string {
	if token == "" || at == 0 {
		return token
	}
	if s.parent != nil && !s.inList() {
		if after := t.skipBlank(t.ends[s.parent.Content[s.i]]); after >= len(t.data) || t.data[after] != ':' {
			return ": " + token
		}
	}
	if t.data[at-1] == ':' || t.data[at-1] == '-' {
		return " " + token
	}
	return token
}
