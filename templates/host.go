package templates

import "time"

// HostPage is one compute host with all that there is to know.
type HostPage struct {
	Head     HostHead
	Capacity HostCapacity
	Labs     HostLabs
	Ways     HostWays
	About    HostAbout
	Settings HostSettings
}

// Template names its file.
func (HostPage) Template() string { return "host" }

// Title of the page.
func (p HostPage) Title() string { return p.Head.Host.Name }

// HostHead is the name, the state, what is wrong and the buttons.
type HostHead struct{ Host Host }

// Template names its file.
func (HostHead) Template() string { return "hosthead" }

// Drained says whether the host takes no nodes.
func (h HostHead) Drained() bool {
	return h.Host.State.Word == "drained" || h.Host.State.Word == "being drained"
}

// Revoked says whether its key is refused.
func (h HostHead) Revoked() bool { return h.Host.State.Word == "revoked" }

// HostCapacity is what it has, and how much of it was in use over the last day.
type HostCapacity struct {
	ID     string
	Bars   []Bar
	Charts []Chart
}

// Template names its file.
func (HostCapacity) Template() string { return "hostcapacity" }

// Chart is one line over the last day, drawn in a box of ChartWidth by ChartHeight.
type Chart struct {
	Name string
	Now  string
	Peak string
	Line string // an SVG path
	Area string // the same, closed at the bottom
	Says string // all of it in words
}

// The box that the paths of a Chart are drawn in.
const (
	ChartWidth  = 480
	ChartHeight = 64
)

// HostLabs is the labs that have something on the host.
type HostLabs struct{ Labs []HostLab }

// Template names its file.
func (HostLabs) Template() string { return "hostlabs" }

// HostLab is one of them; ID is empty where the reader may not open it.
type HostLab struct {
	ID, Name, Workspace string
	State               State
	Nodes               int
}

// HostWays is how it reaches the other hosts.
type HostWays struct {
	Ways []HostWay
	Only bool // there is no other host
}

// Template names its file.
func (HostWays) Template() string { return "hostways" }

// HostWay is the way to one of them.
type HostWay struct {
	To, ToID string
	Cell     MatrixCell
	Problem  string
}

// HostAbout is what the machine is and what it can.
type HostAbout struct {
	Address      string
	Joined       time.Time
	Version      string
	Kernel, Arch string
	Docker, OVS  string
	CPUs         int
	Memory, Disk string
	Underlay     string
	Images       int
	Capabilities []Capability
}

// Template names its file.
func (HostAbout) Template() string { return "hostabout" }

// Capability is something that a host can or cannot do, and what follows from it.
type Capability struct {
	Name    string
	Has     bool
	Meaning string
}

// HostSettings is the form of what an administrator decides. After a mistake it comes back as it was sent.
type HostSettings struct {
	ID      string
	Name    string
	Labels  string // one key=value a line
	CPU     string // over-commit factors
	Memory  string
	Tenants string // one id a line
	Own     string // id of the reader's workspace
	Errors  map[string]string

	UsualCPU, UsualMemory string // what an empty factor means
}

// Template names its file.
func (HostSettings) Template() string { return "hostsettings" }

// HostLog is the end of the agent's log, or why it cannot be read.
type HostLog struct {
	ID, Name string
	Lines    []string
	Problem  string
	At       time.Time
}

// Template names its file.
func (HostLog) Template() string { return "hostlog" }

// Title of the page, for browsers without scripts.
func (l HostLog) Title() string { return "Log of " + l.Name }
