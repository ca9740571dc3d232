package control

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/format"
	"trunkline/lab/hostapi"
	"trunkline/lab/place"
)

// NodeDefaults are the limits of nodes whose file names none.
type NodeDefaults struct {
	CPU         float64 // cores
	MemoryBytes int64
	Pids        int64
}

// defaultMTU is what a cable carries when the file says nothing.
const defaultMTU = 1500

// compileInput is all that a lab's spec is made of. Equal input gives an equal spec.
type compileInput struct {
	LabID      string
	Tenant     string
	Generation int64
	Lab        *lab.Lab
	Files      []ProjectFile
	Deployment Deployment
	Defaults   NodeDefaults
	Offers     map[string]Offer                   // networks that are offered to the tenant, by name
	Underlay   func(hostID string) netip.Addr     // where the hosts' tunnels end; nil: nowhere
	HostName   func(hostID string) (named string) // for sentences; nil: the id
}

// compiled is the spec of each host that has something of the lab, and the texts that were written for it and are in no project file.
type compiled struct {
	Specs    map[string]*hostapi.LabSpec // by host id
	Texts    map[string][]byte           // by sha256
	Crossing []string                    // cables and segments with ends on several hosts, in the order of the lab; each wants an identifier
	Pairs    []place.Pair                // hosts that something runs between, each pair once
	Lacks    error                       // what the specs of a lab on several hosts cannot be made of yet
}

// compiler holds one compilation.
type compiler struct {
	compileInput
	files   map[string]ProjectFile
	out     compiled
	spec    hostapi.LabSpec // of the whole lab, before it is divided
	inFile  map[string]*lab.Node
	ports   map[string][]string // of segments, internet and external nodes: the interfaces that links give them, in file order
	nodes   map[string]*hostapi.NodeSpec
	mgmt    *mgmtPlan
	implied map[string]bool   // names taken by segments and internet nodes that are not in the file
	ways    map[string]string // internet nodes that are not in the file, with the node that each belongs to
}

// compile makes the specs that the lab's hosts get: the whole lab first, then each host's part of it. It is pure. Codes: invalid and
// unsupported, with the field.
func compile(in compileInput) (compiled, error) {
	c := &compiler{
		compileInput: in, files: map[string]ProjectFile{}, inFile: make(map[string]*lab.Node, len(in.Lab.Nodes)), ports: portsOf(in.Lab),
		nodes: make(map[string]*hostapi.NodeSpec, len(in.Lab.Nodes)), implied: map[string]bool{}, ways: map[string]string{},
	}
	for _, f := range in.Files {
		c.files[f.Path] = f
	}
	for _, n := range in.Lab.Nodes {
		c.inFile[n.Name] = n
	}
	c.out.Texts = map[string][]byte{}
	c.spec = hostapi.LabSpec{ID: in.LabID, Name: in.Lab.Name, Tenant: in.Tenant, Generation: in.Generation}
	var err error
	if c.mgmt, err = c.planMgmt(); err != nil {
		return compiled{}, err
	}
	for _, n := range in.Lab.Nodes {
		if err := c.addNode(n); err != nil {
			return compiled{}, err
		}
	}
	c.addMgmt()
	for _, link := range in.Lab.Links {
		c.addLink(link)
	}
	c.addEgress()
	c.addHostNames()
	for _, n := range in.Lab.Nodes {
		if spec := c.nodes[n.Name]; spec != nil {
			c.spec.Nodes = append(c.spec.Nodes, *spec)
		}
	}
	c.divide()
	return c.out, nil
}

func (c *compiler) addNode(n *lab.Node) error {
	switch n.Kind {
	case lab.Switch, lab.Hub, lab.LAN:
		return c.addSegment(n)
	case lab.Internet:
		c.addInternet(n)
	case lab.External:
		return c.addExternal(n)
	default:
		spec, err := c.container(n)
		if err != nil {
			return err
		}
		c.nodes[n.Name] = spec
	}
	return nil
}

// container is everything of a container node but its interfaces.
func (c *compiler) container(n *lab.Node) (*hostapi.NodeSpec, error) {
	files, err := c.filesOf(n)
	if err != nil {
		return nil, err
	}
	spec := &hostapi.NodeSpec{
		Name: n.Name, Kind: n.Kind, Hostname: cmp.Or(n.Hostname, n.Name),
		Image:      imageOf(n, c.Deployment.ImageMap),
		Entrypoint: n.Entrypoint, Cmd: n.Cmd, Env: maps.Clone(n.Env), Labels: containerLabels(n), User: n.User,
		CPU: cmp.Or(n.CPU, c.Defaults.CPU), MemoryBytes: cmp.Or(n.MemoryBytes, c.Defaults.MemoryBytes), ShmBytes: n.ShmBytes,
		Pids: c.Defaults.Pids, Sysctls: sysctlsOf(n), CapAdd: n.CapAdd, DNS: n.DNS, Files: files,
		Exec: n.Exec, StageExecs: n.StageExecs, WaitFor: n.Stages, StartupDelay: n.StartupDelay,
		RestartPolicy: n.RestartPolicy, Healthcheck: n.Healthcheck,
		Run: c.runOf(n), Restarts: c.Deployment.Nodes[n.Name].Restarts, Remade: c.Deployment.Nodes[n.Name].Remade,
	}
	if lo := n.Interface("lo"); len(lo.Addresses) > 0 {
		spec.Interfaces = append(spec.Interfaces, hostapi.InterfaceSpec{Name: "lo", Addresses: lo.Addresses})
	}
	if n.Routing != nil && n.Kind != lab.Router {
		spec.Routes = n.Routing.Static // a router's are in its frr.conf
	}
	return spec, nil
}

// runOf is what the node shall be: the lab's own will, then a person's, then the file's.
func (c *compiler) runOf(n *lab.Node) hostapi.RunState {
	if c.Deployment.Want == WantStop {
		return hostapi.Stopped
	}
	return wantedRun(n, c.Deployment)
}

func wantedRun(n *lab.Node, d Deployment) hostapi.RunState {
	if asked := d.Nodes[n.Name].Run; asked != "" {
		return asked
	}
	if n.Run == string(hostapi.Stopped) {
		return hostapi.Stopped
	}
	return hostapi.Running
}

// imageOf is the node's image after the image map.
func imageOf(n *lab.Node, imageMap map[string]string) string {
	return format.MapImage(imageMap, cmp.Or(n.Image, n.Kind.DefaultImage()))
}

// sysctlsOf lets nodes forward, as containers do wherever Docker runs with its network, and routers forward IPv6 too. The file wins.
func sysctlsOf(n *lab.Node) map[string]string {
	all := map[string]string{"net.ipv4.ip_forward": "1"}
	if n.Kind == lab.Router {
		all["net.ipv6.conf.all.forwarding"] = "1"
	}
	maps.Copy(all, n.Sysctls)
	return all
}

func (c *compiler) addInternet(n *lab.Node) {
	spec := hostapi.InternetSpec{Name: n.Name, Subnet: netip.MustParsePrefix("10.255.0.1/24"), DHCP: true, Interfaces: c.ports[n.Name], Rate: wayRate(c.Deployment, c.Lab)}
	if n.Internet != nil {
		spec.DHCP = !n.Internet.NoDHCP
		if n.Internet.Subnet.IsValid() {
			spec.Subnet = n.Internet.Subnet
		}
	}
	c.spec.Internets = append(c.spec.Internets, spec)
}

// addExternal joins the lab to a network that an administrator offered to its tenant.
func (c *compiler) addExternal(n *lab.Node) error {
	network, err := leadsTo(n, c.Offers)
	if err != nil {
		return err
	}
	offer := c.Offers[network.Network]
	device := offer.Devices[c.Deployment.Places[n.Name].HostID]
	if device == "" {
		return fault.New(fault.Unsupported, "Node %s leads to network %s, which its host has no interface for any more. Deploy the lab anew.", n.Name, network.Network).
			InField("topology.nodes." + n.Name + ".external")
	}
	c.spec.Externals = append(c.spec.Externals, hostapi.ExternalSpec{Name: n.Name, Device: device, VLAN: network.VLAN, Ports: c.ports[n.Name]})
	return nil
}

// portsOf lists the interfaces that links give to nodes that are no containers, in file order.
func portsOf(l *lab.Lab) map[string][]string {
	ports, seen := map[string][]string{}, map[hostapi.PortRef]bool{}
	for _, n := range l.Nodes {
		if !n.Kind.IsContainer() {
			ports[n.Name] = nil
		}
	}
	for _, k := range l.Links {
		for _, end := range []lab.Endpoint{k.A, k.B} {
			if list, fixed := ports[end.Node]; fixed && !seen[portRef(end)] {
				seen[portRef(end)] = true
				ports[end.Node] = append(list, end.Interface)
			}
		}
	}
	return ports
}

func (c *compiler) addLink(k *lab.Link) {
	c.plug(k.A, k, k.Type == lab.Dummy)
	switch k.Type {
	case lab.Dummy:
	case lab.MgmtNet:
		c.joinMgmt(k.A.Node, k.A.Interface)
	default:
		c.plug(k.B, k, false)
		c.spec.Cables = append(c.spec.Cables, hostapi.CableSpec{
			ID: k.ID(), A: portRef(k.A), B: portRef(k.B), AtoB: k.AtoB, BtoA: k.BtoA, Cut: k.Cut, Flap: k.Flap,
		})
	}
}

func portRef(e lab.Endpoint) hostapi.PortRef {
	return hostapi.PortRef{Node: e.Node, Interface: e.Interface}
}

// plug gives a container the interface of a link's end. Segments and internet nodes have theirs already.
func (c *compiler) plug(e lab.Endpoint, k *lab.Link, dummy bool) {
	spec := c.nodes[e.Node]
	if spec == nil {
		return
	}
	settings := c.inFile[e.Node].Interface(e.Interface)
	addresses := slices.Clone(e.Addresses)
	for _, address := range settings.Addresses {
		if !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	spec.Interfaces = append(spec.Interfaces, hostapi.InterfaceSpec{
		Name: e.Interface, MAC: cmp.Or(e.MAC, settings.MAC, c.macOf(e.Node, e.Interface)),
		MTU: cmp.Or(settings.MTU, k.MTU, defaultMTU), Addresses: addresses, Dummy: dummy,
	})
}

// macOf derives a locally administered address (IEEE 802-2014, 8.2.2) that stays the same while lab, node and interface do.
func (c *compiler) macOf(node, iface string) string {
	sum := sha256.Sum256([]byte(c.LabID + "\x00" + node + "\x00" + iface))
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", sum[0], sum[1], sum[2], sum[3], sum[4])
}

// imply finds a name for something that is not in the file.
func (c *compiler) imply(name string) string {
	for c.inFile[name] != nil || c.implied[name] {
		name += "-0"
	}
	c.implied[name] = true
	return name
}

// addText keeps a text that is in no project file and returns it as a file of the node.
func (c *compiler) addText(target, text string) hostapi.FileSpec {
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:])
	c.out.Texts[hash] = []byte(text)
	return hostapi.FileSpec{Target: target, Blob: hash, Size: int64(len(text)), Mode: 0o644}
}

// addHostNames tells every node the addresses of all: of the management segment, or else the first one that a node has.
func (c *compiler) addHostNames() {
	names := map[string]string{}
	for name, spec := range c.nodes {
		if address, ok := nameAddress(spec, c.mgmt); ok {
			names[name] = address.String()
		}
	}
	for _, spec := range c.nodes {
		if len(names) > 0 {
			spec.Hosts = names
		}
	}
}

func nameAddress(spec *hostapi.NodeSpec, mgmt *mgmtPlan) (netip.Addr, bool) {
	if mgmt != nil {
		for _, prefix := range mgmt.addresses[spec.Name] {
			return prefix.Addr(), true
		}
	}
	for _, i := range spec.Interfaces {
		for _, prefix := range i.Addresses {
			if i.Name != egressInterface {
				return prefix.Addr(), true
			}
		}
	}
	return netip.Addr{}, false
}

// invalidNode is a complaint about a node's field.
func invalidNode(node, field, sentence string, args ...any) error {
	return fault.New(fault.Invalid, sentence, args...).InField("topology.nodes." + node + "." + field)
}

// containerLabels are the labels that a container gets: how a node is drawn is nothing of it, and may change while it runs.
func containerLabels(n *lab.Node) map[string]string {
	var labels map[string]string
	for key, value := range n.Labels {
		if strings.HasPrefix(key, lab.DrawingPrefix) {
			continue
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[key] = value
	}
	return labels
}
