package fabric

import (
	"context"
	"encoding/hex"
	"net"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

func TestAQuestionIsWrittenAsRFC826Says(t *testing.T) {
	from := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	got := hex.EncodeToString(question(from, net.ParseIP("10.0.0.1"), net.ParseIP("10.0.0.2")))
	const want = "ffffffffffff" + "020000000001" + "0806" + "0001" + "0800" + "06" + "04" + "0001" + "020000000001" + "0a000001" + "000000000000" + "0a000002"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAQuestionThatWasLostIsPutAgain(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
	answers := func(on bool) {
		check(t, r.in("r2", func() error {
			link, err := netlink.LinkByName("eth1")
			if err != nil {
				return err
			}
			if on {
				return netlink.LinkSetARPOn(link)
			}
			return netlink.LinkSetARPOff(link)
		}))
	}
	neighbour := func() (state int) {
		check(t, r.in("r1", func() error {
			link, err := netlink.LinkByName("eth1")
			if err != nil {
				return err
			}
			list, err := netlink.NeighList(link.Attrs().Index, netlink.FAMILY_V4)
			for _, n := range list {
				if n.IP.String() == "10.0.0.2" {
					state = n.State
				}
			}
			return err
		}))
		return state
	}
	answers(false)
	check(t, r.in("r1", func() error { // it asks once and has time: whoever asks again is not its kernel
		if err := os.WriteFile("/proc/sys/net/ipv4/neigh/eth1/retrans_time_ms", []byte("60000"), 0); err != nil {
			return err
		}
		link, err := netlink.LinkByName("eth1")
		if err != nil {
			return err
		}
		list, err := netlink.NeighList(link.Attrs().Index, netlink.FAMILY_V4)
		if err != nil {
			return err
		}
		for _, n := range list {
			if err := netlink.NeighDel(&n); err != nil {
				return err
			}
		}
		conn, err := net.Dial("udp", "10.0.0.2:9")
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte("anybody?"))
		return err
	}))
	eventually(t, "the question to be open", func() bool { return neighbour() == netlink.NUD_INCOMPLETE })
	answers(true)
	var end carrierEnd
	for _, e := range r.carriers.ofLab("lab1") {
		if e.port.Node == "r1" {
			end = *e
		}
	}
	if left := r.askDue(context.Background(), []asking{{end: end, since: time.Now().Add(-time.Second)}}, time.Now()); len(left) != 1 || left[0].next != 1 {
		t.Errorf("after the first question %+v", left)
	}
	eventually(t, "the answer", func() bool { return neighbour()&(netlink.NUD_REACHABLE|netlink.NUD_STALE|netlink.NUD_DELAY) != 0 })
}

func TestANewInterfaceOfANodeThatRanMayHaveAskedInVain(t *testing.T) {
	c := newCarriers()
	c.set = func(string, int, bool) error { return nil }
	c.news = func(string) {}
	end := func(cable, device string, index int, b bool, node string) carrierEnd {
		e := carrierEnd{key: endKey{lab: "l", cable: cable, b: b}, device: device, index: index, watched: true, wanted: true}
		e.port.Node = node
		return e
	}
	first := []carrierEnd{end("c1", "d1", 1, false, "r1"), end("c1", "d2", 2, true, "h1")}
	check(t, c.install("l", first))
	if list := c.takeReturned(); len(list) != 0 {
		t.Errorf("a node that has just begun has asked: %v", list)
	}
	check(t, c.install("l", append(first, end("c2", "d3", 3, false, "r1"), end("c2", "d4", 4, true, "h2"))))
	if list := c.takeReturned(); len(list) != 1 || list[0][0].device != "d3" {
		t.Errorf("returned are %v, and only the new interface of r1 is", list)
	}
}
