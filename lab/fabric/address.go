package fabric

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

func (f *Fabric) ensureLoopback(ctx context.Context, n *nodeNS) error {
	lo := n.links[loopback]
	if lo == nil || lo.Attrs().Flags&net.FlagUp != 0 {
		return nil
	}
	if err := f.change(ctx, func() error { return n.in.LinkSetUp(lo) }); err != nil {
		return f.plugError(err, n.node, loopback, "The loopback of node %s can't be switched on.", n.node.Name)
	}
	return nil
}

// ensureAddresses sets the spec's addresses and takes away those an earlier spec had set. Addresses that someone set inside the node,
// by hand or by a DHCP client, stay.
func (f *Fabric) ensureAddresses(ctx context.Context, n *nodeNS) error {
	have, err := f.presentAddresses(ctx, n)
	if err != nil {
		return err
	}
	want := addressesOf(n.node)
	record := f.plugRecord(n.lab, n.node.Name)
	for _, old := range record.load() {
		link := n.links[old.Interface]
		if want[old] || link == nil || !have[old] {
			continue
		}
		err := f.change(ctx, func() error { return n.in.AddrDel(link, addrOf(old.Prefix)) })
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return f.plugError(err, n.node, old.Interface, "The address %s of %s:%s can't be taken away.", old.Prefix, n.node.Name, old.Interface)
		}
	}
	if err := record.save(want); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The state folder can't be written. Check its free space.")
	}
	for _, i := range n.node.Interfaces {
		link := n.links[i.Name]
		if link == nil {
			continue
		}
		var added []netip.Addr
		for _, p := range i.Addresses {
			if have[address{i.Name, p}] {
				continue
			}
			err := f.change(ctx, func() error { return n.in.AddrAdd(link, addrOf(p)) })
			if err != nil && !errors.Is(err, unix.EEXIST) {
				return f.plugError(err, n.node, i.Name, "The address %s can't be set on %s:%s.", p, n.node.Name, i.Name)
			}
			added = append(added, p.Addr())
		}
		if len(added) > 0 {
			f.announceNew(n, link, added)
		}
	}
	return nil
}

func addressesOf(node hostapi.NodeSpec) map[address]bool {
	want := map[address]bool{}
	for _, i := range node.Interfaces {
		for _, p := range i.Addresses {
			want[address{i.Name, p}] = true
		}
	}
	return want
}

// addrOf is the kernel's form; IPv6 skips duplicate address detection, so that it can be used at once.
func addrOf(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

func (f *Fabric) presentAddresses(ctx context.Context, n *nodeNS) (map[address]bool, error) {
	list, err := retried(ctx, func() ([]netlink.Addr, error) { return n.in.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The addresses of node %s can't be listed.", n.node.Name)
	}
	names := map[int]string{}
	for name, link := range n.links {
		names[link.Attrs().Index] = name
	}
	have := make(map[address]bool, len(list))
	for _, a := range list {
		if p, ok := prefixOf(a.IPNet); ok {
			have[address{names[a.LinkIndex], p}] = true
		}
	}
	return have, nil
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	if v4 := n.IP.To4(); v4 != nil {
		a = netip.AddrFrom4([4]byte(v4))
	}
	return netip.PrefixFrom(a, bits), ok
}
