// Package generate makes shapes of networks – a ring, a tree, a leaf-spine fabric – as edits of a lab file, with nodes laid out so that the shape is seen.
//
// It is pure. It refuses to know text and addresses: package edit writes what it asks for, package ipam fills addresses in.
package generate

import (
	"fmt"
	"math"
	"slices"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/edit"
)

// Shape is what is made. The set is closed.
type Shape string

// The shapes, in the order in which people are offered them.
const (
	Line      Shape = "line"
	Ring      Shape = "ring"
	Star      Shape = "star" // the first node in the middle
	Tree      Shape = "tree" // each node has Fanout below it
	Mesh      Shape = "mesh" // every node with every other
	LeafSpine Shape = "leaf-spine"
)

// Shapes lists them.
var Shapes = []Shape{Line, Ring, Star, Tree, Mesh, LeafSpine}

// Limits of one request.
const (
	MaxNodes = 500
	MaxLinks = 5000
)

// Request says what to make. Zero fields take the defaults given.
type Request struct {
	Shape  Shape      `json:"shape"`
	Count  int        `json:"count"`            // of nodes; of a leaf-spine fabric its leaves
	Kind   lab.Kind   `json:"kind,omitempty"`   // router
	Image  string     `json:"image,omitempty"`  // the kind's own
	Prefix string     `json:"prefix,omitempty"` // of names; by the kind: r, sw, h
	Fanout int        `json:"fanout,omitempty"` // of a tree: 2
	Spines int        `json:"spines,omitempty"` // of a leaf-spine fabric: 2
	Hosts  int        `json:"hosts,omitempty"`  // linux nodes at each leaf, or at each node of another shape
	At     edit.Point `json:"at"`               // the middle of the top
	Group  string     `json:"group,omitempty"`  // id of a drawn group that all become part of
}

// spacing is the distance of neighbours in the drawing.
const spacing = 120

// maker collects the edits; names that the lab has are not taken again.
type maker struct {
	request Request
	taken   map[string]bool
	nodes   []edit.Op
	links   []edit.Op
}

// Make returns the edits that add the shape to a lab. Codes: invalid, with the field; exhausted.
func Make(l *lab.Lab, request Request) ([]edit.Op, error) {
	if request.Kind == "" {
		request.Kind = lab.Router
	}
	if request.Fanout == 0 {
		request.Fanout = 2
	}
	if request.Spines == 0 {
		request.Spines = 2
	}
	if err := check(request); err != nil {
		return nil, err
	}
	m := &maker{request: request, taken: map[string]bool{}}
	if l != nil {
		for _, n := range l.Nodes {
			m.taken[n.Name] = true
		}
	}
	m.shape()
	if len(m.nodes) > MaxNodes || len(m.links) > MaxLinks {
		return nil, fault.New(fault.Exhausted, "That would be %d nodes and %d links; at once there may be %d and %d. Ask for fewer.", len(m.nodes), len(m.links), MaxNodes, MaxLinks).InField("count")
	}
	return slices.Concat(m.nodes, m.links), nil
}

func check(r Request) error {
	switch {
	case !slices.Contains(Shapes, r.Shape):
		return fault.New(fault.Invalid, "There is no shape %q. The shapes are line, ring, star, tree, mesh and leaf-spine.", r.Shape).InField("shape")
	case !slices.Contains(lab.Kinds, r.Kind):
		return fault.New(fault.Invalid, "There is no kind %q.", r.Kind).InField("kind")
	case r.Count < 1 || r.Count > MaxNodes:
		return fault.New(fault.Invalid, "Ask for 1 to %d nodes.", MaxNodes).InField("count")
	case r.Fanout < 1 || r.Spines < 1 || r.Spines > MaxNodes || r.Hosts < 0 || r.Hosts > MaxNodes:
		return fault.New(fault.Invalid, "Fanout and spines should be 1 or more, and hosts not below 0.").InField("count")
	}
	return nil
}

// shape makes the nodes, their links, and hosts below them.
func (m *maker) shape() {
	r := m.request
	switch r.Shape {
	case LeafSpine:
		m.fabric()
		return
	case Tree:
		m.tree()
		return
	}
	names := make([]string, r.Count)
	for i := range names {
		names[i] = m.node(r.Kind, r.Image, r.Prefix, m.place(i))
	}
	for i := range names {
		switch r.Shape {
		case Line:
			if i > 0 {
				m.link(names[i-1], names[i])
			}
		case Ring:
			if i > 0 {
				m.link(names[i-1], names[i])
			}
			if i == len(names)-1 && i > 1 {
				m.link(names[i], names[0])
			}
		case Star:
			if i > 0 {
				m.link(names[0], names[i])
			}
		case Mesh:
			for _, other := range names[:i] {
				m.link(other, names[i])
			}
		}
	}
	for i, name := range names {
		m.hosts(name, m.place(i))
	}
}

// place is where a node of a simple shape is drawn.
func (m *maker) place(i int) edit.Point {
	n, around := m.request.Count, i
	if m.request.Shape == Line {
		return m.at(float64(i)*spacing-float64(n-1)*spacing/2, 0)
	}
	if m.request.Shape == Star {
		n, around = n-1, i-1
	}
	radius := max(float64(spacing), float64(n)*spacing/(2*math.Pi))
	if m.request.Shape == Star && i == 0 {
		return m.at(0, radius)
	}
	angle := 2*math.Pi*float64(around)/float64(max(n, 1)) - math.Pi/2
	return m.at(radius*math.Cos(angle), radius+radius*math.Sin(angle))
}

func (m *maker) at(x, y float64) edit.Point {
	return edit.Point{X: math.Round(m.request.At.X + x), Y: math.Round(m.request.At.Y + y)}
}

// tree makes a tree, level by level.
func (m *maker) tree() {
	r := m.request
	level, left := []string{""}, r.Count
	for depth := 0; left > 0; depth++ {
		width := len(level) * r.Fanout
		if depth == 0 {
			width = 1
		}
		width = min(width, left)
		var next []string
		for i := range width {
			p := m.at(float64(i)*spacing-float64(width-1)*spacing/2, float64(depth)*spacing)
			name := m.node(r.Kind, r.Image, r.Prefix, p)
			if depth > 0 {
				m.link(level[i/r.Fanout], name)
			}
			next = append(next, name)
		}
		if left -= width; left == 0 {
			for i, name := range next {
				m.hosts(name, m.at(float64(i)*spacing-float64(width-1)*spacing/2, float64(depth)*spacing))
			}
		}
		level = next
	}
}

// fabric makes spines above leaves, each leaf linked to each spine.
func (m *maker) fabric() {
	r := m.request
	var spines []string
	for i := range r.Spines {
		spines = append(spines, m.node(r.Kind, r.Image, "spine", m.at(float64(i)*2*spacing-float64(r.Spines-1)*spacing, 0)))
	}
	wide := float64(max(1, r.Hosts)) * spacing
	for i := range r.Count {
		p := m.at(float64(i)*wide-float64(r.Count-1)*wide/2, 2*spacing)
		leaf := m.node(r.Kind, r.Image, "leaf", p)
		for _, spine := range spines {
			m.link(spine, leaf)
		}
		m.hosts(leaf, p)
	}
}

// hosts makes the hosts below a node.
func (m *maker) hosts(of string, at edit.Point) {
	for i := range m.request.Hosts {
		x := at.X + float64(i)*spacing - float64(m.request.Hosts-1)*spacing/2
		m.link(of, m.node(lab.Linux, "", "h", edit.Point{X: math.Round(x), Y: at.Y + spacing}))
	}
}

var prefixes = map[lab.Kind]string{lab.Router: "r", lab.Linux: "h", lab.Switch: "sw", lab.Hub: "hub", lab.LAN: "lan", lab.DHCP: "dhcp", lab.DNS: "dns", lab.Internet: "inet", lab.External: "ext"}

func (m *maker) node(kind lab.Kind, image, prefix string, at edit.Point) string {
	if prefix == "" {
		prefix = prefixes[kind]
	}
	name := ""
	for i := 1; name == "" || m.taken[name]; i++ {
		name = fmt.Sprint(prefix, i)
	}
	m.taken[name] = true
	op := edit.Op{Op: edit.AddNode, Node: name, Kind: string(kind), Image: image, At: &at}
	if m.request.Group != "" {
		op.Fields = map[string]any{"labels": map[string]any{lab.GroupLabel: m.request.Group}}
	}
	m.nodes = append(m.nodes, op)
	return name
}

func (m *maker) link(a, b string) {
	m.links = append(m.links, edit.Op{Op: edit.AddLink, A: edit.End{Node: a}, B: edit.End{Node: b}})
}
