// Package hostapi is what the controller and a compute host say to each other over the host link.
//
// It knows the wire types, their version, error codes, the HTTP client and the handler's routes. It refuses to know how
// a tunnel is made (hostlink), how a lab is stored (store) and how a container or a port is made (lab/engine, lab/fabric).
package hostapi

import (
	"net/netip"
	"time"

	"trunkline/lab"
)

// LabSpec is everything one host shall have of one lab. It is complete: absent means remove. Applying it twice changes nothing.
type LabSpec struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	Tenant     string         `json:"tenant"`
	Generation int64          `json:"generation"` // rises with each change; a host ignores an older one
	Nodes      []NodeSpec     `json:"nodes"`
	Segments   []SegmentSpec  `json:"segments,omitempty"`
	Internets  []InternetSpec `json:"internets,omitempty"`
	Externals  []ExternalSpec `json:"externals,omitempty"`
	Cables     []CableSpec    `json:"cables,omitempty"`
}

// RunState is what a node shall be.
type RunState string

const (
	Running RunState = "running"
	Stopped RunState = "stopped" // the container and its files are kept
	Paused  RunState = "paused"
)

// NodeSpec is one container. Every name is resolved: image after the image map, files as blobs, limits filled in.
type NodeSpec struct {
	Name          string            `json:"name"`
	Kind          lab.Kind          `json:"kind"`
	Hostname      string            `json:"hostname"`
	Image         string            `json:"image"`
	Entrypoint    []string          `json:"entrypoint,omitempty"` // nil: the image's
	Cmd           []string          `json:"cmd,omitempty"`        // nil: the image's
	Env           map[string]string `json:"env,omitempty"`
	Labels        map[string]string `json:"labels,omitempty"`
	User          string            `json:"user,omitempty"`
	CPU           float64           `json:"cpu,omitempty"` // cores
	MemoryBytes   int64             `json:"memoryBytes,omitempty"`
	ShmBytes      int64             `json:"shmBytes,omitempty"`
	Pids          int64             `json:"pids,omitempty"`
	Sysctls       map[string]string `json:"sysctls,omitempty"`
	CapAdd        []string          `json:"capAdd,omitempty"`
	DNS           *lab.Resolver     `json:"dns,omitempty"`
	Hosts         map[string]string `json:"hosts,omitempty"` // name to address, for /etc/hosts
	Files         []FileSpec        `json:"files,omitempty"`
	Interfaces    []InterfaceSpec   `json:"interfaces,omitempty"`
	Routes        []lab.StaticRoute `json:"routes,omitempty"`
	Exec          []string          `json:"exec,omitempty"`
	StageExecs    []lab.StageExec   `json:"stageExecs,omitempty"`
	WaitFor       []lab.Wait        `json:"waitFor,omitempty"`
	StartupDelay  time.Duration     `json:"startupDelay,omitempty"`
	RestartPolicy string            `json:"restartPolicy,omitempty"`
	Healthcheck   *lab.Healthcheck  `json:"healthcheck,omitempty"`
	Run           RunState          `json:"run"`
	Restarts      int               `json:"restarts,omitempty"` // restart the node once each time this rises
	Remade        int               `json:"remade,omitempty"`   // make its container anew each time this rises; its names, MACs and cables stay
	Awaited       bool              `json:"awaited,omitempty"`  // nodes on other hosts wait for it: its status tells the stages it reached
}

// FileSpec is one project file put into the node before it first starts.
type FileSpec struct {
	Target string `json:"target"` // absolute path inside the node
	Blob   string `json:"blob"`   // lower-case hex sha256 of the content
	Size   int64  `json:"size"`
	Mode   uint32 `json:"mode"` // permission bits
}

// InterfaceSpec is one interface of a container node. Its other end is a panel port.
type InterfaceSpec struct {
	Name      string         `json:"name"`
	MAC       string         `json:"mac"`
	MTU       int            `json:"mtu"`
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	Dummy     bool           `json:"dummy,omitempty"` // up, and cabled to nothing
}

// SegmentSpec is an Open vSwitch bridge: a switch node, a lan node, or the management segment. A lan or management segment may have
// parts on several hosts: they are one layer-2 segment in a full mesh with split horizon, under one VNI.
type SegmentSpec struct {
	Name       string            `json:"name"`
	Kind       lab.Kind          `json:"kind"` // lab.Switch, lab.Hub or lab.LAN
	Ports      []SegmentPortSpec `json:"ports"`
	STP        string            `json:"stp,omitempty"`
	Switch     *lab.SwitchConfig `json:"switch,omitempty"` // of a switch, without STP and OpenFlow, which are beside it
	Controller *ControllerSpec   `json:"controller,omitempty"`
	VNI        uint32            `json:"vni,omitempty"`   // of the mesh; 0 without Peers
	Peers      []netip.Addr      `json:"peers,omitempty"` // underlay addresses of the other hosts that have a part of it
}

// SegmentPortSpec is one port of a segment.
type SegmentPortSpec struct {
	Name   string       `json:"name"` // the interface name in the lab
	Access int          `json:"access,omitempty"`
	Trunk  []int        `json:"trunk,omitempty"`
	Native int          `json:"native,omitempty"`
	STP    *lab.PortSTP `json:"stp,omitempty"`
	Down   bool         `json:"down,omitempty"`
}

// InternetSpec is a namespace with a NAT'ed way out.
type InternetSpec struct {
	Name       string       `json:"name"`
	Subnet     netip.Prefix `json:"subnet"` // the gateway's address with its prefix length
	Interfaces []string     `json:"interfaces"`
	DHCP       bool         `json:"dhcp"`
	Rate       int64        `json:"rate,omitempty"` // most that goes out, and most that comes in, in bits a second; 0: not limited. Agents of earlier releases limit nothing
}

// ExternalSpec joins a lab to the world outside: everything on Ports shares a segment with an interface of this host.
type ExternalSpec struct {
	Name   string   `json:"name"`
	Device string   `json:"device"`         // network interface of this host that an administrator offered
	VLAN   int      `json:"vlan,omitempty"` // 802.1Q tag on Device, 1 to 4094; 0: untagged frames
	Ports  []string `json:"ports"`          // the node's interface names in the lab
}

// PortRef is one end of a cable on this host: an interface of a container, a port of a segment or external node, or an internet node's inside.
type PortRef struct {
	Node      string `json:"node"`
	Interface string `json:"interface"`
}

// CableSpec joins two ports. With Remote set, B is on another host and the cable is a VXLAN with the given VNI.
type CableSpec struct {
	ID     string         `json:"id"`
	A      PortRef        `json:"a"`
	B      PortRef        `json:"b"`
	AtoB   lab.Impairment `json:"aToB,omitzero"`
	BtoA   lab.Impairment `json:"bToA,omitzero"`
	Cut    bool           `json:"cut,omitempty"`
	Flap   *lab.Flap      `json:"flap,omitempty"`
	VNI    uint32         `json:"vni,omitempty"`
	Remote netip.Addr     `json:"remote,omitzero"`
}
