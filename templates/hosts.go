package templates

import "time"

// Hosts is the page of the compute hosts. All of Fleet is live; Join is a form, which a change must not disturb.
type Hosts struct {
	Fleet Fleet
	Join  Join
}

// Template names its file.
func (Hosts) Template() string { return "hosts" }

// Title of the page.
func (Hosts) Title() string { return "Hosts" }

// Fleet is every host, the ways between them, and the ways in.
type Fleet struct {
	Summary FleetSummary
	List    HostList
	Matrix  Matrix
	Tokens  JoinTokens
}

// Template names its file.
func (Fleet) Template() string { return "fleet" }

// FleetSummary is the line that counts.
type FleetSummary struct {
	Hosts, Connected, Drained, Away, Lost, Revoked int
	Nodes                                          int
}

// Template names its file.
func (FleetSummary) Template() string { return "fleetsummary" }

// HostList is the hosts in their order.
type HostList struct{ Hosts []Host }

// Template names its file.
func (HostList) Template() string { return "hostlist" }

// Host is one compute host at a glance.
type Host struct {
	ID, Name  string
	State     HostState
	Connected bool
	LastSeen  time.Time
	RTT       string
	Labels    []Label
	Bars      []Bar
	Nodes     int
	Labs      int
	Lacks     []string // in a few words each
	Problems  []string
	Error     string
	Version   string
	Only      int // workspaces that it is kept for; 0: all
}

// Template names its file.
func (Host) Template() string { return "hostrow" }

// HostState is a state in a word with its colour and shape.
type HostState struct{ Word, Look, Icon string }

// Label is a key and a value that placement can ask for.
type Label struct{ Key, Value string }

// Bar is what a host has of something, what it has promised to nodes and what is in use. Shares are percent of the bar's length.
type Bar struct {
	Name     string
	Promised string // "6.5 of 16 cores promised"
	Used     string // "2.1 in use"; "" while unknown
	Share    float64
	Use      float64
	Has      float64 // where the machine's own capacity ends, when more than it is promised; 0: at the end
	Full     bool
}

// Join is the form that makes a join command. After a mistake it comes back as it was sent, and after success with the command.
type Join struct {
	Name    string
	Labels  string
	Life    string
	Lives   []Choice
	Command string
	Expires time.Time
	Local   bool // the command's address leads to the controller's machine alone
	Error   string
	Field   string
}

// Template names its file.
func (Join) Template() string { return "joinform" }

// Choice is one entry of a list to choose from.
type Choice struct {
	Value, Word string
	Chosen      bool
}

// JoinTokens is the join commands that nobody has used yet.
type JoinTokens struct{ Tokens []JoinToken }

// Template names its file.
func (JoinTokens) Template() string { return "jointokens" }

// JoinToken is one of them, without its secret.
type JoinToken struct {
	ID, Name         string
	Labels           []Label
	Created, Expires time.Time
}

// Matrix is the ways between hosts, each from a row's host to a column's.
type Matrix struct {
	Names    []string
	Rows     []MatrixRow
	Problems []MatrixProblem
	Usable   int // ways
	Ways     int
}

// Template names its file.
func (Matrix) Template() string { return "matrix" }

// MatrixRow is the ways from one host.
type MatrixRow struct {
	Name  string
	Cells []MatrixCell
}

// MatrixCell is one way. Its state is "self", "good", "small" (too small an MTU), "bad" or "unknown".
type MatrixCell struct {
	State string
	RTT   string // in milliseconds
	MTU   int
	Says  string // all of it in words
}

// MatrixProblem is what is wrong between two hosts, and the mend.
type MatrixProblem struct{ Pair, Sentence string }
