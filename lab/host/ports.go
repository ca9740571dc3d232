// Package host is the agent's executor: it converges what one compute host has to what the controller wants of it.
//
// It knows specs, plans, containers and wiring as ideas. It refuses to know the Docker client (lab/engine), netlink and Open
// vSwitch (lab/fabric), and the tunnel (hostlink): they are behind the interfaces of this file.
package host

import (
	"context"
	"io"
	"net/netip"
	"time"

	"trunkline/lab/hostapi"
)

// Stamp marks what is ours: only things that carry the host's stamp are ever changed or deleted.
type Stamp struct {
	Host string // identity of this host
	Lab  string
	Node string
}

// Engine runs containers. Every container it lists or touches carries this host's stamp.
type Engine interface {
	// List returns all stamped containers, whatever their state. An error means "could not ask", never "none".
	List(ctx context.Context) ([]Container, error)
	// Create makes a container without starting it, and puts its files in. On error nothing is left behind.
	// Codes: not_found (image isn't there), invalid, exhausted (disk), conflict (name), unavailable (engine is down).
	Create(ctx context.Context, c ContainerSpec) (id string, err error)
	// Start starts it and returns the process id of its init, and since when it runs. Starting a running one returns its own.
	Start(ctx context.Context, id string) (Started, error)
	// Stop ends it: SIGTERM, then SIGKILL after the grace time. Stopping a stopped one is no error.
	Stop(ctx context.Context, id string, grace time.Duration) error
	// Pause freezes (true) or thaws (false) it.
	Pause(ctx context.Context, id string, on bool) error
	// Remove kills and removes it. Removing a missing one is no error.
	Remove(ctx context.Context, id string) error
}

// Watcher is an engine that tells of changes: a container started, died, paused or changed its health.
type Watcher interface {
	Watch(ctx context.Context) (<-chan ContainerEvent, error) // closed when the engine's stream ends
}

// Execer runs commands inside containers.
type Execer interface {
	Exec(ctx context.Context, containerID string, e hostapi.ExecRequest) (ExecStream, error)
}

// ExecStream is a running command. With a TTY everything comes as stdout. Close ends it.
type ExecStream interface {
	// Next returns the next piece of output; io.EOF after the last. The slice is valid until the next call.
	Next() (kind hostapi.FrameKind, data []byte, err error)
	io.WriteCloser // stdin
	CloseWrite() error
	Resize(ctx context.Context, cols, rows uint16) error
	ExitCode(ctx context.Context) (int, error)
}

// Files copies into and out of containers by tar streams; memory does not grow with the size.
type Files interface {
	PutTar(ctx context.Context, containerID, dir string, r io.Reader) error
	GetTar(ctx context.Context, containerID, path string) (io.ReadCloser, FileStat, error)
	Stat(ctx context.Context, containerID, path string) (FileStat, error)
}

// FileStat is one path inside a container.
type FileStat struct {
	Name    string
	Size    int64
	Mode    uint32
	IsDir   bool
	ModTime time.Time
}

// Images tells which images there are.
type Images interface {
	Images(ctx context.Context) ([]hostapi.Image, error)
}

// ContainerSpec is what the engine needs to make a node's container.
type ContainerSpec struct {
	Stamp    Stamp
	SpecHash string // of everything whose change needs a new container
	Node     hostapi.NodeSpec
	InitDir  string // host folder mounted read-only at /.trunkline: holds init and gate, and HostsFile and ResolverFile for /etc
	OpenBlob func(sha256 string) (io.ReadCloser, int64, error)
}

// Container is a stamped container as the engine shows it.
type Container struct {
	ID        string
	Stamp     Stamp
	SpecHash  string
	Image     string
	State     string // created, running, paused, exited, dead, restarting, removing
	PID       int    // of its init while running or paused
	ExitCode  int
	StartedAt time.Time
	Health    string
}

// Started is a container that was just started.
type Started struct {
	PID int       // of its init; 0: it has ended already
	At  time.Time // as the engine says it from now on
}

// ContainerEvent says that a container changed; ask List for what it is now.
type ContainerEvent struct {
	ID    string
	Stamp Stamp
	Event string
}

// Fabric makes interfaces, ports, bridges and cables. All it makes carries this host's stamp.
type Fabric interface {
	// Plug converges the interfaces, addresses and routes inside one node's network namespace (of process pid): makes what is missing,
	// corrects what differs, removes stamped interfaces that are not wanted. Repeating it changes nothing. Host ends are made, not yet cabled.
	Plug(ctx context.Context, labID string, node hostapi.NodeSpec, pid int) ([]hostapi.InterfaceStatus, error)
	// Wire converges the lab's panel ports, segments, internet nodes, cables and impairments: one Open vSwitch transaction and one flow bundle.
	// Cables whose node is in absent (its container is not running) are left out. What is stamped with the lab and not in the spec is removed.
	// What this host cannot do (a capability it lacks) comes back as sentences by cable id, and the rest is done.
	Wire(ctx context.Context, spec hostapi.LabSpec, absent map[string]bool) (WireReport, error)
	// Unwire removes everything stamped with the lab. Removing a missing lab is no error.
	Unwire(ctx context.Context, labID string) error
	// Labs lists the labs of which anything stamped is here. An error means "could not ask".
	Labs(ctx context.Context) ([]string, error)
	// Leftovers lists in words everything stamped with this host that belongs to none of the labs.
	Leftovers(ctx context.Context, keep map[string]bool) ([]string, error)
	// Capabilities probes what this machine can; Problems are sentences with the mend.
	Capabilities(ctx context.Context) (hostapi.Capabilities, []string, error)
}

// Underlay is a fabric that exchanges frames with other hosts.
type Underlay interface {
	// SetPeers makes these, and no others, the hosts whose tunnel frames are taken and that are probed. Repeating it changes nothing.
	SetPeers(ctx context.Context, peers []hostapi.Peer) error
	// Reach gives what is known of every peer: at once, and whenever something changed, until ctx ends. A slow reader gets the newest.
	Reach(ctx context.Context) <-chan []hostapi.Reach
	// UnderlayAddress is where peers reach this host, and the MTU there. The zero address: this host takes no part.
	UnderlayAddress(ctx context.Context) (netip.Addr, int, error)
}

// CarrierWatcher is a fabric that tells when carrier comes or goes between two Wires: a node switched an interface, another host died.
type CarrierWatcher interface {
	// Carriers gives, by lab, which interfaces of containers have carrier: of all labs at once, then of those where it may have changed, until
	// ctx ends. A slow reader gets the newest.
	// A Wire of the lab is followed by the lab's newest, so that nothing told before it stands.
	Carriers(ctx context.Context) <-chan map[string]map[hostapi.PortRef]bool
}

// SwitchTeller is a fabric that tells what a segment has learnt.
type SwitchTeller interface {
	// Switch returns the live tables of a segment of the spec. Codes: not_found, conflict (it isn't made yet), unavailable.
	Switch(ctx context.Context, spec hostapi.LabSpec, name string) (hostapi.SwitchView, error)
}

// Counters is a fabric that counts what interfaces carry.
type Counters interface {
	// Counters reads the counters of the labs' interfaces at once, by lab and interface: what came in and went out as the node sees it.
	Counters(ctx context.Context, labs []hostapi.LabSpec) (map[string]map[hostapi.PortRef]PortCount, error)
}

// PortCount is what went through an interface since it was made.
type PortCount struct {
	In, Out hostapi.Counter
}

// WireReport is what Wire could not do, and how long its two halves took.
type WireReport struct {
	Limits  map[string]string        // cable id to sentence
	Carrier map[hostapi.PortRef]bool // of every interface of a container that has a host end: whether it has carrier now
	Ports   int
	Flows   int
	Elapsed time.Duration
}
