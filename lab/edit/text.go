package edit

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/lab/format"
)

// text is a lab file's bytes with the tree that was read from them, and where each of its values begins and ends.
type text struct {
	data   []byte
	lines  []int // offset of each line
	root   *yaml.Node
	ends   map[*yaml.Node]int // offset after each value
	inner  map[*yaml.Node]int // offset of what follows a value's anchor and tag
	uses   map[string]int     // how often each anchor is referred to
	nl     string             // how lines end
	step   int                // columns by which mappings are indented
	dashed int                // columns by which lists are indented under their key; -1: none seen
}

// read makes a text of a file's bytes. A file that is no YAML is Invalid.
func read(data []byte) (*text, error) {
	switch {
	case len(data) > format.MaxBytes:
		return nil, fault.New(fault.Exhausted, "The lab file has %d bytes; it may have %d. Split the lab, or move long texts into files of its folder.", len(data), format.MaxBytes)
	case !utf8.Valid(data):
		return nil, fault.New(fault.Invalid, "The lab file is not UTF-8 text. Save it as UTF-8.")
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	document := &yaml.Node{}
	if err := decoder.Decode(document); err != nil && !errors.Is(err, io.EOF) {
		return nil, fault.Wrap(err, fault.Invalid, "The lab file's YAML is broken, so it cannot be edited by the drawing. Mend the text first.")
	}
	if len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		return nil, fault.New(fault.Invalid, "This is no lab file: it should be a mapping with name and topology. Mend the text first.")
	}
	if decoder.Decode(&yaml.Node{}) == nil {
		return nil, fault.New(fault.Invalid, "The file holds a second document. Put each lab into a file of its own.")
	}
	t := &text{data: data, root: document.Content[0], ends: make(map[*yaml.Node]int, len(data)/12), inner: make(map[*yaml.Node]int, len(data)/12), uses: map[string]int{}, nl: "\n", step: 2, dashed: -1}
	if bytes.Contains(data, []byte("\r\n")) {
		t.nl = "\r\n"
	}
	t.findLines()
	t.measure(t.root, false, -1)
	t.findStep()
	if t.dashed < 0 {
		t.dashed = t.step
	}
	return t, nil
}

// findLines notes where lines begin, by YAML's rules of what ends one.
func (t *text) findLines() {
	start := 0
	if bytes.HasPrefix(t.data, []byte("\uFEFF")) {
		start = 3
	}
	t.lines = []int{start}
	for i := start; i < len(t.data); i++ {
		switch c := t.data[i]; {
		case c == '\n', c == '\r' && (i+1 == len(t.data) || t.data[i+1] != '\n'):
			t.lines = append(t.lines, i+1)
		case c == 0xC2 && i+1 < len(t.data) && t.data[i+1] == 0x85:
			t.lines = append(t.lines, i+2)
		case c == 0xE2 && i+2 < len(t.data) && t.data[i+1] == 0x80 && t.data[i+2]&0xFE == 0xA8:
			t.lines = append(t.lines, i+3)
		}
	}
}

// findStep takes the indentation from the first mapping inside the topology.
func (t *text) findStep() {
	for _, key := range []string{"topology", "mgmt"} {
		_, v := entry(t.root, key)
		if v != nil && v.Kind == yaml.MappingNode && v.Style&yaml.FlowStyle == 0 && v.Column > t.root.Column {
			t.step = v.Column - t.root.Column
			return
		}
	}
}

// at is the offset where a value begins, with its anchor and tag.
func (t *text) at(n *yaml.Node) int {
	line := min(max(n.Line, 1), len(t.lines))
	offset := t.lines[line-1]
	for column := 1; column < n.Column && offset < len(t.data); column++ {
		_, size := utf8.DecodeRune(t.data[offset:])
		offset += size
	}
	return offset
}

// measure finds where a value ends. indent is the column, from 0, of the key or dash that it belongs to.
func (t *text) measure(n *yaml.Node, flow bool, indent int) int {
	start := t.at(n)
	begin := t.skipProperties(n, start)
	t.inner[n] = begin
	end := begin
	switch n.Kind {
	case yaml.AliasNode:
		end = start + 1 + len(n.Value)
		t.uses[n.Value]++
	case yaml.ScalarNode:
		end = t.scalarEnd(n, begin, indent)
	case yaml.MappingNode, yaml.SequenceNode:
		flow = flow || n.Style&yaml.FlowStyle != 0
		end = begin
		if n.Style&yaml.FlowStyle != 0 {
			end++ // the opening bracket
		}
		for i, child := range n.Content {
			inside := n.Column - 1
			if n.Kind == yaml.MappingNode && i%2 == 1 {
				inside = n.Content[i-1].Column - 1
				if child.Kind == yaml.SequenceNode && t.dashed < 0 && !flow && !isFlow(child) && child.Column > inside {
					t.dashed = child.Column - 1 - inside
				}
			}
			end = max(t.measure(child, flow, inside), end)
		}
		if n.Style&yaml.FlowStyle != 0 {
			end = t.closing(end)
		}
	}
	t.ends[n] = end
	return end
}

// skipProperties moves past an anchor and a tag.
func (t *text) skipProperties(n *yaml.Node, at int) int {
	if n.Anchor == "" && n.Style&yaml.TaggedStyle == 0 || n.Kind == yaml.AliasNode {
		return at
	}
	after := at
	for at < len(t.data) && (t.data[at] == '&' || t.data[at] == '!') {
		for at < len(t.data) && strings.IndexByte(" \t\r\n,]}", t.data[at]) < 0 {
			at++
		}
		after = at
		at = t.skipBlank(at)
	}
	if n.Kind == yaml.ScalarNode && n.Value == "" && (at >= len(t.data) || t.data[at] != '"' && t.data[at] != '\'' && t.data[at] != '|' && t.data[at] != '>') {
		return after // nothing follows: what comes next is somebody else's
	}
	return at
}

// skipBlank moves past blanks, line ends and comments.
func (t *text) skipBlank(at int) int {
	for at < len(t.data) {
		switch t.data[at] {
		case ' ', '\t', '\r', '\n':
			at++
		case '#':
			for at < len(t.data) && t.data[at] != '\n' {
				at++
			}
		default:
			return at
		}
	}
	return at
}

// closing moves past the bracket that ends a flow collection, from after the last value in it.
func (t *text) closing(at int) int {
	for at < len(t.data) {
		at = t.skipBlank(at)
		if at >= len(t.data) {
			break
		}
		c := t.data[at]
		at++
		if c == ']' || c == '}' {
			return at
		}
	}
	return len(t.data)
}

func (t *text) scalarEnd(n *yaml.Node, at, indent int) int {
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for at++; at < len(t.data); at++ {
			if t.data[at] == '\\' {
				at++
			} else if t.data[at] == '"' {
				return at + 1
			}
		}
		return len(t.data)
	case n.Style&yaml.SingleQuotedStyle != 0:
		for at++; at < len(t.data); at++ {
			if t.data[at] != '\'' {
				continue
			}
			if at+1 >= len(t.data) || t.data[at+1] != '\'' {
				return at + 1
			}
			at++
		}
		return len(t.data)
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return t.blockEnd(at, indent)
	}
	return t.plainEnd(n.Value, at)
}

// plainEnd follows a plain scalar: its text has no escapes, and white space in it stands for white space and line ends.
func (t *text) plainEnd(value string, at int) int {
	for i := 0; i < len(value) && at < len(t.data); {
		if c := value[i]; c != ' ' && c != '\n' && c != '\t' {
			i, at = i+1, at+1
			continue
		}
		for i < len(value) && strings.IndexByte(" \n\t", value[i]) >= 0 {
			i++
		}
		for at < len(t.data) && strings.IndexByte(" \t\r\n", t.data[at]) >= 0 {
			at++
		}
	}
	return at
}

// blockEnd is the end of the last line of a literal or folded scalar whose header is at at.
func (t *text) blockEnd(at, indent int) int {
	end := t.lineBreak(at)
	inside := -1
	for next := t.nextLine(at); next < len(t.data); next = t.nextLine(next) {
		stop := t.lineBreak(next)
		line := t.data[next:stop]
		blanks := len(line) - len(bytes.TrimLeft(line, " "))
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if inside < 0 {
			inside = blanks
		}
		if blanks <= indent || blanks < inside {
			break
		}
		end = stop
	}
	return end
}

// lineStart is the offset of the line that the offset is in, lineBreak where its text ends, nextLine where the next one begins.
func (t *text) lineStart(at int) int {
	for at > t.lines[0] && t.data[at-1] != '\n' {
		at--
	}
	return at
}

func (t *text) lineBreak(at int) int {
	for at < len(t.data) && t.data[at] != '\n' {
		at++
	}
	if at > 0 && at <= len(t.data) && at > t.lines[0] && t.data[at-1] == '\r' {
		at--
	}
	return at
}

func (t *text) nextLine(at int) int {
	for at < len(t.data) && t.data[at] != '\n' {
		at++
	}
	return min(at+1, len(t.data))
}

// entry finds a key of a mapping: its index in Content, -1 without one, and its value.
func entry(m *yaml.Node, key string) (int, *yaml.Node) {
	if m == nil || m.Kind != yaml.MappingNode {
		return -1, nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		k := m.Content[i]
		if k.Kind == yaml.ScalarNode && k.Value == key && k.ShortTag() != "!!merge" {
			return i, m.Content[i+1]
		}
	}
	return -1, nil
}

// isNull reports a value that is not there: "key:" alone, null or ~.
func isNull(n *yaml.Node) bool {
	return n == nil || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

func isEmpty(n *yaml.Node) bool {
	return isNull(n) || n.Kind != yaml.ScalarNode && n.Kind != yaml.AliasNode && len(n.Content) == 0
}
