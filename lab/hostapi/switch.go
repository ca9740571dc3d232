package hostapi

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"

	"trunkline/lab"
)

// ControllerSpec is how the host reaches the OpenFlow controller of a switch: from inside the network namespace of a node of the lab that is
// on this host, a container or an internet node.
type ControllerSpec struct {
	Node    string     `json:"node"`
	Address netip.Addr `json:"address,omitzero"` // unset: the node's own, loopback first
	Port    uint16     `json:"port"`
	Fail    string     `json:"fail,omitempty"` // lab.FailStandalone, or "" for secure
}

// SwitchHost tells what a switch, hub or lan has learnt. From 1.2 on.
type SwitchHost interface {
	// Switch returns the live tables of a segment of the lab. Codes: not_found (no such lab or segment here), conflict (not wired yet), unavailable.
	Switch(ctx context.Context, labID, name string) (SwitchView, error)
}

// SwitchView is a switch as it is at one moment.
type SwitchView struct {
	Name       string            `json:"name"`
	Kind       lab.Kind          `json:"kind"`
	At         time.Time         `json:"at"`
	Ports      []SwitchPort      `json:"ports"`
	MACs       []SwitchMAC       `json:"macs"`
	VLANs      []SwitchVLAN      `json:"vlans"`
	Tree       *SwitchTree       `json:"tree,omitempty"` // nil: it speaks no spanning tree
	Controller *SwitchController `json:"controller,omitempty"`
	Mirrors    []lab.Mirror      `json:"mirrors,omitempty"`
}

// SwitchPort is one port. What comes in and goes out is seen from the switch.
type SwitchPort struct {
	Name   string  `json:"name"`             // as the lab names it; "other hosts" for what joins a lan's parts
	Number int     `json:"number,omitempty"` // OpenFlow's; 0: it isn't there now
	Peer   string  `json:"peer,omitempty"`   // node:interface at the other end of the cable
	Admin  bool    `json:"admin"`            // it is not switched off
	Oper   bool    `json:"oper"`             // frames pass: the cable is there and what it leads to is up
	Mode   string  `json:"mode"`             // access, trunk, native, all or mirror
	Access int     `json:"access,omitempty"`
	Native int     `json:"native,omitempty"`
	Trunk  []int   `json:"trunk,omitempty"`
	Role   string  `json:"role,omitempty"`  // in the spanning tree: root, designated, alternate, backup, disabled
	State  string  `json:"state,omitempty"` // forwarding, learning, listening, discarding, blocking, disabled
	Cost   int     `json:"cost,omitempty"`
	Edge   bool    `json:"edge,omitempty"` // by its settings
	In     Counter `json:"in"`
	Out    Counter `json:"out"`
}

// Counter counts since the port was made.
type Counter struct {
	Frames  uint64 `json:"frames"`
	Bytes   uint64 `json:"bytes"`
	Dropped uint64 `json:"dropped,omitempty"`
	Errors  uint64 `json:"errors,omitempty"`
}

// SwitchMAC is an address that the switch has learnt.
type SwitchMAC struct {
	MAC   string `json:"mac"`
	VLAN  int    `json:"vlan"` // 0: none
	Port  string `json:"port"`
	Age   int    `json:"age"`             // seconds since it was heard
	Owner string `json:"owner,omitempty"` // node:interface that has it, where that is known
}

// SwitchVLAN is one VLAN and the ports that are members of it by their settings.
type SwitchVLAN struct {
	VLAN     int      `json:"vlan"`
	Untagged []string `json:"untagged,omitempty"`
	Tagged   []string `json:"tagged,omitempty"`
	MACs     int      `json:"macs"`
}

// SwitchTree is what the switch knows of its spanning tree. Times are in seconds.
type SwitchTree struct {
	Protocol     string `json:"protocol"` // stp or rstp
	Bridge       string `json:"bridge"`   // priority.address, such as 32768.02:00:00:00:00:01
	Root         string `json:"root"`
	RootPort     string `json:"rootPort,omitempty"` // "": it is the root itself
	RootCost     int    `json:"rootCost"`
	IsRoot       bool   `json:"isRoot"`
	Hello        int    `json:"hello"`
	MaxAge       int    `json:"maxAge"`
	ForwardDelay int    `json:"forwardDelay"`
}

// SwitchController is the state of the connection to the OpenFlow controller.
type SwitchController struct {
	Connected bool   `json:"connected"`
	Problem   string `json:"problem,omitempty"` // why it isn't connected, in a sentence
	Refused   int    `json:"refused,omitempty"` // messages of the controller that were answered "not permitted"
}

// Plus adds up.
func (c Counter) Plus(o Counter) Counter {
	return Counter{c.Frames + o.Frames, c.Bytes + o.Bytes, c.Dropped + o.Dropped, c.Errors + o.Errors}
}

// ListVLANs fills VLANs from ports and addresses: those that a port names or that an address was learnt in. A port that lets every VLAN pass is
// a member of each; what a mirror sends is of none.
func (v *SwitchView) ListVLANs() {
	all := map[int]*SwitchVLAN{}
	at := func(vlan int) *SwitchVLAN {
		if all[vlan] == nil {
			all[vlan] = &SwitchVLAN{VLAN: vlan}
		}
		return all[vlan]
	}
	for _, p := range v.Ports {
		for _, vlan := range append([]int{p.Access, p.Native}, p.Trunk...) {
			if vlan > 0 {
				at(vlan)
			}
		}
	}
	for _, m := range v.MACs {
		at(m.VLAN).MACs++
	}
	v.VLANs = []SwitchVLAN{}
	for _, vlan := range slices.Sorted(maps.Keys(all)) {
		one := all[vlan]
		for _, p := range v.Ports {
			switch {
			case p.Mode == "mirror":
			case vlan > 0 && (p.Access == vlan || p.Native == vlan), vlan == 0 && (p.Mode == "all" || p.Mode == "trunk"):
				one.Untagged = append(one.Untagged, p.Name)
			case slices.Contains(p.Trunk, vlan), p.Mode == "all", p.Mode == "native" && len(p.Trunk) == 0:
				one.Tagged = append(one.Tagged, p.Name)
			}
		}
		v.VLANs = append(v.VLANs, *one)
	}
}
