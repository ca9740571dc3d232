package edit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/lab"
)

func (e *editor) say(format string, args ...any) {
	if len(e.words) < 1000 {
		e.words = append(e.words, fmt.Sprintf(format, args...))
	}
}

// sentence joins what was done; of much only the beginning is told.
func sentence(words []string) string {
	var told []string
	for _, w := range words {
		if !slices.Contains(told, w) {
			told = append(told, w)
		}
		if len(told) > 4 {
			break
		}
	}
	rest := len(words) - len(told)
	if len(told) > 4 {
		told = told[:4]
		rest = len(words) - 4
		return strings.Join(told, "; ") + fmt.Sprintf("; and %d more", rest)
	}
	return strings.Join(told, "; ")
}

// where names what an op sets, for people.
func where(op Op) string {
	switch {
	case op.Node != "":
		return "node " + op.Node + ": " + pathText(op.Path)
	case op.Link != "":
		return "link " + op.Link + ": " + pathText(op.Path)
	}
	return pathText(op.Path)
}

// noteSet records a Set: what it touched, in words, and with what it found.
func (e *editor) noteSet(op Op, current any) {
	noted := op
	if !noted.Was.Given {
		noted.Was = Of(toJSON(current))
	}
	e.done = append(e.done, noted)
	verb := "changed"
	if !op.Value.Given {
		verb = "removed"
	}
	switch {
	case op.Node != "":
		e.touchNode(op.Node)
		e.say("%s %s %s", op.Node, pathText(op.Path), verb)
	case op.Link != "":
		e.touchLink(op.Link)
		e.say("link %s: %s %s", op.Link, pathText(op.Path), verb)
	default:
		e.touchSection(sectionOf(op.Path))
		e.say("%s %s", pathText(op.Path), verb)
	}
}

func sectionOf(path []string) string {
	switch {
	case len(path) > 4 && slices.Equal(path[:5], drawingPath):
		if len(path) > 5 {
			return path[5]
		}
		return notesKey
	case len(path) > 1 && path[0] == "topology" && path[1] == "addressing":
		return "addressing"
	case len(path) > 1 && path[0] == "topology":
		return "topology." + path[1]
	}
	return path[0]
}

func (e *editor) noteRestored(op Op, p Piece) {
	e.done = append(e.done, Op{Op: Restore, Node: op.Node, Link: op.Link, Pieces: []Piece{p}})
	switch {
	case slices.Equal(p.In, nodesPath):
		e.touchNode(p.Key)
		e.say("%s put back", p.Key)
	case slices.Equal(p.In, linksPath):
		if id, ok := readLinkValue(p.Value); ok {
			e.touchLink(id)
			e.say("link %s put back", id)
		}
	case op.Node != "":
		e.touchNode(op.Node)
		e.say("%s %s put back", op.Node, p.Key)
	case op.Link != "":
		e.touchLink(op.Link)
		e.say("link %s: %s put back", op.Link, p.Key)
	case len(p.In) > 2 && slices.Equal(p.In[:2], nodesPath):
		e.touchNode(p.In[2])
		e.say("%s waits again", p.In[2])
	default:
		e.touchSection(sectionOf(append(slices.Clone(p.In), p.Key)))
		e.say("%s put back", pathText(append(slices.Clone(p.In), p.Key)))
	}
}

// readLinkValue is the id of a link's item.
func readLinkValue(v any) (string, bool) {
	text, err := json.Marshal(v)
	var doc yaml.Node
	if err != nil || yaml.Unmarshal(text, &doc) != nil || len(doc.Content) == 0 {
		return "", false
	}
	k, ok := readLink(doc.Content[0], 0)
	return k.id, ok
}

// linkWords says what SetLink did.
func linkWords(id string, fields map[string]any) string {
	var parts []string
	for _, name := range linkFields {
		v, ok := fields[name]
		if !ok {
			continue
		}
		switch {
		case name == "cut" && orNothing("cut", ordered(v)) == nil:
			parts = append(parts, "mended")
		case name == "cut" && v == true:
			parts = append(parts, "cut")
		case v == nil:
			parts = append(parts, name+" taken away")
		default:
			text := canonical(ordered(v))
			if len(text) > 60 {
				text = text[:60] + "…"
			}
			parts = append(parts, name+" "+text)
		}
	}
	return "link " + id + ": " + strings.Join(parts, ", ")
}

// carriedLabel is the label in which an export for containerlab keeps our fields.
const carriedLabel = lab.LabelPrefix + "fields"

// unpack writes the fields that a label carries into the node or link itself when an op is about to set one of them: the label counts
// before the node's own.
func (e *editor) unpack(op Op) ([]Op, bool, error) {
	base, err := e.base(op)
	if err != nil || base == nil {
		return nil, false, err
	}
	w, rest := e.tree().walk(nil, append(slices.Clone(base), "labels", carriedLabel))
	if len(rest) > 0 || op.Op == Set && (len(op.Path) == 0 || op.Path[0] == "labels") {
		return nil, false, nil
	}
	var doc yaml.Node
	if yaml.Unmarshal([]byte(w.last().value.Value), &doc) != nil || len(doc.Content) == 0 {
		return nil, false, nil
	}
	carried, _ := valueOf(doc.Content[0]).(pairs)
	if op.Op == Set && !carried.has(op.Path[0]) {
		return nil, false, nil
	}
	kept, words := len(e.done), len(e.words)
	undo, err := e.all([]Op{{Op: Set, Node: op.Node, Link: op.Link, Path: []string{"labels", carriedLabel}, Prune: 1}})
	for _, p := range carried {
		if err != nil {
			break
		}
		one := Op{Op: Set, Node: op.Node, Link: op.Link, Path: []string{p.key}, Value: Of(toJSON(p.value))}
		if p.value == nil {
			one.Value = Value{}
			if w, rest := e.tree().walk(nil, append(slices.Clone(base), p.key)); len(rest) > 0 || w.last().value == nil {
				continue
			}
		}
		var more []Op
		more, err = e.all([]Op{one})
		undo = append(more, undo...)
	}
	e.done, e.words = e.done[:kept], e.words[:words]
	return undo, true, err
}
