package fabric

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// tenants is two tenants' labs on the same three hosts, alike in everything: names, addresses, MAC addresses, tags. Each has a lan with a member
// on every host and a cable from the first host to the second.
type tenants struct {
	*farm
	labs  map[string][]*farmHost // of a tenant: its nodes on each host
	sight *sightings
	mark  atomic.Int64
	table [][2]string // probe and result
}

var tenantVNIs = map[string][2]uint32{"red": {7001, 7002}, "blue": {8001, 8002}}

func newTenants(t *testing.T) *tenants {
	f := newFarm(t, 3)
	f.meetWell()
	x := &tenants{farm: f, labs: map[string][]*farmHost{}}
	for tenant, vnis := range tenantVNIs {
		for i, h := range f.hosts {
			view := *h
			view.rig = &rig{Fabric: f.Fabric, t: t, nodes: map[string]*node{}}
			spec := meshPart(tenant, vnis[0], f.others(h), i+1)
			if i < 2 {
				name := fmt.Sprint("x", i+1)
				across := acrossTo(name, vnis[1], f.hosts[1-i].addr.String())
				spec.Nodes = append(spec.Nodes, nodeSpec(name, iface("eth1", 100+i, 1, fmt.Sprintf("10.0.9.%d/24", i+1))))
				across.ID = "across"
				spec.Cables = append(spec.Cables, across)
			}
			view.deploy(spec)
			x.labs[tenant] = append(x.labs[tenant], &view)
		}
	}
	x.sight = x.watch()
	return x
}

// marked is a frame whose body can be told from every other.
func (x *tenants) marked(dst string, body ...byte) (frame []byte, mark int64) {
	mark = x.mark.Add(1)
	return append(frameTo(dst, body...)[:12+len(body)], fmt.Sprintf("MARK-%08d-%060d", mark, 0)...), mark
}

// send puts a frame on a node's wire.
func (x *tenants) send(tenant string, host int, name string, frame []byte) {
	x.t.Helper()
	out := x.labs[tenant][host].wiretap(name, time.Second)
	defer unix.Close(out)
	if _, err := unix.Write(out, frame); err != nil {
		x.t.Fatal(err)
	}
}

// fence sends a frame over every lan and cable, again after a while, and waits until one has come everywhere: what was sent before has come too, or
// never will.
func (x *tenants) fence() {
	x.t.Helper()
	for tenant := range tenantVNIs {
		for _, way := range []struct {
			from string
			to   []string
		}{{"n1", []string{"n2", "n3"}}, {"x1", []string{"x2"}}} {
			eventually(x.t, fmt.Sprintf("a frame of %s's %s at %s", tenant, way.from, way.to), func() bool {
				frame, mark := x.marked("ff:ff:ff:ff:ff:ff", 0x88, 0xb6)
				x.send(tenant, 0, way.from, frame)
				return waitFor(5*time.Second, "", func() bool {
					seen := x.sight.at(mark)
					return !slices.ContainsFunc(way.to, func(to string) bool { return !seen[tenant+" "+to] })
				}) == nil
			})
		}
	}
}

// probe sends something with a mark and notes where it was seen: nowhere but at owners that may see it.
func (x *tenants) probe(what string, mark int64, allowed ...string) {
	x.t.Helper()
	x.fence()
	var wrong []string
	wireOnly := true
	for place := range x.sight.at(mark) {
		owner, _, _ := strings.Cut(place, " ")
		wireOnly = wireOnly && (owner == "underlay" || strings.HasPrefix(owner, "vni-"))
		if !slices.Contains(allowed, owner) {
			wrong = append(wrong, place)
		}
	}
	slices.Sort(wrong)
	result := fmt.Sprintf("seen at %d places, all its own", len(x.sight.at(mark)))
	if len(wrong) > 0 {
		result = "CROSSED: " + strings.Join(wrong, ", ")
		x.t.Errorf("%s: %s", what, result)
	} else if wireOnly {
		result = "let in nowhere: seen on the underlay's wires alone"
	}
	x.note(what, result)
}

func (x *tenants) note(what, result string) { x.table = append(x.table, [2]string{what, result}) }

func (x *tenants) print() {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PROBE\tRESULT")
	for _, row := range x.table {
		fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	w.Flush()
	x.t.Logf("isolation of two tenants on three hosts:\n%s", text.String())
}

// forged is a VXLAN packet with a frame in it, as bytes on a wire.
func forged(mac net.HardwareAddr, src, dst netip.Addr, vni uint32, inner []byte, tags ...byte) []byte {
	vxlan := append(binary.BigEndian.AppendUint32([]byte{8, 0, 0, 0}, vni<<8), inner...)
	udp := binary.BigEndian.AppendUint16(nil, 40000)
	udp = binary.BigEndian.AppendUint16(udp, vxlanPort)
	udp = append(binary.BigEndian.AppendUint16(udp, uint16(8+len(vxlan))), 0, 0)
	udp = append(udp, vxlan...)
	ip := append(binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(20+len(udp))), 0, 1, 0, 0, 64, 17, 0, 0)
	ip = append(append(ip, src.AsSlice()...), dst.AsSlice()...)
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum+sum>>16))
	return slices.Concat(mac, net.HardwareAddr{2, 0, 0, 0, 1, 1}, tags, []byte{8, 0}, ip, udp)
}

func TestTenantsAreIsolated(t *testing.T) {
	x := newTenants(t)
	defer x.print()
	x.fence()
	vnis := func(tenant string) []string {
		return []string{tenant, fmt.Sprint("vni-", tenantVNIs[tenant][0]), fmt.Sprint("vni-", tenantVNIs[tenant][1])}
	}
	for _, tenant := range []string{"red", "blue"} {
		for _, c := range []struct {
			what, dst string
			body      []byte
		}{
			{"a broadcast", "ff:ff:ff:ff:ff:ff", []byte{0x88, 0xb6}},
			{"a frame to an address both tenants have", "02:00:00:00:02:01", []byte{0x88, 0xb6}},
			{"a frame to an address nobody has", "02:ff:ff:ff:ff:ff", []byte{0x88, 0xb6}},
			{"a multicast", "01:00:5e:00:00:fb", []byte{0x88, 0xb6}},
			{"a broadcast in VLAN 100", "ff:ff:ff:ff:ff:ff", []byte{0x81, 0, 0, 100, 0x88, 0xb6}},
			{"a broadcast with two tags", "ff:ff:ff:ff:ff:ff", []byte{0x88, 0xa8, 0, 200, 0x81, 0, 0, 100, 0x88, 0xb6}},
			{"a broadcast with the tag that tunnels use", "ff:ff:ff:ff:ff:ff", []byte{0x81, 0, 0x0f, 0xff, 0x88, 0xb6}},
			{"a spanning tree BPDU", "01:80:c2:00:00:00", []byte{0, 0x26, 0x42, 0x42, 3}},
			{"LLDP", "01:80:c2:00:00:0e", []byte{0x88, 0xcc}},
		} {
			for _, from := range []string{"n1", "x1"} {
				frame, mark := x.marked(c.dst, c.body...)
				x.send(tenant, 0, from, frame)
				x.probe(fmt.Sprintf("%s of %s from %s", c.what, tenant, map[string]string{"n1": "its lan", "x1": "its cable"}[from]), mark, vnis(tenant)...)
			}
		}
	}
	x.forgeFromOutside()
	x.forgeFromInside(vnis("red"))
	x.speakAsAnAgent()
	x.floodAddresses()
}

// control is the proof that what is forged below would be let in if it came from the right place.
const control = "control: VXLAN made by hand on the host that has the other end of red's cable"

// forgeFromOutside sends tunnel packets from an address that is no peer, and from a host that has no part of what it names.
func (x *tenants) forgeFromOutside() {
	third, err := net.ListenPacket("udp4", ":0")
	check(x.t, err)
	defer third.Close()
	var fromC net.PacketConn
	check(x.t, x.inHost(x.hosts[2], func() (err error) { fromC, err = net.ListenPacket("udp4", ":0"); return err }))
	defer fromC.Close()
	var fromB net.PacketConn
	check(x.t, x.inHost(x.hosts[1], func() (err error) { fromB, err = net.ListenPacket("udp4", ":0"); return err }))
	defer fromB.Close()
	for _, c := range []struct {
		what string
		from net.PacketConn
		vni  uint32
	}{
		{control, fromB, 7002},
		{"forged VXLAN from a third address with the identifier of red's lan", third, 7001},
		{"forged VXLAN from a third address with the identifier of blue's cable", third, 8002},
		{"forged VXLAN from a third address with the identifier of the hosts' signals", third, signalVNI},
		{"VXLAN from a host that has no end of blue's cable", fromC, 8002},
		{"VXLAN from a peer with an identifier nobody has", fromC, 9999},
	} {
		inner, mark := x.marked("ff:ff:ff:ff:ff:ff", 0x88, 0xb6)
		for range 3 {
			packet := append(binary.BigEndian.AppendUint32([]byte{8, 0, 0, 0}, c.vni<<8), inner...)
			_, err := c.from.WriteTo(packet, net.UDPAddrFromAddrPort(netip.AddrPortFrom(x.hosts[0].addr, vxlanPort)))
			check(x.t, err)
		}
		// On the underlay it may be seen: the host's kernel quotes it when it tells the sender that nobody listens.
		if c.what == control {
			eventually(x.t, "what an agent's peer sends by hand", func() bool { return x.sight.at(mark)["red x1"] })
			x.probe(c.what, mark, "red", "vni-7002", "underlay")
			continue
		}
		x.probe(c.what, mark, fmt.Sprint("vni-", c.vni), "underlay")
	}
}

// forgeFromInside has a node of red send tunnel packets, as if from another host, into blue's networks.
func (x *tenants) forgeFromInside(allowed []string) {
	a, b := x.hosts[0], x.hosts[1]
	var macs []net.HardwareAddr
	check(x.t, x.inHost(a, func() error {
		// As a machine's network manager might: the bridge's own port gets an address, and would be taken for the end of tunnels.
		if err := netlink.LinkSetUp(must(netlink.LinkByName(newNamer(a.name).segment("red", "lan1")))); err != nil {
			return err
		}
		for _, name := range []string{"br-phy", newNamer(a.name).segment("red", "lan1"), a.panel()} {
			macs = append(macs, must(netlink.LinkByName(name)).Attrs().HardwareAddr)
		}
		return nil
	}))
	macs = append(macs, net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	for i, to := range []string{"the tunnels' bridge", "its own segment's bridge", "the panel", "everybody"} {
		for _, from := range []string{"n1", "x1"} {
			for tags, name := range map[string]string{"": "", "\x81\x00\x0f\xff": " with the tag that tunnels use"} {
				inner, mark := x.marked("ff:ff:ff:ff:ff:ff", 0x88, 0xb6)
				for _, vni := range []uint32{8001, 8002} {
					x.send("red", 0, from, forged(macs[i], b.addr, a.addr, vni, inner, []byte(tags)...))
				}
				x.probe(fmt.Sprintf("VXLAN of blue forged in red's %s to %s%s", from, to, name), mark, allowed...)
			}
		}
	}
}

// speakAsAnAgent has nodes send the agents' frames, telling that cables have no carrier.
func (x *tenants) speakAsAnAgent() {
	lie := stateSignal{instance: 99, sequence: 1 << 30, parts: 1}.encode(x.hosts[1].addr)
	for _, dst := range []string{agentMAC, reflectMAC, reflectedMAC} {
		frame := slices.Concat(macBytes(dst), lie[6:])
		mark := x.mark.Add(1)
		frame = append(frame, fmt.Sprintf("MARK-%08d-", mark)...)
		for _, from := range []string{"n1", "x1"} {
			x.send("red", 0, from, frame)
		}
		x.probe("a frame of the agents' type from a node, to "+dst, mark, "red", "vni-7001", "vni-7002")
	}
	for tenant, views := range x.labs {
		if !views[0].carrier("x1", "eth1") || !views[1].carrier("x2", "eth1") {
			x.t.Errorf("%s's cable lost its carrier", tenant)
		}
	}
	x.note("carrier after nodes said as agents that it is gone", "unchanged")
}

// floodAddresses fills the table of red's segment and looks at blue's.
func (x *tenants) floodAddresses() {
	const stations = 12000
	red, blue := x.labs["red"][0], x.labs["blue"][0]
	tableOf := func(tenant string) (own int) {
		table := x.hosts[0].ovs("ovs-appctl", "fdb/show", newNamer(x.hosts[0].name).segment(tenant, "lan1"))
		return strings.Count(table, "\n") - 1
	}
	x.sight.stop()
	before := tableOf("blue")
	tap := red.wiretap("n1", time.Second)
	defer unix.Close(tap)
	frame := frameTo("ff:ff:ff:ff:ff:ff", 0x88, 0xb6)
	lost, pings := 0, 0
	for i := range stations {
		binary.BigEndian.PutUint32(frame[8:], uint32(i))
		copy(frame[6:], []byte{2, 0xee})
		if _, err := unix.Write(tap, frame); err != nil {
			x.t.Fatal(err)
		}
		if i%1000 == 500 {
			pings++
			if blue.ping("n1", "10.0.0.2", 56, patient) != nil {
				lost++
			}
		}
	}
	after, flooded := tableOf("blue"), tableOf("red")
	if lost > 0 || after > before || flooded < 100 {
		x.t.Errorf("%d of %d pings of blue were lost; its table has %d stations, before %d; red's has %d", lost, pings, after, before, flooded)
	}
	x.note(fmt.Sprintf("%d source addresses sent in red's lan", stations),
		fmt.Sprintf("blue's table has %d stations as before, red's %d; %d of %d pings of blue lost meanwhile", after, flooded, lost, pings))
}

// inHost runs do inside a host's namespace.
func (x *tenants) inHost(h *farmHost, do func() error) error {
	return (&rig{Fabric: x.Fabric, nodes: map[string]*node{"": {pid: h.cmd.Process.Pid}}}).in("", do)
}
