package edit

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/lab"
)

// linkItem is one item of topology.links as it is written.
type linkItem struct {
	i    int
	node *yaml.Node
	kind string // veth, dummy, mgmt-net, or a word for what leads out of the lab
	ends []linkEnd
	id   string
}

// linkEnd is one written end of a link: node:interface in one scalar, or a mapping of the two.
type linkEnd struct {
	at   *yaml.Node // nil: an end that is a word, such as host:eth5
	slot int        // among the endpoints
	lab.Endpoint
}

// special are the words that stand in the place of a node.
var special = map[string]string{"host": "dummy", "macvlan": "dummy", "vxlan": "dummy", "vxlan-stitch": "dummy", "dummy": "dummy", "mgmt-net": "mgmt-net"}

// readLink reads an item; ok is false for one that cannot be a link.
func readLink(item *yaml.Node, i int) (k linkItem, ok bool) {
	item = followed(item)
	if item == nil || item.Kind != yaml.MappingNode {
		return k, false
	}
	k = linkItem{i: i, node: item, kind: "veth"}
	if typ := child(item, "type"); typ != nil && typ.Value != "" && typ.Value != "brief" {
		k.kind = strings.ToLower(strings.TrimSpace(typ.Value))
	}
	endpoints := child(item, "endpoints")
	if single := child(item, "endpoint"); single != nil && k.kind != "veth" {
		endpoints = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{single}}
	}
	if endpoints == nil || endpoints.Kind != yaml.SequenceNode {
		return k, false
	}
	for slot, n := range endpoints.Content {
		e, ok := readEnd(followed(n), slot)
		if !ok {
			return k, false
		}
		k.ends = append(k.ends, e)
	}
	for j, e := range k.ends {
		if _, word := special[e.Node]; word && len(k.ends) == 2 && k.kind == "veth" {
			k.kind = e.Node
			k.ends = []linkEnd{k.ends[1-j]}
			break
		}
	}
	if len(k.ends) == 0 || len(k.ends) > 2 {
		return k, false
	}
	k.id = k.ends[0].String()
	if len(k.ends) == 2 {
		k.id += " " + k.ends[1].String()
	} else if kind := special[k.kind]; kind != "" {
		k.id += " " + kind
	} else {
		k.id += " " + k.kind
	}
	return k, true
}

func readEnd(n *yaml.Node, slot int) (linkEnd, bool) {
	e := linkEnd{at: n, slot: slot}
	switch {
	case n == nil:
		return e, false
	case n.Kind == yaml.ScalarNode:
		e.Node, e.Interface, _ = strings.Cut(n.Value, ":")
	case n.Kind == yaml.MappingNode:
		if v := child(n, "node"); v != nil {
			e.Node = v.Value
		}
		if v := child(n, "interface"); v != nil {
			e.Interface = v.Value
		}
	}
	return e, e.Node != "" && e.Interface != ""
}

// followed is the value that an alias stands for.
func followed(n *yaml.Node) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.AliasNode && i < maxDepth; i++ {
		n = n.Alias
	}
	return n
}

// child is a mapping's value by key, aliases followed and merged mappings looked through; nil without one.
func child(n *yaml.Node, key string) *yaml.Node { return childWithin(n, key, 0) }

func childWithin(n *yaml.Node, key string, depth int) *yaml.Node {
	n = followed(n)
	if n == nil || n.Kind != yaml.MappingNode || depth > maxDepth {
		return nil
	}
	if _, v := entry(n, key); v != nil {
		return followed(v)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].ShortTag() != "!!merge" {
			continue
		}
		from := followed(n.Content[i+1])
		if from == nil {
			continue
		}
		sources := []*yaml.Node{from}
		if from.Kind == yaml.SequenceNode {
			sources = from.Content
		}
		for _, s := range sources {
			if v := childWithin(s, key, depth+1); v != nil {
				return v
			}
		}
	}
	return nil
}

// itemName is how an item of a list is known to its neighbours: a link by its id, anything else by what it says.
func itemName(list *yaml.Node, i int) string {
	if k, ok := readLink(list.Content[i], i); ok {
		return k.id
	}
	name := canonical(valueOf(list.Content[i]))
	if name == "" {
		return "#" + strconv.Itoa(i)
	}
	return name
}
