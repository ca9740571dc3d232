package fabric

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

const loopback = "lo"

// nodeNS is one node's namespace while Plug works in it.
type nodeNS struct {
	lab   string
	node  hostapi.NodeSpec
	ns    netns.NsHandle
	in    *netlink.Handle
	links map[string]netlink.Link // of the namespace, by name
	ran   bool                    // it was plugged before, as the same process
}

// Plug implements host.Fabric. Host ends of cabled interfaces stay down until Wire joins them: a node sees no carrier before its cable is there.
// Codes: conflict (the node ended, or an interface of another maker is in the way), invalid (an address or route the kernel refuses).
func (f *Fabric) Plug(ctx context.Context, labID string, node hostapi.NodeSpec, pid int) ([]hostapi.InterfaceStatus, error) {
	defer f.nodes.lock(labID + "\x00" + node.Name)()
	defer f.rcu.hurry()()
	n, err := f.openNode(ctx, labID, node, pid)
	if err != nil {
		return nil, err
	}
	defer n.close()
	n.ran = f.rememberProcess(labID, node.Name, pid)
	if err := f.enter(n.ns, func() error { return f.enableIPv6(node) }); err != nil {
		return nil, f.plugError(err, node, "", "The network settings of node %s can't be written.", node.Name)
	}
	if err := f.unplugUnwanted(ctx, n); err != nil {
		return nil, err
	}
	for _, spec := range node.Interfaces {
		if spec.Name == loopback {
			continue
		}
		if err := f.ensureInterface(ctx, n, spec); err != nil {
			return nil, err
		}
	}
	if err := f.ensureLoopback(ctx, n); err != nil {
		return nil, err
	}
	if err := f.offloads(n); err != nil {
		return nil, err
	}
	if err := f.ensureAddresses(ctx, n); err != nil {
		return nil, err
	}
	// A route the kernel refuses is told after everything else is done: the node is reachable and can be mended from its shell.
	routeErr := f.ensureRoutes(ctx, n)
	statuses, err := n.statuses(ctx)
	if err != nil {
		return nil, err
	}
	return statuses, routeErr
}

func (f *Fabric) openNode(ctx context.Context, labID string, node hostapi.NodeSpec, pid int) (*nodeNS, error) {
	ns, err := netns.GetFromPid(pid)
	if err != nil {
		return nil, fault.Wrap(err, fault.Conflict, "Node %s ended before its interfaces were plugged. Start it again.", node.Name)
	}
	if ns.Equal(f.rootNS) {
		ns.Close()
		return nil, fault.New(fault.Internal, "Node %s shares the host's network, so no interface is made in it.", node.Name)
	}
	in, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		ns.Close()
		return nil, fault.Wrap(err, fault.Unavailable, "The network of node %s can't be opened.", node.Name)
	}
	n := &nodeNS{lab: labID, node: node, ns: ns, in: in}
	if err := n.refresh(ctx); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

func (n *nodeNS) close() {
	n.in.Close()
	n.ns.Close()
}

func (n *nodeNS) refresh(ctx context.Context) error {
	links, err := allLinks(ctx, n.in)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The interfaces of node %s can't be listed.", n.node.Name)
	}
	n.links = make(map[string]netlink.Link, len(links))
	for _, l := range links {
		n.links[l.Attrs().Name] = l
	}
	return nil
}

// enableIPv6 turns IPv6 on in the namespace it runs in, unless the node's own settings say otherwise: some container engines turn it
// off where they made no network. Duplicate address detection stays on for link-local addresses; those of the spec are set without it.
func (f *Fabric) enableIPv6(node hostapi.NodeSpec) error {
	for _, scope := range []string{"all", "default"} {
		want := "0"
		if v, ok := node.Sysctls["net.ipv6.conf."+scope+".disable_ipv6"]; ok {
			want = v
		}
		if err := f.sysctl("net/ipv6/conf/"+scope+"/disable_ipv6", want); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// sysctl writes a setting of the present namespace when it differs.
func (f *Fabric) sysctl(path, want string) error {
	path = "/proc/sys/" + path
	have, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(have)) == want {
		return err
	}
	f.writes.Add(1)
	return os.WriteFile(path, []byte(want), 0o644)
}

// unplugUnwanted removes interfaces of ours in the node that the spec doesn't name, or that bear a name we did not give them.
func (f *Fabric) unplugUnwanted(ctx context.Context, n *nodeNS) error {
	wanted := map[string]bool{}
	for _, i := range n.node.Interfaces {
		wanted[i.Name] = true
	}
	removed := false
	for name, link := range n.links {
		peer := link.Attrs().ParentIndex
		if link.Type() != "veth" || peer == 0 {
			continue
		}
		outer, err := retried(ctx, func() (netlink.Link, error) { return f.root.LinkByIndex(peer) })
		if isNoLink(err) {
			continue
		}
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
		}
		s, ok := parseAlias(outer.Attrs().Alias)
		if !ok || s.host != f.cfg.HostID || s.lab != n.lab || s.node != n.node.Name || !paired(outer, link) || s.iface == insideUplink || wanted[s.iface] && s.iface == name {
			continue
		}
		if err := f.deleteLink(ctx, outer); err != nil {
			return err
		}
		removed = true
	}
	if removed {
		return n.refresh(ctx)
	}
	return nil
}

// paired reports whether two veth ends name each other. Their indexes count in different namespaces.
func paired(outer, inner netlink.Link) bool {
	return outer.Type() == "veth" && inner.Type() == "veth" &&
		outer.Attrs().ParentIndex == inner.Attrs().Index && inner.Attrs().ParentIndex == outer.Attrs().Index
}

func (f *Fabric) deleteLink(ctx context.Context, link netlink.Link) error {
	err := f.change(ctx, func() error { return f.root.LinkDel(link) })
	if err != nil && !isNoLink(err) {
		return fault.Wrap(err, fault.Unavailable, "The interface %s of this host can't be removed.", link.Attrs().Name)
	}
	return nil
}

// ensureInterface makes one interface as the spec says, or corrects the one that is there.
func (f *Fabric) ensureInterface(ctx context.Context, n *nodeNS, spec hostapi.InterfaceSpec) error {
	mac, err := net.ParseMAC(spec.MAC)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "The MAC address %q of %s:%s is malformed.", spec.MAC, n.node.Name, spec.Name)
	}
	name := f.names.hostEnd(n.lab, n.node.Name, spec.Name)
	outer, err := linkNamed(ctx, f.root, name)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
	}
	inner := n.links[spec.Name]
	if outer != nil && (inner == nil || !paired(outer, inner)) {
		// The pair of an earlier container of this node, whose namespace the kernel has not yet cleaned up.
		if !f.names.ownsGroup(outer.Attrs().Group) {
			return fault.New(fault.Conflict, "The interface %s of this host isn't Trunkline's but bears the name of one of its own. Remove or rename it.", name)
		}
		if err := f.deleteLink(ctx, outer); err != nil {
			return err
		}
		outer = nil
	}
	if outer == nil && inner != nil {
		return fault.New(fault.Conflict, "Node %s already has an interface %s that Trunkline didn't make. Remove or rename it inside the node.", n.node.Name, spec.Name)
	}
	if outer == nil {
		if outer, inner, err = f.makePair(ctx, n, name, spec, mac); err != nil {
			return err
		}
	}
	if err := f.dressHostEnd(ctx, outer, n.lab, n.node.Name, spec.Name, spec.MTU); err != nil {
		return err
	}
	if spec.Dummy {
		if err := f.setUp(ctx, outer, true); err != nil {
			return err
		}
	}
	return f.correct(ctx, n, inner, spec, mac)
}

// makePair makes both ends in one message: the node's end appears in its namespace with its final name, address and MTU.
func (f *Fabric) makePair(ctx context.Context, n *nodeNS, name string, spec hostapi.InterfaceSpec, mac net.HardwareAddr) (outer, inner netlink.Link, err error) {
	veth := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: name, MTU: spec.MTU, TxQLen: -1, Group: f.names.labGroup(n.lab), HardwareAddr: f.names.mac(name)},
		PeerName:  spec.Name, PeerHardwareAddr: mac, PeerMTU: uint32(spec.MTU), PeerNamespace: netlink.NsFd(int(n.ns)), PeerTxQLen: -1,
	}
	return f.addPair(ctx, n, veth, spec)
}

// farIndex is beyond the indexes that a kernel gives by itself.
const farIndex = 1 << 24

func (f *Fabric) addPair(ctx context.Context, n *nodeNS, veth *netlink.Veth, spec hostapi.InterfaceSpec) (outer, inner netlink.Link, err error) {
	if err := f.change(ctx, func() error { return f.root.LinkAdd(veth) }); err != nil {
		return nil, nil, f.plugError(err, n.node, spec.Name, "The interface %s:%s can't be made.", n.node.Name, spec.Name)
	}
	outer, err = linkNamed(ctx, f.root, veth.Name)
	if err == nil && outer != nil {
		inner, err = linkNamed(ctx, n.in, spec.Name)
	}
	if err == nil && outer != nil && inner != nil && veth.Index == 0 && outer.Attrs().Index == inner.Attrs().Index {
		// The kernel reports carrier at once only of links whose index differs from their peer's, and else up to a second later.
		if err := f.deleteLink(ctx, outer); err != nil {
			return nil, nil, err
		}
		veth.Index = farIndex + outer.Attrs().Index
		return f.addPair(ctx, n, veth, spec)
	}
	if err != nil || outer == nil || inner == nil {
		return nil, nil, fault.Wrap(err, fault.Conflict, "The interface %s:%s vanished while it was made: the node ended. Start it again.", n.node.Name, spec.Name)
	}
	n.links[spec.Name] = inner
	return outer, inner, nil
}

// dressHostEnd gives a host end its stamp and shuts this host's own network stack out of it: nodes must not reach the host through it.
func (f *Fabric) dressHostEnd(ctx context.Context, outer netlink.Link, lab, node, iface string, mtu int) error {
	attrs := outer.Attrs()
	steps := []struct {
		differs bool
		do      func() error
	}{
		{attrs.Alias != f.stampOf(lab, node, iface), func() error { return f.root.LinkSetAlias(outer, f.stampOf(lab, node, iface)) }},
		{attrs.RawFlags&unix.IFF_NOARP == 0, func() error { return f.root.LinkSetARPOff(outer) }},
		{mtu > 0 && attrs.MTU != mtu, func() error { return f.root.LinkSetMTU(outer, mtu) }},
		{attrs.Group != f.names.labGroup(lab), func() error { return f.root.LinkSetGroup(outer, int(f.names.labGroup(lab))) }},
	}
	for _, s := range steps {
		if !s.differs {
			continue
		}
		if err := f.change(ctx, s.do); err != nil {
			return fault.Wrap(err, fault.Conflict, "The host's end of %s:%s can't be set up.", node, iface)
		}
	}
	if err := f.sysctl("net/ipv6/conf/"+attrs.Name+"/disable_ipv6", "1"); err != nil && !os.IsNotExist(err) {
		return fault.Wrap(err, fault.Unavailable, "IPv6 can't be turned off on the host's end of %s:%s.", node, iface)
	}
	return nil
}

func (f *Fabric) stampOf(lab, node, iface string) string {
	return stamp{f.cfg.HostID, lab, node, iface}.alias()
}

// setUp brings a link of the host up or down when it is not.
func (f *Fabric) setUp(ctx context.Context, link netlink.Link, up bool) error {
	if (link.Attrs().Flags&net.FlagUp != 0) == up {
		return nil
	}
	set := f.root.LinkSetDown
	if up {
		set = f.root.LinkSetUp
	}
	if err := f.change(ctx, func() error { return set(link) }); err != nil {
		return fault.Wrap(err, fault.Conflict, "The interface %s of this host can't be switched on or off.", link.Attrs().Name)
	}
	return nil
}

// correct makes the node's end what the spec says.
func (f *Fabric) correct(ctx context.Context, n *nodeNS, inner netlink.Link, spec hostapi.InterfaceSpec, mac net.HardwareAddr) error {
	attrs := inner.Attrs()
	steps := []struct {
		differs bool
		do      func() error
	}{
		{!bytes.Equal(attrs.HardwareAddr, mac), func() error { return n.in.LinkSetHardwareAddr(inner, mac) }},
		{spec.MTU > 0 && attrs.MTU != spec.MTU, func() error { return n.in.LinkSetMTU(inner, spec.MTU) }},
		{attrs.Flags&net.FlagUp == 0, func() error { return n.in.LinkSetUp(inner) }},
	}
	for _, s := range steps {
		if !s.differs {
			continue
		}
		if err := f.change(ctx, s.do); err != nil {
			return f.plugError(err, n.node, spec.Name, "The interface %s:%s can't be set up.", n.node.Name, spec.Name)
		}
	}
	return nil
}

// plugError says what the kernel meant.
func (f *Fabric) plugError(err error, node hostapi.NodeSpec, iface, format string, args ...any) error {
	switch {
	case errors.Is(err, unix.ERANGE), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EADDRNOTAVAIL):
		return fault.Wrap(err, fault.Invalid, format+" The kernel refuses its name, MTU or address; correct it in the lab file.", args...).InField(node.Name + ":" + iface)
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENOENT):
		return fault.Wrap(err, fault.Conflict, format+" The node ended meanwhile; start it again.", args...)
	}
	return fault.Wrap(err, fault.Unavailable, format, args...)
}

// statuses tells what the kernel shows, in the order of the spec.
func (n *nodeNS) statuses(ctx context.Context) ([]hostapi.InterfaceStatus, error) {
	if err := n.refresh(ctx); err != nil {
		return nil, err
	}
	var all []hostapi.InterfaceStatus
	for _, spec := range n.node.Interfaces {
		link := n.links[spec.Name]
		if link == nil {
			all = append(all, hostapi.InterfaceStatus{Name: spec.Name})
			continue
		}
		a := link.Attrs()
		all = append(all, hostapi.InterfaceStatus{Name: a.Name, MAC: a.HardwareAddr.String(), MTU: a.MTU, Index: a.Index,
			Up: a.Flags&net.FlagUp != 0 && a.RawFlags&unix.IFF_LOWER_UP != 0})
	}
	return all, nil
}
