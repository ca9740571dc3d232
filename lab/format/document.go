package format

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
)

// load turns the text into a tree without aliases, merge keys and variables. It returns nil when there is nothing to map.
func (p *parser) load() *yaml.Node {
	data := p.in.Data
	switch {
	case len(data) > MaxBytes:
		p.report.refused = append(p.report.refused, fault.Place{File: p.in.File,
			Sentence: "The file has " + strconv.Itoa(len(data)) + " bytes; a lab file may have " + strconv.Itoa(MaxBytes) + ". Split the lab, or move long texts into files of its folder."})
		return nil
	case !utf8.Valid(data):
		p.report.refused = append(p.report.refused, fault.Place{File: p.in.File, Sentence: "The file is not UTF-8 text. Save it as UTF-8."})
		return nil
	}
	document := p.parseYAML(data)
	if document == nil {
		return nil
	}
	t := &tree{report: p.report, env: p.in.Env}
	root := t.copy(document.Content[0], "", 0, false)
	switch {
	case root == nil:
		return nil
	case root.Kind != yaml.MappingNode && isNull(root):
		p.report.refuseAt(root, "", "The file is empty. A lab file has at least a name and topology.nodes.")
		return nil
	case root.Kind != yaml.MappingNode:
		p.report.refuseAt(root, "", "This is no lab file: it should be a mapping with name and topology.")
		return nil
	}
	return root
}

func (p *parser) parseYAML(data []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	document := &yaml.Node{}
	err := decoder.Decode(document)
	if errors.Is(err, io.EOF) {
		p.report.refused = append(p.report.refused, fault.Place{File: p.in.File, Line: 1, Column: 1,
			Sentence: "The file is empty. A lab file has at least a name and topology.nodes."})
		return nil
	}
	if err != nil {
		p.refuseSyntax(data, err)
		return nil
	}
	if second := (&yaml.Node{}); decoder.Decode(second) == nil {
		p.report.refuseAt(second, "", "The file holds a second document. Put each lab into a file of its own.")
		return nil
	}
	return document
}

// tree copies a YAML tree under limits.
type tree struct {
	report *report
	env    map[string]string
	values int
	full   bool
}

// commandFields hold text for a shell inside the node, where ${NAME} may mean that shell's own variable.
var commandFields = map[string]bool{"exec": true, "cmd": true, "entrypoint": true, "healthcheck": true, "startup-config": true}

// copy returns a tree of its own, or nil when a limit is hit (which is then refused once).
func (t *tree) copy(n *yaml.Node, path string, depth int, command bool) *yaml.Node {
	t.values++
	if t.full || t.values > MaxValues || depth > MaxDepth {
		if !t.full {
			t.full = true
			t.report.refuseAt(n, path, "The file nests or repeats too much here (aliases count each time they are used). Write it more plainly.")
		}
		return nil
	}
	switch n.Kind {
	case yaml.AliasNode:
		return t.copy(n.Alias, path, depth+1, command)
	case yaml.ScalarNode:
		return t.copyScalar(n, path, command)
	case yaml.SequenceNode:
		return t.copySequence(n, path, depth, command)
	case yaml.MappingNode:
		return t.copyMapping(n, path, depth, command)
	}
	return nil
}

func (t *tree) copyScalar(n *yaml.Node, path string, command bool) *yaml.Node {
	c := &yaml.Node{Kind: yaml.ScalarNode, Tag: n.ShortTag(), Value: n.Value, Style: n.Style, Line: n.Line, Column: n.Column}
	if !strings.Contains(n.Value, "$") {
		return c
	}
	text, err := expand(n.Value, t.env, command)
	if err != nil {
		t.report.refuseAt(n, path, "%s.", upperFirst(err.Error()))
		return c
	}
	if len(text) > MaxBytes {
		t.report.refuseAt(n, path, "The variables of this value expand to more than %d bytes.", MaxBytes)
		return c
	}
	c.Value = text
	return c
}

func (t *tree) copySequence(n *yaml.Node, path string, depth int, command bool) *yaml.Node {
	c := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Line: n.Line, Column: n.Column, Style: n.Style}
	for i, item := range n.Content {
		ci := t.copy(item, path+"["+strconv.Itoa(i)+"]", depth+1, command)
		if ci == nil {
			return nil
		}
		c.Content = append(c.Content, ci)
	}
	return c
}

func (t *tree) copyMapping(n *yaml.Node, path string, depth int, command bool) *yaml.Node {
	c := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column, Style: n.Style}
	lines := map[string]int{}
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			t.refuseKey(key, path)
			continue
		}
		if key.ShortTag() == "!!merge" {
			merges = append(merges, value)
			continue
		}
		ck := t.copyScalar(key, path, false)
		if strings.Contains(ck.Value, "{{") {
			t.report.refuseAt(key, path, "%s", templateSentence)
			continue
		}
		if line, doubled := lines[ck.Value]; doubled {
			t.report.refuseAt(key, join(path, ck.Value), "%s is written twice; the first is on line %d. Keep one of them.", quote(ck.Value), line)
			continue
		}
		lines[ck.Value] = key.Line
		cv := t.copy(value, join(path, ck.Value), depth+1, command || commandFields[ck.Value] || join(path, ck.Value) == ownVars)
		if cv == nil {
			return nil
		}
		c.Content = append(c.Content, ck, cv)
	}
	for _, m := range merges {
		if !t.merge(c, m, lines, path, depth, command) {
			return nil
		}
	}
	return c
}

func (t *tree) refuseKey(key *yaml.Node, path string) {
	if key.Kind == yaml.MappingNode && key.Style&yaml.FlowStyle != 0 {
		t.report.refuseAt(key, path, "%s", templateSentence)
		return
	}
	t.report.refuseAt(key, path, "A key must be plain text.")
}

// merge adds the fields of a merge key (<<) that the mapping does not have itself.
func (t *tree) merge(into, from *yaml.Node, lines map[string]int, path string, depth int, command bool) bool {
	source := t.copy(from, path, depth+1, command)
	if source == nil {
		return false
	}
	sources := []*yaml.Node{source}
	if source.Kind == yaml.SequenceNode {
		sources = source.Content
	}
	for _, s := range sources {
		if s.Kind != yaml.MappingNode {
			t.report.refuseAt(from, path, "<< merges mappings only.")
			return true
		}
		for i := 0; i+1 < len(s.Content); i += 2 {
			if _, has := lines[s.Content[i].Value]; !has {
				lines[s.Content[i].Value] = s.Content[i].Line
				into.Content = append(into.Content, s.Content[i], s.Content[i+1])
			}
		}
	}
	return true
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// quote puts a word of the file into a sentence; long ones are cut.
func quote(s string) string {
	if runes := []rune(s); len(runes) > 60 {
		s = string(runes[:60]) + "…"
	}
	return strconv.Quote(s)
}
