package fabric

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab"
)

const (
	// queueTime is how long a frame may wait for its turn behind a rate: a router's usual buffer.
	queueTime = 50 * time.Millisecond
	// unshapedBits is the rate that a delay without a rate is sized for, in bit/s.
	unshapedBits = 10e9
	// leastShaped and leastUnshaped are the shortest queues in frames, with a rate and without. What queues behind a rate waits: a thousand
	// full frames would be late by more than a second at 10 Mbit/s.
	leastShaped, leastUnshaped = 64, 1000
)

// possibleImpairment is what is left of an impairment on a kernel, and a sentence on what isn't.
func (p *probe) possibleImpairment(i lab.Impairment) (lab.Impairment, string) {
	rate := lab.Impairment{RateBits: i.RateBits}
	switch {
	case p.netem:
		return i, ""
	case i.NeedsNetem() && (i.RateBits == 0 || !p.tbf):
		return lab.Impairment{}, "This host's kernel has no netem, so delay, loss and the like are left out on this cable. Load it with `modprobe sch_netem`, or use a host that has it."
	case i.NeedsNetem():
		return rate, "This host's kernel has no netem, so only the rate of this cable is applied; delay, loss and the like are left out. Load it with `modprobe sch_netem`, or use a host that has it."
	case !p.tbf:
		return lab.Impairment{}, "This host's kernel can't limit rates (neither netem nor tbf), so the rate of this cable is left out. Load one with `modprobe sch_tbf`."
	}
	return rate, ""
}

// netemFor reports that netem does it, and not tbf. A rate alone is left to tbf where both are there: its queue is as long as so many bytes, and
// netem's as so many packets, which a TCP near its receiver makes as large as 64 KiB: a second of them waits at 10 Mbit/s, and all that comes then is
// lost at once. Across a delay TCP sends small ones (tcp_tso_rtt_log in ip-sysctl).
func (p *probe) netemFor(i lab.Impairment) bool {
	return p.netem && (!p.tbf || !i.NeedsRate() || i.NeedsNetem())
}

// qdiscFor is the queueing discipline that does it: netem, or tbf for a rate alone.
// Its handle is derived from the impairment, so that a later run of the agent sees whether it still is the wanted one.
func qdiscFor(link netlink.Link, i lab.Impairment, netem bool) netlink.Qdisc {
	mtu := link.Attrs().MTU
	attrs := netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Parent: netlink.HANDLE_ROOT, Handle: qdiscHandle(i, mtu, netem)}
	if netem {
		return netlink.NewNetem(attrs, netemOf(i, mtu))
	}
	rate := uint64(i.RateBits) / 8
	burst := burstOf(i.RateBits, mtu)
	return &netlink.Tbf{QdiscAttrs: attrs, Rate: rate, Limit: uint32(min(queueBytes(i.RateBits)+float64(burst), math.MaxUint32)),
		Buffer: netlink.Xmittime(rate, burst)}
}

// netemOf fills netem(8)'s parameters. Its jitter is uniform, so its half-width is the standard deviation times the root of three.
func netemOf(i lab.Impairment, mtu int) netlink.NetemQdiscAttrs {
	a := netlink.NetemQdiscAttrs{
		Latency: uint32(i.Delay.Microseconds()), Jitter: uint32(float64(i.Jitter.Microseconds()) * math.Sqrt(3)),
		Loss: float32(i.Loss), Duplicate: float32(i.Duplicate), CorruptProb: float32(i.Corrupt),
		Rate64: uint64(i.RateBits) / 8, Limit: netemLimit(i, mtu),
	}
	if i.Reorder > 0 {
		a.ReorderProb, a.Gap = float32(i.Reorder), 1
	}
	return a
}

// netemLimit is the queue in frames: a router's buffer of full frames behind the rate, and what is in flight during the delay. Frames in
// flight are mostly not full, so they are counted as a third of one: a delay with a rate carries small frames too, and where all are full
// the queue is longer by a round trip.
func netemLimit(i lab.Impairment, mtu int) uint32 {
	frame, flight := float64(max(mtu, 256)), (i.Delay + 2*i.Jitter).Seconds()
	frames := max(unshapedBits/8*flight/frame, leastUnshaped)
	if i.RateBits > 0 {
		frames = max(queueBytes(i.RateBits)/frame+float64(i.RateBits)/8*flight/(frame/3), leastShaped)
	}
	return uint32(min(frames, 1_000_000))
}

// queueBytes is what a queue of queueTime holds at a rate.
func queueBytes(bits int64) float64 { return float64(bits) / 8 * queueTime.Seconds() }

// burstOf is tbf's bucket in bytes: what passes in 4 ms, the coarsest tick of a kernel's timer, and never under ten full frames.
func burstOf(bits int64, mtu int) uint32 {
	return uint32(min(max(float64(bits)/8/250, 10*float64(mtu+18)), 64<<20))
}

func qdiscHandle(i lab.Impairment, mtu int, netem bool) uint32 {
	h := fnv.New32a()
	fmt.Fprintf(h, "%+v %d %t", i, mtu, netem)
	return netlink.MakeHandle(uint16(h.Sum32()%0x7fff+1), 0)
}

// shape makes the queueing disciplines of the ends what they shall be; only those that differ are touched.
func (f *Fabric) shape(ctx context.Context, ends map[string]endWant, links map[string]netlink.Link, p *probe) error {
	list, err := retried(ctx, func() ([]netlink.Qdisc, error) { return f.root.QdiscList(nil) })
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The kernel's queues can't be listed.")
	}
	have := map[int]netlink.Qdisc{}
	for _, q := range list {
		if a := q.Attrs(); a.Parent == netlink.HANDLE_ROOT {
			have[a.LinkIndex] = q
		}
	}
	for name, e := range ends {
		link := links[name]
		if link == nil {
			continue
		}
		if err := f.shapeEnd(ctx, link, have[link.Attrs().Index], e, p.netemFor(e.impair)); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fabric) shapeEnd(ctx context.Context, link netlink.Link, have netlink.Qdisc, e endWant, netem bool) error {
	isOurs := have != nil && (have.Type() == "netem" || have.Type() == "tbf")
	if e.impair.IsZero() {
		if !isOurs {
			return nil
		}
		err := f.change(ctx, func() error { return f.root.QdiscDel(have) })
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
			return fault.Wrap(err, fault.Unavailable, "The impairment towards %s can't be taken away.", e.object)
		}
		return nil
	}
	want := qdiscFor(link, e.impair, netem)
	index, values := link.Attrs().Index, want.Attrs().Handle
	if isOurs && have.Type() == want.Type() {
		set := have.Attrs().Handle
		if changed, known := f.shaped.Load(index); known {
			set = changed.(uint32)
		}
		if set == values {
			return nil
		}
		// With the handle that it has it is changed in place, all values in one message: what is queued stays. The handle then tells of
		// older values, so a later run of the agent sets the same ones once more.
		if keepsStale(have, want) {
			if err := f.change(ctx, func() error { return f.root.QdiscDel(have) }); err != nil && !errors.Is(err, unix.ENOENT) {
				return fault.Wrap(err, fault.Unavailable, "The impairment towards %s can't be changed.", e.object)
			}
		} else {
			want.Attrs().Handle = have.Attrs().Handle
		}
	}
	f.shaped.Store(index, values)
	if err := f.change(ctx, func() error { return f.root.QdiscReplace(want) }); err != nil {
		f.shaped.Delete(index)
		return fault.Wrap(err, fault.Invalid, "The impairment towards %s can't be set: the kernel refuses its values.", e.object)
	}
	return nil
}

// keepsStale reports that netem would keep a rate or a corruption that is to go: a change in place leaves what its message doesn't name.
func keepsStale(have, want netlink.Qdisc) bool {
	was, ok := have.(*netlink.Netem)
	now, both := want.(*netlink.Netem)
	return ok && both && (was.Rate64 > 0 && now.Rate64 == 0 || was.CorruptProb > 0 && now.CorruptProb == 0)
}
