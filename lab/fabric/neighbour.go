package fabric

import (
	"context"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A node that sends while its interface has no carrier asks for its neighbour in vain, and asks again a second later, though the cable may be
// back within milliseconds (neighbour discovery's RetransTimer; net.ipv4.neigh.default.retrans_time_ms). So when a cable is mended or moved,
// the questions under way in the node are dropped: the next frame asks at once. Answers that the node has are its own.

// The kernel passes frames a moment later than it shows the carrier: until then both a question and its answer are lost, so it is waited for.

const (
	passesWithin = time.Second          // from the carrier's return until frames pass, on a busy machine
	passesEvery  = 2 * time.Millisecond // how often it is looked
)

// askAnew drops the open questions of nodes whose carrier returns, and puts those again that stay open, until ctx ends. A node that can't be
// looked into asks in its own time.
func (f *Fabric) askAnew(ctx context.Context) {
	var open []asking
	for {
		select {
		case <-f.carriers.back:
			open = append(open, f.dropQuestions(ctx)...)
		case now := <-nextAsk(open):
			open = f.askDue(ctx, open, now)
		case <-ctx.Done():
			return
		}
	}
}

// dropQuestions drops the open questions at the cables whose carrier has returned, once frames pass there. It returns their ends.
func (f *Fabric) dropQuestions(ctx context.Context) (open []asking) {
	within, cancel := context.WithTimeout(ctx, passesWithin)
	defer cancel()
	for _, ends := range f.carriers.takeReturned() {
		for _, e := range ends {
			f.awaitPasses(within, e)
		}
		if err := f.askAnewAt(ctx, ends[0]); err != nil {
			f.log.Debug("a node's open questions for neighbours stay", "lab", ends[0].key.lab, "node", ends[0].port.Node, "error", err)
			continue
		}
		open = append(open, asking{end: ends[0], since: time.Now()})
	}
	return open
}

// awaitPasses waits until frames pass at both devices of an end, or ctx ends.
func (f *Fabric) awaitPasses(ctx context.Context, e carrierEnd) {
	inside, done, err := f.routesOf(e)
	if err != nil {
		return
	}
	defer done()
	tick := time.NewTicker(passesEvery)
	defer tick.Stop()
	for {
		outer, err := linkNamed(ctx, f.root, e.device)
		if err != nil || outer == nil {
			return
		}
		inner, err := linkNamed(ctx, inside, e.port.Interface)
		if err != nil || inner == nil || passes(outer) && passes(inner) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// passes reports whether the kernel has let a device's queue begin, which it does together with this state (RFC 2863).
func passes(l netlink.Link) bool { return l.Attrs().OperState == netlink.OperUp }

// routesOf opens the interfaces of an end's node. The caller calls done.
func (f *Fabric) routesOf(e carrierEnd) (inside *netlink.Handle, done func(), err error) {
	ns, err := f.insideOf(e.key.lab, e.port.Node)
	if err != nil {
		return nil, nil, err
	}
	defer ns.Close()
	in, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil, err
	}
	return in, in.Close, nil
}

// neighbours lists what a node knows of others at one of its interfaces; nil when there is no such interface.
func neighbours(ctx context.Context, in *netlink.Handle, name string, family int) (netlink.Link, []netlink.Neigh, error) {
	link, err := linkNamed(ctx, in, name)
	if err != nil || link == nil {
		return nil, nil, err
	}
	list, err := retried(ctx, func() ([]netlink.Neigh, error) { return in.NeighList(link.Attrs().Index, family) })
	return link, list, err
}

func (f *Fabric) askAnewAt(ctx context.Context, e carrierEnd) error {
	in, done, err := f.routesOf(e)
	if err != nil {
		return err
	}
	defer done()
	_, list, err := neighbours(ctx, in, e.port.Interface, netlink.FAMILY_ALL)
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
