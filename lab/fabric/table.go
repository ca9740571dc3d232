package fabric

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

var _ host.SwitchTeller = (*Fabric)(nil)

// otherHosts is the name of the ports by which a lan reaches its parts on other hosts. Where those are is not the lab's to know.
const otherHosts = "other hosts"

// Switch implements host.SwitchTeller.
func (f *Fabric) Switch(ctx context.Context, spec hostapi.LabSpec, name string) (hostapi.SwitchView, error) {
	i := slices.IndexFunc(spec.Segments, func(s hostapi.SegmentSpec) bool { return s.Name == name })
	if i < 0 {
		return hostapi.SwitchView{}, fault.New(fault.NotFound, "The lab has no switch %s on this host.", name)
	}
	t := &tables{f: f, spec: spec, s: spec.Segments[i], bridge: f.names.segment(spec.ID, name)}
	t.view = hostapi.SwitchView{Name: name, Kind: t.s.Kind, At: time.Now(), MACs: []hostapi.SwitchMAC{}, VLANs: []hostapi.SwitchVLAN{}}
	if err := t.ports(ctx); err != nil {
		return hostapi.SwitchView{}, err
	}
	if err := t.macs(ctx); err != nil {
		return hostapi.SwitchView{}, err
	}
	t.view.ListVLANs()
	if t.s.STP != "" {
		if err := t.tree(ctx); err != nil {
			return hostapi.SwitchView{}, err
		}
	}
	if t.s.Controller != nil {
		t.controller()
	}
	if t.s.Switch != nil {
		t.view.Mirrors = t.s.Switch.Mirrors
	}
	return t.view, nil
}

// tables reads one segment.
type tables struct {
	f      *Fabric
	spec   hostapi.LabSpec
	s      hostapi.SegmentSpec
	bridge string
	view   hostapi.SwitchView
	byName map[string]*hostapi.SwitchPort // by the name of Open vSwitch's port
	byNum  map[string]*hostapi.SwitchPort // by OpenFlow number, as text
}

// livePort is a port as OpenFlow describes it.
type livePort struct {
	name string
	up   bool
}

func (t *tables) ports(ctx context.Context) error {
	described, err := t.f.ovs.ofctl(ctx, "dump-ports-desc", t.bridge)
	if err != nil {
		if _, gone := t.f.ovs.read(ctx, "br-exists", t.bridge); gone != nil && ctx.Err() == nil {
			return fault.Wrap(err, fault.Conflict, "Switch %s isn't made yet. Try again when the lab runs.", t.s.Name)
		}
		return err
	}
	counted, err := t.f.ovs.ofctl(ctx, "dump-ports", t.bridge)
	if err != nil {
		return err
	}
	live, counters := parsePortDesc(described), parsePorts(counted)
	numbers := map[string]string{}
	for number, p := range live {
		numbers[p.name] = number
	}
	peers, cut := t.peers()
	t.byName, t.byNum = map[string]*hostapi.SwitchPort{}, map[string]*hostapi.SwitchPort{}
	t.view.Ports = make([]hostapi.SwitchPort, 0, len(t.s.Ports)+1)
	add := func(p hostapi.SwitchPort, names ...string) {
		t.view.Ports = append(t.view.Ports, p)
		last := &t.view.Ports[len(t.view.Ports)-1]
		for _, name := range names {
			number, there := numbers[name]
			if !there {
				continue
			}
			t.byName[name], t.byNum[number] = last, last
			n, _ := strconv.Atoi(number)
			last.Number, last.Oper = n, last.Oper || live[number].up && !cut[p.Name]
			last.In = last.In.Plus(counters[number].In)
			last.Out = last.Out.Plus(counters[number].Out)
		}
	}
	for _, p := range t.s.Ports {
		add(t.port(p, peers[p.Name]), t.f.names.joinSegment(t.spec.ID, t.s.Name, p.Name))
	}
	if len(t.s.Peers) > 0 {
		var names []string
		for _, peer := range t.s.Peers {
			names = append(names, t.f.names.meshSegment(t.spec.ID, t.s.Name, peer.Unmap()))
		}
		add(hostapi.SwitchPort{Name: otherHosts, Admin: true, Mode: "all"}, names...)
	}
	return nil
}

// port is what the settings say of a port.
func (t *tables) port(p hostapi.SegmentPortSpec, peer string) hostapi.SwitchPort {
	v := vlanOf(p)
	port := hostapi.SwitchPort{Name: p.Name, Peer: peer, Admin: !p.Down, Mode: "all", Trunk: v.trunks}
	switch v.mode {
	case "access":
		port.Mode, port.Access = "access", v.tag
	case "native-untagged":
		port.Mode, port.Native = "native", v.tag
	case "trunk":
		port.Mode = "trunk"
	}
	if t.s.Switch != nil && slices.ContainsFunc(t.s.Switch.Mirrors, func(m lab.Mirror) bool { return m.To == p.Name }) {
		port.Mode = "mirror"
	}
	if p.STP != nil {
		port.Edge = p.STP.Edge
	}
	return port
}

// peers are what the ports' cables lead to, and the ports whose cable is cut.
func (t *tables) peers() (peers map[string]string, cut map[string]bool) {
	peers, cut = map[string]string{}, map[string]bool{}
	for _, c := range t.spec.Cables {
		for _, way := range [][2]hostapi.PortRef{{c.A, c.B}, {c.B, c.A}} {
			if way[0].Node == t.s.Name {
				peers[way[0].Interface], cut[way[0].Interface] = way[1].Node+":"+way[1].Interface, c.Cut
			}
		}
	}
	return peers, cut
}

// macs reads what was learnt: lines of port, VLAN, address and age.
func (t *tables) macs(ctx context.Context) error {
	out, err := t.f.ovs.appctl(ctx, "fdb/show", t.bridge)
	if err != nil {
		return err
	}
	owners := map[string]string{}
	for _, n := range t.spec.Nodes {
		for _, i := range n.Interfaces {
			owners[strings.ToLower(i.MAC)] = n.Name + ":" + i.Name
		}
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) != 4 || t.byNum[fields[0]] == nil {
			continue
		}
		vlan, _ := strconv.Atoi(fields[1])
		age, _ := strconv.Atoi(fields[3]) // "static" is none
		t.view.MACs = append(t.view.MACs, hostapi.SwitchMAC{MAC: fields[2], VLAN: vlan, Port: t.byNum[fields[0]].Name, Age: age, Owner: owners[fields[2]]})
	}
	slices.SortFunc(t.view.MACs, func(a, b hostapi.SwitchMAC) int {
		if a.VLAN != b.VLAN {
			return a.VLAN - b.VLAN
		}
		return strings.Compare(a.MAC, b.MAC)
	})
	return nil
}

func (t *tables) tree(ctx context.Context) error {
	out, err := t.f.ovs.appctl(ctx, t.s.STP+"/show", t.bridge)
	if err != nil {
		return err
	}
	tree, ports := parseTree(string(out))
	tree.Protocol = t.s.STP
	for name, p := range t.byName {
		if name == tree.RootPort {
			tree.RootPort = p.Name
		}
		if state, ok := ports[name[:min(len(name), treeName)]]; ok {
			p.Role, p.State, p.Cost = state.role, state.state, state.cost
		}
	}
	t.view.Tree = &tree
	return nil
}

func (t *tables) controller() {
	c := &hostapi.SwitchController{Problem: "The switch has not asked for its controller yet."}
	t.f.relaying.Lock()
	defer t.f.relaying.Unlock()
	if r := t.f.relays[t.bridge]; r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		c.Refused, c.Connected = r.refused, r.joined > 0
		if c.Connected || r.problem != "" {
			c.Problem = r.problem
		}
	}
	t.view.Controller = c
}

// treeName is how much of a port's name the table of a spanning tree shows.
const treeName = 10

// treeState is what a spanning tree says of a port.
type treeState struct {
	role, state string
	cost        int
}

// parseTree reads ovs-appctl stp/show or rstp/show: the root's identity and timers, the bridge's own, and a table of ports.
func parseTree(text string) (tree hostapi.SwitchTree, ports map[string]treeState) {
	ports = map[string]treeState{}
	section, priority := "", map[string]string{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "Root ID"), strings.HasPrefix(line, "Bridge ID"):
			section = fields[0]
		case strings.Contains(line, "This bridge is the root"):
			tree.IsRoot = true
		case len(fields) == 5 && strings.Contains(fields[4], ".") && fields[0] != "Interface":
			cost, _ := strconv.Atoi(fields[3])
			ports[fields[0]] = treeState{strings.ToLower(fields[1]), strings.ToLower(fields[2]), cost}
		case len(fields) == 2 && section != "":
			key := strings.TrimPrefix(fields[0], "stp-")
			number, _ := strconv.Atoi(strings.TrimSuffix(fields[1], "s"))
			switch {
			case key == "priority":
				priority[section] = fields[1]
			case key == "system-id" && section == "Root":
				tree.Root = priority[section] + "." + fields[1]
			case key == "system-id":
				tree.Bridge = priority[section] + "." + fields[1]
			case key == "root-port":
				tree.RootPort = fields[1]
			case key == "root-path-cost":
				tree.RootCost = number
			case key == "hello-time" && section == "Root":
				tree.Hello = number
			case key == "max-age" && section == "Root":
				tree.MaxAge = number
			case key == "fwd-delay" && section == "Root":
				tree.ForwardDelay = number
			}
		}
	}
	return tree, ports
}

var portHead = regexp.MustCompile(`^ (\w+)\((.+)\): addr:`)

// parsePortDesc reads ovs-ofctl dump-ports-desc: ports by number.
func parsePortDesc(out []byte) map[string]livePort {
	ports, current := map[string]livePort{}, ""
	for line := range strings.Lines(string(out)) {
		if m := portHead.FindStringSubmatch(line); m != nil {
			current = m[1]
			ports[current] = livePort{name: m[2], up: true}
			continue
		}
		if p, ok := ports[current]; ok && (strings.Contains(line, "LINK_DOWN") || strings.Contains(line, "PORT_DOWN")) {
			p.up = false
			ports[current] = p
		}
	}
	return ports
}

// portCounters are what came in and went out of a port.
type portCounters struct{ In, Out hostapi.Counter }

var portField = regexp.MustCompile(`(\w+)=(\d+)`)

// parsePorts reads ovs-ofctl dump-ports: counters by number. A counter that the port does not have is "?".
func parsePorts(out []byte) map[string]portCounters {
	all, current := map[string]portCounters{}, ""
	for line := range strings.Lines(string(out)) {
		if rest, ok := strings.CutPrefix(line, "  port "); ok {
			number, _, _ := strings.Cut(rest, ":")
			current = strings.TrimSpace(number)
		}
		c := all[current]
		side := &c.In
		if strings.Contains(line, " tx pkts=") {
			side = &c.Out
		} else if !strings.Contains(line, " rx pkts=") {
			continue
		}
		for _, m := range portField.FindAllStringSubmatch(line, -1) {
			n, _ := strconv.ParseUint(m[2], 10, 64)
			switch m[1] {
			case "pkts":
				side.Frames = n
			case "bytes":
				side.Bytes = n
			case "drop":
				side.Dropped = n
			case "errs":
				side.Errors = n
			}
		}
		all[current] = c
	}
	return all
}

// ofctl runs an OpenFlow request that changes nothing.
func (v *vswitch) ofctl(ctx context.Context, request, bridge string) ([]byte, error) {
	v.reads.Add(1)
	return v.run(ctx, nil, "ovs-ofctl", fmt.Sprintf("--timeout=%d", ovsTimeout), "--protocols=OpenFlow13", request, bridge)
}

// appctl asks the switch daemon.
func (v *vswitch) appctl(ctx context.Context, args ...string) ([]byte, error) {
	v.reads.Add(1)
	return v.run(ctx, nil, "ovs-appctl", append([]string{fmt.Sprintf("--timeout=%d", ovsTimeout), "--target=ovs-vswitchd"}, args...)...)
}
