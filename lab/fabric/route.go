package fabric

import (
	"context"
	"errors"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// routeProtocol marks the routes we set, so that an earlier spec's can be told from those of a routing daemon or a person.
// Numbers from 5 up are free for user space (rtnetlink(7)); 84 is not in iproute2's table.
const routeProtocol = netlink.RouteProtocol(84)

// routeKey is where a route leads, as the kernel shows it.
type routeKey struct {
	to   netip.Prefix
	via  netip.Addr
	link int // 0: whichever reaches via
}

// ensureRoutes sets the spec's static routes and takes away ours that are no longer wanted. Where someone else has put a route to the
// same place, theirs stays.
func (f *Fabric) ensureRoutes(ctx context.Context, n *nodeNS) error {
	list, err := retried(ctx, func() ([]netlink.Route, error) { return n.in.RouteList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The routes of node %s can't be listed.", n.node.Name)
	}
	ours, taken := map[routeKey]netlink.Route{}, map[netip.Prefix]bool{}
	for _, r := range list {
		k, metric := keyOf(r), r.Priority
		switch {
		case r.Protocol == routeProtocol:
			ours[k] = r
		case metric == 0 || k.to.Addr().Is6() && metric == 1024:
			taken[k.to] = true
		}
	}
	var missing []lab.StaticRoute
	for _, w := range n.node.Routes {
		if k, ok := findRoute(ours, wantedKey(n, w)); ok {
			delete(ours, k)
		} else if !taken[w.To.Masked()] {
			missing = append(missing, w)
		}
	}
	for _, r := range ours {
		err := f.change(ctx, func() error { return n.in.RouteDel(&r) })
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return f.plugError(err, n.node, "", "A route of node %s can't be taken away.", n.node.Name)
		}
	}
	var failed error
	for _, w := range missing {
		failed = errors.Join(failed, f.addRoute(ctx, n, w))
	}
	return firstFault(failed)
}

func wantedKey(n *nodeNS, w lab.StaticRoute) routeKey {
	k := routeKey{to: w.To.Masked(), via: w.Via}
	if link := n.links[w.Dev]; link != nil {
		k.link = link.Attrs().Index
	}
	return k
}

func findRoute(have map[routeKey]netlink.Route, want routeKey) (routeKey, bool) {
	for k := range have {
		if k.to == want.to && k.via == want.via && (want.link == 0 || want.link == k.link) {
			return k, true
		}
	}
	return routeKey{}, false
}

func keyOf(r netlink.Route) routeKey {
	k := routeKey{link: r.LinkIndex}
	if p, ok := prefixOf(r.Dst); ok {
		k.to = p.Masked()
	} else if r.Family == unix.AF_INET6 {
		k.to = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	} else {
		k.to = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	if via, ok := netip.AddrFromSlice(r.Gw); ok {
		k.via = via.Unmap()
	}
	return k
}

func (f *Fabric) addRoute(ctx context.Context, n *nodeNS, w lab.StaticRoute) error {
	k := wantedKey(n, w)
	if w.Dev != "" && k.link == 0 {
		return fault.New(fault.Invalid, "The route to %s of node %s leaves by %s, an interface the node doesn't have.", w.To, n.node.Name, w.Dev)
	}
	r := &netlink.Route{Dst: addrOf(k.to).IPNet, LinkIndex: k.link, Protocol: routeProtocol}
	if w.Via.IsValid() {
		r.Gw = w.Via.AsSlice()
	} else {
		r.Scope = netlink.SCOPE_LINK
	}
	err := f.change(ctx, func() error { return n.in.RouteAdd(r) })
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EINVAL):
		return fault.Wrap(err, fault.Invalid, "The route to %s of node %s can't be set: no address of the node reaches %s. Correct the route or the addresses.", w.To, n.node.Name, w.Via)
	}
	return f.plugError(err, n.node, w.Dev, "The route to %s of node %s can't be set.", w.To, n.node.Name)
}

// firstFault keeps the first sentence of several errors joined, and all of them as its cause.
func firstFault(err error) error {
	if err == nil {
		return nil
	}
	if first, ok := errors.AsType[*fault.Error](err); ok {
		return fault.Wrap(err, first.Code, "%s", first.Sentence).InField(first.Field)
	}
	return err
}
