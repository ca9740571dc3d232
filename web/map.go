package web

import (
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/web/drawing"
)

// labMap is what the browser draws.
type labMap struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	State    string           `json:"state"`
	Nodes    []mapNode        `json:"nodes"`
	Links    []mapLink        `json:"links"`
	Notes    []lab.Note       `json:"notes"`
	Groups   []lab.DrawnGroup `json:"groups"`
	Marks    []mapMark        `json:"marks,omitempty"`
	Revision int64            `json:"revision"`
	CanEdit  bool             `json:"canEdit"`
	CanRun   bool             `json:"canRun"`
	CanUse   bool             `json:"canUse"`
	Editor   bool             `json:"editor"` // its page takes edits
}

// mapMark is what is wrong with the addresses of some interfaces.
type mapMark struct {
	Ends     []mapEnd `json:"ends"`
	Sentence string   `json:"sentence"`
}

// mapEnd is one interface.
type mapEnd struct {
	Node      string `json:"node"`
	Interface string `json:"interface"`
}

// mapNode is one node; changes carry no place.
type mapNode struct {
	Name      string   `json:"name"`
	Kind      string   `json:"kind"`
	State     string   `json:"state"`
	Word      string   `json:"word"` // the state as it is read out
	Reason    string   `json:"reason,omitempty"`
	Health    string   `json:"health,omitempty"`
	Host      string   `json:"host,omitempty"`
	Container bool     `json:"container,omitempty"`
	Down      []string `json:"down,omitempty"` // interfaces that are known to be down
	X         *float64 `json:"x,omitempty"`
	Y         *float64 `json:"y,omitempty"`
	*mapDesign
}

// mapDesign is what the file says of a node; changes of its state carry none.
type mapDesign struct {
	Image string    `json:"image,omitempty"`
	Group string    `json:"group,omitempty"` // id of the drawn group
	Color string    `json:"color,omitempty"`
	Icon  string    `json:"icon,omitempty"`
	Level string    `json:"level,omitempty"`
	Ports []mapPort `json:"ports"` // interfaces with a cable, an address or settings
}

// mapPort is one interface of a node.
type mapPort struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses,omitempty"`
	Cabled    bool     `json:"cabled,omitempty"`
}

// mapLink is one cable; B is empty when it leads nowhere.
type mapLink struct {
	ID    string `json:"id"`
	A     string `json:"a"`
	AIf   string `json:"aif"`
	AAddr string `json:"aaddr,omitempty"`
	B     string `json:"b"`
	BIf   string `json:"bif"`
	BAddr string `json:"baddr,omitempty"`
	Cut   bool   `json:"cut,omitempty"`
	Note  string `json:"note,omitempty"`
	MTU   int    `json:"mtu,omitempty"`

	AtoB map[string]string `json:"aToB,omitempty"` // as the file writes them: rate, delay, jitter, loss, …
	BtoA map[string]string `json:"bToA,omitempty"`
}

// drawMap puts drawing and observation together. Nodes that nobody placed get a place.
func drawMap(d *control.LabDetail) labMap {
	m := labMap{ID: d.ID, Name: d.Name, State: string(d.State), Revision: d.Revision, Nodes: []mapNode{}, Links: []mapLink{}}
	m.Notes, m.Groups = drawingOf(d.Lab)
	if d.Lab == nil {
		return m
	}
	m.Marks = marksOf(d.Lab)
	observed := map[string]control.NodeView{}
	for _, n := range d.Nodes {
		observed[n.Name] = n
	}
	points, ports := placed(d), portsOf(d.Lab)
	for i, n := range d.Lab.Nodes {
		view, known := observed[n.Name]
		if !known {
			view = control.NodeView{NodeStatus: hostapi.NodeStatus{Name: n.Name, State: hostapi.NodeAbsent}}
		}
		view.Kind = n.Kind
		drawn := nodeState(view)
		x, y := points[i].X, points[i].Y
		drawn.X, drawn.Y, drawn.mapDesign = &x, &y, designOf(n, ports[n.Name])
		m.Nodes = append(m.Nodes, drawn)
	}
	for _, k := range d.Lab.Links {
		if k.B.Node == "" {
			continue // its interface is listed in the node's panel
		}
		m.Links = append(m.Links, mapLink{
			ID: k.ID(), A: k.A.Node, AIf: k.A.Interface, AAddr: firstAddress(d.Lab, k.A),
			B: k.B.Node, BIf: k.B.Interface, BAddr: firstAddress(d.Lab, k.B), Cut: k.Cut, Note: linkNote(k),
			MTU: k.MTU, AtoB: k.AtoB.Texts(), BtoA: k.BtoA.Texts(),
		})
	}
	return m
}

// placed is a place for each node, in the order of the file: where somebody put it, where the file says, or our layout. When
// only some were placed, the others keep their places in the layout, which is moved over them.
func placed(d *control.LabDetail) []drawing.Point {
	nodes := d.Lab.Nodes
	points := make([]drawing.Point, len(nodes))
	missing := 0
	for i, n := range nodes {
		switch at, dragged := d.Places[n.Name]; {
		case dragged:
			points[i] = drawing.Point{X: at.X, Y: at.Y}
		case n.X != nil && n.Y != nil:
			points[i] = drawing.Point{X: *n.X, Y: *n.Y}
		default:
			missing++
		}
	}
	if missing == 0 {
		return points
	}
	free := layout(d.Lab)
	if missing == len(nodes) {
		return free
	}
	var dx, dy float64
	for i, n := range nodes {
		if isPlaced(d, n) {
			dx += (points[i].X - free[i].X) / float64(len(nodes)-missing)
			dy += (points[i].Y - free[i].Y) / float64(len(nodes)-missing)
		}
	}
	for i, n := range nodes {
		if !isPlaced(d, n) {
			points[i] = drawing.Point{X: free[i].X + dx, Y: free[i].Y + dy}
		}
	}
	return points
}

func isPlaced(d *control.LabDetail, n *lab.Node) bool {
	_, dragged := d.Places[n.Name]
	return dragged || n.X != nil && n.Y != nil
}

// layout draws the lab from its cables alone.
func layout(l *lab.Lab) []drawing.Point {
	_, edges := edgesOf(l)
	return layouts.of(len(l.Nodes), edges)
}

// nodeState is a node without its place.
func nodeState(n control.NodeView) mapNode {
	state := string(n.State)
	if state == "" {
		state = string(hostapi.NodeAbsent)
	}
	m := mapNode{
		Name: n.Name, Kind: string(n.Kind), State: state, Word: stateWord(state), Reason: n.Reason, Health: n.Health,
		Host: n.Host, Container: n.Kind.IsContainer(),
	}
	for _, i := range n.Interfaces {
		if !i.Up {
			m.Down = append(m.Down, i.Name)
		}
	}
	return m
}

// stateWord is a node's state for people: nothing is "absent" to them.
func stateWord(state string) string {
	if state == string(hostapi.NodeAbsent) {
		return "not running"
	}
	return state
}

func firstAddress(l *lab.Lab, e lab.Endpoint) string {
	if list := addressesOf(l, e); len(list) > 0 {
		return list[0]
	}
	return ""
}

// addressesOf are an end's addresses, from the link and from the node.
func addressesOf(l *lab.Lab, e lab.Endpoint) []string {
	var list []string
	for _, a := range e.Addresses {
		list = append(list, a.String())
	}
	if n := l.Node(e.Node); n != nil {
		for _, a := range n.Interface(e.Interface).Addresses {
			list = append(list, a.String())
		}
	}
	return list
}

// linkNote says in a few words what a cable does to frames.
func linkNote(k *lab.Link) string {
	if k.Cut {
		return "cut"
	}
	if k.AtoB.IsZero() && k.BtoA.IsZero() {
		return ""
	}
	imp := k.AtoB
	if imp.IsZero() {
		imp = k.BtoA
	}
	note := ""
	add := func(s string) {
		if note != "" {
			note += ", "
		}
		note += s
	}
	if imp.Delay > 0 {
		add(imp.Delay.String())
	}
	if imp.RateBits > 0 {
		add(bitRate(imp.RateBits))
	}
	if imp.Loss > 0 {
		add(percentText(imp.Loss) + " loss")
	}
	return note
}

// kindWord names a kind for people.
func kindWord(k lab.Kind) string {
	switch k {
	case lab.Linux:
		return "Linux host"
	case lab.Router:
		return "Router"
	case lab.DHCP:
		return "DHCP server"
	case lab.DNS:
		return "DNS server"
	case lab.Switch:
		return "Switch"
	case lab.Hub:
		return "Hub"
	case lab.LAN:
		return "LAN segment"
	case lab.Internet:
		return "Internet"
	case lab.External:
		return "External network"
	}
	return string(k)
}
