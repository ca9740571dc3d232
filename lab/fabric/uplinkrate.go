package fabric

import (
	"context"
	"errors"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// limitUplink makes a way out as fast as it may be: in each direction by a queue at the sending end of the veth to the host. Neither is within the lab's
// reach. It returns a sentence when this kernel cannot.
func (f *Fabric) limitUplink(ctx context.Context, n *nodeNS, rate int64) (cannot string, err error) {
	if !f.cfg.Egress {
		return "", nil
	}
	impair := lab.Impairment{RateBits: rate}
	netem := f.probe().netemFor(impair)
	possible, _ := f.probe().possibleImpairment(impair)
	if !impair.IsZero() && possible.IsZero() {
		return "This host's kernel can't limit rates (neither netem nor tbf), so the way out of " + n.node.Name + " is as fast as it can be. Load one with `modprobe sch_tbf`.", nil
	}
	outer, err := linkNamed(ctx, f.root, f.names.uplink(n.lab, n.node.Name))
	if err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
	}
	inner := n.links[insideUplink]
	if outer == nil || inner == nil {
		return "", fault.New(fault.Unavailable, "The way out of the internet node %s vanished while its rate was set.", n.node.Name)
	}
	if err := f.limitEnd(ctx, f.root, outer, possible, netem); err != nil {
		return "", err
	}
	return "", f.limitEnd(ctx, n.in, inner, possible, netem)
}

// limitEnd makes the queue of one end what it shall be; one that is so already is not touched.
func (f *Fabric) limitEnd(ctx context.Context, h *netlink.Handle, link netlink.Link, i lab.Impairment, netem bool) error {
	list, err := retried(ctx, func() ([]netlink.Qdisc, error) { return h.QdiscList(link) })
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The kernel's queues can't be listed.")
	}
	var have netlink.Qdisc
	for _, q := range list {
		if q.Attrs().Parent == netlink.HANDLE_ROOT && (q.Type() == "netem" || q.Type() == "tbf") {
			have = q
		}
	}
	if i.IsZero() {
		if have == nil {
			return nil
		}
		if err := f.change(ctx, func() error { return h.QdiscDel(have) }); err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
			return fault.Wrap(err, fault.Unavailable, "The rate of a way out can't be taken away.")
		}
		return nil
	}
	want := qdiscFor(link, i, netem)
	if have != nil && have.Type() == want.Type() && have.Attrs().Handle == want.Attrs().Handle {
		return nil
	}
	if err := f.change(ctx, func() error { return h.QdiscReplace(want) }); err != nil {
		return fault.Wrap(err, fault.Invalid, "The rate of a way out can't be set: the kernel refuses it.")
	}
	return nil
}

// sayOf puts a sentence on every cable of an internet node.
func sayOf(said map[string]string, spec hostapi.LabSpec, node, sentence string) {
	for _, c := range spec.Cables {
		if sentence != "" && (c.A.Node == node || c.B.Node == node) {
			said[c.ID] = sentence
		}
	}
}
