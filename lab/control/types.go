// Package control is the controller's mind: it takes people's intents, keeps desired and observed side by side, and
// reconciles the two through the hosts that are linked.
//
// It knows labs, states, plans, hosts and progress. It refuses to know HTTP pages, SQL and Docker.
package control

import (
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// State is a lab's state in words a person understands.
type State string

const (
	Stored    State = "stored"    // saved, nothing runs
	Planning  State = "planning"  // a deploy was asked for, hosts are being chosen
	Deploying State = "deploying" // Done of Total steps
	Running   State = "running"
	Degraded  State = "degraded" // runs, but not as asked; Reason says what
	Stopping  State = "stopping" // on its way to stopped or stored
	Stopped   State = "stopped"  // containers and their files are kept
	Failed    State = "failed"   // Reason says why
)

// LabView is one lab as a person may see it.
type LabView struct {
	ID         string       `json:"id"`
	Tenant     string       `json:"tenant"`
	Name       string       `json:"name"`
	Owner      string       `json:"owner"` // user name
	OwnerID    string       `json:"-"`     // user id
	State      State        `json:"state"`
	Reason     string       `json:"reason,omitempty"`
	Done       int          `json:"done"`
	Total      int          `json:"total"`
	Step       string       `json:"step,omitempty"`
	Generation int64        `json:"generation"`
	NodeCount  int          `json:"nodeCount"`
	LinkCount  int          `json:"linkCount"`
	CreatedAt  time.Time    `json:"createdAt"`
	UpdatedAt  time.Time    `json:"updatedAt"`
	Error      *fault.Error `json:"error,omitempty"`
}

// LabDetail is a lab with its drawing and what each node is now.
type LabDetail struct {
	LabView
	Source   string              `json:"source"`   // the lab file's text
	Revision int64               `json:"revision"` // number of the newest version, which all here but the nodes' states is of
	File     string              `json:"file"`     // its name inside the project, such as "topology.clab.yml"
	Lab      *lab.Lab            `json:"lab"`
	Nodes    []NodeView          `json:"nodes"` // in the order of the file, then implicit ones
	Places   map[string]Position `json:"positions,omitempty"`
	Files    []ProjectFile       `json:"files,omitempty"`
}

// Position is where a node is drawn, in drawing units.
type Position struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// NodeView is a node's observed side with its place.
type NodeView struct {
	hostapi.NodeStatus
	Kind   lab.Kind         `json:"kind"`
	Host   string           `json:"host,omitempty"`   // name of the compute host
	Placed string           `json:"placed,omitempty"` // why it is there, in words
	Want   hostapi.RunState `json:"want"`
}

// ProjectFile is one file of a lab's folder.
type ProjectFile struct {
	Path   string `json:"path"` // slash-separated, relative
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Mode   uint32 `json:"mode"`
}

// ImportRequest creates a lab from a single file, a folder or a zip; the caller opened it into Files.
// Files are read once, in order; each is spooled to disk, not to memory.
type ImportRequest struct {
	Name     string            // "" takes the file's
	File     string            // which of the files is the lab file; "" finds the one *.clab.yml, *.clab.yaml or lab.yml
	Env      map[string]string // for ${V:-x}
	ImageMap map[string]string // "frrouting/*" to "trunkline/router"
	Size     int64             // bytes of all that is sent, when it is known: what cannot fit is refused before it comes
	Replace  string            // id of a lab whose file is replaced; "" makes a new lab
}

// Report says what became of an imported file.
type Report struct {
	Mapped  []ReportLine `json:"mapped,omitempty"`  // taken as it is, or under our name for it
	Changed []ReportLine `json:"changed,omitempty"` // taken with a difference
	Dropped []ReportLine `json:"dropped,omitempty"` // left out, and why
	Refused []ReportLine `json:"refused,omitempty"` // why the file cannot be taken at all
}

// ReportLine is one entry of a report, with its place.
type ReportLine struct {
	fault.Place
}

// PlanStep is one line of lab deploy --dry-run.
type PlanStep struct {
	Verb   string `json:"verb"`   // create, start, stop, remove, connect, disconnect, re-cable (an end moves), change, recreate, move (to another host), keep, note (a sentence on the lab)
	Object string `json:"object"` // "node r1", "link r1:eth1 r2:eth1"
	Host   string `json:"host,omitempty"`
	Reason string `json:"reason"`
}

// Event is one change that a watcher of a lab or of a tenant's list is told. Exactly one of Lab, Node, Edited, Removed is set.
type Event struct {
	Tenant  string       `json:"-"`
	LabID   string       `json:"labId"`
	Lab     *LabView     `json:"lab,omitempty"`
	Node    *NodeView    `json:"node,omitempty"`
	Edited  *EditedEvent `json:"edited,omitempty"` // of one lab: its file has a new revision
	Removed bool         `json:"removed,omitempty"`
	Resync  bool         `json:"resync,omitempty"` // the watcher was too slow: read everything anew
}

// HostView is one compute host as an administrator sees it.
type HostView struct {
	ID        string           `json:"id"`
	Name      string           `json:"name"`
	Connected bool             `json:"connected"`
	Lost      bool             `json:"lost,omitempty"` // not connected for longer than the grace: its nodes are placed anew where the lab's policy says so
	LastSeen  time.Time        `json:"lastSeen,omitzero"`
	RTT       time.Duration    `json:"rtt,omitempty"`
	Info      hostapi.HostInfo `json:"info"`

	Labels     map[string]string `json:"labels,omitempty"`
	Drained    bool              `json:"drained,omitempty"`
	Revoked    bool              `json:"revoked,omitempty"`
	Tenants    []string          `json:"tenants,omitempty"` // ids of the only tenants that may use it; none: all
	OverCommit OverCommit        `json:"overCommit,omitzero"`
	Nodes      int               `json:"nodes"`           // placed on it
	Given      Given             `json:"-"`               // promised to nodes
	Use        *hostapi.Use      `json:"now,omitempty"`   // the newest sample
	Error      string            `json:"error,omitempty"` // the last thing that went wrong, in a sentence
	ErrorAt    time.Time         `json:"errorAt,omitzero"`
}
