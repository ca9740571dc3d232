package templates

// Placement is which host each node is on, and why.
type Placement struct {
	Hosts    []PlacedHost
	Several  []PlacedNode // segments with a part on each of several hosts; Why names those
	Nowhere  []PlacedNode // on no host yet
	Crossing []string     // cables between hosts
}

// Template names its file.
func (Placement) Template() string { return "placement" }

// PlacedHost is one host with the nodes of the lab on it.
type PlacedHost struct {
	Name  string
	Nodes []PlacedNode
}

// PlacedNode is one node.
type PlacedNode struct {
	Name, Kind string
	State      State
	Why        string
}
