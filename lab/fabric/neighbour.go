package fabric

import (
	"context"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A node that sends while its interface has no carrier asks for its neighbour in vain, and asks again a second later, though the cable may be
// back within milliseconds (neighbour discovery's RetransTimer; net.ipv4.neigh.default.retrans_time_ms). So when a cable is mended or moved,
// the questions under way in the node are dropped: the next frame asks at once. Answers that the node has are its own.

// askAnew drops them for ends that have carrier again. A node that can't be looked into asks in its own time.
func (f *Fabric) askAnew(ctx context.Context, ends []carrierEnd) {
	for _, e := range ends {
		if err := f.askAnewAt(ctx, e); err != nil {
			f.log.Debug("a node's open questions for neighbours stay", "lab", e.key.lab, "node", e.port.Node, "error", err)
		}
	}
}

func (f *Fabric) askAnewAt(ctx context.Context, e carrierEnd) error {
	ns, err := f.insideOf(e.key.lab, e.port.Node)
	if err != nil {
		return err
	}
	defer ns.Close()
	in, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer in.Close()
	link, err := linkNamed(ctx, in, e.port.Interface)
	if err != nil || link == nil {
		return err
	}
	list, err := retried(ctx, func() ([]netlink.Neigh, error) { return in.NeighList(link.Attrs().Index, netlink.FAMILY_ALL) })
	if err != nil {
		return err
	}
	for _, n := range list {
		if n.State&(netlink.NUD_INCOMPLETE|netlink.NUD_FAILED) != 0 {
			if err := f.change(ctx, func() error { return in.NeighDel(&n) }); err != nil {
				return err
			}
		}
	}
	return nil
}
