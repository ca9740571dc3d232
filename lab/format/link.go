package format

import (
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/lab"
)

const mappingNode = yaml.MappingNode

// outsideLinks lead out of the lab, and what people may take instead. They are left out; the node keeps the interface.
var outsideLinks = map[string]string{
	"host":         "a link to the machine itself. For a way out take a node of kind internet; for files and shells no link is needed",
	"macvlan":      "a link to a network card of the machine. For a way out take a node of kind internet",
	"vxlan":        "a tunnel to another machine. The platform makes such tunnels itself: put both ends into one lab",
	"vxlan-stitch": "a tunnel to another machine. The platform makes such tunnels itself: put both ends into one lab",
}

// fileLink is one entry of topology.links as it is written.
type fileLink struct {
	value
	index  int
	kind   string // veth, dummy, mgmt-net or one of outsideLinks
	ends   []fileEnd
	fields map[string]value
	hostIf string // the name of its end in the host's namespace
}

type fileEnd struct {
	value
	lab.Endpoint
	slot int // its place among the endpoints, which is also that of its address in ipv4 and ipv6
}

var linkFields = []string{"type", "endpoints", "endpoint", "mtu", "labels", "vars", "ipv4", "ipv6", "impair", "cut", "flap",
	"host-interface", "mode", "remote", "vni", "dst-port", "src-port", "udp-port", "impairment"}

// readLinkList reads the links' shape; nodes are looked up later.
func (p *parser) readLinkList(v value) []*fileLink {
	if v.n == nil {
		return nil
	}
	items := v.items()
	if len(items) > MaxLinks {
		v.refuse("The lab has %d links; a file may have %d.", len(items), MaxLinks)
		return nil
	}
	var links []*fileLink
	for i, item := range items {
		if k := readLink(item, i); k != nil {
			links = append(links, k)
		}
	}
	return links
}

func readLink(v value, index int) *fileLink {
	k := &fileLink{value: v, index: index, fields: v.known(linkFields...), kind: "veth"}
	takeCarried(k.fields, carriedLinkFields)
	typ, typed := k.fields["type"]
	if typed {
		s, ok := typ.text()
		if !ok {
			return nil
		}
		k.kind = strings.ToLower(strings.TrimSpace(s))
		if k.kind == "brief" {
			k.kind = "veth"
		}
	}
	_, outside := outsideLinks[k.kind]
	switch {
	case k.kind == "veth":
		return k.readPair()
	case k.kind == "dummy" || k.kind == "mgmt-net" || outside:
		return k.readSingle()
	}
	types := []string{"veth", "dummy", "mgmt-net", "host", "macvlan", "vxlan", "vxlan-stitch"}
	typ.refuse("There is no link type %s.%s", quote(k.kind), k.r.near(k.kind, types))
	return nil
}

// readPair reads endpoints: two of node:interface, or of mappings. A special word in the place of a node tells the type.
func (k *fileLink) readPair() *fileLink {
	endpoints, ok := k.fields["endpoints"]
	if !ok {
		k.refuse("A link needs endpoints: two of node:interface.")
		return nil
	}
	items := endpoints.items()
	if len(items) != 2 {
		endpoints.refuse("A link has two endpoints; here are %d. For more than two take a node of kind lan or switch.", len(items))
		return nil
	}
	for slot, item := range items {
		e, ok := readEnd(item)
		if !ok {
			return nil
		}
		e.slot = slot
		k.ends = append(k.ends, e)
	}
	for i, e := range k.ends {
		_, outside := outsideLinks[e.Node]
		if outside || e.Node == "mgmt-net" || e.Node == "dummy" {
			k.kind, k.hostIf = e.Node, e.Interface
			k.ends = []fileEnd{k.ends[1-i]}
			break
		}
	}
	k.commonAddresses()
	return k
}

// readSingle reads the extended form with one endpoint.
func (k *fileLink) readSingle() *fileLink {
	v, ok := k.fields["endpoint"]
	if !ok {
		if v, ok = k.fields["endpoints"]; ok && len(v.items()) == 1 {
			v = v.items()[0]
		} else {
			k.refuse("A link of type %s needs endpoint: with node and interface.", k.kind)
			return nil
		}
	}
	e, ok := readEnd(v)
	if !ok {
		return nil
	}
	k.ends = []fileEnd{e}
	if f, ok := k.fields["host-interface"]; ok {
		k.hostIf, _ = f.text()
	}
	k.commonAddresses()
	return k
}

// readEnd reads node:interface or {node, interface, mac, ipv4, ipv6, vars}.
func readEnd(v value) (fileEnd, bool) {
	e := fileEnd{value: v}
	if v.n.Kind != yaml.MappingNode {
		s, ok := v.rawText() // a template is looked at once the node is known
		if !ok {
			return e, false
		}
		e.Node, e.Interface, _ = strings.Cut(s, ":")
		if e.Node == "" || e.Interface == "" {
			v.refuse("An endpoint is written node:interface, not %s.", quote(s))
			return e, false
		}
		return e, true
	}
	fields := v.known("node", "interface", "mac", "ipv4", "ipv6", "vars")
	if f, ok := fields["node"]; ok {
		e.Node, _ = f.text()
	}
	if f, ok := fields["interface"]; ok {
		e.Interface, _ = f.text()
	}
	if f, ok := fields["mac"]; ok {
		e.MAC, _ = f.mac()
	}
	for _, name := range []string{"ipv4", "ipv6"} {
		if f, ok := fields[name]; ok {
			e.addAddresses(f, name)
		}
	}
	if f, ok := fields["vars"]; ok {
		v.r.drop(f, "The variables of an endpoint are left out: containerlab's config templates are not run.")
	}
	if e.Node == "" || e.Interface == "" {
		v.refuse("An endpoint needs both node and interface.")
		return e, false
	}
	return e, true
}

func (e *fileEnd) addAddresses(v value, family string) {
	for _, item := range v.items() {
		if isBlank(item.n) {
			continue
		}
		p, ok := item.prefix()
		if !ok {
			continue
		}
		if p.Addr().Is4() != (family == "ipv4") {
			item.refuse("%s is no %s address.", p, map[string]string{"ipv4": "IPv4", "ipv6": "IPv6"}[family])
			continue
		}
		e.Addresses = append(e.Addresses, p)
	}
}

// commonAddresses reads the link's own ipv4 and ipv6: one address for each end, in the order of the endpoints.
func (k *fileLink) commonAddresses() {
	for _, family := range []string{"ipv4", "ipv6"} {
		v, ok := k.fields[family]
		if !ok {
			continue
		}
		items := v.items()
		if len(items) > 2 {
			v.refuse("%s gives one address for each endpoint; here are %d.", family, len(items))
			continue
		}
		for i := range k.ends {
			if slot := k.ends[i].slot; slot < len(items) {
				k.ends[i].addAddresses(items[slot], family)
			}
		}
	}
	for i := range k.ends {
		k.ends[i].Addresses = ipv4First(k.ends[i].Addresses)
	}
}

func ipv4First(list []netip.Prefix) []netip.Prefix {
	var four, six []netip.Prefix
	for _, p := range list {
		if p.Addr().Is4() {
			four = append(four, p)
		} else {
			six = append(six, p)
		}
	}
	return append(four, six...)
}

func wantsMgmt(links []*fileLink) bool {
	for _, k := range links {
		if k.kind == "mgmt-net" {
			return true
		}
	}
	return false
}
