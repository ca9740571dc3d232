package fabric

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// meshPart is a host's part of the segment lan1: one member a number, with the address 10.0.0.NUMBER.
func meshPart(id string, vni uint32, peers []netip.Addr, members ...int) hostapi.LabSpec {
	spec := hostapi.LabSpec{ID: id, Name: id, Generation: 1}
	segment := hostapi.SegmentSpec{Name: "lan1", Kind: lab.LAN, VNI: vni, Peers: peers}
	for _, m := range members {
		name, port := fmt.Sprint("n", m), fmt.Sprint("p", m)
		spec.Nodes = append(spec.Nodes, nodeSpec(name, iface("eth1", m, 1, fmt.Sprintf("10.0.0.%d/24", m))))
		segment.Ports = append(segment.Ports, hostapi.SegmentPortSpec{Name: port})
		spec.Cables = append(spec.Cables, cable(name, "eth1", "lan1", port))
	}
	spec.Segments = []hostapi.SegmentSpec{segment}
	return spec
}

// others are the addresses of all hosts but one.
func (f *farm) others(h *farmHost) []netip.Addr {
	var list []netip.Addr
	for _, o := range f.hosts {
		if o != h {
			list = append(list, o.addr)
		}
	}
	return list
}

func TestALANSpansThreeHosts(t *testing.T) {
	f := newFarm(t, 3)
	a, b, c := f.hosts[0], f.hosts[1], f.hosts[2]
	members := map[*farmHost][]int{a: {1, 4}, b: {2}, c: {3}}
	specs := map[*farmHost]hostapi.LabSpec{}
	for _, h := range f.hosts {
		specs[h] = meshPart("wide", 7001, f.others(h), members[h]...)
		h.deploy(specs[h])
	}
	a.reaches("n1", "10.0.0.2")
	a.reaches("n4", "10.0.0.3")
	b.reaches("n2", "10.0.0.3")
	c.reaches("n3", "10.0.0.4")
	t.Run("a second run writes nothing", func(t *testing.T) {
		before := a.written()
		a.wire(specs[a])
		if n := a.written() - before; n != 0 {
			t.Errorf("it wrote %d times", n)
		}
	})
	t.Run("a broadcast arrives once at each member and never comes back", func(t *testing.T) {
		frame := frameTo("ff:ff:ff:ff:ff:ff", 0x88, 0xb6, 1, 2, 3, 4)
		counts, want := map[string]int{}, map[string]int{"n2": 1, "n3": 1, "n4": 1}
		taps := map[string]int{}
		for h, list := range members {
			for _, m := range list {
				name := fmt.Sprint("n", m)
				taps[name] = h.wiretap(name, 400*time.Millisecond)
				defer unix.Close(taps[name])
			}
		}
		if _, err := unix.Write(taps["n1"], frame); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"n2", "n3", "n4", "n1"} {
			counts[name] = countFrames(taps[name], want[name], same(frame))
		}
		if fmt.Sprint(counts) != "map[n1:0 n2:1 n3:1 n4:1]" { // a tap doesn't see what it sent itself
			t.Errorf("frames seen: %v", counts)
		}
	})
	t.Run("a station that moves to another host is found there from its first frame on", func(t *testing.T) {
		a.nodes["n4"].stop()
		specs[a] = meshPart("wide", 7001, f.others(a), 1)
		a.wire(specs[a])
		specs[c] = meshPart("wide", 7001, f.others(c), 3, 4)
		c.deploy(specs[c])
		c.reaches("n4", "10.0.0.1") // its ARP request is the first frame
		if err := b.ping("n2", "10.0.0.4", 56, patient); err != nil {
			t.Errorf("n2 to n4: %v", err)
		}
		mac := "02:00:00:00:04:01"
		for _, h := range f.hosts {
			bridge := newNamer(h.name).segment("wide", "lan1")
			table := h.ovs("ovs-appctl", "fdb/show", bridge)
			if n := strings.Count(table, mac); n != 1 {
				t.Errorf("%s has the station %d times:\n%s", h.name, n, table)
			}
		}
	})
	t.Run("a host that leaves takes only its own way with it", func(t *testing.T) {
		panelBefore := flowLines(a)
		c.call("Unwire", "wide")
		specs[a] = meshPart("wide", 7001, []netip.Addr{b.addr}, 1)
		a.wire(specs[a])
		gone := slices.DeleteFunc(slices.Clone(panelBefore), func(line string) bool { return slices.Contains(flowLines(a), line) })
		if len(gone) != 4 || len(flowLines(a)) != len(panelBefore)-4 {
			t.Errorf("the flows that went: %q", gone)
		}
		a.reaches("n1", "10.0.0.2")
		a.reachesNot("n1", "10.0.0.3")
	})
}

// flowLines are the flows of a host's panel, sorted.
func flowLines(h *farmHost) []string {
	lines := strings.Split(strings.TrimSpace(h.ovs("ovs-ofctl", "-O", "OpenFlow14", "--no-stats", "--no-names", "dump-flows", h.panel())), "\n")
	slices.Sort(lines)
	return lines
}

func TestIdentifiersOfTheHostsThemselvesAreRefused(t *testing.T) {
	peer := netip.MustParseAddr("192.0.2.1")
	for _, vni := range []uint32{0, 1, 4095, 1 << 24} {
		if err := checkTunnels(meshPart("l", vni, []netip.Addr{peer}, 1)); err == nil {
			t.Errorf("a segment may have the identifier %d", vni)
		}
		spec := hostapi.LabSpec{Cables: []hostapi.CableSpec{acrossTo("a", vni, "192.0.2.1")}}
		if err := checkTunnels(spec); err == nil {
			t.Errorf("a cable may have the identifier %d", vni)
		}
	}
	if err := checkTunnels(meshPart("l", 4096, []netip.Addr{peer}, 1)); err != nil {
		t.Error(err)
	}
}

// model follows frames through planned hosts by their ports and flows alone: what the code wants, not what it meant.
type model struct {
	hosts map[netip.Addr]*modelHost
}

type modelHost struct {
	addr    netip.Addr
	w       *wanted
	numbers map[string]int
	flows   []flow
}

const modelTunnel = tunnelNumber

func newModelHost(addr netip.Addr, spec hostapi.LabSpec, wrap bool) *modelHost {
	h := &modelHost{addr: addr, numbers: map[string]int{}}
	h.w = plan(newNamer(addr.String()), spec, func(string) bool { return true }, (&probe{netem: true}).possibleImpairment, nil)
	h.w.wrap = wrap
	for i, name := range h.w.panelPorts() {
		h.numbers[name] = i + 1
	}
	h.flows = flowsOf(h.w, h.numbers, modelTunnel)
	return h
}

func (h *modelHost) nameOf(number int) string {
	for name, n := range h.numbers {
		if n == number {
			return name
		}
	}
	return ""
}

// modelFrame is a frame on its way: its tags, the outermost first, and inside a tunnel where from and under which identifier.
type modelFrame struct {
	tags   []int
	tunID  uint32
	tunSrc netip.Addr
}

// flowFor is the flow of the highest priority that takes a frame.
func (h *modelHost) flowFor(port int, frame modelFrame) (best flow, ok bool) {
	for _, f := range h.flows {
		wrapped := len(frame.tags) > 0 && frame.tags[0] == wrapVLAN
		switch {
		case f.inPort != port, port == modelTunnel && (f.tunID != frame.tunID || f.tunSrc != frame.tunSrc):
		case f.tag == wrappedFrame && !wrapped, f.tag == taggedFrame && len(frame.tags) == 0:
		case !ok || f.rank > best.rank:
			best, ok = f, true
		}
	}
	return best, ok
}

// intoPanel is a frame that enters a panel; seen collects the ends of nodes that it reaches. hops bounds loops.
func (m model) intoPanel(h *modelHost, port int, frame modelFrame, seen map[string]int, hops int) bool {
	f, ok := h.flowFor(port, frame)
	if !ok || hops == 0 {
		return hops > 0
	}
	if f.unwrap {
		frame.tags = frame.tags[1:]
	}
	if f.wrap {
		frame.tags = append([]int{wrapVLAN}, frame.tags...)
	}
	if f.output == modelTunnel {
		far := m.hosts[f.setDest]
		return far == nil || m.intoPanel(far, modelTunnel, modelFrame{frame.tags, f.setVNI, h.addr}, seen, hops-1)
	}
	return m.outOfPanel(h, h.nameOf(f.output), modelFrame{tags: frame.tags}, seen, hops-1)
}

// outOfPanel is a frame that leaves a panel by a port: into a node, or into a segment, which floods it.
func (m model) outOfPanel(h *modelHost, port string, frame modelFrame, seen map[string]int, hops int) bool {
	p := h.w.ports[port]
	if p.kind != "patch" {
		seen[fmt.Sprint(h.addr, " ", p.object, " ", frame.tags)]++
		return true
	}
	in := h.w.ports[p.options["peer"]]
	for _, other := range h.w.ports {
		if other.bridge != in.bridge || other.name == in.name || other.protected && in.protected || other.panel {
			continue
		}
		if !m.intoPanel(h, h.numbers[other.options["peer"]], frame, seen, hops-1) {
			return false
		}
	}
	return true
}

func TestAFrameFloodedIntoAnyMeshReachesEachOtherMemberOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 5).Draw(t, "hosts")
		var addrs []netip.Addr
		for i := range count {
			addrs = append(addrs, netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}))
		}
		m := model{hosts: map[netip.Addr]*modelHost{}}
		tags := rapid.SliceOfN(rapid.SampledFrom([]int{1, 100, wrapVLAN}), 0, 2).Draw(t, "tags")
		member := 0
		want := map[string]bool{}
		for i, addr := range addrs {
			var numbers []int
			for range rapid.IntRange(1, 4).Draw(t, fmt.Sprint("members of ", i)) {
				member++
				numbers = append(numbers, member)
				want[fmt.Sprintf("%s n%d:eth1", addr, member)] = true
			}
			spec := meshPart("l", 5000, slices.DeleteFunc(slices.Clone(addrs), func(o netip.Addr) bool { return o == addr }), numbers...)
			// A second lan with the same name in another lab, and a cable across, must stay apart from it.
			spec.Nodes = append(spec.Nodes, nodeSpec("x", iface("eth1", 200, 1)))
			if count > 1 {
				spec.Cables = append(spec.Cables, acrossTo("x", 6000, addrs[(i+1)%count].String()))
			}
			m.hosts[addr] = newModelHost(addr, spec, rapid.Bool().Draw(t, "kernel datapath"))
		}
		for addr, h := range m.hosts {
			for name, p := range h.w.ports {
				if !p.panel || !p.device || strings.HasPrefix(p.object, "x:") {
					continue
				}
				seen := map[string]int{}
				if !m.intoPanel(h, h.numbers[name], modelFrame{tags: tags}, seen, 50) {
					t.Fatalf("a frame of %s goes round in a loop", p.object)
				}
				for end := range want {
					expected := 1
					if end == addr.String()+" "+p.object {
						expected = 0
					}
					end = fmt.Sprint(end, " ", tags) // as it was sent
					if seen[end] != expected {
						t.Fatalf("a frame of %s on %s with the tags %v arrives %d times at %s", p.object, addr, tags, seen[end], end)
					}
					delete(seen, end)
				}
				if len(seen) > 0 {
					t.Fatalf("a frame of %s gets out to %v", p.object, seen)
				}
			}
		}
	})
}
