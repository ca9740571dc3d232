package fabric

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"trunkline/lab/hostapi"
)

// iface describes an interface with a hardware address that tells the node and the number: "02:00:00:00:NODE:NUMBER".
func iface(name string, node, number int, addresses ...string) hostapi.InterfaceSpec {
	i := hostapi.InterfaceSpec{Name: name, MAC: fmt.Sprintf("02:00:00:00:%02x:%02x", node, number), MTU: 1500}
	for _, a := range addresses {
		i.Addresses = append(i.Addresses, netip.MustParsePrefix(a))
	}
	return i
}

func cable(a, aIf, b, bIf string) hostapi.CableSpec {
	return hostapi.CableSpec{ID: a + ":" + aIf + " " + b + ":" + bIf, A: hostapi.PortRef{Node: a, Interface: aIf}, B: hostapi.PortRef{Node: b, Interface: bIf}}
}

// ping sends one echo request of size payload bytes from inside a node and waits for its answer.
func (r *rig) ping(from, to string, size int, wait time.Duration) error {
	addr := netip.MustParseAddr(to)
	network, proto := "ip4:icmp", 1
	var kind icmp.Type = ipv4.ICMPTypeEcho
	if addr.Is6() {
		network, proto, kind = "ip6:ipv6-icmp", 58, ipv6.ICMPTypeEchoRequest
	}
	return r.in(from, func() error {
		conn, err := icmp.ListenPacket(network, map[bool]string{true: "::", false: "0.0.0.0"}[addr.Is6()])
		if err != nil {
			return err
		}
		defer conn.Close()
		id := os.Getpid()&0xffff ^ int(time.Now().UnixNano()&0xffff)
		body := &icmp.Echo{ID: id, Seq: 1, Data: make([]byte, size)}
		data, err := (&icmp.Message{Type: kind, Body: body}).Marshal(nil)
		if err != nil {
			return err
		}
		conn.SetDeadline(time.Now().Add(wait))
		if _, err := conn.WriteTo(data, &net.IPAddr{IP: addr.AsSlice()}); err != nil {
			return err
		}
		buf := make([]byte, 70000)
		for {
			n, peer, err := conn.ReadFrom(buf)
			if err != nil {
				return err
			}
			m, err := icmp.ParseMessage(proto, buf[:n])
			if err != nil {
				continue
			}
			echo, ok := m.Body.(*icmp.Echo)
			if ok && echo.ID == id && m.Type != kind && peer.String() == to {
				return nil
			}
		}
	})
}

func (r *rig) reaches(from, to string) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%s to reach %s", from, to), func() bool { return r.ping(from, to, 56, time.Second) == nil })
}

// patient is how long a single thing that must come is waited for, on a machine that may stand still for seconds.
const patient = 30 * time.Second

// stopsReaching waits until what reached another does so no more: the switch goes on as before until it has looked at what changed, half a
// second or so.
func (r *rig) stopsReaching(from, to string) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%s to reach %s no more", from, to), func() bool {
		for range 3 {
			if r.ping(from, to, 56, 300*time.Millisecond) == nil {
				return false
			}
		}
		return true
	})
}

func (r *rig) reachesNot(from, to string) {
	r.t.Helper()
	if err := r.ping(from, to, 56, 300*time.Millisecond); err == nil {
		r.t.Fatalf("%s reaches %s, which it must not", from, to)
	}
}

// linksIn lists the interfaces of a node by name.
func (r *rig) linksIn(name string) map[string]netlink.Link {
	r.t.Helper()
	all := map[string]netlink.Link{}
	err := r.in(name, func() error {
		list, err := netlink.LinkList()
		for _, l := range list {
			all[l.Attrs().Name] = l
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}
