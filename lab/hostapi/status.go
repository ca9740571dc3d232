package hostapi

import (
	"net/netip"
	"time"

	"trunkline/internal/fault"
)

// NodeState is what a node is, as its host sees it.
type NodeState string

const (
	NodeAbsent   NodeState = "absent"
	NodeCreating NodeState = "creating"
	NodeWaiting  NodeState = "waiting"  // created or held back, Reason says by what
	NodeStarting NodeState = "starting" // started, its interfaces or its exec steps are under way
	NodeRunning  NodeState = "running"
	NodePaused   NodeState = "paused"
	NodeStopped  NodeState = "stopped" // as wanted
	NodeExited   NodeState = "exited"  // its command ended by itself; ExitCode says how
	NodeFailed   NodeState = "failed"  // Reason says why
	NodeRemoving NodeState = "removing"
)

// NodeStatus is the observed side of a NodeSpec, SegmentSpec, InternetSpec or ExternalSpec.
type NodeStatus struct {
	Name        string            `json:"name"`
	State       NodeState         `json:"state"`
	Reason      string            `json:"reason,omitempty"`
	ContainerID string            `json:"containerId,omitempty"`
	Image       string            `json:"image,omitempty"`
	StartedAt   time.Time         `json:"startedAt,omitzero"`
	ExitCode    *int              `json:"exitCode,omitempty"`
	Health      string            `json:"health,omitempty"` // "", "starting", "healthy", "unhealthy"
	Restarts    int               `json:"restarts,omitempty"`
	Interfaces  []InterfaceStatus `json:"interfaces,omitempty"`
	Execs       []ExecResult      `json:"execs,omitempty"`
	Stages      []string          `json:"stages,omitempty"` // of an Awaited node: the stages it has left behind, and Never of those it cannot come to as things are
}

// Never stands in a list of stages for one that the node cannot come to as things are: it failed, or waits for one that did.
func Never(stage string) string { return "!" + stage }

// InterfaceStatus is one interface as the kernel shows it.
type InterfaceStatus struct {
	Name  string `json:"name"`
	MAC   string `json:"mac,omitempty"`
	MTU   int    `json:"mtu,omitempty"`
	Up    bool   `json:"up"` // administratively up and with carrier
	Index int    `json:"index,omitempty"`
}

// ExecResult is one of the file's exec steps. Output is cut at 4 KiB.
type ExecResult struct {
	Command  string `json:"command"`
	ExitCode int    `json:"exitCode"`
	Output   string `json:"output,omitempty"`
}

// LabStatus is the observed side of a LabSpec.
type LabStatus struct {
	ID         string            `json:"id"`
	Generation int64             `json:"generation"` // of the spec last seen
	Converged  bool              `json:"converged"`  // nothing is left to do for Generation, though nodes may have failed
	Step       string            `json:"step,omitempty"`
	Done       int               `json:"done"` // of Total steps of the present convergence
	Total      int               `json:"total"`
	Nodes      []NodeStatus      `json:"nodes"`
	Limits     map[string]string `json:"limits,omitempty"` // what this host cannot do for a cable, in a sentence, by cable id
	Error      *fault.Error      `json:"error,omitempty"`  // what keeps the lab as a whole from converging
}

// Observation is one line of GET /v1/observe. Exactly one field is set. The full set comes first, then Synced, then changes.
type Observation struct {
	Lab     *LabStatus `json:"lab,omitempty"`
	Removed string     `json:"removed,omitempty"` // a lab of which this host has nothing any more
	Synced  bool       `json:"synced,omitempty"`
	Host    *HostInfo  `json:"host,omitempty"`
	Ping    bool       `json:"ping,omitempty"`  // a sign of life every 10 s
	Use     *Use       `json:"use,omitempty"`   // every 10 s: what is in use
	Reach   []Reach    `json:"reach,omitempty"` // every peer, whenever one changed
}

// HostInfo describes the host: what it is, what it can and what it lacks.
type HostInfo struct {
	Name          string       `json:"name"`
	Version       string       `json:"version"`
	Protocol      string       `json:"protocol,omitempty"` // of hostapi that the agent speaks; "": 1.0
	Kernel        string       `json:"kernel"`
	Arch          string       `json:"arch"`
	CPUs          int          `json:"cpus"`
	MemoryBytes   int64        `json:"memoryBytes"`
	DockerVersion string       `json:"dockerVersion,omitempty"`
	OVSVersion    string       `json:"ovsVersion,omitempty"`
	Capabilities  Capabilities `json:"capabilities"`
	Images        []Image      `json:"images,omitempty"`
	Problems      []string     `json:"problems,omitempty"`  // sentences, such as "Docker does not answer: …"
	DiskBytes     int64        `json:"diskBytes,omitempty"` // size of the file system that holds the host's state
	Underlay      netip.Addr   `json:"underlay,omitzero"`   // where tunnels of other hosts reach it; unset: it takes no part in labs on several hosts
	UnderlayMTU   int          `json:"underlayMtu,omitempty"`
}

// Capabilities are what decides whether a lab can be placed here.
type Capabilities struct {
	KernelDatapath bool `json:"kernelDatapath"`
	Netem          bool `json:"netem"`
	RateLimit      bool `json:"rateLimit"` // tbf or htb
	Egress         bool `json:"egress"`    // the administrator lets internet nodes out here
	UserNamespaces bool `json:"userNamespaces"`
	CgroupVersion  int  `json:"cgroupVersion"`
}

// Image is one image that the host has.
type Image struct {
	Name      string            `json:"name"` // repository:tag
	ID        string            `json:"id"`
	SizeBytes int64             `json:"sizeBytes"`
	Labels    map[string]string `json:"labels,omitempty"`
}
