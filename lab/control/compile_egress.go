package control

import (
	"net/netip"
	"slices"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// A node with egress has its own way out: an extra interface, cabled to an internet node of its own that is not in the file.
// Each has the same addresses (RFC 6598 space, which no lab should use), because none of them can reach another.
const egressInterface = "egress0"

var (
	egressGateway = netip.MustParsePrefix("100.127.255.1/30")
	egressAddress = netip.MustParsePrefix("100.127.255.2/30")
)

func (c *compiler) addEgress() {
	for _, n := range c.Lab.Nodes {
		spec := c.nodes[n.Name]
		if !n.Egress || spec == nil {
			continue
		}
		way := c.imply(n.Name + "-egress")
		c.ways[way] = n.Name
		c.spec.Internets = append(c.spec.Internets, hostapi.InternetSpec{
			Name: way, Subnet: egressGateway, Interfaces: []string{"eth0"}, Rate: wayRate(c.Deployment, c.Lab),
		})
		spec.Interfaces = append(spec.Interfaces, hostapi.InterfaceSpec{
			Name: egressInterface, MAC: c.macOf(n.Name, egressInterface), MTU: defaultMTU, Addresses: []netip.Prefix{egressAddress},
		})
		spec.Routes = append(slices.Clone(spec.Routes), lab.StaticRoute{To: netip.MustParsePrefix("0.0.0.0/0"), Via: egressGateway.Addr(), Dev: egressInterface})
		if spec.DNS == nil {
			spec.DNS = &lab.Resolver{Servers: []netip.Addr{egressGateway.Addr()}}
		}
		c.spec.Cables = append(c.spec.Cables, hostapi.CableSpec{
			ID: n.Name + ":" + egressInterface + " " + way + ":eth0",
			A:  hostapi.PortRef{Node: n.Name, Interface: egressInterface}, B: hostapi.PortRef{Node: way, Interface: "eth0"},
		})
	}
}
