// Package lab is the network that a person draws: nodes, interfaces and links, and what makes them valid.
//
// It is pure: it knows the field's terms and the rules between them. It refuses to know files on disk, databases,
// Docker, Open vSwitch and HTTP; formats are in lab/format, places in lab/place, what a host is told in lab/hostapi.
package lab

import "net/netip"

// Lab is one network. Nodes and Links keep the order of the file.
type Lab struct {
	Name   string  `json:"name"`
	Prefix *string `json:"prefix,omitempty"` // containerlab's container name prefix; kept for export only
	Mgmt   *Mgmt   `json:"mgmt,omitempty"`   // nil: nodes get no eth0
	Nodes  []*Node `json:"nodes"`
	Links  []*Link `json:"links"`

	Drawing    *Drawing    `json:"drawing,omitempty"`    // notes and groups; nil: none
	Addressing *Addressing `json:"addressing,omitempty"` // nil: nothing is filled by itself
}

// Mgmt is the lab-private segment that every node joins with eth0 when the file asks for one.
type Mgmt struct {
	Network string       `json:"network,omitempty"` // the name in the file; recorded, names no real network
	IPv4    netip.Prefix `json:"ipv4,omitzero"`
	IPv6    netip.Prefix `json:"ipv6,omitzero"`
	IPv4GW  netip.Addr   `json:"ipv4Gateway,omitzero"`
	IPv6GW  netip.Addr   `json:"ipv6Gateway,omitzero"`
	MTU     int          `json:"mtu,omitempty"`
}

// Node returns the node with that name, or nil.
func (l *Lab) Node(name string) *Node {
	for _, n := range l.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// LinksOf returns the links that have an end on the node, in file order.
func (l *Lab) LinksOf(node string) []*Link {
	var links []*Link
	for _, k := range l.Links {
		if k.A.Node == node || k.B.Node == node {
			links = append(links, k)
		}
	}
	return links
}
