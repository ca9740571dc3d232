// Package fabric makes what carries frames on one compute host: veth pairs, panel ports, segments, cables, impairments, ways out, and the
// tunnels to other hosts, whose reach it probes and over which it exchanges with them which cables have carrier.
//
// It knows netlink, network namespaces, Open vSwitch, traffic control and nftables; nothing else in the program imports them. It
// implements lab/host's Fabric. It refuses to know containers (it is given a process id), the host link, and what a lab file says.
//
// Everything it makes carries the stamp of this host: link aliases and groups, external_ids of Open vSwitch, flow cookies, names
// derived from the host's identity, records in the state folder. What has no such stamp is never changed. Wanted and observed are
// compared before anything is written, so that a call repeated writes nothing.
package fabric

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab/host"
)

// Config is what a Fabric needs to know of its host.
type Config struct {
	HostID   string // identity of this host; part of every stamp and derived name
	StateDir string // folder for leases and records that outlive the agent
	Egress   bool   // the administrator lets internet nodes out
	OVSDB    string // "" (the system's), a run folder, a socket's path, or "unix:PATH"
	Datapath string // "system", "netdev", or "" to take the kernel's where it is there

	Name       string     // of this host, for sentences; "": "this host"
	Underlay   netip.Addr // where other hosts' tunnels reach this one; zero: the source address of the route to Controller, or of the default route
	Controller string     // host name or address of the controller, without a port; "": not asked

	wrap bool // of tests: wrap frames of labs as with the kernel's datapath
	Log  *slog.Logger
}

// Fabric implements host.Fabric. Its methods may be called at the same time.
type Fabric struct {
	cfg       Config
	names     namer
	log       *slog.Logger
	rootNS    netns.NsHandle  // the namespace the agent runs in: host ends live here
	root      *netlink.Handle // a routing socket in rootNS
	ovs       *vswitch
	nodes     keyedLock // one Plug at a time for a node
	writes    atomic.Int64
	rcu       expediter
	unguarded sync.Once // the log says once that there are no firewall rules
	probing   sync.Mutex
	probed    *probe // guarded by probing

	carriers *carriers
	watch    background // of the devices' carrier
	flaps    background // of cables that flap
	asks     background // of nodes whose carrier returns
	readers  carrierReaders
	channel  *channel // to other hosts

	ending sync.Mutex
	end    struct { // guarded by ending: where this host's tunnels end
		addr netip.Addr
		at   time.Time
	}
	peers []netip.Addr // guarded by ending

	shaped     sync.Map     // ends whose impairment was set in this run: index to the handle of its values
	panelKnown atomic.Value // string: the panel's name, once it was looked up
	processes  sync.Map     // of containers: lab, zero and node to process
	relaying   sync.Mutex
	relays     map[string]*relay // guarded by relaying: to OpenFlow controllers, by bridge

	wiring    sync.Mutex           // one change of the panel at a time
	internets map[string]*internet // guarded by wiring: running ways out, by namespace name
}

var _ host.Fabric = (*Fabric)(nil)

// New opens the sockets a Fabric needs in the namespace of the calling process. It changes nothing and does not need Open vSwitch to answer.
func New(cfg Config) (*Fabric, error) {
	if cfg.HostID == "" {
		return nil, fault.New(fault.Invalid, "The data plane needs the identity of this host.")
	}
	switch cfg.Datapath {
	case "", datapathSystem, datapathNetdev:
	default:
		return nil, fault.New(fault.Invalid, "The datapath %q is unknown: use system, netdev, or leave it empty.", cfg.Datapath)
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.StateDir == "" {
		return nil, fault.New(fault.Invalid, "The data plane needs a folder for its state.")
	}
	if err := os.MkdirAll(filepath.Join(cfg.StateDir, "fabric"), 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The state folder %s can't be written. Check its owner and free space.", cfg.StateDir)
	}
	if os.Geteuid() != 0 {
		return nil, fault.New(fault.Forbidden, "Making network interfaces needs root. Start the compute host as root.")
	}
	rootNS, err := netns.GetFromPath("/proc/self/ns/net")
	if err != nil {
		return nil, fault.Wrap(err, fault.Unsupported, "This machine has no network namespaces. Trunkline needs a Linux kernel with them.")
	}
	root, err := netlink.NewHandleAt(rootNS, unix.NETLINK_ROUTE)
	if err != nil {
		rootNS.Close()
		return nil, fault.Wrap(err, fault.Unavailable, "The kernel's routing socket can't be opened.")
	}
	names := newNamer(cfg.HostID)
	f := &Fabric{
		cfg: cfg, names: names, log: cfg.Log.With("part", "fabric"), rootNS: rootNS, root: root,
		ovs: newVswitch(cfg.OVSDB), internets: map[string]*internet{}, relays: map[string]*relay{}, carriers: newCarriers(),
	}
	f.channel = newChannel(f)
	f.carriers.set, f.carriers.tell, f.carriers.news = f.switchDevice, f.channel.tell, f.carrierNews
	f.carriers.look = f.deviceNow
	f.recall()
	f.rcu.marker = filepath.Join(cfg.StateDir, "fabric", "rcu-expedited")
	f.rcu.recover()
	return f, nil
}

// Close ends the goroutines: the internet nodes' DHCP and DNS, the probes, the watch over carriers. The data plane stays as it is: labs run on.
func (f *Fabric) Close() error {
	f.channel.close()
	f.watch.close()
	f.flaps.close()
	f.asks.close()
	f.dropRelays(nil)
	f.wiring.Lock()
	defer f.wiring.Unlock()
	for name, in := range f.internets {
		in.stop()
		delete(f.internets, name)
	}
	f.rcu.close()
	f.root.Close()
	return f.rootNS.Close()
}

// change is one write to the kernel: counted, so that a test can say that nothing was written, and retried when the kernel asks for it.
func (f *Fabric) change(ctx context.Context, do func() error) error {
	f.writes.Add(1)
	_, err := retried(ctx, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// keyedLock is a lock for each key; the zero value is ready.
type keyedLock struct {
	mu   sync.Mutex
	held map[string]*heldLock
}

type heldLock struct {
	sync.Mutex
	waiting int
}

// lock blocks until the key is free and returns what frees it.
func (k *keyedLock) lock(key string) (unlock func()) {
	k.mu.Lock()
	if k.held == nil {
		k.held = map[string]*heldLock{}
	}
	l := k.held[key]
	if l == nil {
		l = &heldLock{}
		k.held[key] = l
	}
	l.waiting++
	k.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.waiting--; l.waiting == 0 {
			delete(k.held, key)
		}
	}
}
