package fabric

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// onSwitch is a lab of hosts h1, h2, …, each with eth1 at port pN of the one segment.
func onSwitch(id string, hosts int, s hostapi.SegmentSpec) hostapi.LabSpec {
	spec := hostapi.LabSpec{ID: id, Name: id, Generation: 1}
	settings := map[string]hostapi.SegmentPortSpec{}
	for _, p := range s.Ports {
		settings[p.Name] = p
	}
	s.Ports = nil
	for i := 1; i <= hosts; i++ {
		host, port := fmt.Sprintf("h%d", i), fmt.Sprintf("p%d", i)
		spec.Nodes = append(spec.Nodes, nodeSpec(host, iface("eth1", i, 1, fmt.Sprintf("10.0.0.%d/24", i))))
		p := settings[port]
		p.Name = port
		s.Ports = append(s.Ports, p)
		spec.Cables = append(spec.Cables, cable(host, "eth1", s.Name, port))
	}
	spec.Segments = []hostapi.SegmentSpec{s}
	return spec
}

// up starts, plugs and wires.
func (r *rig) up(spec hostapi.LabSpec) {
	r.t.Helper()
	for _, n := range spec.Nodes {
		if r.nodes[n.Name] == nil {
			r.start(n.Name)
		}
	}
	r.plug(spec)
	r.wire(spec)
}

func (r *rig) view(spec hostapi.LabSpec, name string) hostapi.SwitchView {
	r.t.Helper()
	v, err := r.Switch(context.Background(), spec, name)
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// learnt tells where the switch has learnt a host's address, with its VLAN: "p1/10".
func (r *rig) learnt(spec hostapi.LabSpec, name string, host int) string {
	for _, m := range r.view(spec, name).MACs {
		if m.MAC == fmt.Sprintf("02:00:00:00:%02x:01", host) {
			return fmt.Sprintf("%s/%d", m.Port, m.VLAN)
		}
	}
	return ""
}

// heard counts frames that match at a node's eth1 while do runs: at least so many, for which it is patient, and all that come soon after.
func (r *rig) heard(name string, least int, do func(), match func(frame []byte) bool) int {
	r.t.Helper()
	fd := r.wiretap(name, 300*time.Millisecond)
	defer unix.Close(fd)
	do()
	return countFrames(fd, least, match)
}

// icmpOf tells an echo request (8) or reply (0) over IPv4, tagged or not.
func icmpOf(frame []byte) (kind int, ok bool) {
	at := 12
	if len(frame) > 16 && frame[12] == 0x81 && frame[13] == 0 {
		at = 16
	}
	if len(frame) < at+22+1 || frame[at] != 8 || frame[at+1] != 0 || frame[at+2+9] != 1 {
		return 0, false
	}
	return int(frame[at+22]), true
}

func TestALiveChangeOfAPortKeepsWhatOthersLearnt(t *testing.T) {
	r := newRig(t)
	spec := onSwitch("live", 4, hostapi.SegmentSpec{Name: "sw1", Kind: lab.Switch,
		Ports: []hostapi.SegmentPortSpec{{Name: "p1", Access: 10}, {Name: "p2", Access: 10}, {Name: "p3", Access: 10}, {Name: "p4", Access: 20}}})
	r.up(spec)
	r.reaches("h1", "10.0.0.2")
	r.reaches("h1", "10.0.0.3")
	r.reachesNot("h1", "10.0.0.4")
	before := r.view(spec, "sw1")
	at := slices.IndexFunc(before.MACs, func(m hostapi.SwitchMAC) bool { return m.Owner == "h1:eth1" })
	if at < 0 || before.MACs[at].Port != "p1" || before.MACs[at].VLAN != 10 {
		t.Fatalf("h1 isn't where it is: %+v", before.MACs)
	}
	spec.Segments[0].Ports[2].Access, spec.Segments[0].Switch = 20, &lab.SwitchConfig{MACAge: 60, MACTable: 100}
	writes := r.ovs.writes.Load()
	start := time.Now()
	r.wire(spec)
	t.Logf("port p3 to VLAN 20: %s, %d writes", time.Since(start).Round(time.Millisecond), r.ovs.writes.Load()-writes)
	if got := []string{r.learnt(spec, "sw1", 1), r.learnt(spec, "sw1", 2)}; !slices.Equal(got, []string{"p1/10", "p2/10"}) {
		t.Errorf("the addresses of untouched ports are now %q", got)
	}
	r.reaches("h3", "10.0.0.4")
	r.stopsReaching("h1", "10.0.0.3")
	after := r.view(spec, "sw1")
	for i, p := range after.Ports[:2] {
		if p.Number != before.Ports[i].Number || p.In.Frames < before.Ports[i].In.Frames || !p.Oper {
			t.Errorf("port %s was touched: %+v, before %+v", p.Name, p, before.Ports[i])
		}
	}
	if p := after.Ports[2]; p.Mode != "access" || p.Access != 20 || p.Peer != "h3:eth1" || p.Number != 3 {
		t.Errorf("p3 is %+v", p)
	}
	if len(after.VLANs) != 2 || !slices.Equal(after.VLANs[1].Untagged, []string{"p3", "p4"}) {
		t.Errorf("the VLANs are %+v", after.VLANs)
	}
	t.Run("a port that is switched off takes the carrier and its addresses are forgotten", func(t *testing.T) {
		spec.Segments[0].Ports[1].Down = true
		r.wire(spec)
		if r.carrier("h2", "eth1") || r.learnt(spec, "sw1", 2) != "" || r.learnt(spec, "sw1", 1) != "p1/10" {
			t.Errorf("carrier %v, h2 learnt at %q", r.carrier("h2", "eth1"), r.learnt(spec, "sw1", 2))
		}
		if p := r.view(spec, "sw1").Ports[1]; p.Admin || p.Oper {
			t.Errorf("p2 is %+v", p)
		}
		spec.Segments[0].Ports[1].Down = false
		r.wire(spec)
		r.reaches("h1", "10.0.0.2")
	})
	t.Run("the settings are taken back", func(t *testing.T) {
		spec.Segments[0].Switch = nil
		r.wire(spec)
		state, err := r.ovs.observe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		other := state.bridges[r.names.segment("live", "sw1")].other
		if other["mac-aging-time"] != "" || other["mac-table-size"] != "" || r.learnt(spec, "sw1", 1) != "p1/10" {
			t.Errorf("left: %v", other)
		}
	})
}

func TestAHubFloodsAndASwitchDoesNot(t *testing.T) {
	r := newRig(t)
	spec := onSwitch("hub", 3, hostapi.SegmentSpec{Name: "x", Kind: lab.Switch})
	r.up(spec)
	r.reaches("h1", "10.0.0.2")
	overheard := func(least int) int {
		return r.heard("h3", least, func() {
			for range 5 {
				if err := r.ping("h1", "10.0.0.2", 56, patient); err != nil {
					t.Fatal(err)
				}
			}
		}, func(frame []byte) bool { _, ok := icmpOf(frame); return ok })
	}
	if n := overheard(0); n != 0 {
		t.Errorf("a switch showed a third host %d frames", n)
	}
	spec.Segments[0].Kind = lab.Hub
	r.wire(spec)
	r.reaches("h1", "10.0.0.2")
	eventually(t, "a hub to show a third host 10 of 10 frames", func() bool { return overheard(0) == 10 }) // the datapath follows a change within half a second
	if v := r.view(spec, "x"); len(v.MACs) != 0 {
		t.Errorf("a hub learnt %+v", v.MACs)
	}
	kernel, ovs := r.writes.Load(), r.ovs.writes.Load()
	r.wire(spec)
	if r.writes.Load() != kernel || r.ovs.writes.Load() != ovs {
		t.Error("wiring a hub again writes")
	}
}

func TestAMirrorSeesBothDirections(t *testing.T) {
	r := newRig(t)
	spec := onSwitch("mirror", 4, hostapi.SegmentSpec{Name: "sw", Kind: lab.Switch, Switch: &lab.SwitchConfig{Mirrors: []lab.Mirror{{Ports: []string{"p1"}, To: "p3"}}}})
	r.up(spec)
	r.reaches("h1", "10.0.0.2")
	count := func() (requests, replies int) {
		r.heard("h3", 0, func() {
			for range 3 {
				if err := r.ping("h1", "10.0.0.2", 56, patient); err != nil {
					t.Fatal(err)
				}
			}
		}, func(frame []byte) bool {
			if kind, ok := icmpOf(frame); ok && kind == 8 {
				requests++
			} else if ok {
				replies++
			}
			return true
		})
		return requests, replies
	}
	for _, c := range []struct {
		direction         string
		requests, replies int
	}{{"", 3, 3}, {"in", 3, 0}, {"out", 0, 3}} {
		spec.Segments[0].Switch = &lab.SwitchConfig{Mirrors: []lab.Mirror{{Ports: []string{"p1"}, Direction: c.direction, To: "p3"}}}
		r.wire(spec)
		eventually(t, fmt.Sprintf("direction %q to copy %d requests and %d replies", c.direction, c.requests, c.replies), func() bool {
			requests, replies := count() // the datapath follows a change within half a second
			return requests == c.requests && replies == c.replies
		})
	}
	writes := r.ovs.writes.Load()
	r.wire(spec)
	if r.ovs.writes.Load() != writes {
		t.Error("wiring a mirror again writes")
	}
	if v := r.view(spec, "sw"); v.Ports[2].Mode != "mirror" || len(v.Mirrors) != 1 {
		t.Errorf("the view says %+v", v.Ports[2])
	}
	spec.Cables[2].Cut = true // the mirror's own cable, and back
	r.wire(spec)
	spec.Cables[2].Cut = false
	r.wire(spec)
	eventually(t, "the mirror to be back after a cut", func() bool { requests, replies := count(); return requests == 0 && replies == 3 })
	spec.Segments[0].Switch = nil
	r.wire(spec)
	r.reaches("h3", "10.0.0.1") // a port like any other again
}

func TestTagsOfTwoTenantsAreTheirOwn(t *testing.T) {
	r := newRig(t)
	mine := fourHosts()
	r.start("h1", "h2", "h3", "h4")
	r.plug(mine)
	r.wire(mine)
	r.reaches("h1", "10.0.0.2")
	theirs := fourHosts()
	theirs.ID = "theirs"
	theirs.Nodes[1].Interfaces[0].Addresses = nil // their h2 has no address
	nodes := r.nodes
	r.nodes = map[string]*node{}
	r.start("h1", "h2", "h3", "h4")
	r.plug(theirs)
	r.wire(theirs)
	r.reaches("h3", "10.0.0.4")
	for _, to := range []string{"10.0.0.2", "10.0.0.3", "10.0.0.4"} {
		r.reachesNot("h1", to) // VLAN 10 of the other tenant has 10.0.0.2
	}
	r.nodes = nodes
	r.reaches("h1", "10.0.0.2")
}

// triangle is three switches in a ring, with h1 at s1 and h2 at s2.
func triangle(protocol string) hostapi.LabSpec {
	root := 4096
	s := func(name string, ports ...string) hostapi.SegmentSpec {
		seg := hostapi.SegmentSpec{Name: name, Kind: lab.Switch, STP: protocol}
		for _, p := range ports {
			seg.Ports = append(seg.Ports, hostapi.SegmentPortSpec{Name: p})
		}
		return seg
	}
	spec := hostapi.LabSpec{ID: "ring", Name: "ring", Generation: 1,
		Nodes:    []hostapi.NodeSpec{nodeSpec("h1", iface("eth1", 1, 1, "10.0.0.1/24")), nodeSpec("h2", iface("eth1", 2, 1, "10.0.0.2/24"))},
		Segments: []hostapi.SegmentSpec{s("s1", "p1", "p2", "p3"), s("s2", "p1", "p2", "p3"), s("s3", "p1", "p2")},
		Cables: []hostapi.CableSpec{cable("s1", "p1", "s2", "p1"), cable("s2", "p2", "s3", "p2"), cable("s3", "p1", "s1", "p2"),
			cable("h1", "eth1", "s1", "p3"), cable("h2", "eth1", "s2", "p3")},
	}
	spec.Segments[0].Switch = &lab.SwitchConfig{Priority: &root}
	for i := range spec.Segments[:2] {
		spec.Segments[i].Ports[2].STP = &lab.PortSTP{Edge: true}
	}
	return spec
}

func TestARingOfSwitchesWithRSTPDoesNotLoopAndHeals(t *testing.T) {
	r := newRig(t)
	spec := triangle("rstp")
	start := time.Now()
	r.up(spec)
	eventually(t, "the ring to carry", func() bool { return r.ping("h1", "10.0.0.2", 56, time.Second) == nil })
	t.Logf("from nothing to the first ping: %.2f s", time.Since(start).Seconds())
	settled := func() bool {
		discarding := 0
		for _, s := range []string{"s1", "s2", "s3"} {
			for _, p := range r.view(spec, s).Ports {
				if p.State != "forwarding" && p.Peer[0] == 's' {
					discarding++
				}
			}
		}
		return discarding == 1
	}
	eventually(t, "one port of the ring to discard", settled)
	root := r.view(spec, "s1")
	if !root.Tree.IsRoot || !strings.HasPrefix(root.Tree.Bridge, "4096.") || root.Tree.Hello != 2 {
		t.Errorf("s1 is to be the root: %+v", root.Tree)
	}
	if v := r.view(spec, "s2"); v.Tree.Root != root.Tree.Bridge || v.Tree.RootPort != "p1" || v.Ports[0].Role != "root" || v.Ports[0].Cost == 0 {
		t.Errorf("s2 says %+v, %+v", v.Tree, v.Ports[0])
	}
	broadcast := frameTo("ff:ff:ff:ff:ff:ff", 0x88, 0xb5, 1, 2, 3)
	copies := r.heard("h2", 1, func() {
		fd := r.wiretap("h1", time.Second)
		defer unix.Close(fd)
		if _, err := unix.Write(fd, broadcast); err != nil {
			t.Fatal(err)
		}
	}, func(frame []byte) bool { return string(frame) == string(broadcast) })
	if copies != 1 {
		t.Errorf("a broadcast came %d times", copies)
	}
	spec.Cables[0].Cut = true
	start = time.Now()
	r.wire(spec)
	eventually(t, "the ring to heal", func() bool { return r.ping("h1", "10.0.0.2", 56, 100*time.Millisecond) == nil })
	t.Logf("from the cut of the link in use to the next ping: %.2f s", time.Since(start).Seconds())
	eventually(t, "the root to be behind p2", func() bool { return r.view(spec, "s2").Tree.RootPort == "p2" })
	spec.Cables[0].Cut = false
	spec.Segments[1].Ports[1].STP = &lab.PortSTP{Cost: 100000}
	r.wire(spec)
	eventually(t, "the mended link to be used", func() bool {
		v := r.view(spec, "s2")
		return v.Tree.RootPort == "p1" && v.Ports[1].Cost == 100000 && settled()
	})
	r.reaches("h1", "10.0.0.2")
}

// knows has a node know a neighbour's hardware address for good.
func (r *rig) knows(name, address, mac string) {
	r.t.Helper()
	check(r.t, r.in(name, func() error {
		link, err := netlink.LinkByName("eth1")
		if err != nil {
			return err
		}
		return netlink.NeighSet(&netlink.Neigh{LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT, IP: net.ParseIP(address), HardwareAddr: must(net.ParseMAC(mac))})
	}))
}

func TestACutOneWayKeepsTheCarrier(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("oneway")
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
	r.knows("r1", "10.0.0.2", spec.Nodes[1].Interfaces[0].MAC) // for good: a question would get no answer
	r.knows("r2", "10.0.0.1", spec.Nodes[0].Interfaces[0].MAC)
	answers := 0
	pings := func(from, to string) (arrived int) {
		return r.heard(to, 0, func() {
			for range 3 {
				if err := r.ping(from, map[string]string{"r1": "10.0.0.1", "r2": "10.0.0.2"}[to], 56, 50*time.Millisecond); err == nil {
					answers++ // though nothing passes in one direction
				}
			}
		}, func(frame []byte) bool { kind, ok := icmpOf(frame); return ok && kind == 8 })
	}
	passes := func(there, back int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d of 3 frames to pass from r1 to r2 and %d back, and no answer", there, back), func() bool {
			answers = 0
			return pings("r1", "r2") == there && pings("r2", "r1") == back && answers == 0
		})
	}
	spec.Cables[0].AtoB.Loss = 100
	r.wire(spec)
	if !r.carrier("r1", "eth1") || !r.carrier("r2", "eth1") {
		t.Error("the carrier went")
	}
	passes(0, 3)
	spec.Cables[0].AtoB, spec.Cables[0].BtoA = lab.Impairment{}, lab.Impairment{Loss: 100, Delay: time.Second}
	r.wire(spec) // no limit, though the kernel has no netem
	passes(3, 0)
	spec.Cables[0].BtoA = lab.Impairment{}
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
}

func TestAnEndIsMovedWhilePinging(t *testing.T) {
	r := newRig(t)
	spec := hostapi.LabSpec{ID: "move", Name: "move", Generation: 1, Nodes: []hostapi.NodeSpec{
		nodeSpec("h", iface("eth1", 1, 1, "10.0.0.1/24")), nodeSpec("r1", iface("eth1", 2, 1, "10.0.0.2/24")), nodeSpec("r2", iface("eth2", 3, 2, "10.0.0.2/24")),
		nodeSpec("x", iface("eth1", 4, 1, "10.1.0.1/24")), nodeSpec("y", iface("eth1", 5, 1, "10.1.0.2/24"))},
		Cables: []hostapi.CableSpec{cable("h", "eth1", "r1", "eth1"), cable("x", "eth1", "y", "eth1")}}
	spec.Nodes[2].Interfaces[0].MAC = spec.Nodes[1].Interfaces[0].MAC // a spare of the first, so that no ARP entry has to time out
	r.up(spec)
	r.reaches("h", "10.0.0.2")
	r.reaches("x", "10.1.0.2")
	index := r.linksIn("h")["eth1"].Attrs().Index
	stop, last, gap := make(chan struct{}), time.Now(), time.Duration(0)
	lost := make(chan int, 1)
	go func() { // ends with stop; the only one that touches last and gap meanwhile
		n := 0
		for {
			select {
			case <-stop:
				lost <- n
				return
			default:
			}
			switch {
			case r.ping("h", "10.0.0.2", 56, 200*time.Millisecond) == nil:
				gap = max(gap, time.Since(last))
				last = time.Now()
			case r.ping("x", "10.1.0.2", 56, 200*time.Millisecond) != nil:
				last = time.Now() // the machine stands still: nothing passes anywhere
			default:
				n++
			}
		}
	}()
	spec.Cables[0] = cable("h", "eth1", "r2", "eth2")
	start := time.Now()
	r.wire(spec)
	took := time.Since(start)
	r.reaches("h", "10.0.0.2")
	close(stop)
	n := <-lost
	t.Logf("an end moved in %s; the ping paused for %s (%d lost)", took.Round(time.Millisecond), gap.Round(time.Millisecond), n)
	if gap > 5*time.Second {
		t.Errorf("the break was %s", gap)
	}
	if r.linksIn("h")["eth1"].Attrs().Index != index || r.carrier("r1", "eth1") || !r.carrier("r2", "eth2") {
		t.Error("the ends are not what they should be")
	}
	r.reaches("x", "10.1.0.2")
}
