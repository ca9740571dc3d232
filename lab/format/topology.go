package format

import (
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/lab"
)

// containerlab's management network when a file asks for one without saying which.
var (
	defaultMgmtIPv4 = netip.MustParsePrefix("172.20.20.0/24")
	defaultMgmtIPv6 = netip.MustParsePrefix("3fff:172:20:20::/64")
)

// readLab maps the whole file. What is refused is left out of the lab, so that the rest can be shown.
func (p *parser) readLab(root *yaml.Node) {
	p.lab = &lab.Lab{}
	p.skipped, p.outside, p.bridges, p.used = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	p.renamed, p.hostEnds = map[string]string{}, map[string]int{}
	file := p.report.value(root, "")
	if old := oldSchemaKey(root); old != nil {
		p.report.refuseAt(old, old.Value, "This is the format containerlab had in 2020 (%s). Rewrite it: Prefix is now name, and Duts is now topology with nodes and links.", old.Value)
		return
	}
	top := file.known("name", "prefix", "mgmt", "settings", "topology", "debug")
	if v, ok := top["name"]; ok {
		p.readName(v)
	}
	if v, ok := top["prefix"]; ok {
		if s, ok := v.text(); ok {
			p.lab.Prefix = &s
		}
	} else if n := childOf(root, "prefix"); n != nil {
		empty := ""
		p.lab.Prefix = &empty
	}
	if v, ok := top["settings"]; ok {
		p.report.drop(v, "settings (certificate authority and the like) have no counterpart here and are left out.")
	}
	if v, ok := top["debug"]; ok {
		p.report.drop(v, "debug belongs to containerlab itself and is left out.")
	}
	topology, ok := top["topology"]
	if !ok {
		p.report.refuse("", "The file has no topology. Add topology: with nodes: and links: below it.")
		return
	}
	p.readTopology(topology, top["mgmt"])
}

func (p *parser) readName(v value) {
	name, ok := v.text()
	if !ok {
		return
	}
	if strings.Contains(name, "__git") {
		name = strings.NewReplacer("__gitBranch__", "none", "__gitHash__", "none").Replace(name)
		p.report.change(v.path, "The name takes a git branch or hash; there is none here, so the lab is called %s.", name)
	}
	p.lab.Name = name
}

func (p *parser) readTopology(topology value, mgmt value) {
	parts := topology.known("defaults", "kinds", "groups", "nodes", "links", "addressing")
	if v, ok := parts["addressing"]; ok {
		p.lab.Addressing = readAddressing(v)
	}
	p.defs = p.readDefinitions(parts)
	if mgmt.n != nil {
		p.readMgmt(mgmt)
	}
	links := p.readLinkList(parts["links"])
	if p.lab.Mgmt == nil && wantsMgmt(links) {
		p.lab.Mgmt = &lab.Mgmt{IPv4: defaultMgmtIPv4, IPv6: defaultMgmtIPv6}
		p.report.change("topology.links", "A mgmt-net link needs the management segment, so the lab gets one with containerlab's subnets (%s, %s), and its nodes an eth0.", defaultMgmtIPv4, defaultMgmtIPv6)
	}
	nodes, ok := parts["nodes"]
	if !ok {
		p.report.refuse("topology", "The lab has no nodes. Add nodes: below topology.")
		return
	}
	p.readNodes(nodes)
	for _, k := range links {
		p.addLink(k)
	}
}

// readMgmt maps containerlab's management network to the lab-private segment.
func (p *parser) readMgmt(v value) {
	p.lab.Mgmt = &lab.Mgmt{}
	m := p.lab.Mgmt
	fields := v.known("network", "bridge", "ipv4-subnet", "ipv4-gw", "ipv4-range", "ipv6-subnet", "ipv6-gw", "ipv6-range",
		"mtu", "external-access", "driver", "driver-opts", "macvlan-parent", "macvlan-mode", "macvlan-aux")
	for _, name := range []string{"bridge", "ipv4-range", "ipv6-range", "external-access", "driver", "driver-opts", "macvlan-parent", "macvlan-mode", "macvlan-aux"} {
		if f, ok := fields[name]; ok {
			p.report.drop(f, "mgmt.%s is left out: the management network is a segment of the lab's own, closed to the host.", name)
		}
	}
	if f, ok := fields["network"]; ok {
		m.Network, _ = f.text()
	}
	if f, ok := fields["mtu"]; ok {
		m.MTU, _ = f.whole(lab.MinMTU, lab.MaxMTU)
	}
	m.IPv4, m.IPv4GW = mgmtSubnet(fields["ipv4-subnet"], fields["ipv4-gw"], defaultMgmtIPv4)
	m.IPv6, m.IPv6GW = mgmtSubnet(fields["ipv6-subnet"], fields["ipv6-gw"], defaultMgmtIPv6)
}

// mgmtSubnet reads one family; without a subnet, or with auto, it is containerlab's; none leaves the family out.
func mgmtSubnet(subnet, gateway value, otherwise netip.Prefix) (netip.Prefix, netip.Addr) {
	prefix := otherwise
	if subnet.n != nil {
		s, _ := subnet.text()
		switch s {
		case "", "auto":
		case "none":
			prefix = netip.Prefix{}
		default:
			got, _ := subnet.prefix()
			prefix = got.Masked()
		}
	}
	var gw netip.Addr
	if gateway.n != nil {
		gw, _ = gateway.address()
	}
	return prefix, gw
}

func (p *parser) readNodes(nodes value) {
	list := nodes.fields()
	if len(list) > MaxNodes {
		nodes.refuse("The lab has %d nodes; a file may have %d.", len(list), MaxNodes)
		return
	}
	for _, f := range list {
		p.readNode(f)
	}
	if len(p.lab.Nodes) == 0 && len(p.report.refused) == 0 && len(nodes.n.Content) > 0 { // {} is a lab that is about to be drawn
		nodes.refuse("The lab has no nodes. Add at least one below topology.nodes.")
	}
}

// oldSchemaKey returns a key that only the format of 2020 had.
func oldSchemaKey(root *yaml.Node) *yaml.Node {
	for i := 0; i+1 < len(root.Content); i += 2 {
		switch root.Content[i].Value {
		case "Duts", "duts", "Docker_info", "docker_info", "Links":
			return root.Content[i]
		}
	}
	return nil
}

func childOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
