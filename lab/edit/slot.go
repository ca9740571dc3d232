package edit

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
)

// slot is the place of a value: an entry of a mapping, or an item of a list. The zero slot is the whole file's.
type slot struct {
	parent *yaml.Node // nil for the whole file
	i      int        // index in parent.Content: of the key, or of the item
	value  *yaml.Node
	flow   bool // the parent stands between brackets
}

// way is the slots from the outside to the inside; the first is the whole file's.
type way []slot

func (w way) last() slot { return w[len(w)-1] }

// up is the way without its last step.
func (w way) up() way { return w[:len(w)-1] }

func (s slot) inList() bool { return s.parent != nil && s.parent.Kind == yaml.SequenceNode }

// walk follows a path as far as the text has it itself, and returns what is left of the path. Aliases are not followed.
func (t *text) walk(from way, path []string) (way, []string) {
	w := slices.Clone(from)
	if len(w) == 0 {
		w = way{{value: t.root}}
	}
	for k, key := range path {
		at := w.last()
		n := at.value
		flow := at.flow || isFlow(n)
		switch n.Kind {
		case yaml.MappingNode:
			i, v := entry(n, key)
			if v == nil {
				return w, path[k:]
			}
			w = append(w, slot{n, i, v, flow})
		case yaml.SequenceNode:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(n.Content) {
				return w, path[k:]
			}
			w = append(w, slot{n, i, n.Content[i], flow})
		default:
			return w, path[k:]
		}
	}
	return w, nil
}

// keyColumn is the column, from 0, of the key or dash of a slot.
func (t *text) keyColumn(s slot) int {
	switch {
	case s.parent == nil:
		return t.root.Column - 1 - t.step
	case s.inList():
		return t.dashColumn(s.parent)
	}
	return s.parent.Content[s.i].Column - 1
}

// colon is the offset of the colon after the key of an entry, or of a dash.
func (t *text) colon(s slot) int {
	if s.inList() {
		return t.dash(s.parent, s.i)
	}
	at := t.skipBlank(t.ends[s.parent.Content[s.i]])
	if at < len(t.data) && t.data[at] == ':' {
		return at
	}
	return t.ends[s.parent.Content[s.i]] - 1 // {a}: a key without a colon
}

// region is where the whole entry or item of a block slot stands.
func (t *text) region(s slot) region {
	if s.inList() {
		return t.itemRegion(s.parent, s.i)
	}
	return t.entryRegion(s.parent, s.i)
}

// tail is what stands behind the key of a block entry, from the colon on, without the last line end.
func (t *text) tail(s slot) (start, end int) {
	start, end = t.colon(s), t.region(s).end
	for end > start && (t.data[end-1] == '\n' || t.data[end-1] == '\r') {
		end--
	}
	return start, end
}

func (t *text) bytes(start, end int) string { return string(t.data[start:end]) }

func (t *text) renderer() renderer {
	return renderer{t.step, t.dashed, t.nl, len(t.data) == 0 || t.data[len(t.data)-1] != '\n'}
}

// keepsAnchor refuses to change a value that is also used elsewhere, by an alias.
func (t *text) keepsAnchor(n *yaml.Node) error {
	inside := map[string]int{}
	var anchors []*yaml.Node
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		if n.Kind == yaml.AliasNode {
			inside[n.Value]++
		}
		if n.Anchor != "" {
			anchors = append(anchors, n)
		}
		for _, child := range n.Content {
			visit(child)
		}
	}
	visit(n)
	for _, a := range anchors {
		if t.uses[a.Anchor] > inside[a.Anchor] {
			return fault.New(fault.Unsupported, "What stands on line %d is also used elsewhere in the file, as *%s. Change it in the text.", a.Line, a.Anchor)
		}
	}
	return nil
}

// pathText is a path for people.
func pathText(path []string) string { return strings.Join(path, ".") }
