package control

import (
	"cmp"
	"fmt"
	"net/netip"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// containerlab's management network when the file gives no subnet:
// https://containerlab.dev/manual/network/#management-network
var (
	mgmtIPv4 = netip.MustParsePrefix("172.20.20.0/24")
	mgmtIPv6 = netip.MustParsePrefix("3fff:172:20:20::/64")
)

const mgmtInterface = "eth0"

// mgmtPlan is the lab's management segment and who has which address on it.
type mgmtPlan struct {
	name      string // of the segment
	mtu       int
	addresses map[string][]netip.Prefix // by node, IPv4 first; nodes without eth0 are absent
}

// planMgmt gives out addresses as containerlab does: those of the file first, then in file order from the subnet's start,
// the gateway left out. nil: the lab has no management segment.
func (c *compiler) planMgmt() (*mgmtPlan, error) {
	m := c.Lab.Mgmt
	if m == nil {
		for _, k := range c.Lab.Links {
			if k.Type == lab.MgmtNet { // a segment to join, with nobody's eth0 on it
				return &mgmtPlan{name: c.imply("mgmt"), mtu: defaultMTU, addresses: map[string][]netip.Prefix{}}, nil
			}
		}
		return nil, nil
	}
	plan := &mgmtPlan{name: c.imply("mgmt"), mtu: cmp.Or(m.MTU, defaultMTU), addresses: map[string][]netip.Prefix{}}
	ipv4, ipv6 := m.IPv4, m.IPv6
	if !ipv4.IsValid() && !ipv6.IsValid() {
		ipv4, ipv6 = mgmtIPv4, mgmtIPv6
	}
	pools := []struct {
		subnet  netip.Prefix
		gateway netip.Addr
		given   func(*lab.Node) netip.Addr
		field   string
	}{
		{ipv4, m.IPv4GW, func(n *lab.Node) netip.Addr { return n.MgmtIPv4 }, "mgmt-ipv4"},
		{ipv6, m.IPv6GW, func(n *lab.Node) netip.Addr { return n.MgmtIPv6 }, "mgmt-ipv6"},
	}
	for _, pool := range pools {
		if !pool.subnet.IsValid() {
			continue
		}
		p := newAddressPool(pool.subnet, pool.gateway)
		for _, n := range c.Lab.Nodes {
			if given := pool.given(n); hasMgmt(n) && given.IsValid() {
				if err := p.take(n.Name, given); err != nil {
					return nil, invalidNode(n.Name, pool.field, "%s", err.Error())
				}
			}
		}
		for _, n := range c.Lab.Nodes {
			if !hasMgmt(n) {
				continue
			}
			address, err := p.next(n.Name, pool.given(n))
			if err != nil {
				return nil, invalidNode(n.Name, pool.field, "%s", err.Error())
			}
			plan.addresses[n.Name] = append(plan.addresses[n.Name], netip.PrefixFrom(address, pool.subnet.Bits()))
		}
	}
	return plan, nil
}

func hasMgmt(n *lab.Node) bool { return n.Kind.IsContainer() && !n.NoMgmt }

// addMgmt puts the segment in and plugs every node's eth0 into it.
func (c *compiler) addMgmt() {
	if c.mgmt == nil {
		return
	}
	c.spec.Segments = append(c.spec.Segments, hostapi.SegmentSpec{Name: c.mgmt.name, Kind: lab.LAN})
	for _, n := range c.Lab.Nodes {
		addresses, member := c.mgmt.addresses[n.Name]
		if !member {
			continue
		}
		settings := n.Interface(mgmtInterface)
		spec := c.nodes[n.Name]
		spec.Interfaces = append(spec.Interfaces, hostapi.InterfaceSpec{
			Name: mgmtInterface, MAC: cmp.Or(settings.MAC, c.macOf(n.Name, mgmtInterface)), MTU: cmp.Or(settings.MTU, c.mgmt.mtu), Addresses: addresses,
		})
		c.joinMgmt(n.Name, mgmtInterface)
	}
}

// joinMgmt cables an interface to a new port of the management segment.
func (c *compiler) joinMgmt(node, iface string) {
	port := node + ":" + iface
	for i := range c.spec.Segments {
		if segment := &c.spec.Segments[i]; segment.Name == c.mgmt.name {
			segment.Ports = append(segment.Ports, hostapi.SegmentPortSpec{Name: port})
		}
	}
	c.spec.Cables = append(c.spec.Cables, hostapi.CableSpec{
		ID: port + " " + c.mgmt.name, A: hostapi.PortRef{Node: node, Interface: iface}, B: hostapi.PortRef{Node: c.mgmt.name, Interface: port},
	})
}

// addressPool gives out the host addresses of a subnet.
type addressPool struct {
	subnet netip.Prefix
	cursor netip.Addr
	owner  map[netip.Addr]string
}

// newAddressPool leaves out the network address and the gateway, which is the first host address unless given.
func newAddressPool(subnet netip.Prefix, gateway netip.Addr) *addressPool {
	subnet = subnet.Masked()
	first := subnet.Addr().Next()
	if !gateway.IsValid() {
		gateway = first
	}
	return &addressPool{subnet: subnet, cursor: first, owner: map[netip.Addr]string{gateway: "the gateway"}}
}

func (p *addressPool) take(node string, address netip.Addr) error {
	if !p.subnet.Contains(address) || address == p.subnet.Addr() || p.isBroadcast(address) {
		return fmt.Errorf("%s of node %s is no host address of the management subnet %s", address, node, p.subnet)
	}
	if owner, taken := p.owner[address]; taken {
		return fmt.Errorf("%s of node %s belongs to %s already", address, node, owner)
	}
	p.owner[address] = "node " + node
	return nil
}

func (p *addressPool) next(node string, given netip.Addr) (netip.Addr, error) {
	if given.IsValid() {
		return given, nil
	}
	for ; p.subnet.Contains(p.cursor) && !p.isBroadcast(p.cursor); p.cursor = p.cursor.Next() {
		if _, taken := p.owner[p.cursor]; !taken {
			p.owner[p.cursor] = "node " + node
			return p.cursor, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("the management subnet %s has no address left for node %s: choose a larger one", p.subnet, node)
}

func (p *addressPool) isBroadcast(address netip.Addr) bool {
	return address.Is4() && p.subnet.Bits() < 31 && !p.subnet.Contains(address.Next())
}
