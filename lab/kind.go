package lab

// Kind says what a node is. Vendor kinds of other tools are not here: they are refused by name at import.
type Kind string

const (
	Linux    Kind = "linux"    // a plain container
	Router   Kind = "router"   // FRR
	DHCP     Kind = "dhcp"     // dnsmasq
	DNS      Kind = "dns"      // bind9
	Switch   Kind = "switch"   // an Open vSwitch bridge: VLANs, MAC learning; also containerlab's bridge and ovs-bridge
	Hub      Kind = "hub"      // repeats every frame to all its other ports, and learns nothing
	LAN      Kind = "lan"      // one layer-2 segment without VLANs of its own
	Internet Kind = "internet" // NAT'ed way out, with DHCP and DNS on the inside
	External Kind = "external" // a physical network or VLAN that an administrator offered to the tenant
)

// Kinds lists every kind in the order the palette shows them.
var Kinds = []Kind{Linux, Router, Switch, Hub, LAN, DHCP, DNS, Internet, External}

// IsContainer reports whether nodes of the kind are containers. The others are made of Open vSwitch and namespaces.
func (k Kind) IsContainer() bool {
	switch k {
	case Linux, Router, DHCP, DNS:
		return true
	}
	return false
}

// DefaultImage is the image of a container kind whose file names none; "" for the others.
func (k Kind) DefaultImage() string {
	switch k {
	case Linux:
		return "trunkline/host"
	case Router:
		return "trunkline/router"
	case DHCP:
		return "trunkline/dhcp"
	case DNS:
		return "trunkline/dns"
	}
	return ""
}
