package fabric

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/lab/hostapi"
)

// outsideOf makes a device whose other end is eth1 of a namespace that stands for the network outside.
func (r *rig) outsideOf(device string) {
	r.t.Helper()
	r.start("outside")
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: device, MTU: 1500, TxQLen: -1}, PeerName: "eth1", PeerNamespace: netlink.NsPid(r.nodes["outside"].pid)}
	check(r.t, netlink.LinkAdd(veth))
	r.t.Cleanup(func() { netlink.LinkDel(veth) })
	check(r.t, r.in("outside", func() error {
		link, err := netlink.LinkByName("eth1")
		if err == nil {
			err = netlink.AddrAdd(link, addrOf(netip.MustParsePrefix("10.0.0.254/24")))
		}
		if err == nil {
			err = r.checksumInSoftware("eth1")
		}
		if err == nil {
			err = netlink.LinkSetUp(link)
		}
		return err
	}))
}

// outsider is a lab with one node, named like the lab, that is cabled to an external.
func outsider(id string, number int, device string, vlan int) hostapi.LabSpec {
	return hostapi.LabSpec{ID: id, Name: id, Generation: 1,
		Nodes:     []hostapi.NodeSpec{nodeSpec(id, iface("eth1", number, 1, fmt.Sprintf("10.0.0.%d/24", number)))},
		Externals: []hostapi.ExternalSpec{{Name: "world", Device: device, VLAN: vlan, Ports: []string{"p1"}}},
		Cables:    []hostapi.CableSpec{cable(id, "eth1", "world", "p1")}}
}

// passes sends a frame from one node and says at which of the others it arrives once, as what it is expected to be there. Where it is wanted it is
// waited for.
func (r *rig) passes(from string, frame []byte, expected map[string][]byte, wanted string) map[string]bool {
	r.t.Helper()
	taps := map[string]int{}
	for name := range expected {
		taps[name] = r.wiretap(name, 300*time.Millisecond)
		defer unix.Close(taps[name])
	}
	out := r.wiretap(from, time.Second)
	defer unix.Close(out)
	if _, err := unix.Write(out, frame); err != nil {
		r.t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, least := range []int{1, 0} {
		for name, tap := range taps {
			if strings.Contains(wanted, name+":true") == (least == 1) {
				seen[name] = countFrames(tap, least, same(expected[name])) == 1
			}
		}
	}
	return seen
}

func TestLabsAreJoinedWithADeviceEachInItsVLAN(t *testing.T) {
	r := newRig(t)
	r.outsideOf("out0")
	before := must(netlink.LinkByName("out0")).Attrs()
	labs := []hostapi.LabSpec{outsider("red", 1, "out0", 120), outsider("blue", 2, "out0", 130), outsider("plain", 3, "out0", 0)}
	for _, spec := range labs {
		r.start(spec.ID)
		r.plug(spec)
		r.wire(spec)
	}
	r.reaches("plain", "10.0.0.254")
	kernel, ovs := r.writes.Load(), r.ovs.writes.Load()
	r.wire(labs[0])
	if k, o := r.writes.Load()-kernel, r.ovs.writes.Load()-ovs; k+o != 0 {
		t.Errorf("a second run wrote %d times to the kernel and %d times to Open vSwitch", k, o)
	}
	broadcast := func(body ...byte) []byte { return frameTo("ff:ff:ff:ff:ff:ff", body...) }
	bare := broadcast(0x88, 0xb6, 7)
	for _, c := range []struct {
		name, from string
		frame      []byte
		at         map[string][]byte
		want       string
	}{
		{"red is tagged outside and reaches nobody else", "red", bare, map[string][]byte{"outside": broadcast(0x81, 0, 0, 120, 0x88, 0xb6, 7), "blue": bare, "plain": bare},
			"map[blue:false outside:true plain:false]"},
		{"VLAN 130 from outside comes to blue alone, untagged", "outside", broadcast(0x81, 0, 0, 130, 0x88, 0xb6, 8),
			map[string][]byte{"red": broadcast(0x88, 0xb6, 8), "blue": broadcast(0x88, 0xb6, 8), "plain": broadcast(0x88, 0xb6, 8)}, "map[blue:true plain:false red:false]"},
		{"an untagged frame from outside comes to plain alone", "outside", bare, map[string][]byte{"red": bare, "blue": bare, "plain": bare}, "map[blue:false plain:true red:false]"},
		{"a lab's own tag opens no other VLAN", "red", broadcast(0x81, 0, 0, 130, 0x88, 0xb6, 9),
			map[string][]byte{"outside": broadcast(0x81, 0, 0, 130, 0x88, 0xb6, 9), "blue": broadcast(0x88, 0xb6, 9)}, "map[blue:false outside:false]"},
		{"a lab without a VLAN doesn't get into one by a tag", "plain", broadcast(0x81, 0, 0, 120, 0x88, 0xb6, 9),
			map[string][]byte{"outside": broadcast(0x81, 0, 0, 120, 0x88, 0xb6, 9), "red": broadcast(0x88, 0xb6, 9)}, "map[outside:false red:false]"},
		{"a BPDU stays inside", "plain", frameTo("01:80:c2:00:00:00", 0, 0x26, 0x42, 0x42, 3), map[string][]byte{"outside": frameTo("01:80:c2:00:00:00", 0, 0x26, 0x42, 0x42, 3)}, "map[outside:false]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fmt.Sprint(r.passes(c.from, c.frame, c.at, c.want)); got != c.want {
				t.Errorf("it arrives at %s, wanted %s", got, c.want)
			}
		})
	}
	if words, err := r.Leftovers(t.Context(), map[string]bool{"red": true, "blue": true, "plain": true}); err != nil || len(words) != 0 {
		t.Errorf("called left over: %q, %v", words, err)
	}
	for i, spec := range labs {
		check(t, r.Unwire(t.Context(), spec.ID))
		after := must(netlink.LinkByName("out0")).Attrs()
		if back := after.Flags&net.FlagUp == 0 && after.Promisc == 0; back != (i == len(labs)-1) {
			t.Errorf("after %d labs have left: %+v", i+1, after)
		}
	}
	if after := must(netlink.LinkByName("out0")).Attrs(); after.Flags != before.Flags || after.MasterIndex != 0 || after.MTU != before.MTU || after.HardwareAddr.String() != before.HardwareAddr.String() {
		t.Errorf("the device was %+v and is %+v", before, after)
	}
	r.clean()
}

func TestADeviceTheHostUsesItselfIsRefusedWithASentence(t *testing.T) {
	r := newRig(t)
	r.outsideOf("out0")
	link := must(netlink.LinkByName("out0"))
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "out-br", TxQLen: -1}}
	check(t, netlink.LinkAdd(bridge))
	t.Cleanup(func() { netlink.LinkDel(bridge) })
	vsctl := func(args ...string) { r.ovsVsctl(args...) }
	for _, c := range []struct {
		name, device, words string
		before, after       func()
	}{
		{"its own address", "out0", "the host's own address 10.9.9.9", func() { check(t, netlink.AddrAdd(link, addrOf(netip.MustParsePrefix("10.9.9.9/24")))) },
			func() { check(t, netlink.AddrDel(link, addrOf(netip.MustParsePrefix("10.9.9.9/24")))) }},
		{"a device that isn't there", "out9", "no network interface out9", func() {}, func() {}},
		{"loopback", "lo", "no way outside", func() {}, func() {}},
		{"a device in a bridge", "out0", "part of a bridge", func() { check(t, netlink.LinkSetMaster(link, bridge)) }, func() { check(t, netlink.LinkSetNoMaster(link)) }},
		{"a port of someone's switch", "out0", "Open vSwitch bridge br-people", func() {
			vsctl("add-br", "br-people", "--", "set", "Bridge", "br-people", "datapath_type="+r.datapath(), "--", "add-port", "br-people", "out0")
		}, func() { vsctl("del-br", "br-people") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.before()
			defer c.after()
			spec := outsider("lab1", 1, c.device, 0)
			r.start("lab1")
			r.plug(spec)
			report, err := r.Wire(t.Context(), spec, nil)
			if limit := report.Limits[spec.Cables[0].ID]; err != nil || !strings.Contains(limit, c.words) {
				t.Errorf("limits %q, %v", report.Limits, err)
			}
			if r.carrier("lab1", "eth1") {
				t.Error("its cable has carrier")
			}
			check(t, r.Unwire(t.Context(), "lab1"))
		})
	}
	r.clean()
}

func (r *rig) ovsVsctl(args ...string) {
	r.t.Helper()
	if _, err := newVswitch(world.dir).read(r.t.Context(), args...); err != nil {
		r.t.Fatal(err)
	}
}
