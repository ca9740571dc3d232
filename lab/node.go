package lab

import (
	"net/netip"
	"time"
)

// Node is one machine, switch, segment or way out of the lab, after inheritance (node, group, kind, defaults).
type Node struct {
	Name  string `json:"name"`
	Kind  Kind   `json:"kind"`
	Group string `json:"group,omitempty"`
	Line  int    `json:"-"` // line of the node in the file it came from; 0 when it came from elsewhere

	// Container kinds.
	Image         string            `json:"image,omitempty"` // as the file names it; the image map is applied when deploying
	Entrypoint    []string          `json:"entrypoint,omitempty"`
	Cmd           []string          `json:"cmd,omitempty"`
	Exec          []string          `json:"exec,omitempty"` // run one after the other once the node is up; split like a shell does, run without one
	Env           map[string]string `json:"env,omitempty"`
	Labels        map[string]string `json:"labels,omitempty"`
	Binds         []Bind            `json:"binds,omitempty"`
	StartupConfig *FileContent      `json:"startupConfig,omitempty"`
	User          string            `json:"user,omitempty"`
	Hostname      string            `json:"hostname,omitempty"`
	CPU           float64           `json:"cpu,omitempty"`         // cores; 0: the site's default
	MemoryBytes   int64             `json:"memoryBytes,omitempty"` // 0: the site's default
	ShmBytes      int64             `json:"shmBytes,omitempty"`
	Sysctls       map[string]string `json:"sysctls,omitempty"`
	CapAdd        []string          `json:"capAdd,omitempty"` // without the CAP_ prefix, upper case
	Ports         []string          `json:"ports,omitempty"`  // recorded, published in a later step
	DNS           *Resolver         `json:"dns,omitempty"`
	MgmtIPv4      netip.Addr        `json:"mgmtIPv4,omitzero"`
	MgmtIPv6      netip.Addr        `json:"mgmtIPv6,omitzero"`
	NoMgmt        bool              `json:"noMgmt,omitempty"`        // network-mode none
	RestartPolicy string            `json:"restartPolicy,omitempty"` // "no", "on-failure", "always", "unless-stopped"; "" is "no"
	StartupDelay  time.Duration     `json:"startupDelay,omitempty"`
	Stages        []Wait            `json:"stages,omitempty"`
	StageExecs    []StageExec       `json:"stageExecs,omitempty"`
	Healthcheck   *Healthcheck      `json:"healthcheck,omitempty"`
	Run           string            `json:"run,omitempty"` // "", "running" or "stopped": auto-start false maps to stopped

	// Ours.
	Interfaces []Interface     `json:"interfaces,omitempty"` // settings for interfaces named by links, and loopback addresses under "lo"
	Routing    *Routing        `json:"routing,omitempty"`
	Egress     bool            `json:"egress,omitempty"` // its own NAT'ed way out on an extra interface named "egress0"
	Switch     *SwitchConfig   `json:"switch,omitempty"`
	Internet   *InternetConfig `json:"internet,omitempty"`
	External   *ExternalConfig `json:"external,omitempty"`
	X          *float64        `json:"x,omitempty"` // position in the drawing, from labels graph-posX / graph-posY
	Y          *float64        `json:"y,omitempty"`
}

// Bind puts a file or folder of the lab's own folder into the node.
type Bind struct {
	Source   string `json:"source"` // slash-separated path inside the lab's folder
	Target   string `json:"target"` // absolute path inside the node
	ReadOnly bool   `json:"readOnly,omitempty"`
	Line     int    `json:"-"`
}

// FileContent is a file of the lab's folder, or text written in the lab file itself. Exactly one is set.
type FileContent struct {
	Path   string `json:"path,omitempty"`
	Inline string `json:"inline,omitempty"`
}

// Resolver is what goes into the node's resolv.conf.
type Resolver struct {
	Servers []netip.Addr `json:"servers,omitempty"`
	Search  []string     `json:"search,omitempty"`
	Options []string     `json:"options,omitempty"`
}

// Interface holds what a node says of one of its interfaces.
type Interface struct {
	Name      string         `json:"name"`
	MAC       string         `json:"mac,omitempty"`
	MTU       int            `json:"mtu,omitempty"`
	Addresses []netip.Prefix `json:"addresses,omitempty"` // host address with prefix length
	Access    int            `json:"access,omitempty"`    // switch port: untagged member of this VLAN (1 to 4094)
	Trunk     []int          `json:"trunk,omitempty"`     // switch port: tagged member of these VLANs; Access 0 and Trunk empty: every VLAN passes
	Native    int            `json:"native,omitempty"`    // switch port: untagged frames on a trunk belong to this VLAN
	STP       *PortSTP       `json:"stp,omitempty"`       // switch port: its part in the spanning tree
	Down      bool           `json:"down,omitempty"`      // port of a switch, hub or lan: switched off, neither end of its cable has carrier
}

// InternetConfig sets the inside of an internet node. The zero value is 10.255.0.1/24 with DHCP and DNS.
type InternetConfig struct {
	Subnet netip.Prefix `json:"subnet,omitzero"` // the gateway's address with its prefix length
	NoDHCP bool         `json:"noDHCP,omitempty"`
}

// ExternalConfig names what an external node leads to.
type ExternalConfig struct {
	Network string `json:"network"`        // as the administrator called it
	VLAN    int    `json:"vlan,omitempty"` // 1 to 4094; 0: untagged
}

// Routing is a node's declared routing. Static routes work on every container kind, the protocols on routers.
type Routing struct {
	RouterID netip.Addr    `json:"routerID,omitzero"`
	Static   []StaticRoute `json:"static,omitempty"`
	OSPF     *OSPF         `json:"ospf,omitempty"`
	BGP      *BGP          `json:"bgp,omitempty"`
}

// StaticRoute sends To by Via, or out of Dev, or both.
type StaticRoute struct {
	To  netip.Prefix `json:"to"`
	Via netip.Addr   `json:"via,omitzero"`
	Dev string       `json:"dev,omitempty"`
}

// OSPF is OSPFv2 (RFC 2328) on the named interfaces or on the networks given.
type OSPF struct {
	Areas        map[string][]string `json:"areas"`                  // area ("0.0.0.0" or "0") to interface names or prefixes
	Redistribute []string            `json:"redistribute,omitempty"` // connected, static, bgp
	Passive      []string            `json:"passive,omitempty"`      // interface names
	PointToPoint []string            `json:"pointToPoint,omitempty"`
	HelloSeconds int                 `json:"hello,omitempty"`
	DeadSeconds  int                 `json:"dead,omitempty"`
}

// BGP is BGP-4 (RFC 4271).
type BGP struct {
	AS           uint32         `json:"as"`
	Neighbors    []BGPNeighbor  `json:"neighbors"`
	Networks     []netip.Prefix `json:"networks,omitempty"`
	Redistribute []string       `json:"redistribute,omitempty"` // connected, static, ospf
}

// BGPNeighbor is one session.
type BGPNeighbor struct {
	Address              netip.Addr `json:"address"`
	AS                   uint32     `json:"as"`
	NextHopSelf          bool       `json:"nextHopSelf,omitempty"`
	RouteReflectorClient bool       `json:"routeReflectorClient,omitempty"`
	UpdateSource         string     `json:"updateSource,omitempty"`
}

// Wait holds one of a node's stages back until another node reached a stage.
// Stages: "create", "create-links", "configure", "healthy", "exit" (containerlab's).
type Wait struct {
	Stage     string `json:"stage"`
	Node      string `json:"node"`
	NodeStage string `json:"nodeStage"`
	Line      int    `json:"-"`
}

// StageExec is a command run in the node when it enters or leaves a stage.
type StageExec struct {
	Stage   string `json:"stage"`
	When    string `json:"when"` // "on-enter" or "on-exit"
	Command string `json:"command"`
}

// Healthcheck is Docker's: Test is ["CMD", …] or ["CMD-SHELL", line].
type Healthcheck struct {
	Test        []string      `json:"test"`
	Interval    time.Duration `json:"interval,omitempty"`
	Timeout     time.Duration `json:"timeout,omitempty"`
	StartPeriod time.Duration `json:"startPeriod,omitempty"`
	Retries     int           `json:"retries,omitempty"`
}

// Interface returns the settings of the named interface, or the zero value with that name.
func (n *Node) Interface(name string) Interface {
	for _, i := range n.Interfaces {
		if i.Name == name {
			return i
		}
	}
	return Interface{Name: name}
}
