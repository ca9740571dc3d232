package fabric

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
)

// leftover is one thing of ours that belongs to no lab that is kept.
type leftover struct {
	words  string
	remove func(context.Context) error
}

// Leftovers implements host.Fabric.
func (f *Fabric) Leftovers(ctx context.Context, keep map[string]bool) ([]string, error) {
	f.wiring.Lock()
	defer f.wiring.Unlock()
	found, err := f.leftoversLocked(ctx, keep)
	words := make([]string, 0, len(found))
	for _, l := range found {
		words = append(words, l.words)
	}
	return words, err
}

// RemoveLeftovers removes what Leftovers lists and returns what it removed, in words.
func (f *Fabric) RemoveLeftovers(ctx context.Context, keep map[string]bool) ([]string, error) {
	f.wiring.Lock()
	defer f.wiring.Unlock()
	defer f.rcu.hurry()()
	labs, err := f.labsLocked(ctx)
	if err != nil {
		return nil, err
	}
	found, err := f.leftoversLocked(ctx, keep)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, lab := range slices.Sorted(maps.Keys(labs)) {
		if !keep[lab] {
			failed = errors.Join(failed, f.unwireLocked(ctx, lab))
		}
	}
	// What belonged to no lab by its stamp, such as half-made things of a killed agent.
	rest, err := f.leftoversLocked(ctx, keep)
	failed = errors.Join(failed, err)
	for _, l := range rest {
		failed = errors.Join(failed, l.remove(ctx))
	}
	failed = errors.Join(failed, f.giveDevicesBack(ctx), f.tidyLocked(ctx))
	var words []string
	for _, l := range found {
		words = append(words, l.words)
	}
	return words, firstFault(failed)
}

// leftoversLocked looks everywhere. What could not be asked is an error, never an empty list.
func (f *Fabric) leftoversLocked(ctx context.Context, keep map[string]bool) ([]leftover, error) {
	state, err := f.ovs.observe(ctx)
	if err != nil {
		return nil, err
	}
	kept := len(keep) > 0 || f.meets()
	found := f.leftoverBridges(state, keep, kept)
	found = append(found, f.leftoverPorts(state, keep, kept)...)
	flows, err := f.leftoverFlows(ctx, state, keep)
	if err != nil {
		return nil, err
	}
	links, err := f.leftoverLinks(ctx, keep)
	if err != nil {
		return nil, err
	}
	ways, err := f.leftoverInternets(ctx, keep)
	if err != nil {
		return nil, err
	}
	tables, err := f.leftoverTables(kept)
	if err != nil {
		return nil, err
	}
	devices, err := f.leftoverDevices(state)
	if err != nil {
		return nil, err
	}
	sockets, err := f.leftoverSockets(state, keep)
	if err != nil {
		return nil, err
	}
	return slices.Concat(found, flows, links, ways, devices, tables, sockets), nil
}

// leftoverSockets finds those of controllers whose switch is no lab's that is kept. An agent that was killed leaves its own behind.
func (f *Fabric) leftoverSockets(state *ovsState, keep map[string]bool) ([]leftover, error) {
	prefix := f.names.controllersOfHost()
	files, err := filepath.Glob(filepath.Join(f.ovs.folder(), prefix+"*"))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "Open vSwitch's run folder can't be read.")
	}
	f.relaying.Lock()
	defer f.relaying.Unlock()
	var found []leftover
	for _, path := range files {
		bridge := strings.TrimPrefix(filepath.Base(path), prefix)
		r, b := f.relays[bridge], state.bridges[bridge]
		if r != nil && keep[r.lab] || b != nil && b.ids[idHost] == f.cfg.HostID && keep[b.ids[idLab]] {
			continue
		}
		found = append(found, leftover{fmt.Sprintf("socket %s of a switch's controller", path), func(context.Context) error {
			if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fault.Wrap(err, fault.Unavailable, "The socket %s can't be removed.", path)
			}
			return nil
		}})
	}
	return found, nil
}

func (f *Fabric) leftoverBridges(state *ovsState, keep map[string]bool, kept bool) []leftover {
	var found []leftover
	for _, name := range slices.Sorted(maps.Keys(state.bridges)) {
		b := state.bridges[name]
		lab, isPanel := b.ids[idLab], b.ids[idObject] == panelObject && b.ids[idLab] == ""
		if b.ids[idHost] != f.cfg.HostID || keep[lab] || isPanel && kept || f.isOutside(b) && f.sharedBy(state, name, keep) {
			continue
		}
		words := fmt.Sprintf("Open vSwitch bridge %s (%s)", name, ofLab(lab, b.ids[idObject]))
		found = append(found, leftover{words, func(ctx context.Context) error {
			return f.ovs.commit(ctx, [][]string{{"--if-exists", "del-br", name}})
		}})
	}
	return found
}

func (f *Fabric) leftoverPorts(state *ovsState, keep map[string]bool, kept bool) []leftover {
	var found []leftover
	for _, name := range slices.Sorted(maps.Keys(state.ports)) {
		p := state.ports[name]
		lab := p.ids[idLab]
		if p.ids[idHost] != f.cfg.HostID || keep[lab] || lab == "" && (kept || isOutsideObject(p.ids[idObject])) {
			continue
		}
		words := fmt.Sprintf("Open vSwitch port %s of bridge %s (%s)", name, p.bridge, ofLab(lab, p.ids[idObject]))
		found = append(found, leftover{words, func(ctx context.Context) error {
			return f.ovs.commit(ctx, [][]string{{"--if-exists", "del-port", name}})
		}})
	}
	return found
}

func (f *Fabric) leftoverFlows(ctx context.Context, state *ovsState, keep map[string]bool) ([]leftover, error) {
	panel := state.panelOf(f.cfg.HostID)
	if panel == nil {
		return nil, nil
	}
	dump, err := f.ovs.dumpFlows(ctx, panel.name)
	if err != nil {
		return nil, err
	}
	flows, err := parseFlows(dump)
	if err != nil {
		return nil, err
	}
	wanted := map[uint64]bool{f.names.cookie(ownLab): f.meets()}
	for lab := range keep {
		wanted[f.names.cookie(lab)] = true
	}
	var found []leftover
	seen := map[uint64]bool{}
	for _, o := range flows {
		if wanted[o.cookie] || o.cookie>>48 != cookieSpace>>48 {
			continue
		}
		words := fmt.Sprintf("flow of %s with cookie %#x (%s)", panel.name, o.cookie, o.match)
		remove := func(context.Context) error { return nil }
		if !seen[o.cookie] {
			remove = func(ctx context.Context) error { return f.ovs.removeFlows(ctx, panel.name, o.cookie) }
		}
		seen[o.cookie] = true
		found = append(found, leftover{words, remove})
	}
	return found, nil
}

func (f *Fabric) leftoverLinks(ctx context.Context, keep map[string]bool) ([]leftover, error) {
	links, err := f.ownLinks(ctx)
	if err != nil {
		return nil, err
	}
	queues, err := retried(ctx, func() (map[int]string, error) { return f.qdiscKinds() })
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The kernel's queues can't be listed.")
	}
	var found []leftover
	for _, l := range links {
		s, stamped := parseAlias(l.Attrs().Alias)
		if stamped && (keep[s.lab] || s.lab == ownLab && f.meets()) {
			continue
		}
		what := "half-made, without a lab"
		if stamped {
			what = ofLab(s.lab, s.node+":"+s.iface)
		}
		if kind := queues[l.Attrs().Index]; kind == "netem" || kind == "tbf" {
			found = append(found, leftover{fmt.Sprintf("qdisc %s on %s (%s)", kind, l.Attrs().Name, what), func(context.Context) error { return nil }})
		}
		found = append(found, leftover{fmt.Sprintf("veth %s (%s)", l.Attrs().Name, what), func(ctx context.Context) error { return f.deleteLink(ctx, l) }})
	}
	return found, nil
}

func (f *Fabric) qdiscKinds() (map[int]string, error) {
	list, err := f.root.QdiscList(nil)
	kinds := map[int]string{}
	for _, q := range list {
		kinds[q.Attrs().LinkIndex] = q.Type()
	}
	return kinds, err
}

// leftoverTables finds the host's firewall tables; they stay as long as a lab does.
func (f *Fabric) leftoverTables(kept bool) ([]leftover, error) {
	if kept {
		return nil, nil
	}
	conn, err := f.nft(int(f.rootNS))
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil, nil // a kernel without nftables has no table
	}
	if err != nil {
		return nil, err
	}
	defer conn.CloseLasting()
	var left []leftover
	for _, name := range []string{f.names.table(), f.names.outTable()} {
		found, err := hasTable(conn, name)
		if err != nil {
			return nil, err
		}
		if found {
			left = append(left, leftover{"nftables table inet " + name, func(context.Context) error { return f.removeTables() }})
		}
	}
	return left, nil
}

func ofLab(lab, object string) string {
	if lab == "" {
		return "of this host, " + object
	}
	return strings.TrimSuffix("of lab "+lab+", "+object, ", ")
}
