package hostapi

import (
	"context"
	"net/netip"
	"time"
)

// Peer is another compute host that this one may exchange tunnel frames with.
type Peer struct {
	Host    string     `json:"host"` // identity
	Name    string     `json:"name"`
	Address netip.Addr `json:"address"` // on the underlay
}

// Reach is what a host knows of the way to a peer: frames of the underlay probe, through the tunnels that labs use.
type Reach struct {
	Host    string        `json:"host"`              // the peer
	Hears   bool          `json:"hears"`             // the peer's probes arrive here
	Answers bool          `json:"answers"`           // the peer says that ours arrive there
	MTU     int           `json:"mtu,omitempty"`     // largest inner frame payload that came through whole; 0 while unknown
	RTT     time.Duration `json:"rtt,omitempty"`     // median of the last probes
	Problem string        `json:"problem,omitempty"` // a sentence with the mend, when something is wrong
	At      time.Time     `json:"at,omitzero"`       // of the last change
}

// Use is what a host's machine has in use at one moment.
type Use struct {
	At          time.Time `json:"at"`
	CPU         float64   `json:"cpu"`         // cores busy, averaged since the last Use
	MemoryBytes int64     `json:"memoryBytes"` // in use: total less available
	DiskBytes   int64     `json:"diskBytes"`   // in use on the file system of the state folder
	Nodes       int       `json:"nodes"`       // containers that run
}

// FleetHost is a Host that knows of other hosts. The handler answers unsupported for a Host that is none.
type FleetHost interface {
	// SetPeers makes these, and no others, the hosts to exchange tunnel frames with and to probe.
	SetPeers(ctx context.Context, peers []Peer) error
	// Reached tells which stages nodes on other hosts have left behind (their NodeStatus.Stages), by node: for what waits for them here. It is
	// the complete set: a node that is not in it has left none behind. It is kept, also over a new LabSpec. Code: not_found (no such lab).
	Reached(ctx context.Context, labID string, stages map[string][]string) error
	// Log returns the last lines of the agent's log, the oldest first, at most 1,000.
	Log(ctx context.Context, lines int) ([]string, error)
}
