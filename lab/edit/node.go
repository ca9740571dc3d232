package edit

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
)

var nodesPath, linksPath = []string{"topology", "nodes"}, []string{"topology", "links"}

// namesOf is how nodes of a kind are called when nobody says: r1, sw2, h3.
var namesOf = map[string]string{
	"router": "r", "switch": "sw", "bridge": "br", "ovs-bridge": "br", "linux": "h", "lan": "lan", "hub": "hub", "dhcp": "dhcp", "dns": "dns",
	"internet": "inet", "external": "ext",
}

// addNode does AddNode.
func (e *editor) addNode(op Op) ([]Op, error) {
	name := e.freeName(op.Node, op.Kind)
	w, rest, err := e.way(slices.Concat(nodesPath, []string{name}))
	if err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		return nil, fault.New(fault.Conflict, "There is a node %s already.", name).InField("node")
	}
	container := w.last().value
	structural := len(rest) > 1 || isEmpty(container)
	if structural {
		e.flush()
	}
	v := nodeValue(op)
	var value any = v
	if len(v) == 0 {
		value = pairs{}
	}
	p, err := e.tree().set(nil, slices.Concat(nodesPath, []string{name}), value, "")
	if err != nil {
		return nil, err
	}
	if structural {
		if err := e.now(p.splices); err != nil {
			return nil, err
		}
	} else {
		e.queue(slices.Concat(nodesPath, []string{name}), p.splices, nodesPath)
		e.network().nodes[name] = nil
		e.net.names = append(e.net.names, name)
		if kind := op.Kind; kind != "" {
			e.net.nodes[name] = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
				{Kind: yaml.ScalarNode, Tag: "!!str", Value: "kind"}, {Kind: yaml.ScalarNode, Tag: "!!str", Value: kind}}}
		}
	}
	op.Node = name
	e.done = append(e.done, op)
	e.touchNode(name)
	e.say("%s added", name)
	return []Op{{Op: RemoveNode, Node: name, Was: Of([]any{}), Raw: p.emptied, Prune: p.prune}}, nil
}

// nodeValue is the entry of a new node.
func nodeValue(op Op) pairs {
	fields, _ := ordered(op.Fields).(pairs)
	if op.Image != "" {
		fields = slices.Insert(fields.with("image", nil), 0, pair{"image", op.Image})
	}
	if op.Kind != "" {
		fields = slices.Insert(fields.with("kind", nil), 0, pair{"kind", op.Kind})
	}
	if op.At != nil {
		labels, _ := fields.get("labels").(pairs)
		labels = labels.with("graph-posX", number(op.At.X)).with("graph-posY", number(op.At.Y))
		fields = fields.with("labels", labels)
	}
	return fields
}

// freeName is the name asked for if it is free, else the next one with a number.
func (e *editor) freeName(name, kind string) string {
	nodes := e.network().nodes
	if _, taken := nodes[name]; name != "" && !taken {
		return name
	}
	prefix := strings.TrimRight(name, "0123456789")
	if prefix == "" {
		if prefix = namesOf[kind]; prefix == "" {
			prefix = "n"
		}
	}
	for i := 1; ; i++ {
		candidate := prefix + itoa(i)
		if _, taken := nodes[candidate]; !taken {
			return candidate
		}
	}
}

// removeNode does RemoveNode: its links and what waits for it first.
func (e *editor) removeNode(op Op) ([]Op, error) {
	e.flush()
	if _, err := e.node(op.Node); err != nil {
		return nil, err
	}
	if err := e.onlyLinks(op); err != nil {
		return nil, err
	}
	var undo []Op
	back := func(more []Op) { undo = append(more, undo...) }
	for bridge, key := range e.network().keys {
		if strings.HasSuffix(key, "|"+op.Node) {
			more, err := e.removeNode(Op{Op: RemoveNode, Node: bridge})
			if err != nil {
				return nil, err
			}
			e.done = e.done[:len(e.done)-1]
			back(more)
		}
	}
	more, err := e.removeLinksOf(op.Node)
	if err != nil {
		return nil, err
	}
	back(more)
	for {
		path := e.firstReference(op.Node)
		if path == nil {
			break
		}
		if len(e.pending) > 0 {
			e.flush()
			continue
		}
		w, _ := e.tree().walk(nil, path)
		r, err := e.tree().remove(w, path, 3, "")
		if err != nil {
			return nil, err
		}
		if err := e.now(r.splices); err != nil {
			return nil, err
		}
		back([]Op{{Op: Restore, Pieces: []Piece{r.piece}}})
	}
	path := e.nodePath(op.Node)
	w, rest := e.tree().walk(nil, path)
	if len(rest) > 0 {
		return nil, fault.New(fault.Unsupported, "Node %s comes from an anchor elsewhere in the file. Change it in the text.", op.Node).InField("node")
	}
	r, err := e.tree().remove(w, path, op.Prune, op.Raw)
	if err != nil {
		return nil, err
	}
	e.pending = append(e.pending, r.splices...)
	e.flush()
	back([]Op{{Op: Restore, Pieces: []Piece{r.piece}}})
	e.done = append(e.done, op)
	e.touchNode(op.Node)
	e.say("%s removed", op.Node)
	return undo, nil
}

// onlyLinks refuses to remove a node that has links which the editor did not see.
func (e *editor) onlyLinks(op Op) error {
	if !op.Was.Given {
		return nil
	}
	seen, _ := op.Was.V.([]any)
	for _, k := range e.network().links {
		if !k.on(op.Node) || slices.ContainsFunc(seen, func(v any) bool { return v == k.id }) {
			continue
		}
		return conflict(Clash{Where: "node " + op.Node, Line: k.node.Line, Yours: "", Theirs: "it has the link " + k.id})
	}
	return nil
}

func (k linkItem) on(node string) bool {
	return slices.ContainsFunc(k.ends, func(end linkEnd) bool { return end.Node == node })
}

// removeLinksOf removes the links that have an end on the node.
func (e *editor) removeLinksOf(node string) ([]Op, error) {
	var undo []Op
	for {
		var of []linkItem
		for _, k := range e.network().links {
			if k.on(node) {
				of = append(of, k)
			}
		}
		if len(of) == 0 {
			return undo, nil
		}
		for _, k := range of {
			e.touchLink(k.id)
		}
		w, rest := e.tree().walk(nil, linksPath)
		list := w.last().value
		bulk := len(rest) == 0 && list.Kind == yaml.SequenceNode && !isFlow(list) && !w.last().flow && len(of) < len(list.Content) && strings.HasSuffix(string(e.data), "\n")
		if !bulk {
			of = of[:1]
		}
		var splices []splice
		var pieces []Piece
		for j, k := range of {
			last := j
			for last+1 < len(of) && of[last+1].i == of[last].i+1 {
				last++
			}
			after := 0
			if bulk {
				after = e.tree().itemRegion(list, of[last].i).end
			}
			path := slices.Concat(linksPath, []string{itoa(k.i)})
			w, _ := e.tree().walk(nil, path)
			r, err := e.tree().removeBefore(w, path, 0, "", after)
			if err != nil {
				return nil, err
			}
			splices, pieces = append(splices, r.splices...), append(pieces, r.piece)
		}
		undo = append([]Op{{Op: Restore, Pieces: pieces}}, undo...)
		if bulk { // made together with what follows
			e.pending = append(e.pending, splices...)
			return undo, nil
		}
		if err := e.now(splices); err != nil {
			return nil, err
		}
	}
}

// references calls each with the path and the scalar of every place that names a node: what is waited for, and controllers of switches.
func (e *editor) references(node string, each func(path []string, n *yaml.Node)) {
	topology := child(e.tree().root, "topology")
	visit := func(path []string, definition *yaml.Node) {
		stages := child(definition, "stages")
		for _, stage := range keysOf(stages) {
			waits := child(child(stages, stage), "wait-for")
			if waits == nil || waits.Kind != yaml.SequenceNode {
				continue
			}
			for i, wait := range waits.Content {
				if n := child(wait, "node"); n != nil && n.Value == node {
					each(slices.Concat(path, []string{"stages", stage, "wait-for", itoa(i)}), n)
				}
			}
		}
		controller := child(child(definition, "switch"), "controller")
		if host, _, _ := strings.Cut(textOf(controller), ":"); host == node && node != "" {
			each(slices.Concat(path, []string{"switch", "controller"}), controller)
		}
	}
	visit([]string{"topology", "defaults"}, child(topology, "defaults"))
	for _, section := range []string{"kinds", "groups", "nodes"} {
		all := child(topology, section)
		for _, name := range keysOf(all) {
			visit([]string{"topology", section, name}, child(all, name))
		}
	}
}

func keysOf(m *yaml.Node) []string {
	m = followed(m)
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	var keys []string
	for i := 0; i+1 < len(m.Content); i += 2 {
		keys = append(keys, m.Content[i].Value)
	}
	return keys
}

// firstReference is the path of one place that names the node and is written where it counts; nil for none.
func (e *editor) firstReference(node string) []string {
	var found []string
	e.references(node, func(path []string, _ *yaml.Node) {
		if _, rest := e.tree().walk(nil, path); len(rest) == 0 && found == nil && path[2] != node {
			found = path
		}
	})
	return found
}

// renameNode does RenameNode.
func (e *editor) renameNode(op Op) ([]Op, error) {
	e.flush()
	n := e.network()
	if _, err := e.node(op.Node); err != nil {
		return nil, err
	}
	switch _, taken := n.nodes[op.To]; {
	case op.To == op.Node:
		return nil, nil
	case op.To == "":
		return nil, fault.New(fault.Invalid, "The node needs a name.").InField("to")
	case taken:
		return nil, fault.New(fault.Conflict, "There is a node %s already. Take another name.", op.To).InField("to")
	case special[op.To] != "" || strings.ContainsAny(op.To, ":| \t\n"):
		return nil, fault.New(fault.Invalid, "A node cannot be called %q. Use letters, digits, dots, dashes and underscores.", op.To).InField("to")
	}
	done := map[*yaml.Node]bool{}
	var splices []splice
	write := func(at *yaml.Node, text string) {
		if !done[at] {
			done[at] = true
			splices = append(splices, splice{e.tree().inner[at], e.tree().ends[at], e.tree().tokenFor(at, text, "", true)})
		}
	}
	e.renameKeys(op, write)
	for _, k := range n.links {
		for _, end := range k.ends {
			at := end.at
			if at.Kind == yaml.MappingNode {
				at = child(at, "node")
			}
			node, rest, _ := strings.Cut(at.Value, ":")
			if named := renamed(node, op); named != node {
				write(at, named+strings.TrimSuffix(":"+rest, ":"))
			}
		}
	}
	e.references(op.Node, func(_ []string, at *yaml.Node) { write(at, op.To+strings.TrimPrefix(at.Value, op.Node)) })
	if err := e.now(splices); err != nil {
		return nil, err
	}
	e.done = append(e.done, op)
	e.touchNode(op.To)
	e.say("%s renamed to %s", op.Node, op.To)
	return []Op{{Op: RenameNode, Node: op.To, To: op.Node}}, nil
}

// renameKeys writes the node's own key, those of bridges inside it ("bridge|node"), and whose network another node shares.
func (e *editor) renameKeys(op Op, write func(at *yaml.Node, text string)) {
	nodes := child(child(e.tree().root, "topology"), "nodes")
	for i := 0; i+1 < len(nodes.Content); i += 2 {
		key := nodes.Content[i]
		if named := renamed(key.Value, op); named != key.Value {
			write(key, named)
		}
		if mode := child(nodes.Content[i+1], "network-mode"); textOf(mode) == "container:"+op.Node {
			write(mode, "container:"+op.To)
		}
	}
}

// renamed is a node's name as a file writes it, which may be "bridge|node", after a rename.
func renamed(name string, op Op) string {
	parts := strings.Split(name, "|")
	for i, part := range parts {
		if part == op.Node {
			parts[i] = op.To
		}
	}
	return strings.Join(parts, "|")
}
