package fabric

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// crosses sends a frame out of one node's eth1, again after a while, and waits for the same bytes at another's.
func (r *rig) crosses(from, to string, frame []byte) bool {
	r.t.Helper()
	in, out := r.wiretap(to, 2*time.Second), r.wiretap(from, 2*time.Second)
	defer unix.Close(in)
	defer unix.Close(out)
	return waitFor(time.Minute, "", func() bool {
		if _, err := unix.Write(out, frame); err != nil {
			r.t.Fatal(err)
		}
		return comes(in, frame)
	}) == nil
}

// comes reads a tap until a frame is there, or nothing has come for the tap's time.
func comes(tap int, frame []byte) bool {
	buf := make([]byte, 70000)
	for end := time.Now().Add(patient); time.Now().Before(end); {
		n, aux, err := receive(tap, buf)
		if err != nil {
			return false
		}
		if bytes.Equal(retagged(buf[:n], aux), frame) {
			return true
		}
	}
	return false
}

// countFrames counts frames that match: at least so many, for which it is patient, and all that come until it is quiet for the tap's time.
func countFrames(tap, least int, match func(frame []byte) bool) int {
	count, buf := 0, make([]byte, 70000)
	for end := time.Now().Add(patient); ; {
		n, aux, err := receive(tap, buf)
		if err == nil && match(retagged(buf[:n], aux)) {
			count++
		}
		if err != nil && count >= least || time.Now().After(end) {
			return count
		}
	}
}

func same(frame []byte) func([]byte) bool {
	return func(other []byte) bool { return bytes.Equal(frame, other) }
}

// wiretap opens a raw socket on a node's eth1 that takes every frame and is told the VLAN tag the kernel took off.
func (r *rig) wiretap(name string, wait time.Duration) (fd int) {
	r.t.Helper()
	err := r.in(name, func() error {
		i, err := net.InterfaceByName("eth1")
		if err != nil {
			return err
		}
		const every = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network order
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, every); err != nil {
			return err
		}
		limit := unix.NsecToTimeval(wait.Nanoseconds())
		return errors.Join(
			unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: every, Ifindex: i.Index}),
			unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
			unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &unix.PacketMreq{Ifindex: int32(i.Index), Type: unix.PACKET_MR_PROMISC}),
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		)
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return fd
}

// receive reads a frame and its struct tpacket_auxdata.
func receive(fd int, buf []byte) (n int, aux []byte, err error) {
	control := make([]byte, 256)
	n, length, _, _, err := unix.Recvmsg(fd, buf, control, 0)
	if err != nil {
		return 0, nil, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:length])
	if err != nil || len(messages) == 0 {
		return n, nil, err
	}
	return n, messages[0].Data, nil
}

// retagged puts back the tag that the kernel took off: status, …, tag and protocol are fields of struct tpacket_auxdata.
func retagged(frame, aux []byte) []byte {
	if len(aux) < 20 || binary.NativeEndian.Uint32(aux)&unix.TP_STATUS_VLAN_VALID == 0 {
		return frame
	}
	tag := binary.BigEndian.AppendUint16(nil, binary.NativeEndian.Uint16(aux[18:]))
	tag = binary.BigEndian.AppendUint16(tag, binary.NativeEndian.Uint16(aux[16:]))
	return slices.Concat(frame[:12], tag, frame[12:])
}

func frameTo(dst string, body ...byte) []byte {
	mac, _ := net.ParseMAC(dst)
	f := append(append([]byte{}, mac...), 2, 0, 0, 0, 1, 1)
	f = append(f, body...)
	return append(f, make([]byte, 64)...)
}

func TestEveryKindOfFrameCrossesACable(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
	for name, frame := range map[string][]byte{
		"a spanning tree BPDU":          frameTo("01:80:c2:00:00:00", 0, 0x26, 0x42, 0x42, 3, 0, 0),
		"LLDP":                          frameTo("01:80:c2:00:00:0e", 0x88, 0xcc, 2, 7, 4),
		"LACP":                          frameTo("01:80:c2:00:00:02", 0x88, 0x09, 1, 1),
		"IEEE 802.1X":                   frameTo("01:80:c2:00:00:03", 0x88, 0x8e, 1, 1),
		"an IS-IS hello":                frameTo("01:80:c2:00:00:14", 0, 0x26, 0xfe, 0xfe, 3),
		"one VLAN tag":                  frameTo("02:00:00:00:02:01", 0x81, 0, 0, 100, 0x88, 0xb5),
		"two VLAN tags (IEEE 802.1ad)":  frameTo("02:00:00:00:02:01", 0x88, 0xa8, 0, 200, 0x81, 0, 0, 100, 0x88, 0xb5),
		"a frame for a station unknown": frameTo("02:ff:ff:ff:ff:ff", 0x88, 0xb5),
		"MPLS":                          frameTo("02:00:00:00:02:01", 0x88, 0x47, 0, 1, 0x41, 64),
	} {
		t.Run(name, func(t *testing.T) {
			if !r.crosses("r1", "r2", frame) {
				t.Error("it was lost")
			}
		})
	}
}

func TestMTUsAreTheSpecsAndFramesOfThatSizePass(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	for i := range spec.Nodes {
		spec.Nodes[i].Interfaces[0].MTU = 9000
	}
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
	if mtu := r.linksIn("r2")["eth1"].Attrs().MTU; mtu != 9000 {
		t.Errorf("the MTU is %d", mtu)
	}
	eventually(t, "a ping of 9000 bytes", func() bool { return r.ping("r1", "10.0.0.2", 9000-28, time.Second) == nil })
	spec.Nodes[0].Interfaces[0].MTU = 1400
	r.plug(spec)
	if mtu := r.linksIn("r1")["eth1"].Attrs().MTU; mtu != 1400 {
		t.Errorf("after a change the MTU is %d", mtu)
	}
}

func TestARateIsInstalledTowardsTheReceiverAndTakenAway(t *testing.T) {
	r := newRig(t)
	if p := r.probe(); !p.tbf && !p.netem {
		t.Skip("this kernel can't limit rates")
	}
	spec := twoNodes("lab1")
	spec.Cables[0].AtoB = lab.Impairment{RateBits: 8e6}
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	if kind := r.queueTowards("lab1", "r2", "eth1"); kind != "tbf" && kind != "netem" {
		t.Errorf("the queue towards r2 is %q", kind)
	}
	if kind := r.queueTowards("lab1", "r1", "eth1"); kind == "tbf" || kind == "netem" {
		t.Errorf("the queue towards r1 is %q", kind)
	}
	r.reaches("r1", "10.0.0.2")
	rate := 0.0
	for range 10 { // a machine that stands still meanwhile makes it slower, never faster
		if rate = r.throughput("r1", "r2", 2<<20); rate >= 6e6 {
			break
		}
	}
	if rate < 6e6 || rate > 10e6 {
		t.Errorf("8 Mbit/s let %.1f Mbit/s pass", rate/1e6)
	}
	spec.Cables[0].AtoB = lab.Impairment{}
	r.wire(spec)
	if kind := r.queueTowards("lab1", "r2", "eth1"); kind == "tbf" || kind == "netem" {
		t.Errorf("the queue towards r2 is still %q", kind)
	}
}

// throughput sends frames of 1400 bytes as fast as they are taken and returns the bit/s that arrive.
func (r *rig) throughput(from, to string, size int) float64 {
	r.t.Helper()
	var sink *net.UDPConn
	if err := r.in(to, func() (err error) { sink, err = net.ListenUDP("udp4", &net.UDPAddr{Port: 9}); return err }); err != nil {
		r.t.Fatal(err)
	}
	defer sink.Close()
	sink.SetReadBuffer(8 << 20)
	var source *net.UDPConn
	dial := func() (err error) {
		source, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 9})
		return err
	}
	if err := r.in(from, dial); err != nil {
		r.t.Fatal(err)
	}
	defer source.Close()
	sent := make(chan struct{})
	stop := make(chan struct{})
	start := time.Now()
	go func() {
		defer close(sent)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				for range 4 {
					source.Write(make([]byte, 1400))
				}
			}
		}
	}()
	defer func() { close(stop); <-sent }()
	buf := make([]byte, 2000)
	got := 0
	for got < size {
		sink.SetReadDeadline(time.Now().Add(patient))
		n, err := sink.Read(buf)
		if err != nil {
			r.t.Fatal(err)
		}
		got += n
	}
	return float64(got*8) / time.Since(start).Seconds()
}

func TestAnInterfaceOfAnEarlierSpecIsUnpluggedAndItsAddressesFollowTheSpec(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	spec.Nodes[0].Interfaces = append(spec.Nodes[0].Interfaces, iface("eth9", 1, 9, "10.9.0.1/24"), hostapi.InterfaceSpec{Name: "d0", MAC: "02:00:00:00:01:0d", MTU: 1500, Dummy: true})
	spec.Nodes[0].Routes = append(spec.Nodes[0].Routes, routeTo("10.50.0.0/16", "10.0.0.2"), routeTo("fd50::/32", "fd00::2"))
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	if !r.carrier("r1", "d0") || r.carrier("r1", "eth9") {
		t.Error("a dummy has a carrier, an interface without a cable has none")
	}
	addresses := func() map[string]bool {
		all := map[string]bool{}
		err := r.in("r1", func() error {
			list, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
			for _, a := range list {
				all[a.IPNet.String()] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	err := r.in("r1", func() error { // what a person does in the node's shell stays
		return netlink.AddrAdd(must(netlink.LinkByName("eth1")), must(netlink.ParseAddr("10.77.0.1/24")))
	})
	if err != nil {
		t.Fatal(err)
	}
	next := twoNodes("lab1")
	next.Nodes[0].Interfaces[0] = iface("eth1", 1, 1, "10.0.0.7/24")
	r.plug(next)
	r.wire(next)
	have := addresses()
	if have["10.0.0.1/24"] || !have["10.0.0.7/24"] || !have["10.77.0.1/24"] || have["fd00::1/64"] {
		t.Errorf("addresses %v", have)
	}
	links := r.linksIn("r1")
	if links["eth9"] != nil || links["d0"] != nil || links["eth1"] == nil {
		t.Errorf("interfaces %v", links)
	}
	r.reaches("r2", "10.0.0.7")
	routes := 0
	err = r.in("r1", func() error {
		list, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
		for _, route := range list {
			if route.Protocol == routeProtocol {
				routes++
			}
		}
		return err
	})
	if err != nil || routes != 0 {
		t.Errorf("%d routes of the earlier spec are left, %v", routes, err)
	}
}
