package fabric

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// ensureInside makes the inside of an internet node: the bridge with the gateway's address and a port for each interface. IPv6 is off:
// it would be forwarded without translation.
func (f *Fabric) ensureInside(ctx context.Context, n *nodeNS, in hostapi.InternetSpec) error {
	if err := f.enter(n.ns, f.insideSettings); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The settings of the internet node %s can't be written.", in.Name)
	}
	if err := f.ensureLoopback(ctx, n); err != nil {
		return err
	}
	if err := f.ensureBridge(ctx, n, in); err != nil {
		return err
	}
	if err := f.unplugUnwanted(ctx, n); err != nil {
		return err
	}
	bridge := n.links[insideBridge]
	for _, spec := range n.node.Interfaces {
		if err := f.ensureInterface(ctx, n, spec); err != nil {
			return err
		}
		port := n.links[spec.Name]
		if port.Attrs().MasterIndex == bridge.Attrs().Index {
			continue
		}
		if err := f.change(ctx, func() error { return n.in.LinkSetMaster(port, bridge) }); err != nil {
			return f.plugError(err, n.node, spec.Name, "The interface %s:%s can't be joined to its gateway.", in.Name, spec.Name)
		}
	}
	return f.offloads(n)
}

// insideSettings runs in the node's namespace.
func (f *Fabric) insideSettings() error {
	for path, want := range map[string]string{
		"net/ipv6/conf/all/disable_ipv6":      "1",
		"net/ipv6/conf/default/disable_ipv6":  "1",
		"net/bridge/bridge-nf-call-iptables":  "0", // frames between two inside interfaces are not routed and not filtered
		"net/bridge/bridge-nf-call-ip6tables": "0",
		"net/bridge/bridge-nf-call-arptables": "0",
		"net/ipv4/ip_forward":                 "1",
	} {
		if err := f.sysctl(path, want); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

func (f *Fabric) ensureBridge(ctx context.Context, n *nodeNS, in hostapi.InternetSpec) error {
	if n.links[insideBridge] == nil {
		bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: insideBridge, MTU: insideMTU, TxQLen: -1,
			HardwareAddr: f.names.mac("gateway", n.lab, in.Name)}}
		if err := f.change(ctx, func() error { return n.in.LinkAdd(bridge) }); err != nil {
			return fault.Wrap(err, fault.Unsupported, "The gateway of the internet node %s can't be made: the kernel needs the bridge module.", in.Name)
		}
		if err := n.refresh(ctx); err != nil {
			return err
		}
	}
	bridge := n.links[insideBridge]
	if err := f.onlyAddress(ctx, n.in, bridge, in.Subnet); err != nil {
		return fault.Wrap(err, fault.Invalid, "The gateway address %s of the internet node %s can't be set.", in.Subnet, in.Name)
	}
	return f.insideUp(ctx, n, bridge)
}

func (f *Fabric) insideUp(ctx context.Context, n *nodeNS, link netlink.Link) error {
	if link.Attrs().Flags&net.FlagUp != 0 {
		return nil
	}
	if err := f.change(ctx, func() error { return n.in.LinkSetUp(link) }); err != nil {
		return f.plugError(err, n.node, link.Attrs().Name, "The interface %s of the internet node %s can't be switched on.", link.Attrs().Name, n.node.Name)
	}
	return nil
}

// onlyAddress makes p the link's one IPv4 address.
func (f *Fabric) onlyAddress(ctx context.Context, h *netlink.Handle, link netlink.Link, p netip.Prefix) error {
	list, err := retried(ctx, func() ([]netlink.Addr, error) { return h.AddrList(link, netlink.FAMILY_V4) })
	if err != nil {
		return err
	}
	there := false
	for _, a := range list {
		if have, ok := prefixOf(a.IPNet); ok && have == p {
			there = true
		} else if err := f.change(ctx, func() error { return h.AddrDel(link, &a) }); err != nil {
			return err
		}
	}
	if there {
		return nil
	}
	err = f.change(ctx, func() error { return h.AddrAdd(link, addrOf(p)) })
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// ensureUplink makes the way out, or takes it away where the host gives none.
func (f *Fabric) ensureUplink(ctx context.Context, n *nodeNS, r internetRecord) error {
	name := f.names.uplink(n.lab, n.node.Name)
	outer, err := linkNamed(ctx, f.root, name)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
	}
	inner := n.links[insideUplink]
	if outer != nil && (!f.cfg.Egress || inner == nil || !paired(outer, inner)) {
		if err := f.deleteLink(ctx, outer); err != nil {
			return err
		}
		outer = nil
	}
	if !f.cfg.Egress {
		return f.closeWayOut(ctx, r)
	}
	if outer == nil {
		if outer, inner, err = f.makeUplink(ctx, n, name); err != nil {
			return err
		}
	}
	return f.dressUplink(ctx, n, outer, inner, r)
}

func (f *Fabric) makeUplink(ctx context.Context, n *nodeNS, name string) (outer, inner netlink.Link, err error) {
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name, MTU: insideMTU, TxQLen: -1, Group: f.names.uplinkGroup()},
		PeerName: insideUplink, PeerMTU: insideMTU, PeerNamespace: netlink.NsFd(int(n.ns)), PeerTxQLen: -1}
	if err := f.change(ctx, func() error { return f.root.LinkAdd(veth) }); err != nil {
		return nil, nil, fault.Wrap(err, fault.Unavailable, "The way out of the internet node %s can't be made.", n.node.Name)
	}
	if outer, err = linkNamed(ctx, f.root, name); err == nil && outer != nil {
		inner, err = linkNamed(ctx, n.in, insideUplink)
	}
	if err != nil || outer == nil || inner == nil {
		return nil, nil, fault.Wrap(err, fault.Unavailable, "The way out of the internet node %s vanished while it was made.", n.node.Name)
	}
	n.links[insideUplink] = inner
	return outer, inner, nil
}

// dressUplink gives both ends their addresses and the namespace its default route, and opens the host's firewall for it.
func (f *Fabric) dressUplink(ctx context.Context, n *nodeNS, outer, inner netlink.Link, r internetRecord) error {
	wrong := func(err error) error {
		return fault.Wrap(err, fault.Unavailable, "The way out of the internet node %s can't be set up.", n.node.Name)
	}
	if alias := f.stampOf(n.lab, n.node.Name, insideUplink); outer.Attrs().Alias != alias {
		if err := f.change(ctx, func() error { return f.root.LinkSetAlias(outer, alias) }); err != nil {
			return wrong(err)
		}
	}
	if err := f.sysctl("net/ipv6/conf/"+outer.Attrs().Name+"/disable_ipv6", "1"); err != nil && !os.IsNotExist(err) {
		return wrong(err)
	}
	hostSide := netip.PrefixFrom(r.Uplink.Addr().Prev(), r.Uplink.Bits())
	if err := f.onlyAddress(ctx, f.root, outer, hostSide); err != nil {
		return wrong(err)
	}
	if err := f.setUp(ctx, outer, true); err != nil {
		return err
	}
	if err := f.onlyAddress(ctx, n.in, inner, r.Uplink); err != nil {
		return wrong(err)
	}
	if err := f.insideUp(ctx, n, inner); err != nil {
		return err
	}
	if err := f.defaultRoute(ctx, n, inner, hostSide.Addr()); err != nil {
		return wrong(err)
	}
	return f.openWayOut(ctx, r)
}

func (f *Fabric) defaultRoute(ctx context.Context, n *nodeNS, link netlink.Link, via netip.Addr) error {
	routes, err := retried(ctx, func() ([]netlink.Route, error) { return n.in.RouteList(link, netlink.FAMILY_V4) })
	if err != nil {
		return err
	}
	for _, r := range routes {
		if k := keyOf(r); k.to.Bits() == 0 && k.via == via {
			return nil
		}
	}
	everywhere := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	r := &netlink.Route{Dst: addrOf(everywhere).IPNet, Gw: via.AsSlice(), LinkIndex: link.Attrs().Index, Protocol: routeProtocol}
	return f.change(ctx, func() error { return n.in.RouteReplace(r) })
}
