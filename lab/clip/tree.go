package clip

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/lab/edit"
)

func mapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

// put adds an entry to a mapping.
func put(to *yaml.Node, key string, value *yaml.Node) {
	to.Content = append(to.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}

// entryOf is an entry of a mapping; nil when there is none, or no mapping.
func entryOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// placed is a node's value with the place where it is drawn, when it has none of its own.
func placed(n *yaml.Node, at edit.Point) *yaml.Node {
	if entryOf(entryOf(n, "labels"), "graph-posX") != nil || at == (edit.Point{}) || n.Kind != yaml.MappingNode && n.Tag != "!!null" {
		return n
	}
	one, labels := *n, mapping()
	if n.Kind != yaml.MappingNode {
		one = *mapping()
	}
	if had := entryOf(n, "labels"); had != nil && had.Kind == yaml.MappingNode {
		*labels = *had
	}
	labels.Content = slices.Clone(labels.Content)
	for _, p := range []struct {
		key   string
		value float64
	}{{"graph-posX", at.X}, {"graph-posY", at.Y}} {
		put(labels, p.key, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: strconv.FormatFloat(math.Round(p.value), 'f', -1, 64)})
	}
	one.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "labels" {
			one.Content = append(one.Content, n.Content[i], n.Content[i+1])
		}
	}
	put(&one, "labels", labels)
	return &one
}

// values are those of a mapping's entries.
func values(n *yaml.Node) []*yaml.Node {
	var list []*yaml.Node
	for i := 1; n != nil && i < len(n.Content); i += 2 {
		list = append(list, n.Content[i])
	}
	return list
}

// endsOf are the names of the nodes at a link's ends, in either of its notations.
func endsOf(link *yaml.Node) []string {
	list := entryOf(link, "endpoints")
	if list == nil {
		return nil
	}
	var names []string
	for _, end := range list.Content {
		name := end.Value
		if node := entryOf(end, "node"); node != nil {
			name = node.Value
		}
		name, _, _ = strings.Cut(name, ":")
		names = append(names, name)
	}
	return names
}

// oneLine is a name that can stand in a comment.
func oneLine(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, name)
}
