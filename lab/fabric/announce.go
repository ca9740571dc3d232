package fabric

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"trunkline/lab/hostapi"
)

// Who takes over an address is known to its neighbours by the MAC address of the owner before it until they ask anew, half a minute later. So a
// node that is given an address, or a cable, while it runs says in its own name where the address is (RFC 5227 2.3, RFC 4861 7.2.6).

// announceNew tells the neighbours at an interface which addresses it was just given, once there is somebody to hear it. Of a node that has only
// begun nobody knows anything else.
func (f *Fabric) announceNew(n *nodeNS, link netlink.Link, addresses []netip.Addr) {
	switch {
	case !n.ran || link.Attrs().Flags&net.FlagLoopback != 0:
		return
	case link.Attrs().RawFlags&unix.IFF_LOWER_UP == 0:
		f.carriers.owe(n.lab, hostapi.PortRef{Node: n.node.Name, Interface: link.Attrs().Name})
		return
	}
	err := f.enter(n.ns, func() error {
		frames, err := announcements(link, addresses)
		if err != nil {
			return err
		}
		return sendFrames(link.Attrs().Index, frames)
	})
	if err != nil {
		f.log.Debug("neighbours find out by themselves where addresses are", "lab", n.lab, "node", n.node.Name, "interface", link.Attrs().Name, "error", err)
	}
}

// lastingOf are the addresses that an interface announces: link-local ones of IPv6 are made of the MAC address, and move with it.
func lastingOf(own []netlink.Addr) (lasting []netip.Addr) {
	for _, a := range own {
		if p, ok := prefixOf(a.IPNet); ok && !p.Addr().IsLinkLocalUnicast() && a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) == 0 {
			lasting = append(lasting, p.Addr())
		}
	}
	return lasting
}

// announcements are the frames that tell of addresses at an interface of the present namespace.
func announcements(link netlink.Link, addresses []netip.Addr) (frames [][]byte, err error) {
	a := link.Attrs()
	if len(a.HardwareAddr) != 6 {
		return nil, nil
	}
	setting, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + a.Name + "/forwarding")
	router := err == nil && len(setting) > 0 && setting[0] != '0'
	for _, address := range addresses {
		if address.Is4() {
			frames = append(frames, question(a.HardwareAddr, address.AsSlice(), address.AsSlice()))
			continue
		}
		frame, err := advertisement(a.HardwareAddr, address, router)
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame)
	}
	return frames, nil
}

// advertisement is the frame that tells everybody on an Ethernet who has an IPv6 address, and that what they knew before is over (RFC 4861 4.4).
// router says that it forwards: without it, hosts would take it for a router no more.
func advertisement(from net.HardwareAddr, own netip.Addr, router bool) ([]byte, error) {
	const isRouter, override = 0x80, 0x20
	flags := byte(override)
	if router {
		flags |= isRouter
	}
	body := append([]byte{flags, 0, 0, 0}, own.AsSlice()...)
	body = append(body, 2, 1) // the option of the target's MAC address, in units of eight bytes
	body = append(body, from...)
	message := icmp.Message{Type: ipv6.ICMPTypeNeighborAdvertisement, Body: &icmp.RawBody{Data: body}}
	payload, err := message.Marshal(icmp.IPv6PseudoHeader(own.AsSlice(), net.IPv6linklocalallnodes))
	if err != nil {
		return nil, err
	}
	frame := append(make([]byte, 0, 86), 0x33, 0x33, 0, 0, 0, 1)
	frame = append(frame, from...)
	frame = binary.BigEndian.AppendUint16(frame, unix.ETH_P_IPV6)
	frame = append(frame, 0x60, 0, 0, 0)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(payload)))
	frame = append(frame, unix.IPPROTO_ICMPV6, 255)
	frame = append(frame, own.AsSlice()...)
	frame = append(frame, net.IPv6linklocalallnodes...)
	return append(frame, payload...), nil
}
