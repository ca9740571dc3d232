package lab

import "net/netip"

// Addressing is what a lab's addresses are taken from where its file says none. The zero value is the defaults of package lab/ipam.
type Addressing struct {
	Fill      bool           `json:"fill,omitempty"`      // fill what is empty with every edit and every deploy
	Loopbacks []netip.Prefix `json:"loopbacks,omitempty"` // one address (/32, /128) for each router
	Links     []netip.Prefix `json:"links,omitempty"`     // a /31 and a /127 for each link between two nodes
	LANs      []netip.Prefix `json:"lans,omitempty"`      // a /24 and a /64 for each segment
	NoIPv4    bool           `json:"noIPv4,omitempty"`
	NoIPv6    bool           `json:"noIPv6,omitempty"`
}
