package format

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// Format writes a lab as a lab file that Parse reads back to an equal lab. Fields of containerlab have containerlab's
// form, so what a lab does not use of ours, containerlab can read. A lab that is not valid is Invalid.
func Format(l *lab.Lab) ([]byte, error) {
	return write(l, exportNode, exportLink, func(topology mapping) {
		exportOwnVars(topology, l.Drawing, nil)
		if l.Addressing != nil {
			topology.child("addressing", exportAddressing(l.Addressing))
		}
	})
}

// write writes a lab with its nodes, its links and what is ours of the whole as the functions write them.
func write(l *lab.Lab, writeNode func(*lab.Node) *yaml.Node, writeLink func(*lab.Link) *yaml.Node, writeOwn func(topology mapping)) ([]byte, error) {
	if places := lab.Validate(l); len(places) > 0 {
		e := fault.New(fault.Invalid, "The lab cannot be written as a file: %s", places[0].Sentence)
		e.Details = places
		return nil, e
	}
	root := newMapping()
	root.text("name", l.Name)
	if l.Prefix != nil {
		root.add("prefix", scalar(*l.Prefix))
	}
	if l.Mgmt != nil {
		root.add("mgmt", exportMgmt(l.Mgmt))
	}
	topology := newMapping()
	nodes := newMapping()
	for _, n := range l.Nodes {
		nodes.add(n.Name, writeNode(n))
	}
	topology.add("nodes", nodes.node)
	links := &yaml.Node{Kind: yaml.SequenceNode}
	for _, k := range l.Links {
		links.Content = append(links.Content, writeLink(k))
	}
	if len(links.Content) > 0 {
		topology.add("links", links)
	}
	writeOwn(topology)
	root.add("topology", topology.node)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root.node); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The lab could not be written as a file.")
	}
	return out.Bytes(), nil
}

// mapping builds a YAML mapping in order; zero values are left out.
type mapping struct{ node *yaml.Node }

func newMapping() mapping { return mapping{&yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}} }

func flowMapping() mapping {
	m := newMapping()
	m.node.Style = yaml.FlowStyle
	return m
}

func (m mapping) add(key string, n *yaml.Node) {
	m.node.Content = append(m.node.Content, quoted(escapeDollars(key)), n)
}

func (m mapping) text(key, s string) {
	if s != "" {
		m.add(key, scalar(s))
	}
}

func (m mapping) number(key string, n int64) {
	if n != 0 {
		m.add(key, plain(strconv.FormatInt(n, 10)))
	}
}

func (m mapping) flag(key string, on bool) {
	if on {
		m.add(key, plain("true"))
	}
}

// seconds writes whole seconds as containerlab does, anything finer with its unit.
func (m mapping) seconds(key string, d time.Duration) {
	if d > 0 && d%time.Second == 0 {
		m.number(key, int64(d/time.Second))
	} else if d > 0 {
		m.text(key, d.String())
	}
}

func (m mapping) list(key string, items []string) {
	if len(items) > 0 {
		m.add(key, sequence(items, false))
	}
}

func (m mapping) flowList(key string, items []string) {
	if len(items) > 0 {
		m.add(key, sequence(items, true))
	}
}

func (m mapping) texts(key string, pairs map[string]string) {
	if len(pairs) == 0 {
		return
	}
	child := newMapping()
	for _, k := range sortedKeys(pairs) {
		child.add(k, scalar(pairs[k]))
	}
	m.add(key, child.node)
}

// child adds a mapping that holds something.
func (m mapping) child(key string, c mapping) {
	if len(c.node.Content) > 0 {
		m.add(key, c.node)
	}
}

func sequence(items []string, flow bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	if flow {
		n.Style = yaml.FlowStyle
	}
	for _, s := range items {
		n.Content = append(n.Content, scalar(s))
	}
	return n
}

// scalar writes text so that it comes back as it is: dollars and braces escaped.
func scalar(s string) *yaml.Node { return quoted(escapeBraces(escapeDollars(s))) }

// quoted leaves text as it is and lets YAML quote it where it would read something else.
func quoted(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	if strings.ContainsAny(s, "\r\t") || strings.TrimSpace(s) != s && n.Style == yaml.LiteralStyle {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func plain(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

func exportMgmt(m *lab.Mgmt) *yaml.Node {
	c := newMapping()
	c.text("network", m.Network)
	c.text("ipv4-subnet", subnetText(m.IPv4))
	if m.IPv4GW.IsValid() {
		c.text("ipv4-gw", m.IPv4GW.String())
	}
	c.text("ipv6-subnet", subnetText(m.IPv6))
	if m.IPv6GW.IsValid() {
		c.text("ipv6-gw", m.IPv6GW.String())
	}
	c.number("mtu", int64(m.MTU))
	return c.node
}

func floatText(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func subnetText(p netip.Prefix) string {
	if !p.IsValid() {
		return "none"
	}
	return p.String()
}

func exportLink(k *lab.Link) *yaml.Node {
	c := newMapping()
	switch {
	case k.Type != lab.VEth:
		c.text("type", string(k.Type))
		c.add("endpoint", exportEnd(k.A))
	case isBrief(k.A) && isBrief(k.B):
		c.flowList("endpoints", []string{k.A.String(), k.B.String()})
		exportAddresses(c, k)
	default:
		c.text("type", string(k.Type))
		c.add("endpoints", &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{exportEnd(k.A), exportEnd(k.B)}})
	}
	c.number("mtu", int64(k.MTU))
	c.texts("labels", k.Labels)
	if len(k.Vars) > 0 {
		c.add("vars", exportTree(k.Vars))
	}
	exportImpairments(c, k)
	c.flag("cut", k.Cut)
	if k.Flap != nil {
		f := flowMapping()
		f.text("every", k.Flap.Every.String())
		f.text("down", k.Flap.Down.String())
		c.child("flap", f)
	}
	return c.node
}

// isBrief reports whether node:interface and at most one address of each family say all.
func isBrief(e lab.Endpoint) bool {
	four, six := 0, 0
	for _, p := range e.Addresses {
		if p.Addr().Is4() {
			four++
		} else {
			six++
		}
	}
	return e.MAC == "" && four <= 1 && six <= 1
}

func exportAddresses(c mapping, k *lab.Link) {
	for _, family := range []string{"ipv4", "ipv6"} {
		both := []string{"", ""}
		for i, e := range []lab.Endpoint{k.A, k.B} {
			for _, p := range e.Addresses {
				if p.Addr().Is4() == (family == "ipv4") {
					both[i] = p.String()
				}
			}
		}
		if both[0]+both[1] != "" {
			c.flowList(family, both)
		}
	}
}

func exportEnd(e lab.Endpoint) *yaml.Node {
	c := newMapping()
	c.text("node", e.Node)
	c.text("interface", e.Interface)
	c.text("mac", e.MAC)
	var four, six []string
	for _, p := range e.Addresses {
		if p.Addr().Is4() {
			four = append(four, p.String())
		} else {
			six = append(six, p.String())
		}
	}
	c.flowList("ipv4", four)
	c.flowList("ipv6", six)
	return c.node
}

func exportImpairments(c mapping, k *lab.Link) {
	if k.AtoB == k.BtoA {
		c.child("impair", exportImpairment(k.AtoB))
		return
	}
	both := newMapping()
	both.child("a-to-b", exportImpairment(k.AtoB))
	both.child("b-to-a", exportImpairment(k.BtoA))
	c.child("impair", both)
}

func exportImpairment(i lab.Impairment) mapping {
	c := flowMapping()
	for _, t := range i.Written() {
		c.text(t.Name, t.Value)
	}
	return c
}

// exportTree writes what value.tree read.
func exportTree(v any) *yaml.Node {
	switch v := v.(type) {
	case map[string]any:
		c := newMapping()
		for _, k := range sortedKeys(v) {
			c.add(k, exportTree(v[k]))
		}
		return c.node
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, item := range v {
			n.Content = append(n.Content, exportTree(item))
		}
		return n
	case string:
		return scalar(v)
	case bool:
		return plain(strconv.FormatBool(v))
	case float64:
		return plain(strconv.FormatFloat(v, 'f', -1, 64))
	case nil:
		return plain("null")
	}
	n := &yaml.Node{}
	if n.Encode(v) != nil {
		return plain("null")
	}
	return n
}
