package lab

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// SwitchConfig holds the settings of a whole switch. The zero value is a switch without a spanning tree that learns for 300 seconds. Every
// field changes while the switch runs.
type SwitchConfig struct {
	STP          string    `json:"stp,omitempty"`          // "", "stp" (IEEE 802.1D-1998) or "rstp" (IEEE 802.1D-2004)
	Priority     *int      `json:"priority,omitempty"`     // of the bridge: 0 to 61440 in steps of 4096; nil: 32768
	Hello        int       `json:"hello,omitempty"`        // seconds, 1 to 10; 0: 2. STP alone: RSTP says hello every two seconds
	MaxAge       int       `json:"maxAge,omitempty"`       // seconds, 6 to 40; 0: 20
	ForwardDelay int       `json:"forwardDelay,omitempty"` // seconds, 4 to 30; 0: 15
	MACAge       int       `json:"macAge,omitempty"`       // seconds that an address is kept unheard, 15 to 3600; 0: 300
	MACTable     int       `json:"macTable,omitempty"`     // addresses that are kept, 10 to 1,000,000; 0: 8192
	Mirrors      []Mirror  `json:"mirrors,omitempty"`
	OpenFlow     *OpenFlow `json:"openflow,omitempty"`
}

// PortSTP is what a port of a switch says to the spanning tree.
type PortSTP struct {
	Priority *int `json:"priority,omitempty"` // 0 to 240 in steps of 16; nil: 128
	Cost     int  `json:"cost,omitempty"`     // of the path by this port; 0: by its speed
	Edge     bool `json:"edge,omitempty"`     // no switch is behind it: it forwards at once (RSTP)
}

// Mirror copies frames of a switch to one of its ports, which then carries nothing else.
type Mirror struct {
	Ports     []string `json:"ports,omitempty"`     // empty: every port
	VLANs     []int    `json:"vlans,omitempty"`     // empty: every VLAN
	Direction string   `json:"direction,omitempty"` // of Ports: "in" (into the switch), "out", or "" for both
	To        string   `json:"to"`
}

// OpenFlow hands the forwarding of a switch to a controller (OpenFlow 1.0 or 1.3).
type OpenFlow struct {
	Controller string `json:"controller"`     // a node of the lab, NODE or NODE:PORT, or tcp:ADDRESS:PORT
	Via        string `json:"via,omitempty"`  // of an address: the internet node that leads there; "": the lab's first one
	Fail       string `json:"fail,omitempty"` // without the controller: "standalone" learns by itself; "" or "secure" keeps to the flows it has
}

// OpenFlowPort is where controllers listen (IANA: openflow, 6653/tcp).
const OpenFlowPort = 6653

// FailStandalone lets a switch learn by itself while its controller is away.
const FailStandalone = "standalone"

// Target reads Controller: the node and its port, or an address.
func (o *OpenFlow) Target() (node string, port uint16, address netip.AddrPort, err error) {
	if rest, byAddress := strings.CutPrefix(o.Controller, "tcp:"); byAddress {
		address, err = netip.ParseAddrPort(rest)
		if addr, errAddr := netip.ParseAddr(strings.Trim(rest, "[]")); err != nil && errAddr == nil {
			address, err = netip.AddrPortFrom(addr, OpenFlowPort), nil
		}
		if err != nil || address.Port() == 0 {
			return "", 0, address, fmt.Errorf("%q is no address of a controller; one looks like tcp:203.0.113.5:6653", o.Controller)
		}
		return "", 0, netip.AddrPortFrom(address.Addr().Unmap(), address.Port()), nil
	}
	node, number, given := strings.Cut(o.Controller, ":")
	if !given {
		return node, OpenFlowPort, address, nil
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 {
		return "", 0, address, fmt.Errorf("%q is no controller; write the name of a node, NODE:PORT or tcp:ADDRESS:PORT", o.Controller)
	}
	return node, uint16(n), address, nil
}

// ControllerNode is the node of the lab that the switch's host asks for the controller: the controller itself, or the internet node that
// leads to it; "" when there is none.
func (l *Lab) ControllerNode(o *OpenFlow) string {
	node, _, _, err := o.Target()
	switch {
	case err != nil || node != "":
		return node
	case o.Via != "":
		return o.Via
	}
	for _, n := range l.Nodes {
		if n.Kind == Internet {
			return n.Name
		}
	}
	return ""
}
