package format

import (
	"fmt"
	"net/netip"
	"strconv"

	"go.yaml.in/yaml/v3"

	"trunkline/lab"
)

func exportNode(n *lab.Node) *yaml.Node {
	c := newMapping()
	c.text("kind", string(n.Kind))
	c.text("group", n.Group)
	c.text("image", n.Image)
	if len(n.Entrypoint) > 0 {
		c.text("entrypoint", lab.JoinWords(n.Entrypoint))
	}
	if len(n.Cmd) > 0 {
		c.text("cmd", lab.JoinWords(n.Cmd))
	}
	c.text("hostname", n.Hostname)
	c.text("user", n.User)
	c.texts("env", n.Env)
	exportFiles(c, n)
	if n.CPU != 0 {
		c.add("cpu", plain(strconv.FormatFloat(n.CPU, 'f', -1, 64)))
	}
	c.text("memory", sizeText(n.MemoryBytes))
	c.text("shm-size", sizeText(n.ShmBytes))
	c.texts("sysctls", n.Sysctls)
	c.flowList("cap-add", n.CapAdd)
	c.list("ports", n.Ports)
	exportResolver(c, n.DNS)
	if n.MgmtIPv4.IsValid() {
		c.text("mgmt-ipv4", n.MgmtIPv4.String())
	}
	if n.MgmtIPv6.IsValid() {
		c.text("mgmt-ipv6", n.MgmtIPv6.String())
	}
	if n.NoMgmt {
		c.text("network-mode", "none")
	}
	c.text("restart-policy", n.RestartPolicy)
	c.seconds("startup-delay", n.StartupDelay)
	if n.Run == "stopped" {
		c.add("auto-start", plain("false"))
	}
	exportStages(c, n)
	exportHealthcheck(c, n.Healthcheck)
	c.list("exec", n.Exec)
	exportOwn(c, n)
	exportLabels(c, n)
	return c.node
}

func exportFiles(c mapping, n *lab.Node) {
	var binds []string
	for _, b := range n.Binds {
		text := b.Source + ":" + b.Target
		if b.ReadOnly {
			text += ":ro"
		}
		binds = append(binds, text)
	}
	c.list("binds", binds)
	if n.StartupConfig != nil {
		c.text("startup-config", n.StartupConfig.Path+n.StartupConfig.Inline)
	}
}

func exportLabels(c mapping, n *lab.Node) {
	labels := map[string]string{}
	for k, v := range n.Labels {
		labels[k] = v
	}
	if n.X != nil && n.Y != nil {
		labels["graph-posX"] = strconv.FormatFloat(*n.X, 'f', -1, 64)
		labels["graph-posY"] = strconv.FormatFloat(*n.Y, 'f', -1, 64)
	}
	c.texts("labels", labels)
}

// sizeText writes bytes in the largest of containerlab's units that is exact.
func sizeText(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	for _, u := range []struct {
		name   string
		factor int64
	}{{"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}} {
		if bytes%u.factor == 0 {
			return strconv.FormatInt(bytes/u.factor, 10) + u.name
		}
	}
	return strconv.FormatInt(bytes, 10) + "B"
}

func exportResolver(c mapping, r *lab.Resolver) {
	if r == nil {
		return
	}
	d := newMapping()
	var servers []string
	for _, a := range r.Servers {
		servers = append(servers, a.String())
	}
	d.list("servers", servers)
	d.list("search", r.Search)
	d.list("options", r.Options)
	c.child("dns", d)
}

func exportStages(c mapping, n *lab.Node) {
	all := newMapping()
	for _, stage := range stageNames {
		s := newMapping()
		waits := &yaml.Node{Kind: yaml.SequenceNode}
		for _, w := range n.Stages {
			if w.Stage == stage {
				m := newMapping()
				m.text("node", w.Node)
				m.text("stage", w.NodeStage)
				waits.Content = append(waits.Content, m.node)
			}
		}
		steps := &yaml.Node{Kind: yaml.SequenceNode}
		for _, e := range n.StageExecs {
			if e.Stage == stage {
				m := newMapping()
				m.add("command", scalar(e.Command))
				m.text("phase", e.When)
				steps.Content = append(steps.Content, m.node)
			}
		}
		if len(waits.Content) > 0 {
			s.add("wait-for", waits)
		}
		if len(steps.Content) > 0 {
			s.add("exec", steps)
		}
		all.child(stage, s)
	}
	c.child("stages", all)
}

func exportHealthcheck(c mapping, h *lab.Healthcheck) {
	if h == nil {
		return
	}
	m := newMapping()
	m.add("test", sequence(h.Test, false))
	m.seconds("interval", h.Interval)
	m.seconds("timeout", h.Timeout)
	m.seconds("start-period", h.StartPeriod)
	m.number("retries", int64(h.Retries))
	c.add("healthcheck", m.node)
}

// exportOwn writes the fields that containerlab does not have.
func exportOwn(c mapping, n *lab.Node) {
	interfaces := newMapping()
	for _, i := range n.Interfaces {
		interfaces.add(i.Name, exportInterface(i))
	}
	c.child("interfaces", interfaces)
	if n.Routing != nil {
		c.child("routing", exportRouting(n.Routing))
	}
	c.flag("egress", n.Egress)
	if n.Switch != nil {
		c.child("switch", exportSwitch(n.Switch))
	}
	if n.Internet != nil {
		m := newMapping()
		if n.Internet.Subnet.IsValid() {
			m.text("subnet", n.Internet.Subnet.String())
		}
		if n.Internet.NoDHCP {
			m.add("dhcp", plain("false"))
		}
		c.child("internet", m)
	}
	if n.External != nil {
		m := newMapping()
		m.text("network", n.External.Network)
		m.number("vlan", int64(n.External.VLAN))
		c.child("external", m)
	}
}

func exportInterface(i lab.Interface) *yaml.Node {
	m := flowMapping()
	m.flowList("addresses", prefixTexts(i.Addresses))
	m.text("mac", i.MAC)
	m.number("mtu", int64(i.MTU))
	m.number("access", int64(i.Access))
	m.numbers("trunk", i.Trunk)
	m.number("native", int64(i.Native))
	if i.STP != nil {
		m.child("stp", exportPortSTP(i.STP))
	}
	m.flag("down", i.Down)
	return m.node
}

func prefixTexts(list []netip.Prefix) []string {
	var texts []string
	for _, p := range list {
		texts = append(texts, p.String())
	}
	return texts
}

func exportRouting(r *lab.Routing) mapping {
	c := newMapping()
	if r.RouterID.IsValid() {
		c.text("router-id", r.RouterID.String())
	}
	static := &yaml.Node{Kind: yaml.SequenceNode}
	for _, s := range r.Static {
		m := flowMapping()
		m.text("to", s.To.String())
		if s.Via.IsValid() {
			m.text("via", s.Via.String())
		}
		m.text("dev", s.Dev)
		static.Content = append(static.Content, m.node)
	}
	if len(static.Content) > 0 {
		c.add("static", static)
	}
	if r.OSPF != nil {
		c.child("ospf", exportOSPF(r.OSPF))
	}
	if r.BGP != nil {
		c.child("bgp", exportBGP(r.BGP))
	}
	return c
}

func exportOSPF(o *lab.OSPF) mapping {
	c := newMapping()
	areas := newMapping()
	for _, area := range sortedKeys(o.Areas) {
		areas.add(area, sequence(o.Areas[area], true))
	}
	c.child("areas", areas)
	c.flowList("redistribute", o.Redistribute)
	c.flowList("passive", o.Passive)
	c.flowList("point-to-point", o.PointToPoint)
	c.number("hello", int64(o.HelloSeconds))
	c.number("dead", int64(o.DeadSeconds))
	return c
}

func exportBGP(b *lab.BGP) mapping {
	c := newMapping()
	c.number("as", int64(b.AS))
	peers := &yaml.Node{Kind: yaml.SequenceNode}
	for _, p := range b.Neighbors {
		m := flowMapping()
		m.text("address", p.Address.String())
		m.add("as", plain(fmt.Sprint(p.AS)))
		m.flag("next-hop-self", p.NextHopSelf)
		m.flag("route-reflector-client", p.RouteReflectorClient)
		m.text("update-source", p.UpdateSource)
		peers.Content = append(peers.Content, m.node)
	}
	if len(peers.Content) > 0 {
		c.add("neighbors", peers)
	}
	c.flowList("networks", prefixTexts(b.Networks))
	c.flowList("redistribute", b.Redistribute)
	return c
}
