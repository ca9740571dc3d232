package fabric

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"

	"trunkline/internal/fault"
)

// vxlanPort is where VXLAN frames go (RFC 7348, section 5).
const vxlanPort = 4789

// UnderlayAddress implements host.Underlay. Where Config gives no address, it is the one from which this host reaches the controller, or else
// the world. In the userspace datapath a tunnel leaves only by an Open vSwitch bridge whose own port has the address; elsewhere this host takes no part.
func (f *Fabric) UnderlayAddress(ctx context.Context) (netip.Addr, int, error) {
	addr, link, err := f.findUnderlay(ctx)
	if err != nil || link == nil {
		return netip.Addr{}, 0, err
	}
	if f.datapath() == datapathNetdev {
		bridges, err := f.bridgeNames(ctx)
		if err != nil {
			return netip.Addr{}, 0, err
		}
		if !bridges[link.Attrs().Name] {
			return netip.Addr{}, 0, nil
		}
	}
	return addr, link.Attrs().MTU, nil
}

// findUnderlay returns the address and the link that has it; a nil link where there is none.
func (f *Fabric) findUnderlay(ctx context.Context) (netip.Addr, netlink.Link, error) {
	addr := f.cfg.Underlay.Unmap()
	for _, target := range f.farAway(ctx, addr.IsValid()) {
		routes, err := retried(ctx, func() ([]netlink.Route, error) { return f.root.RouteGet(target) })
		if err != nil || len(routes) == 0 {
			continue // no way there: the next may have one
		}
		if src, ok := netip.AddrFromSlice(routes[0].Src); ok && !src.IsLoopback() {
			addr = src.Unmap()
			break
		}
	}
	if !addr.IsValid() {
		return addr, nil, nil
	}
	list, err := retried(ctx, func() ([]netlink.Addr, error) { return f.root.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return addr, nil, fault.Wrap(err, fault.Unavailable, "The addresses of this host can't be listed.")
	}
	for _, a := range list {
		if have, ok := netip.AddrFromSlice(a.IP); ok && have.Unmap() == addr {
			link, err := retried(ctx, func() (netlink.Link, error) { return f.root.LinkByIndex(a.LinkIndex) })
			if isNoLink(err) {
				return addr, nil, nil
			}
			if err != nil {
				return addr, nil, fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
			}
			return addr, link, nil
		}
	}
	return addr, nil, nil
}

// farAway lists where routes are asked for: the controller, then addresses that only a default route leads to. Nothing is sent there.
func (f *Fabric) farAway(ctx context.Context, known bool) []net.IP {
	if known {
		return nil
	}
	var targets []net.IP
	if f.cfg.Controller != "" {
		// A name that can't be resolved now is no error: the default route answers as well.
		found, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", f.cfg.Controller)
		for _, a := range found {
			targets = append(targets, a.Unmap().AsSlice())
		}
	}
	return append(targets, net.IPv4(198, 51, 100, 1), net.ParseIP("2001:db8::1")) // for documentation: RFC 5737, RFC 3849
}

func (f *Fabric) bridgeNames(ctx context.Context) (map[string]bool, error) {
	state, err := f.ovs.observe(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for name := range state.bridges {
		names[name] = true
	}
	return names, nil
}

// underlayProblem says why this host takes no part in labs on several hosts, or "".
func (f *Fabric) underlayProblem(ctx context.Context) string {
	addr, link, err := f.findUnderlay(ctx)
	switch {
	case err != nil:
		return fault.Sentence(err)
	case link == nil && f.cfg.Underlay.IsValid():
		return "No interface of this host has the underlay address " + addr.String() + ". Set the address, or correct the setting: until then no lab reaches other hosts from here."
	case link == nil || f.datapath() != datapathNetdev:
		return ""
	}
	bridges, err := f.bridgeNames(ctx)
	if err != nil || bridges[link.Attrs().Name] {
		return "" // an Open vSwitch that doesn't answer is told elsewhere
	}
	name := link.Attrs().Name
	return "In the userspace datapath tunnels to other hosts can't leave by " + name + ". Load the kernel's with `modprobe openvswitch`, or put " + name +
		" into an Open vSwitch bridge (datapath_type=netdev) and give its address to the bridge."
}

// tunnelsEnd is the underlay address as the tunnel port is told it: what isn't known leaves the choice to the kernel. It is looked up
// anew now and then, since a name may have to be resolved for it.
func (f *Fabric) tunnelsEnd(ctx context.Context) netip.Addr {
	const fresh = time.Minute
	f.ending.Lock()
	defer f.ending.Unlock()
	if f.end.addr.IsValid() && time.Since(f.end.at) < fresh {
		return f.end.addr
	}
	addr, link, err := f.findUnderlay(ctx)
	if err != nil || link == nil {
		addr = netip.Addr{}
	}
	f.end.addr, f.end.at = addr, time.Now()
	return addr
}
