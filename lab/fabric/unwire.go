package fabric

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
)

// Unwire implements host.Fabric. When the last lab is gone, the panel and the firewall table go too. Parts that can't be removed don't
// keep the others: all is tried, and the errors are returned together.
func (f *Fabric) Unwire(ctx context.Context, labID string) error {
	f.wiring.Lock()
	defer f.wiring.Unlock()
	defer f.rcu.hurry()()
	return f.unwireLocked(ctx, labID)
}

func (f *Fabric) unwireLocked(ctx context.Context, labID string) error {
	f.carriers.forget(labID)
	f.dropRelays(&labID)
	f.processes.Range(func(key, _ any) bool {
		if strings.HasPrefix(key.(string), labID+"\x00") {
			f.processes.Delete(key)
		}
		return true
	})
	failed := errors.Join(
		f.removeFromOVS(ctx, labID),
		f.removeInternets(ctx, labID),
		f.removeLinks(ctx, labID),
		f.giveDevicesBack(ctx),
	)
	if failed != nil {
		return firstFault(failed)
	}
	if err := os.RemoveAll(f.labDir(labID)); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The state folder can't be written. Check its owner.")
	}
	return f.tidyLocked(ctx)
}

// removeFromOVS takes the flows first, so that a number given anew never meets an old flow, then the ports and bridges.
func (f *Fabric) removeFromOVS(ctx context.Context, labID string) error {
	state, err := f.ovs.observe(ctx)
	if err != nil {
		return err
	}
	if panel := state.panelOf(f.cfg.HostID); panel != nil {
		dump, err := f.ovs.dumpFlows(ctx, panel.name)
		if err != nil {
			return err
		}
		flows, err := parseFlows(dump)
		if err != nil {
			return err
		}
		cookie := f.names.cookie(labID)
		if slices.ContainsFunc(flows, func(o observedFlow) bool { return o.cookie == cookie }) {
			if err := f.ovs.removeFlows(ctx, panel.name, cookie); err != nil {
				return err
			}
		}
	}
	d := &differ{names: f.names, state: state, t: &transaction{}}
	d.removeUnwanted(&wanted{lab: labID})
	if len(d.t.change) == 0 {
		return nil
	}
	return f.ovs.commit(ctx, d.t.change)
}

// removeLinks deletes the lab's devices of the host's namespace: at once by their group, which costs one grace period of the
// kernel instead of one for each, or one by one when another lab happens to share the group.
func (f *Fabric) removeLinks(ctx context.Context, labID string) error {
	links, err := f.ownLinks(ctx)
	if err != nil {
		return err
	}
	group := f.names.labGroup(labID)
	var mine []netlink.Link
	shared := false
	for _, l := range links {
		s, stamped := parseAlias(l.Attrs().Alias)
		inGroup := l.Attrs().Group == group
		switch {
		case stamped && s.lab == labID, !stamped && inGroup:
			mine = append(mine, l)
			shared = shared || !inGroup
		case inGroup:
			shared = true
		}
	}
	if len(mine) == 0 {
		return nil
	}
	if !shared {
		if err := f.deleteGroup(ctx, group); err == nil {
			return nil
		}
	}
	for _, l := range mine {
		if err := f.deleteLink(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// deleteGroup is `ip link delete group N`.
func (f *Fabric) deleteGroup(ctx context.Context, group uint32) error {
	return f.change(ctx, func() error {
		return f.enter(f.rootNS, func() error {
			req := nl.NewNetlinkRequest(unix.RTM_DELLINK, unix.NLM_F_ACK)
			req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
			req.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(group)))
			_, err := req.Execute(unix.NETLINK_ROUTE, 0)
			return err
		})
	})
}

// ownLinks lists the devices of the host's namespace that this host made.
func (f *Fabric) ownLinks(ctx context.Context) ([]netlink.Link, error) {
	all, err := allLinks(ctx, f.root)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be listed.")
	}
	var own []netlink.Link
	for _, l := range all {
		s, stamped := parseAlias(l.Attrs().Alias)
		if f.names.ownsGroup(l.Attrs().Group) && (!stamped || s.host == f.cfg.HostID) && l.Type() == "veth" {
			own = append(own, l)
		}
	}
	return own, nil
}

// tidyLocked removes what serves no lab and no peer: the panel, the tunnel port and the firewall tables, once nothing of a lab is left.
func (f *Fabric) tidyLocked(ctx context.Context) error {
	labs, err := f.labsLocked(ctx)
	if err != nil || len(labs) > 0 || f.meets() {
		return err
	}
	state, err := f.ovs.observe(ctx)
	if err != nil {
		return err
	}
	if panel := state.panelOf(f.cfg.HostID); panel != nil {
		if err := f.ovs.commit(ctx, [][]string{{"--if-exists", "del-br", panel.name}}); err != nil {
			return err
		}
	}
	return f.removeTables()
}

// Labs implements host.Fabric.
func (f *Fabric) Labs(ctx context.Context) ([]string, error) {
	f.wiring.Lock()
	defer f.wiring.Unlock()
	labs, err := f.labsLocked(ctx)
	return slices.Sorted(maps.Keys(labs)), err
}

func (f *Fabric) labsLocked(ctx context.Context) (map[string]bool, error) {
	state, err := f.ovs.observe(ctx)
	if err != nil {
		return nil, err
	}
	labs := state.labs(f.cfg.HostID)
	links, err := f.ownLinks(ctx)
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		if s, ok := parseAlias(l.Attrs().Alias); ok && s.lab != "" {
			labs[s.lab] = true
		}
	}
	internets, err := f.internetRecords()
	if err != nil {
		return nil, err
	}
	for _, r := range internets {
		labs[r.Lab] = true
	}
	return labs, nil
}
