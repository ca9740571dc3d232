package fabric

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink"

	"trunkline/internal/fault"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

var _ host.Underlay = (*Fabric)(nil)

// ownLab stands in stamps for the host itself: no lab has this identity.
const ownLab = ""

// ownObject names the agent's pair of devices: one end is a port of the panel, at the other the agent exchanges signals with its peers.
const ownObject = "agent"

// agentNumber is the OpenFlow number of the agent's port.
const agentNumber = tunnelNumber + 1

// SetPeers implements host.Underlay. The panel's flows let signals through to and from these addresses and no others.
// Codes: unsupported (this host has no way for tunnels), unavailable (Open vSwitch or the kernel can't be asked).
func (f *Fabric) SetPeers(ctx context.Context, peers []hostapi.Peer) error {
	own, mtu, err := f.UnderlayAddress(ctx)
	if err != nil {
		return err
	}
	peers = slices.DeleteFunc(slices.Clone(peers), func(p hostapi.Peer) bool { return p.Address.Unmap() == own })
	if len(peers) > 0 && !own.IsValid() {
		if problem := f.underlayProblem(ctx); problem != "" {
			return fault.New(fault.Unsupported, "%s", problem)
		}
		return fault.New(fault.Unsupported, "This host has no address for tunnels to other hosts: it has no default route. Set its underlay address.")
	}
	if err := f.remember(peers); err != nil {
		return err
	}
	f.channel.meet(own, mtu, peers)
	if err := f.convergeUnderlay(ctx); err != nil {
		return err
	}
	if len(peers) == 0 {
		return nil
	}
	f.watchCarriers()
	if err := f.restoreCarriers(ctx); err != nil {
		return err
	}
	f.channel.start()
	return nil
}

func (f *Fabric) peersFile() string { return filepath.Join(f.cfg.StateDir, "fabric", "peers.json") }

// remember keeps the peers' addresses on disk: what serves them isn't left over.
func (f *Fabric) remember(peers []hostapi.Peer) error {
	addrs := make([]netip.Addr, 0, len(peers))
	for _, p := range peers {
		addrs = append(addrs, p.Address.Unmap())
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	err := error(nil)
	if len(addrs) > 0 {
		err = writeIfChanged(f.peersFile(), addrs)
	} else if err = os.Remove(f.peersFile()); errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The state folder can't be written. Check its free space.")
	}
	f.ending.Lock()
	defer f.ending.Unlock()
	f.peers = addrs
	return nil
}

// recall reads what an earlier run remembered. What can't be read is told anew by the controller.
func (f *Fabric) recall() {
	_ = readJSON(f.peersFile(), &f.peers)
	f.recallFar()
}

// meets reports whether this host has peers.
func (f *Fabric) meets() bool { return len(f.peerAddresses()) > 0 }

func (f *Fabric) peerAddresses() []netip.Addr {
	f.ending.Lock()
	defer f.ending.Unlock()
	return f.peers
}

// convergeUnderlay makes the panel, the tunnel, the agent's pair and its flows what the peers need, or removes them when there are none.
// Repeating it writes nothing.
func (f *Fabric) convergeUnderlay(ctx context.Context) error {
	f.wiring.Lock()
	defer f.wiring.Unlock()
	defer f.rcu.hurry()()
	r := &wiringRun{f: f, w: &wanted{lab: ownLab}}
	if !f.meets() {
		return r.leaveUnderlay(ctx)
	}
	if err := f.ensureGuard(); err != nil {
		return err
	}
	index, err := r.agentPair(ctx)
	if err != nil {
		return err
	}
	r.underlay = f.tunnelsEnd(ctx)
	if err := r.observe(ctx); err != nil {
		return err
	}
	numbers, err := r.underlayPorts(ctx, index)
	if err != nil {
		return err
	}
	cookie := f.names.cookie(ownLab)
	want := signalFlows(f.peerAddresses(), numbers[f.names.agentPort()], numbers[f.names.tunnel()])
	return f.ovs.applyFlows(ctx, r.panel, cookie, diffFlows(r.flows, want, cookie))
}

// underlayPorts makes the tunnel's and the agent's port and returns their numbers.
func (r *wiringRun) underlayPorts(ctx context.Context, index int) (map[string]int, error) {
	port := portWant{name: r.f.names.agentPort(), bridge: r.panel, object: ownObject, panel: true, device: true, number: agentNumber}
	for try := 1; ; try++ {
		d := r.differ(nil)
		d.t = &transaction{numbers: map[string]int{}}
		ids := d.ids(nil, ownObject)
		ids[idLink] = strconv.Itoa(index)
		if err := errors.Join(d.panelBridge(), d.tunnelPort(), d.place(port, ids)); err != nil {
			return nil, firstFault(err)
		}
		if d.t.empty() {
			return d.t.numbers, nil
		}
		if try == 3 {
			return nil, fault.New(fault.Unavailable, "Open vSwitch couldn't open the ports for tunnels to other hosts. Its log has the reason.")
		}
		if _, err := r.f.ovs.alive(ctx); err != nil {
			return nil, err
		}
		if err := r.commit(ctx, d.t); err != nil {
			return nil, err
		}
		if err := r.observe(ctx); err != nil {
			return nil, err
		}
	}
}

// agentPair makes the pair of devices and returns the index of the panel's side.
func (r *wiringRun) agentPair(ctx context.Context) (int, error) {
	outer, inner := r.f.names.agentPort(), r.f.names.agentDevice()
	r.w.ends = map[string]endWant{outer: {object: ownObject, peer: inner}}
	r.links = map[string]netlink.Link{}
	if err := r.makeJoins(ctx); err != nil {
		return 0, err
	}
	for _, name := range []string{outer, inner} {
		if err := r.f.setUp(ctx, r.links[name], true); err != nil {
			return 0, err
		}
	}
	return r.links[outer].Attrs().Index, nil
}

// leaveUnderlay removes what served the peers. The panel and the tunnel stay while a lab is here.
func (r *wiringRun) leaveUnderlay(ctx context.Context) error {
	state, err := r.f.ovs.observe(ctx)
	if err != nil {
		return err
	}
	name := r.f.names.agentPort()
	if panel := state.panelOf(r.f.cfg.HostID); panel != nil && state.ports[name] != nil {
		if err := r.f.ovs.removeFlows(ctx, panel.name, r.f.names.cookie(ownLab)); err != nil {
			return err
		}
		if err := r.f.ovs.commit(ctx, [][]string{{"--if-exists", "del-port", panel.name, name}}); err != nil {
			return err
		}
	}
	r.stale = []string{name}
	if err := r.dropJoins(ctx); err != nil {
		return err
	}
	return r.f.tidyLocked(ctx)
}

// signalFlows are the agent's own flows: four for each peer. A frame from another address, of another type or under another identifier never
// comes to the agent, and what the agent sends goes to peers only.
func signalFlows(peers []netip.Addr, agent, tunnel int) []flow {
	var flows []flow
	for _, p := range peers {
		mac := peerMAC(p)
		from := flow{inPort: tunnel, tunID: signalVNI, tunSrc: p, kind: signalType}
		reflect, reflected, told := from, from, from
		reflect.ethDst, reflect.setDst, reflect.setVNI, reflect.setDest = reflectMAC, reflectedMAC, signalVNI, p
		reflected.ethDst, reflected.setSrc, reflected.output = reflectedMAC, mac, agent
		told.ethDst, told.setSrc, told.output = agentMAC, mac, agent
		flows = append(flows, flow{inPort: agent, kind: signalType, ethSrc: mac, setVNI: signalVNI, setDest: p, output: tunnel}, reflect, reflected, told)
	}
	return flows
}

func (n namer) agentPort() string { return agentPrefix + n.digest(10, ownObject) }

func (n namer) agentDevice() string { return ownPrefix + n.digest(10, ownObject) }
