package fabric

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// An external joins a lab with a network outside: a device of the host, untagged or one VLAN of it. A device that any lab uses is a port of a
// bridge of ours, and stays one until the last lab has left; every lab has access ports there, each in its VLAN. Frames that a lab sends with
// a tag of their own are dropped at that port, so that no lab reaches a VLAN it wasn't offered, and frames to reserved addresses (spanning
// tree, LLDP, LACP) pass neither way: a lab has no say in the outside network's topology.

const outsideObject = "external "

func isOutsideObject(object string) bool { return strings.HasPrefix(object, outsideObject) }

// resolveExternal joins an external to the panel.
func (p *planner) resolveExternal(c hostapi.CableSpec, x hostapi.ExternalSpec, ref hostapi.PortRef, towards lab.Impairment) end {
	if !slices.Contains(x.Ports, ref.Interface) {
		return end{ref: ref, limit: fmt.Sprintf("The external %s has no port %s.", ref.Node, ref.Interface)}
	}
	if reason := p.refused[x.Name]; reason != "" {
		return end{ref: ref, limit: reason}
	}
	bridge := p.names.outside(x.Device)
	p.w.outside[bridge] = x.Device
	return p.join(c, bridge, vlanWant{mode: "access", tag: x.VLAN}, ref, towards, false)
}

// findOutside looks up the devices that are wanted, so that their ports are stamped with their indexes.
func (r *wiringRun) findOutside(ctx context.Context) error {
	for _, device := range r.w.outside {
		link, err := linkNamed(ctx, r.f.root, device)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
		}
		if link != nil {
			r.links[device] = link
		}
	}
	return nil
}

// outsideBridge makes the bridge of a device that labs share, with the device in it.
func (d *differ) outsideBridge(name, device string) error {
	object := outsideObject + device
	other := map[string]string{"forward-bpdu": "false", "disable-in-band": "true", "hwaddr": d.names.mac("bridge", name).String()}
	if err := d.bridge(name, failStandalone, other, "", d.ids(nil, object)); err != nil {
		return err
	}
	d.mute(name)
	index, ok := d.devices[device]
	if !ok {
		return fault.New(fault.Conflict, "The interface %s vanished while a lab was joined with it.", device)
	}
	ids := d.ids(nil, object)
	ids[idLink] = strconv.Itoa(index)
	return d.place(portWant{name: device, bridge: name, object: object, device: true}, ids)
}

// removeOutside removes the bridges of devices that no lab uses any more.
func (d *differ) removeOutside(w *wanted) {
	for _, name := range slices.Sorted(maps.Keys(d.state.bridges)) {
		b := d.state.bridges[name]
		if b.ids[idHost] != d.names.host || !isOutsideObject(b.ids[idObject]) || w.outside[name] != "" {
			continue
		}
		if others := d.state.labsAt(name); len(others) == 0 || len(others) == 1 && others[w.lab] {
			d.do("--if-exists", "del-br", name)
		}
	}
}

// labsAt names the labs that have ports at a bridge.
func (s *ovsState) labsAt(bridge string) map[string]bool {
	labs := map[string]bool{}
	for _, p := range s.ports {
		if lab := p.ids[idLab]; p.bridge == bridge && lab != "" {
			labs[lab] = true
		}
	}
	return labs
}

func (f *Fabric) isOutside(b *ovsBridge) bool {
	return b.ids[idHost] == f.cfg.HostID && isOutsideObject(b.ids[idObject])
}

// sharedBy reports whether a lab that is kept uses the bridge.
func (f *Fabric) sharedBy(state *ovsState, bridge string, keep map[string]bool) bool {
	for lab := range state.labsAt(bridge) {
		if keep[lab] {
			return true
		}
	}
	return false
}

// takeDevices prepares the devices that a lab's externals need and says, by external, why one can't be had.
func (f *Fabric) takeDevices(ctx context.Context, spec hostapi.LabSpec) (map[string]string, error) {
	if len(spec.Externals) == 0 {
		return nil, nil
	}
	state, err := f.ovs.observe(ctx)
	if err != nil {
		return nil, err
	}
	refused := map[string]string{}
	for _, x := range spec.Externals {
		if x.VLAN < 0 || x.VLAN > 4094 {
			refused[x.Name] = fmt.Sprintf("The external %s has the VLAN %d; it should be from 1 to 4094, or 0 for untagged frames.", x.Name, x.VLAN)
			continue
		}
		link, reason, err := f.examine(ctx, state, x.Device)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			refused[x.Name] = reason
			continue
		}
		if err := f.takeDevice(ctx, link); err != nil {
			return nil, err
		}
	}
	return refused, nil
}

// examine says why a device can't be given to labs, or "".
func (f *Fabric) examine(ctx context.Context, state *ovsState, device string) (netlink.Link, string, error) {
	cannotAsk := func(err error) error {
		return fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
	}
	link, err := linkNamed(ctx, f.root, device)
	if err != nil {
		return nil, "", cannotAsk(err)
	}
	if link == nil {
		return nil, fmt.Sprintf("This host has no network interface %s, so no lab is joined with it. Correct the offer, or place the node on a host that has it.", device), nil
	}
	port := state.ports[device]
	_, stamped := parseAlias(link.Attrs().Alias)
	switch mine := port != nil && port.ids[idHost] == f.cfg.HostID && isOutsideObject(port.ids[idObject]); {
	case device == loopback, stamped, port != nil && port.ids[idHost] != "" && !mine:
		return nil, fmt.Sprintf("The interface %s of this host is no way outside. Offer another.", device), nil
	case port != nil && !mine:
		return nil, fmt.Sprintf("The interface %s of this host is a port of the Open vSwitch bridge %s. Take it out of there, or offer another.", device, port.bridge), nil
	case link.Attrs().MasterIndex != 0 && !mine:
		return nil, fmt.Sprintf("The interface %s of this host is part of a bridge or bond. Take it out of there, or offer another.", device), nil
	}
	uses, err := f.hostUses(ctx, link)
	if err != nil {
		return nil, "", cannotAsk(err)
	}
	if uses != "" {
		return nil, fmt.Sprintf("The interface %s of this host carries %s, so no lab is joined with it: the host would lose its own network. Offer another interface.", device, uses), nil
	}
	return link, "", nil
}

// hostUses says what this host itself has on a device: an address, a route, or another interface.
func (f *Fabric) hostUses(ctx context.Context, link netlink.Link) (string, error) {
	addrs, err := retried(ctx, func() ([]netlink.Addr, error) { return f.root.AddrList(link, netlink.FAMILY_ALL) })
	if err != nil {
		return "", err
	}
	for _, a := range addrs {
		if addr, ok := netip.AddrFromSlice(a.IP); ok && !addr.IsLinkLocalUnicast() {
			return "the host's own address " + addr.Unmap().String(), nil
		}
		if a.IP.To4() != nil {
			return "the host's own address " + a.IP.String(), nil
		}
	}
	routes, err := retried(ctx, func() ([]netlink.Route, error) { return f.root.RouteList(link, netlink.FAMILY_ALL) })
	if err != nil {
		return "", err
	}
	for _, r := range routes {
		if p, ok := prefixOf(r.Dst); !ok || p.Bits() == 0 {
			return "the host's default route", nil
		} else if !p.Addr().IsLinkLocalUnicast() && !p.Addr().IsMulticast() {
			return "the host's route to " + p.String(), nil
		}
	}
	links, err := allLinks(ctx, f.root)
	if err != nil {
		return "", err
	}
	for _, l := range links {
		if upper := l.Attrs(); upper.ParentIndex == link.Attrs().Index && slices.Contains([]string{"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"}, l.Type()) {
			return "the interface " + upper.Name, nil
		}
	}
	return "", nil
}
