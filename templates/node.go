package templates

import "time"

// Node is the panel about one node.
type Node struct {
	LabID      string
	Name       string
	Kind       string
	KindWord   string
	State      State
	Reason     string
	Health     string
	Image      string
	Host       string
	Placed     string
	Outside    string // of an external node: the network it leads to
	Want       string
	StartedAt  time.Time
	ExitCode   *int
	Restarts   int
	Container  bool
	CPU        string
	Memory     string
	Interfaces []NodeInterface
	Execs      []NodeExec
	Env        int
	Binds      []string
	CanRun     bool
	CanUse     bool
	CanEdit    bool
	Learns     bool          // it is a switch, hub or lan that runs: it has tables
	Design     []DesignField // what the file says of it, to be changed here
}

// DesignField is one field of a node in the lab file.
type DesignField struct {
	Label, Hint string
	Path        string // JSON: the keys from the node inwards
	Type        string // text, number, bool, or choice
	Value       string
	Choices     []string
}

// Template names its file.
func (Node) Template() string { return "node" }

// NodeInterface is one interface with where its cable leads.
type NodeInterface struct {
	Name         string
	Up, Known    bool
	MAC          string
	MTU          int
	Addresses    []string
	Peer, PeerIf string // "" leads nowhere
	VLAN         string // of a switch port
	Note         string
	Marks        []string // what is wrong with its addresses

	// For changing it.
	Port          bool   // of a switch: it has VLANs and no addresses
	Link, LinkEnd string // id of its cable when its addresses are written there, and which end it is: "a" or "b"
	Access, Trunk string
	Written       []string // its addresses where they are changed
}

// NodeExec is one of the file's exec steps.
type NodeExec struct {
	Command string
	Code    int
	Output  string
}

// CanStart says whether Start makes sense.
func (n Node) CanStart() bool {
	return n.CanRun && n.Container && (n.State == "stopped" || n.State == "exited" || n.State == "failed")
}

// CanStop says whether Stop makes sense.
func (n Node) CanStop() bool {
	return n.CanRun && n.Container && (n.State == "running" || n.State == "starting" || n.State == "paused")
}

// CanPause says whether Pause makes sense.
func (n Node) CanPause() bool { return n.CanRun && n.Container && n.State == "running" }

// CanResume says whether Resume makes sense.
func (n Node) CanResume() bool { return n.CanRun && n.Container && n.State == "paused" }

// HasShell says whether a shell can be opened now.
func (n Node) HasShell() bool { return n.CanUse && n.Container && n.State == "running" }
