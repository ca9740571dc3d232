package edit

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// network is what the tree says of nodes and links, as far as edits need it.
type network struct {
	nodes map[string]*yaml.Node
	keys  map[string]string // the key of a node whose name in the lab is another ("bridge|node")
	names []string
	links []linkItem
	byID  map[string]int             // to index in links
	used  map[string]map[string]bool // interfaces that links have, by node
	kinds map[string]string          // of nodes that were asked for
	ports map[string]bool            // names of bridges' ports, which are made in one namespace
}

func itoa(i int) string { return strconv.Itoa(i) }

// network reads the tree once; nodes and links of pending splices are added to it as they come.
func (e *editor) network() *network {
	if e.net != nil {
		return e.net
	}
	n := &network{nodes: map[string]*yaml.Node{}, keys: map[string]string{}, kinds: map[string]string{}, byID: map[string]int{}, used: map[string]map[string]bool{}, ports: map[string]bool{}}
	topology := child(e.tree().root, "topology")
	if nodes := child(topology, "nodes"); nodes != nil && nodes.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(nodes.Content); i += 2 {
			if nodes.Content[i].ShortTag() == "!!merge" {
				continue
			}
			name := nodes.Content[i].Value
			if bridge, _, inside := strings.Cut(name, "|"); inside {
				n.keys[bridge] = name
				name = bridge
			}
			n.nodes[name] = nodes.Content[i+1]
			n.names = append(n.names, name)
		}
	}
	e.net = n
	if links := child(topology, "links"); links != nil && links.Kind == yaml.SequenceNode {
		for i, item := range links.Content {
			k, ok := readLink(item, i)
			if !ok {
				continue
			}
			e.fitPorts(&k)
			n.byID[k.id] = len(n.links)
			n.links = append(n.links, k)
			for _, end := range k.ends {
				e.use(end.Node, end.Interface)
			}
		}
	}
	return n
}

// fitPorts gives a link of bridges the id that the lab has: a bridge's port may have a name here that Linux would not take.
func (e *editor) fitPorts(k *linkItem) {
	changed := false
	for i := range k.ends {
		end := &k.ends[i]
		if node, inside, ok := strings.Cut(end.Node, "|"); ok && inside != "" {
			end.Node, changed = node, true
		}
		if lab.CheckInterfaceName(end.Interface) != nil && e.isBridge(end.Node) {
			end.Interface, changed = "port"+itoa(k.i+1)+"-"+itoa(end.slot+1), true
		}
	}
	if !changed {
		return
	}
	k.id = k.ends[0].String()
	if len(k.ends) == 2 {
		k.id += " " + k.ends[1].String()
	} else {
		k.id += " " + special[k.kind]
	}
}

func (e *editor) use(node, name string) {
	n := e.net
	if n.used[node] == nil {
		n.used[node] = map[string]bool{}
	}
	n.used[node][name] = true
	if e.isBridge(node) {
		n.ports[name] = true
	}
}

// isBridge reports containerlab's bridges, whose ports share the names of one namespace.
func (e *editor) isBridge(node string) bool {
	kind := e.kindOf(node)
	return kind == "bridge" || kind == "ovs-bridge"
}

// node finds a node, also one that is pending.
func (e *editor) node(name string) (*yaml.Node, error) {
	if n, ok := e.network().nodes[name]; ok {
		if n == nil {
			e.flush()
			n = e.network().nodes[name]
		}
		if n != nil {
			return n, nil
		}
	}
	return nil, fault.New(fault.NotFound, "The lab has no node %s.%s", name, lab.DidYouMean(name, e.network().names)).InField("node")
}

// nodePath is where a node stands.
func (e *editor) nodePath(name string) []string {
	if key, other := e.network().keys[name]; other {
		name = key
	}
	return []string{"topology", "nodes", name}
}

// link finds a link by its id, also one that is pending. The ends may be given in either order.
func (e *editor) link(id string) (linkItem, error) {
	for range 2 {
		n := e.network()
		if i, ok := n.byID[id]; ok {
			return n.links[i], nil
		}
		if a, b, ok := strings.Cut(id, " "); ok {
			if i, ok := n.byID[b+" "+a]; ok {
				return n.links[i], nil
			}
		}
		if len(e.pending) == 0 {
			break
		}
		e.flush()
	}
	return linkItem{}, fault.New(fault.NotFound, "The lab has no link %s.", id).InField("link")
}

// definitions are the levels that a node inherits from, the most specific first, without its own.
func (e *editor) definitions(node string) []*yaml.Node {
	topology := child(e.tree().root, "topology")
	groups, kinds, defaults := child(topology, "groups"), child(topology, "kinds"), child(topology, "defaults")
	group := e.groupOf(node)
	return []*yaml.Node{child(groups, group), child(kinds, e.kindOf(node)), defaults}
}

// kindOf is the kind of a node, its own or by inheritance; "" when it has none.
func (e *editor) kindOf(node string) string {
	kinds := e.network().kinds
	kind, known := kinds[node]
	if !known {
		kind = e.findKind(node)
		kinds[node] = kind
	}
	return kind
}

// findKind follows containerlab: the node's, its group's, the default group's, the defaults' kind.
func (e *editor) findKind(node string) string {
	topology := child(e.tree().root, "topology")
	own, groups, defaults := followed(e.network().nodes[node]), child(topology, "groups"), child(topology, "defaults")
	for _, from := range []*yaml.Node{own, child(groups, textOf(child(own, "group"))), child(groups, textOf(child(defaults, "group"))), defaults} {
		if kind := textOf(child(from, "kind")); kind != "" {
			return kind
		}
	}
	return ""
}

func (e *editor) groupOf(node string) string {
	topology := child(e.tree().root, "topology")
	own := followed(e.network().nodes[node])
	for _, from := range []*yaml.Node{own, child(child(topology, "kinds"), e.kindOf(node)), child(topology, "defaults")} {
		if group := textOf(child(from, "group")); group != "" {
			return group
		}
	}
	return ""
}

func textOf(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || isNull(n) {
		return ""
	}
	return n.Value
}

// inherited is what a node gets for a field that it does not have itself; nil for nothing.
func (e *editor) inherited(node, field string) *yaml.Node {
	for _, level := range e.definitions(node) {
		if v := child(level, field); v != nil && !isEmpty(v) && (v.Kind != yaml.ScalarNode || v.Value != "") {
			return v
		}
	}
	return nil
}

// numbered splits an interface's name into its letters and its number.
var numbered = regexp.MustCompile(`^(.*?)([0-9]+)$`)

// freeInterface is the next free name of a node's habit: that of the interfaces it has, or of its kind.
func (e *editor) freeInterface(node string) string {
	used := e.network().used[node]
	prefix, first := "eth", 1
	switch e.kindOf(node) {
	case "switch", "lan", "hub", "external":
		prefix = "p"
	case "bridge", "ovs-bridge":
		prefix = node
		if len(prefix) > 8 {
			prefix = prefix[:8]
		}
		prefix += "-p"
	}
	if seen := habit(used); seen != "" && !e.isBridge(node) {
		prefix = seen
	}
	for i := first; ; i++ {
		name := prefix + itoa(i)
		if !used[name] && (!e.isBridge(node) || !e.net.ports[name]) {
			return name
		}
	}
}

// habit is the letters that all numbered interfaces of a node share; "" when they differ or there is none.
func habit(used map[string]bool) string {
	prefix := ""
	for name := range used {
		m := numbered.FindStringSubmatch(name)
		if m == nil || strings.Contains(m[1], ".") {
			continue
		}
		if prefix != "" && m[1] != prefix {
			return ""
		}
		prefix = m[1]
	}
	return prefix
}
