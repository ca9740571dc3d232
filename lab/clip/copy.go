// Package clip copies nodes with the cables between them out of one lab file, as text, and makes of such a text the edits that put it into another.
//
// The text is a lab file itself, so it is something that people can read, send, and paste into an empty file. It refuses to know the clipboard,
// the drawing's page and the store.
package clip

import (
	"bytes"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/lab/edit"
)

// Begin is how every text begins that Copy makes.
const Begin = "# Copied from lab "

// maxDepth bounds how deep values may stand in each other, and with that what an anchor may multiply to.
const (
	maxDepth  = 40
	maxValues = 200_000
)

// Source is the lab that nodes are copied from.
type Source struct {
	ID, Name string // the id is for Paste to know its own
	Text     []byte
	Places   map[string]edit.Point // where nodes are drawn, for those of which the file does not say it
}

// Copy returns the named nodes of a lab file, the cables between them, and the definitions that they inherit from. What a node says of
// interfaces whose cables stay behind stays behind as well. Values keep their comments and
// their style; what comes from an anchor is written out. Codes: invalid, exhausted.
func Copy(from Source, nodes []string) (string, error) {
	if len(nodes) == 0 {
		return "", fault.New(fault.Invalid, "Choose the nodes to copy first.").InField("nodes")
	}
	root, err := readFile(from.Text)
	if err != nil {
		return "", err
	}
	topology := entryOf(root, "topology")
	all := entryOf(topology, "nodes")
	chosen, picked := map[string]bool{}, mapping()
	for _, node := range nodes {
		value := entryOf(all, node)
		if value == nil {
			return "", fault.New(fault.Invalid, "There is no node %s in this lab any more.", node).InField("nodes")
		}
		if !chosen[node] {
			chosen[node] = true
			put(picked, node, placed(value, from.Places[node]))
		}
	}
	part := mapping()
	defaults := entryOf(topology, "defaults")
	names := append(values(picked), defaults)
	groups := definitions(entryOf(topology, "groups"), "group", names)
	kinds := definitions(entryOf(topology, "kinds"), "kind", append(names, values(groups)...))
	for _, p := range []struct {
		key   string
		value *yaml.Node
	}{{"defaults", defaults}, {"kinds", kinds}, {"groups", groups}, {"nodes", picked}, {"links", linksAmong(entryOf(topology, "links"), chosen)}} {
		if p.value != nil {
			put(part, p.key, p.value)
		}
	}
	whole := mapping()
	put(whole, "name", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: from.Name})
	put(whole, "topology", part)
	if err := drop(whole, picked); err != nil {
		return "", err
	}
	return write(whole, fmt.Sprintf("%s%s (%s). Paste it into a lab's map, or into a lab file.\n", Begin, oneLine(from.Name), from.ID))
}

func write(root *yaml.Node, head string) (string, error) {
	var out bytes.Buffer
	out.WriteString(head)
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return "", fault.Wrap(err, fault.Internal, "The nodes could not be written as text. The log has the details.")
	}
	return out.String(), nil
}

// readFile reads a lab file without its anchors: every value stands where it is used.
func readFile(source []byte) (*yaml.Node, error) {
	document := &yaml.Node{}
	if err := yaml.Unmarshal(source, document); err != nil || len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		return nil, fault.Wrap(err, fault.Invalid, "This is no lab file: it should be a mapping with topology and nodes.")
	}
	left := maxValues
	root := plain(document.Content[0], 0, &left)
	if root == nil {
		return nil, fault.New(fault.Exhausted, "The text refers to itself too often to be copied. Write out what its anchors stand for.")
	}
	return root, nil
}

// plain is a copy of a value without anchors, aliases and merges; nil when it is too large or too deep.
func plain(n *yaml.Node, depth int, left *int) *yaml.Node {
	if *left--; *left < 0 || depth > maxDepth {
		return nil
	}
	if n.Kind == yaml.AliasNode {
		return plain(n.Alias, depth+1, left)
	}
	one := *n
	one.Anchor, one.Content = "", nil
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && child.Tag == "!!merge" {
			continue
		}
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Tag == "!!merge" {
			if !merge(&one, n, child, depth, left) {
				return nil
			}
			continue
		}
		value := plain(child, depth+1, left)
		if value == nil {
			return nil
		}
		one.Content = append(one.Content, value)
	}
	return &one
}

// merge writes out what a merge key brings: the entries that the mapping has not itself.
func merge(into, own *yaml.Node, from *yaml.Node, depth int, left *int) bool {
	all := plain(from, depth+1, left)
	if all == nil {
		return false
	}
	sources := []*yaml.Node{all}
	if all.Kind == yaml.SequenceNode {
		sources = all.Content
	}
	for _, source := range sources {
		for i := 0; source.Kind == yaml.MappingNode && i+1 < len(source.Content); i += 2 {
			if key := source.Content[i].Value; entryOf(own, key) == nil && entryOf(into, key) == nil {
				into.Content = append(into.Content, source.Content[i], source.Content[i+1])
			}
		}
	}
	return true
}

// definitions are those of all that a field of the users names; nil for none.
func definitions(all *yaml.Node, field string, users []*yaml.Node) *yaml.Node {
	some := mapping()
	for i := 0; all != nil && i+1 < len(all.Content); i += 2 {
		name := all.Content[i].Value
		if slices.ContainsFunc(users, func(n *yaml.Node) bool { v := entryOf(n, field); return v != nil && v.Value == name }) {
			some.Content = append(some.Content, all.Content[i], all.Content[i+1])
		}
	}
	if len(some.Content) == 0 {
		return nil
	}
	return some
}

// linksAmong are the links whose ends are all nodes that were chosen; nil for none.
func linksAmong(all *yaml.Node, chosen map[string]bool) *yaml.Node {
	links := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for i := 0; all != nil && i < len(all.Content); i++ {
		ends := endsOf(all.Content[i])
		if len(ends) == 2 && chosen[ends[0]] && chosen[ends[1]] {
			links.Content = append(links.Content, all.Content[i])
		}
	}
	if len(links.Content) == 0 {
		return nil
	}
	return links
}
