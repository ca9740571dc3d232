package fabric

import (
	"context"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

// wiringRun is one Wire under way.
type wiringRun struct {
	f     *Fabric
	w     *wanted
	links map[string]netlink.Link // devices of the host that are wanted, by name
	panel string
	state *ovsState
	flows []observedFlow
	stale []string // pairs to remove at the end

	refused  map[string]string // externals that can't be had, and why
	underlay netip.Addr        // where this host's tunnels end, when it is known
}

// Wire implements host.Fabric. What must lose its carrier loses it first, before Open vSwitch is asked anything.
// Codes: unavailable (Open vSwitch or the kernel can't be asked), conflict (something of another maker is in the way), unsupported.
func (f *Fabric) Wire(ctx context.Context, spec hostapi.LabSpec, absent map[string]bool) (host.WireReport, error) {
	start := time.Now()
	f.wiring.Lock()
	defer f.wiring.Unlock()
	defer f.rcu.hurry()()
	if err := checkTunnels(spec); err != nil {
		return host.WireReport{}, err
	}
	if err := f.ensureGuard(); err != nil {
		return host.WireReport{}, err
	}
	said, err := f.ensureInternets(ctx, spec)
	if err != nil {
		return host.WireReport{}, err
	}
	f.watchCarriers()
	refused, err := f.takeDevices(ctx, spec)
	if err != nil {
		return host.WireReport{}, err
	}
	run := &wiringRun{f: f, refused: refused}
	if err := run.plan(ctx, spec, absent); err != nil {
		return host.WireReport{}, err
	}
	if run.w.tunnel {
		run.underlay = f.tunnelsEnd(ctx)
	}
	if err := run.makeJoins(ctx); err != nil {
		return host.WireReport{}, err
	}
	if err := run.lower(ctx); err != nil {
		return host.WireReport{}, err
	}
	if err := f.ensureRelays(spec.ID, run.w.bridges); err != nil {
		return host.WireReport{}, err
	}
	flows, err := run.converge(ctx)
	if err != nil {
		return host.WireReport{}, err
	}
	if err := run.raise(ctx); err != nil {
		return host.WireReport{}, err
	}
	if err := f.shape(ctx, run.w.ends, run.links, f.probe()); err != nil {
		return host.WireReport{}, err
	}
	if err := run.dropJoins(ctx); err != nil {
		return host.WireReport{}, err
	}
	if err := f.giveDevicesBack(ctx); err != nil {
		return host.WireReport{}, err
	}
	for id, sentence := range said {
		run.w.limits[id] = sentence
	}
	defer f.carrierNews(spec.ID) // what readers heard while it ran may be older than what it reports
	return host.WireReport{Limits: run.w.limits, Carrier: run.carrier(spec), Ports: len(run.w.panelPorts()), Flows: flows, Elapsed: time.Since(start)}, nil
}

// plan looks the host ends up and computes what is wanted.
func (r *wiringRun) plan(ctx context.Context, spec hostapi.LabSpec, absent map[string]bool) error {
	r.links = map[string]netlink.Link{}
	find := func(node, iface string) error {
		name := r.f.names.hostEnd(spec.ID, node, iface)
		link, err := linkNamed(ctx, r.f.root, name)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
		}
		if link != nil && r.f.names.ownsGroup(link.Attrs().Group) {
			r.links[name] = link
		}
		return nil
	}
	for _, n := range spec.Nodes {
		for _, i := range n.Interfaces {
			if absent[n.Name] || i.Name == loopback {
				continue
			}
			if err := find(n.Name, i.Name); err != nil {
				return err
			}
		}
	}
	for _, in := range spec.Internets {
		for _, i := range in.Interfaces {
			if err := find(in.Name, i); err != nil {
				return err
			}
		}
	}
	present := func(name string) bool { return r.links[name] != nil }
	r.w = plan(r.f.names, spec, present, r.f.probe().possibleImpairment, r.refused)
	r.w.wrap = r.f.cfg.wrap || r.f.datapath() == datapathSystem
	return nil
}

// carrier tells which interfaces of containers have carrier, now that the host ends are up or down as they shall be.
func (r *wiringRun) carrier(spec hostapi.LabSpec) map[hostapi.PortRef]bool {
	carrier := map[hostapi.PortRef]bool{}
	for _, n := range spec.Nodes {
		for _, i := range n.Interfaces {
			name := r.f.names.hostEnd(spec.ID, n.Name, i.Name)
			if r.links[name] != nil {
				has, held := r.f.carriers.has(name)
				carrier[hostapi.PortRef{Node: n.Name, Interface: i.Name}] = has || !held && r.w.ends[name].up
			}
		}
	}
	return carrier
}

// lower takes carrier away where it shall go, at far ends too, before anything else is changed.
func (r *wiringRun) lower(ctx context.Context) error {
	for _, name := range r.f.carriers.lower(r.w.lab, r.w.held) {
		if link := r.links[name]; link != nil { // it may be wanted on for another reason
			link.Attrs().Flags &^= net.FlagUp
			link.Attrs().RawFlags &^= unix.IFF_UP | unix.IFF_LOWER_UP
		}
	}
	return r.switchEnds(ctx, false)
}

// raise gives carrier where it shall be. The ends of cables get theirs from the far end as well as from here.
func (r *wiringRun) raise(ctx context.Context) error {
	for i := range r.w.held {
		e := &r.w.held[i]
		if link := r.links[e.device]; link != nil {
			flags := link.Attrs().RawFlags
			e.index, e.up, e.own = link.Attrs().Index, flags&unix.IFF_UP != 0, flags&unix.IFF_LOWER_UP != 0
		}
	}
	if err := r.f.carriers.install(r.w.lab, r.w.held); err != nil {
		return err
	}
	if slices.ContainsFunc(r.w.held, func(e carrierEnd) bool { return e.flap != nil }) {
		r.f.flaps.start(r.f.flap)
	}
	if err := r.f.keepRemote(r.w.lab, r.w.held); err != nil {
		return err
	}
	return r.switchEnds(ctx, true)
}

// switchEnds brings the host ends down that shall be (up false), or up (up true). A node sees its carrier go or come.
func (r *wiringRun) switchEnds(ctx context.Context, up bool) error {
	for _, name := range slices.Sorted(maps.Keys(r.w.ends)) {
		link := r.links[name]
		if link == nil || r.w.ends[name].up != up {
			continue
		}
		if _, held := r.f.carriers.has(name); held && up {
			continue
		}
		if err := r.f.setUp(ctx, link, up); err != nil {
			return err
		}
	}
	return nil
}

// makeJoins makes the veth pairs that stand for patch ports where frames towards a segment are impaired.
func (r *wiringRun) makeJoins(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(r.w.ends)) {
		e := r.w.ends[name]
		if e.inPlace || e.peer == "" {
			continue
		}
		for _, side := range []string{name, e.peer} {
			link, err := r.joinLink(ctx, side, name, e.peer)
			if err != nil {
				return err
			}
			if err := r.f.dressHostEnd(ctx, link, r.w.lab, e.object, side, joinMTU); err != nil {
				return err
			}
			r.links[side] = link
		}
	}
	return nil
}

// joinMTU lets any frame pass that a node's interface may send. It stays clear of 65,535: the userspace datapath counts its buffer, which is
// somewhat larger, in 16 bits, and reads garbage into one that came out small (Open vSwitch 3.1.0).
const joinMTU = 65000

func (r *wiringRun) joinLink(ctx context.Context, side, outer, inner string) (netlink.Link, error) {
	link, err := linkNamed(ctx, r.f.root, side)
	if err == nil && link == nil {
		group := r.f.names.labGroup(r.w.lab)
		veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: outer, MTU: joinMTU, TxQLen: -1, Group: group},
			PeerName: inner, PeerMTU: joinMTU, PeerTxQLen: -1}
		if err = r.f.change(ctx, func() error { return r.f.root.LinkAdd(veth) }); err == nil {
			link, err = linkNamed(ctx, r.f.root, side)
		}
	}
	if err != nil || link == nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The pair that joins a segment to the panel can't be made.")
	}
	return link, nil
}

// findStaleJoins notes the pairs that a patch port is about to replace, or whose segment is gone.
func (r *wiringRun) findStaleJoins() {
	for _, name := range slices.Sorted(maps.Keys(r.state.ports)) {
		p := r.state.ports[name]
		if p.ids[idHost] == r.f.cfg.HostID && p.ids[idLab] == r.w.lab && p.ids[idLink] != "" &&
			strings.HasPrefix(name, joinPanelPrefix) && r.w.ends[name].peer == "" {
			r.stale = append(r.stale, name)
		}
	}
}

// dropJoins removes the pairs whose ports are gone.
func (r *wiringRun) dropJoins(ctx context.Context) error {
	for _, name := range r.stale {
		link, err := linkNamed(ctx, r.f.root, name)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
		}
		if link != nil {
			if err := r.f.deleteLink(ctx, link); err != nil {
				return err
			}
		}
	}
	return nil
}

// converge makes Open vSwitch what is wanted and returns how many flows the lab has.
func (r *wiringRun) converge(ctx context.Context) (int, error) {
	if err := r.observe(ctx); err != nil {
		return 0, err
	}
	r.findStaleJoins()
	if err := r.findOutside(ctx); err != nil {
		return 0, err
	}
	devices := make(map[string]int, len(r.links))
	for name, link := range r.links {
		devices[name] = link.Attrs().Index
	}
	t, err := r.diff(devices)
	if err != nil {
		return 0, err
	}
	if err := r.commit(ctx, t); err != nil {
		return 0, err
	}
	if err := r.verify(ctx, t); err != nil {
		return 0, err
	}
	r.dropUnopened(t)
	want := flowsOf(r.w, t.numbers, t.numbers[r.f.names.tunnel()])
	cookie := r.f.names.cookie(r.w.lab)
	if err := r.f.ovs.applyFlows(ctx, r.panel, cookie, diffFlows(r.flows, want, cookie)); err != nil {
		return 0, err
	}
	return len(want), nil
}

// observe reads Open vSwitch: what is configured, and the flows of the panel when there is one.
func (r *wiringRun) observe(ctx context.Context) (err error) {
	if r.state, err = r.f.ovs.observe(ctx); err != nil {
		return err
	}
	panel := r.state.panelOf(r.f.cfg.HostID)
	if panel == nil {
		if _, err := r.f.ovs.alive(ctx); err != nil {
			return err
		}
		r.panel, err = r.f.freePanelName(ctx, r.state)
		return err
	}
	r.panel = panel.name
	dump, err := r.f.ovs.dumpFlows(ctx, r.panel)
	if err != nil {
		return err
	}
	r.flows, err = parseFlows(dump)
	return err
}

// freePanelName is tl-panel, or a name of this host alone where another agent on the machine has that.
func (f *Fabric) freePanelName(ctx context.Context, s *ovsState) (string, error) {
	const usual = "tl-panel"
	link, err := linkNamed(ctx, f.root, usual)
	if err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
	}
	if link == nil && s.bridges[usual] == nil {
		return usual, nil
	}
	return "tl-" + f.names.digest(8, panelObject), nil
}

func (r *wiringRun) differ(devices map[string]int) *differ {
	return &differ{names: r.f.names, state: r.state, panel: r.panel, datapath: r.f.datapath(), devices: devices,
		busy: busyNumbers(r.state, r.panel, r.flows), underlay: r.underlay}
}

func (r *wiringRun) diff(devices map[string]int) (*transaction, error) {
	return r.differ(devices).diff(r.w)
}

func (r *wiringRun) commit(ctx context.Context, t *transaction) error {
	if len(t.before) > 0 {
		if err := r.f.ovs.commit(ctx, t.before); err != nil {
			return err
		}
	}
	if len(t.change) > 0 {
		if err := r.f.ovs.commit(ctx, t.change); err != nil {
			return err
		}
	}
	if t.purge {
		_, err := r.f.ovs.appctl(ctx, "revalidator/purge")
		return err
	}
	return nil
}

// verify reads back the numbers of the ports that were made. Flows follow the number a port has, not the one it was to get; a port that
// could not be opened has none and is made once more.
func (r *wiringRun) verify(ctx context.Context, t *transaction) error {
	if len(t.made) == 0 {
		return nil
	}
	again, err := r.readBack(ctx, t)
	if err != nil || len(again) == 0 {
		return err
	}
	for name := range again {
		r.f.log.Warn("port was not opened, trying once more", "port", name, "object", r.w.ports[name].object, "complaint", r.state.ports[name].complaint)
	}
	devices := map[string]int{}
	for name := range r.links {
		link, err := linkNamed(ctx, r.f.root, name)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
		}
		if link == nil {
			link = r.links[name] // gone: its port will be refused again and its cable left out
		}
		r.links[name], devices[name] = link, link.Attrs().Index
	}
	second, err := r.diff(devices)
	if err != nil {
		return err
	}
	if err := r.commit(ctx, second); err != nil {
		return err
	}
	maps.Copy(t.numbers, second.numbers)
	_, err = r.readBack(ctx, t)
	return err
}

// readBack takes the numbers from Open vSwitch and returns the panel ports that have none.
func (r *wiringRun) readBack(ctx context.Context, t *transaction) (unopened map[string]bool, err error) {
	if r.state, err = r.f.ovs.observe(ctx); err != nil {
		return nil, err
	}
	unopened = map[string]bool{}
	for name := range t.numbers {
		p := r.state.ports[name]
		switch {
		case p == nil:
			delete(t.numbers, name)
		case p.ofport > 0:
			t.numbers[name] = p.ofport
		default:
			unopened[name] = true
			delete(t.numbers, name)
		}
	}
	return unopened, nil
}

// dropUnopened leaves out the cables of ports that Open vSwitch couldn't open: their nodes ended meanwhile.
func (r *wiringRun) dropUnopened(t *transaction) {
	var kept []cableWant
	for _, c := range r.w.cables {
		_, a := t.numbers[c.a]
		_, b := t.numbers[c.b]
		if a && (b || c.remote.IsValid()) {
			kept = append(kept, c)
			continue
		}
		if c.id == "" {
			continue // a way to another host: the next run tries again
		}
		for i := range r.w.held {
			if r.w.held[i].key.cable == c.id {
				r.w.held[i].wanted = false
			}
		}
		r.w.limits[c.id] = "Open vSwitch couldn't open a port of this cable: its node ended meanwhile, or is being restarted."
	}
	r.w.cables = kept
}
