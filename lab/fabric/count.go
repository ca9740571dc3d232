package fabric

import (
	"context"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

var _ host.Counters = (*Fabric)(nil)

// Counters implements host.Counters: one dump of the kernel's devices, and one of the panel's ports where a lab has cables between segments,
// which have no device.
func (f *Fabric) Counters(ctx context.Context, labs []hostapi.LabSpec) (map[string]map[hostapi.PortRef]host.PortCount, error) {
	all := map[string]map[hostapi.PortRef]host.PortCount{}
	patched := map[string]portOf{} // panel ports of segments: by name
	for _, spec := range labs {
		all[spec.ID] = map[hostapi.PortRef]host.PortCount{}
		f.segmentPorts(spec, patched)
	}
	links, err := allLinks(ctx, f.root)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
	}
	for _, l := range links {
		a := l.Attrs()
		s, ok := parseAlias(a.Alias)
		counts := all[s.lab]
		if !ok || s.host != f.cfg.HostID || counts == nil || a.Statistics == nil || !f.isHostEnd(a.Name) {
			continue
		}
		// What the device on this side receives, the node sends.
		counts[hostapi.PortRef{Node: s.node, Interface: s.iface}] = host.PortCount{
			Out: hostapi.Counter{Frames: a.Statistics.RxPackets, Bytes: a.Statistics.RxBytes},
			In:  hostapi.Counter{Frames: a.Statistics.TxPackets, Bytes: a.Statistics.TxBytes, Dropped: a.Statistics.TxDropped},
		}
	}
	if len(patched) == 0 {
		return all, nil
	}
	state, err := f.panelName(ctx)
	if err != nil || state == "" {
		return all, err
	}
	f.ovs.reads.Add(1)
	out, err := f.ovs.run(ctx, nil, "ovs-ofctl", "--timeout=5", "--names", "--protocols=OpenFlow14", "dump-ports", state)
	if err != nil {
		return nil, err
	}
	for name, c := range parsePorts(out) {
		if p, ok := patched[strings.Trim(name, `"`)]; ok {
			all[p.lab][p.ref] = host.PortCount{In: c.Out, Out: c.In} // what comes into the panel, the segment sent
		}
	}
	return all, nil
}

type portOf struct {
	lab string
	ref hostapi.PortRef
}

// segmentPorts adds the panel ports of cables both ends of which are segments or on another host.
func (f *Fabric) segmentPorts(spec hostapi.LabSpec, to map[string]portOf) {
	segments := map[string]bool{}
	for _, s := range spec.Segments {
		segments[s.Name] = true
	}
	for _, c := range spec.Cables {
		if segments[c.A.Node] && (c.Remote.IsValid() || segments[c.B.Node]) {
			to[f.names.joinPanel(spec.ID, c.A.Node, c.A.Interface)] = portOf{spec.ID, c.A}
		}
		if segments[c.B.Node] && segments[c.A.Node] && !c.Remote.IsValid() {
			to[f.names.joinPanel(spec.ID, c.B.Node, c.B.Interface)] = portOf{spec.ID, c.B}
		}
	}
}

// isHostEnd tells the host end of a node's interface from the pairs that join segments.
func (f *Fabric) isHostEnd(name string) bool {
	return strings.HasPrefix(name, hostEndPrefix) && len(name) == len(hostEndPrefix)+10
}

// panelName is the bridge that cables run over; "" when there is none yet. It is asked for once.
func (f *Fabric) panelName(ctx context.Context) (string, error) {
	if name, ok := f.panelKnown.Load().(string); ok {
		return name, nil
	}
	state, err := f.ovs.observe(ctx)
	if err != nil {
		return "", err
	}
	panel := state.panelOf(f.cfg.HostID)
	if panel == nil {
		return "", nil
	}
	f.panelKnown.Store(panel.name)
	return panel.name, nil
}
