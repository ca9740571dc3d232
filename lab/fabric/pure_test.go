package fabric

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"
	"pgregory.net/rapid"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

func TestNamesFitTheKernelAndDifferByHostLabNodeAndInterface(t *testing.T) {
	seen := map[string]string{}
	for _, host := range []string{"h1", "h2"} {
		n := newNamer(host)
		for _, name := range []string{
			n.hostEnd("lab", "r1", "eth1"), n.hostEnd("lab", "r1", "eth2"), n.hostEnd("lab", "r1e", "th1"), n.hostEnd("lab2", "r1", "eth1"),
			n.segment("lab", "sw"), n.joinPanel("lab", "sw", "p1"), n.joinSegment("lab", "sw", "p1"), n.uplink("lab", "net"), n.tunnel(),
		} {
			if len(name) > 15 {
				t.Errorf("%s has %d bytes", name, len(name))
			}
			if other, twice := seen[name]; twice {
				t.Errorf("%s stands for %s and %s", name, host, other)
			}
			seen[name] = host
		}
	}
}

func TestAStampIsReadBackAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringN(0, 20, -1)
		s := stamp{word.Draw(t, "host"), word.Draw(t, "lab"), word.Draw(t, "node"), word.Draw(t, "iface")}
		if got, ok := parseAlias(s.alias()); !ok || got != s {
			t.Errorf("%+v became %+v by %q", s, got, s.alias())
		}
	})
	for _, alias := range []string{"", "uplink to rack 4", "trunkline", "trunkline/a/b/c", "trunkline/a/b/c/d/e", "trunkline/%zz/b/c/d"} {
		if s, ok := parseAlias(alias); ok {
			t.Errorf("%q was read as %+v", alias, s)
		}
	}
}

func TestGroupsTellTheHostAndWhetherALinkIsClosed(t *testing.T) {
	a, b := newNamer("a"), newNamer("b")
	if !a.ownsGroup(a.labGroup("x")) || !a.ownsGroup(a.uplinkGroup()) || a.ownsGroup(b.labGroup("x")) || a.ownsGroup(0) {
		t.Error("a group is taken for another's")
	}
	if a.labGroup("x")&groupMask == a.uplinkGroup()&groupMask {
		t.Error("a way out can't be told from a closed link")
	}
}

func TestFlowsCompareAsTextInEitherDirection(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")
	want := []flow{{inPort: 1, output: 2}, {inPort: 2, output: 1},
		{inPort: 3, output: 9, setVNI: 100, setDest: v4}, {inPort: 9, tunID: 100, tunSrc: v4, output: 3},
		{inPort: 4, output: 9, setVNI: 101, setDest: v6, wrap: true}, {inPort: 9, tunID: 101, tunSrc: v6, output: 4, tag: wrappedFrame, unwrap: true, rank: 2}}
	dump := `OFPST_FLOW reply (OF1.4) (xid=0x2):
 cookie=0x7472000000000001, priority=100,in_port=1 actions=output:2
 cookie=0x7472000000000001, table=0, priority=100,in_port=2 actions=output:1
 cookie=0x7472000000000001, priority=100,in_port=3 actions=set_field:0x64->tun_id,set_field:192.0.2.7->tun_dst,output:9
 cookie=0x7472000000000001, priority=100,tun_id=0x64,tun_src=192.0.2.7,in_port=9 actions=output:3
 cookie=0x7472000000000001, priority=100,in_port=4 actions=push_vlan:0x8100,set_field:8191->vlan_vid,set_field:0x65->tun_id,set_field:2001:db8::7->tun_ipv6_dst,output:9
 cookie=0x7472000000000001, priority=102,tun_id=0x65,tun_ipv6_src=2001:db8::7,in_port=9,dl_vlan=4095 actions=pop_vlan,output:4
 cookie=0x7472000000000002, priority=100,in_port=7 actions=output:8
`
	have, err := parseFlows([]byte(dump))
	if err != nil || len(have) != 7 {
		t.Fatalf("%d flows, %v", len(have), err)
	}
	if c := diffFlows(have, want, 0x7472000000000001); len(c.add)+len(c.remove) != 0 {
		t.Errorf("nothing differs, but it adds %v and removes %v", c.add, c.remove)
	}
	c := diffFlows(have, want[:5], 0x7472000000000001)
	if len(c.add) != 0 || len(c.remove) != 1 || !strings.Contains(c.remove[0].match, "tun_id=0x65") {
		t.Errorf("it adds %v and removes %v", c.add, c.remove)
	}
	moved := append([]flow{{inPort: 1, output: 5}}, want[1:]...)
	if c := diffFlows(have, moved, 0x7472000000000001); len(c.add) != 1 || len(c.remove) != 0 {
		t.Errorf("a flow with another action: adds %v, removes %v", c.add, c.remove)
	}
	busy := busyNumbers(&ovsState{}, "tl-panel", have)
	for _, n := range []int{1, 2, 3, 4, 7, 8, 9} {
		if !busy[n] {
			t.Errorf("the number %d is mentioned by a flow and called free", n)
		}
	}
	if _, err := parseFlows([]byte("something else")); err == nil {
		t.Error("nonsense was read as flows")
	}
}

func TestAPlanLeavesOutWhatCannotBeAndSaysWhy(t *testing.T) {
	names := newNamer("h")
	spec := hostapi.LabSpec{ID: "l", Nodes: []hostapi.NodeSpec{nodeSpec("a", iface("eth1", 1, 1)), nodeSpec("b", iface("eth1", 2, 1))},
		Segments: []hostapi.SegmentSpec{{Name: "sw", Kind: lab.Switch, Ports: []hostapi.SegmentPortSpec{{Name: "p1"}}}},
		Cables:   []hostapi.CableSpec{cable("a", "eth1", "b", "eth1"), cable("a", "eth1", "sw", "p1"), cable("b", "eth9", "sw", "p7"), cable("x", "eth1", "sw", "p2"), cable("b", "eth9", "z", "p")}}
	spec.Cables[4].Remote, spec.Cables[4].VNI = netip.MustParseAddr("192.0.2.9"), 9
	spec.Cables[4].A.Node = "a"
	everything := func(string) bool { return true }
	w := plan(names, spec, everything, (&probe{}).possibleImpairment, nil)
	if len(w.cables) != 1 || w.cables[0].id != spec.Cables[0].ID {
		t.Errorf("cables %+v", w.cables)
	}
	for i, words := range map[int]string{1: "already has the cable", 2: "no port p7", 3: "no port p2", 4: "no interface eth9"} {
		if limit := w.limits[spec.Cables[i].ID]; !strings.Contains(limit, words) {
			t.Errorf("cable %d: %q", i, limit)
		}
	}
	without := plan(names, spec, func(name string) bool { return name != names.hostEnd("l", "b", "eth1") }, (&probe{}).possibleImpairment, nil)
	if len(without.cables) != 0 || without.ends[names.hostEnd("l", "a", "eth1")].up {
		t.Error("the peer of a missing interface has a carrier")
	}
}

func TestWhatAKernelCannotImpairIsSaid(t *testing.T) {
	rate, delay := lab.Impairment{RateBits: 1e6}, lab.Impairment{RateBits: 1e6, Delay: time.Millisecond}
	for name, c := range map[string]struct {
		kernel probe
		in     lab.Impairment
		out    lab.Impairment
		said   string
	}{
		"netem does all":                  {probe{netem: true}, delay, delay, ""},
		"tbf does a rate":                 {probe{tbf: true}, rate, rate, ""},
		"tbf does the rate of a delay":    {probe{tbf: true}, delay, rate, "modprobe sch_netem"},
		"without either a rate is left":   {probe{}, rate, lab.Impairment{}, "modprobe sch_tbf"},
		"without netem a delay is left":   {probe{tbf: true}, lab.Impairment{Delay: 1}, lab.Impairment{}, "modprobe sch_netem"},
		"without either all is left out ": {probe{}, delay, lab.Impairment{}, "modprobe sch_netem"},
	} {
		t.Run(name, func(t *testing.T) {
			out, said := c.kernel.possibleImpairment(c.in)
			if out != c.out || c.said == "" != (said == "") || !strings.Contains(said, c.said) {
				t.Errorf("%+v, %q", out, said)
			}
		})
	}
}

func TestQueuesHoldTheBandwidthDelayProduct(t *testing.T) {
	for name, c := range map[string]struct {
		i        lab.Impairment
		min, max uint32
	}{
		"1 Gbit/s and 100 ms need 8,334 frames in flight":  {lab.Impairment{RateBits: 1e9, Delay: 100 * time.Millisecond}, 8334, 30000},
		"1 Gbit/s and 1 ms need 50 ms of frames":           {lab.Impairment{RateBits: 1e9, Delay: time.Millisecond}, 4166, 4500},
		"10 Mbit/s and 1 ms need the least queue":          {lab.Impairment{RateBits: 10e6, Delay: time.Millisecond}, 64, 64},
		"64 kbit/s need the least queue":                   {lab.Impairment{RateBits: 64e3}, 64, 64},
		"10 Mbit/s and 100 ms wait for a round trip more":  {lab.Impairment{RateBits: 10e6, Delay: 100 * time.Millisecond}, 84 + 41, 250 + 42},
		"a delay without a rate is sized for 10 Gbit/s":    {lab.Impairment{Delay: 25 * time.Millisecond}, 20833, 20834},
		"a loss without a rate leaves the queue of a card": {lab.Impairment{Loss: 1}, 1000, 1000},
	} {
		if got := netemLimit(c.i, 1500); got < c.min || got > c.max {
			t.Errorf("%s: %d", name, got)
		}
	}
	both, rate := &probe{netem: true, tbf: true}, lab.Impairment{RateBits: 1e6}
	if both.netemFor(rate) || !both.netemFor(lab.Impairment{RateBits: 1e6, Delay: 1}) || !both.netemFor(lab.Impairment{Loss: 100}) || !(&probe{netem: true}).netemFor(rate) {
		t.Error("a rate alone, and nothing else, is tbf's where both are there")
	}
	link := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: 3, MTU: 1500}}
	a, b := qdiscFor(link, lab.Impairment{RateBits: 1e6}, false), qdiscFor(link, lab.Impairment{RateBits: 2e6}, false)
	if a.Attrs().Handle == b.Attrs().Handle || a.Attrs().Handle == 0 {
		t.Error("two impairments have one handle")
	}
	if tbf := a.(*netlink.Tbf); tbf.Rate != 125000 || tbf.Limit < 15000 {
		t.Errorf("1 Mbit/s is %+v", tbf)
	}
}

func TestLeasesAreKeptRenewedExpiredAndNeverGivenTwice(t *testing.T) {
	var saved []lease
	subnet := netip.MustParsePrefix("10.255.0.1/24")
	keep := func(l []lease) error { saved = l; return nil }
	p := newLeasePool(subnet, keep)
	now := time.Unix(1000, 0)
	held := map[netip.Addr]bool{}
	for i := range 127 {
		client := fmt.Sprint("c", i)
		a, ok := p.offer(client, netip.Addr{}, now)
		taken, err := p.take(client, a, now)
		if !ok || !taken || err != nil || held[a] || !subnet.Contains(a) || a == subnet.Addr() {
			t.Fatalf("client %d got %s, %t, %t, %v", i, a, ok, taken, err)
		}
		held[a] = true
	}
	if a, ok := p.offer("late", netip.Addr{}, now); ok {
		t.Errorf("the pool is full, yet it offers %s", a)
	}
	if ok, _ := p.take("thief", saved[0].Address, now); ok {
		t.Error("an address was leased twice")
	}
	restarted := newLeasePool(subnet, func([]lease) error { return nil })
	restarted.restore(saved)
	if a, _ := restarted.offer(saved[5].Client, netip.Addr{}, now); a != saved[5].Address {
		t.Errorf("after a restart %s became %s", saved[5].Address, a)
	}
	if _, ok := restarted.offer("late", netip.Addr{}, now.Add(leaseTime)); !ok {
		t.Error("an expired lease isn't given on")
	}
	if err := restarted.decline(saved[7].Client, saved[7].Address, now); err != nil {
		t.Fatal(err)
	}
	if a, _ := restarted.offer(saved[7].Client, saved[7].Address, now); a == saved[7].Address {
		t.Error("a declined address is offered again at once")
	}
	if err := restarted.release(saved[8].Client, saved[8].Address); err != nil {
		t.Fatal(err)
	}
	if ok, _ := restarted.take("other", saved[8].Address, now); !ok {
		t.Error("a released address can't be had")
	}
	small := newLeasePool(netip.MustParsePrefix("10.0.0.1/30"), keep)
	if a, ok := small.offer("c", netip.Addr{}, now); !ok || a.String() != "10.0.0.2" {
		t.Errorf("a /30 offers %s", a)
	}
}

func TestDHCPSaysNoToAnAddressOfAnotherAndNothingToAnotherServersClient(t *testing.T) {
	s := &dhcpServer{config: insideConfig{subnet: netip.MustParsePrefix("10.255.0.1/24")}, pool: newLeasePool(netip.MustParsePrefix("10.255.0.1/24"), func([]lease) error { return nil })}
	request := func(mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
		m := must(dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), dhcpv4.WithHwAddr([]byte{2, 0, 0, 0, 0, 1})}, mods...)...))
		return m
	}
	reply := must(s.answer(request(dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress([]byte{192, 168, 1, 5}))), time.Now()))
	if reply == nil || reply.MessageType() != dhcpv4.MessageTypeNak {
		t.Errorf("an address outside the subnet: %v", reply)
	}
	other := dhcpv4.WithOption(dhcpv4.OptServerIdentifier([]byte{10, 255, 0, 99}))
	if reply := must(s.answer(request(other), time.Now())); reply != nil {
		t.Errorf("another server's client was answered: %v", reply)
	}
	relayed := request()
	relayed.GatewayIPAddr = []byte{10, 1, 1, 1}
	if reply := must(s.answer(relayed, time.Now())); reply != nil {
		t.Errorf("a relay was answered: %v", reply)
	}
}
