package clip

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/lab/format"
)

// rounds bounds how often what cannot stand alone is looked for: what is taken out may have been what something else needed.
const rounds = 4

// drop takes out of the nodes what refers to cables and nodes that are not copied, such as the VLAN of a port: a lab file that names a port
// without a cable is refused.
func drop(root, nodes *yaml.Node) error {
	for range rounds {
		text, err := write(root, "")
		if err != nil {
			return err
		}
		_, err = format.Parse(format.Input{File: "copied", Data: []byte(text), HasFile: func(string) bool { return true }})
		if err == nil {
			return nil
		}
		some := false
		for _, place := range fault.Public(err).Details {
			some = remove(nodes, strings.TrimPrefix(place.Field, "topology.nodes.")) || some
		}
		if !some {
			return nil // the file itself is not right; whoever pastes is told
		}
	}
	return nil
}

// remove takes the entry at a dotted path below a node out, and reports that there was one. Nodes as such stay.
func remove(nodes *yaml.Node, path string) bool {
	for i := 0; i+1 < len(nodes.Content); i += 2 {
		if rest, inside := strings.CutPrefix(path, nodes.Content[i].Value+"."); inside {
			return removeIn(nodes.Content[i+1], rest)
		}
	}
	return false
}

func removeIn(n *yaml.Node, path string) bool {
	if n.Kind == yaml.SequenceNode {
		first, rest, deeper := strings.Cut(path, ".")
		i, err := strconv.Atoi(first)
		switch {
		case err != nil || i < 0 || i >= len(n.Content):
			return false
		case deeper && removeIn(n.Content[i], rest):
			return true
		}
		n.Content = append(n.Content[:i], n.Content[i+1:]...)
		return true
	}
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		rest, inside := strings.CutPrefix(path, key+".")
		if inside && removeIn(n.Content[i+1], rest) {
			return true
		}
		if path == key || inside {
			n.Content = append(n.Content[:i], n.Content[i+2:]...)
			return true
		}
	}
	return false
}
