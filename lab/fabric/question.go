package fabric

import (
	"context"
	"encoding/binary"
	"net"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A question may be lost when its cable is back already: a switch that works forwards by what it remembers until it has looked anew, and on a
// busy machine that takes a while. So for the first moments questions that stay open are put again in the node's name, as its kernel itself
// would a second later (RFC 826). Neighbours of IPv6 are left to the kernel.

// asksAfter is when open questions are looked for, from the carrier's return.
var asksAfter = []time.Duration{20 * time.Millisecond, 60 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond}

// asking is an end whose carrier returned a moment ago.
type asking struct {
	end   carrierEnd
	since time.Time
	next  int // in asksAfter
}

func (a asking) due() time.Time { return a.since.Add(asksAfter[a.next]) }

// nextAsk is when the first of them is due; nil: none is there.
func nextAsk(all []asking) <-chan time.Time {
	if len(all) == 0 {
		return nil
	}
	first := all[0].due()
	for _, a := range all {
		if a.due().Before(first) {
			first = a.due()
		}
	}
	return time.After(time.Until(first))
}

// askDue puts the open questions of those that are due, and returns who is to be asked for later.
func (f *Fabric) askDue(ctx context.Context, all []asking, now time.Time) []asking {
	var later []asking
	for _, a := range all {
		if !a.due().After(now) {
			if err := f.putQuestions(ctx, a.end); err != nil {
				f.log.Debug("a node's open questions are left to it", "lab", a.end.key.lab, "node", a.end.port.Node, "error", err)
				continue
			}
			if a.next++; a.next == len(asksAfter) {
				continue
			}
		}
		later = append(later, a)
	}
	return later
}

// putQuestions asks for every neighbour of an end that its node waits for, and says where addresses are that moved here.
func (f *Fabric) putQuestions(ctx context.Context, e carrierEnd) error {
	in, done, err := f.routesOf(e)
	if err != nil {
		return err
	}
	defer done()
	link, list, err := neighbours(ctx, in, e.port.Interface, netlink.FAMILY_V4)
	if err != nil || link == nil {
		return err
	}
	own, err := retried(ctx, func() ([]netlink.Addr, error) { return in.AddrList(link, netlink.FAMILY_ALL) })
	if err != nil {
		return err
	}
	questions := openQuestions(link, own, list)
	if len(questions) == 0 && !e.moved {
		return nil
	}
	ns, err := f.insideOf(e.key.lab, e.port.Node)
	if err != nil {
		return err
	}
	defer ns.Close()
	return f.enter(ns, func() error {
		if !e.moved {
			return sendFrames(link.Attrs().Index, questions)
		}
		told, err := announcements(link, lastingOf(own))
		if err != nil {
			return err
		}
		return sendFrames(link.Attrs().Index, append(told, questions...))
	})
}

// openQuestions are the frames that ask anew for the IPv4 neighbours that are waited for.
func openQuestions(link netlink.Link, own []netlink.Addr, list []netlink.Neigh) (questions [][]byte) {
	own = slices.DeleteFunc(slices.Clone(own), func(a netlink.Addr) bool { return a.IP.To4() == nil })
	if len(own) == 0 {
		return nil
	}
	for _, n := range list {
		if n.State&netlink.NUD_INCOMPLETE != 0 {
			questions = append(questions, question(link.Attrs().HardwareAddr, addressFor(own, n.IP), n.IP))
		}
	}
	return questions
}

// addressFor is the node's own address in the network of another, or its first.
func addressFor(own []netlink.Addr, other net.IP) net.IP {
	for _, a := range own {
		if a.Contains(other) {
			return a.IP
		}
	}
	return own[0].IP
}

// question is the frame that asks everybody on an Ethernet who has an IPv4 address (RFC 826).
func question(from net.HardwareAddr, own, wanted net.IP) []byte {
	frame := make([]byte, 0, 42)
	frame = append(frame, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	frame = append(frame, from...)
	frame = binary.BigEndian.AppendUint16(frame, unix.ETH_P_ARP)
	frame = append(frame, 0, 1, 8, 0, 6, 4, 0, 1) // Ethernet, IPv4, the lengths of their addresses, a request
	frame = append(frame, from...)
	frame = append(frame, own.To4()...)
	frame = append(frame, 0, 0, 0, 0, 0, 0)
	return append(frame, wanted.To4()...)
}

// sendFrames sends frames by an interface of the present namespace.
func sendFrames(index int, frames [][]byte) error {
	if len(frames) == 0 {
		return nil
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0) // 0: it hears nothing
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, frame := range frames {
		kind := binary.NativeEndian.Uint16(frame[12:14]) // stays in network order
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: index, Protocol: kind, Halen: 6}); err != nil {
			return err
		}
	}
	return nil
}
