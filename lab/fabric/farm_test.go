package fabric

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

// farm is several compute hosts on one underlay: a Linux bridge in the test's namespace. Each is a process with its own namespaces, Open
// vSwitch and Fabric, as in real life. In the userspace datapath a tunnel leaves through an Open vSwitch bridge, so that is where the address is.
type farm struct {
	*rig
	hosts []*farmHost
}

// farmHost is one of them. Its nodes are the test's, its Plug and Wire happen in its process.
type farmHost struct {
	*rig
	name  string
	addr  netip.Addr
	dir   string
	cmd   *exec.Cmd
	hold  io.Closer
	calls *rpc.Client
}

const (
	farmBridge = "under"
	farmMTU    = 1600
)

func newFarm(t testing.TB, size int) *farm {
	t.Helper()
	f := &farm{rig: newRig(t)}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: farmBridge, MTU: farmMTU, TxQLen: -1}}
	check(t, netlink.LinkAdd(bridge))
	t.Cleanup(func() { netlink.LinkDel(bridge) })
	check(t, netlink.LinkSetUp(bridge))
	check(t, netlink.AddrAdd(bridge, addrOf(netip.MustParsePrefix("192.168.77.254/24"))))
	for i := range size {
		f.hosts = append(f.hosts, f.addHost(bridge, i+1))
	}
	return f
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *farm) addHost(bridge netlink.Link, number int) *farmHost {
	f.t.Helper()
	h := &farmHost{rig: &rig{Fabric: f.Fabric, t: f.t, nodes: map[string]*node{}}, name: fmt.Sprint("host-", string(rune('a'+number-1))),
		addr: netip.AddrFrom4([4]byte{192, 168, 77, byte(number)}), dir: must(os.MkdirTemp("", "trunkline-fabric-farm-"))}
	f.t.Cleanup(func() { os.RemoveAll(h.dir) })
	h.cmd = exec.Command("/proc/self/exe")
	h.cmd.Env = append(os.Environ(), roleEnv+"=host")
	h.cmd.Stderr = os.Stderr
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	stdin := must(h.cmd.StdinPipe())
	stdout := must(h.cmd.StdoutPipe())
	check(f.t, h.cmd.Start())
	h.calls = rpc.NewClient(pipes{stdout, stdin})
	f.t.Cleanup(h.end)
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprint("under", number), MTU: farmMTU, TxQLen: -1, MasterIndex: bridge.Attrs().Index},
		PeerName: "wire", PeerMTU: farmMTU, PeerNamespace: netlink.NsPid(h.cmd.Process.Pid)}
	check(f.t, netlink.LinkAdd(veth))
	check(f.t, netlink.LinkSetUp(veth))
	h.call("Start", HostStart{Dir: h.dir, Name: h.name, Addr: h.addr, MTU: farmMTU, Datapath: f.datapath()})
	return h
}

// end removes everything of the host and says what is left; then its process ends.
func (h *farmHost) end() {
	var left []string
	if err := h.calls.Call("Served.Leave", true, &left); err != nil || len(left) > 0 {
		h.t.Errorf("%s leaves %q, %v", h.name, left, err)
	}
	h.calls.Close()
	h.cmd.Wait()
}

func (h *farmHost) try(method string, args any) error {
	var nothing bool
	return h.calls.Call("Served."+method, args, &nothing)
}

func (h *farmHost) call(method string, args any) {
	h.t.Helper()
	if err := h.try(method, args); err != nil {
		h.t.Fatalf("%s: %s: %v", h.name, method, err)
	}
}

func (h *farmHost) plug(spec hostapi.LabSpec) {
	h.t.Helper()
	for _, n := range spec.Nodes {
		if p := h.nodes[n.Name]; p != nil && p.cmd != nil {
			h.call("Plug", HostPlug{spec.ID, n, p.pid})
		}
	}
}

func (h *farmHost) wire(spec hostapi.LabSpec, absent ...string) host.WireReport {
	h.t.Helper()
	var report host.WireReport
	if err := h.calls.Call("Served.Wire", HostWire{spec, absent}, &report); err != nil {
		h.t.Fatalf("%s: wire: %v", h.name, err)
	}
	if len(report.Limits) > 0 {
		h.t.Fatalf("%s: limits %v", h.name, report.Limits)
	}
	return report
}

// deploy starts the nodes of the spec that don't run, plugs and wires them.
func (h *farmHost) deploy(spec hostapi.LabSpec) {
	h.t.Helper()
	for _, n := range spec.Nodes {
		if h.nodes[n.Name] == nil {
			h.start(n.Name)
		}
	}
	h.plug(spec)
	h.wire(spec)
}

// meet tells every host of the others.
func (f *farm) meet() {
	f.t.Helper()
	for _, h := range f.hosts {
		h.call("SetPeers", f.peersOf(h))
	}
}

func (f *farm) peersOf(h *farmHost) []hostapi.Peer {
	var peers []hostapi.Peer
	for _, o := range f.hosts {
		if o != h {
			peers = append(peers, hostapi.Peer{Host: o.name, Name: o.name, Address: o.addr})
		}
	}
	return peers
}

// reach is what the host knows now of the way to another; zero while it knows nothing.
func (h *farmHost) reach(to *farmHost) hostapi.Reach {
	h.t.Helper()
	var all []hostapi.Reach
	if err := h.calls.Call("Served.Reach", true, &all); err != nil {
		h.t.Fatal(err)
	}
	for _, r := range all {
		if r.Host == to.name {
			return r
		}
	}
	return hostapi.Reach{}
}

// written counts what the host's Fabric has written so far.
func (h *farmHost) written() int64 {
	h.t.Helper()
	var n int64
	if err := h.calls.Call("Served.Writes", true, &n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// ovs runs one of Open vSwitch's programs on the host.
func (h *farmHost) ovs(program string, args ...string) string {
	h.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "OVS_RUNDIR="+h.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s %s: %v: %s", program, args, err, out)
	}
	return string(out)
}

// panel is the name of the host's panel.
func (h *farmHost) panel() string { return "tl-panel" }

type pipes struct {
	io.Reader
	io.WriteCloser
}

// What follows runs in the process of a host.

// Served is what a host's process does for the test.
type Served struct {
	daemons *switchDaemons
	cfg     Config
	fabric  *Fabric
	stop    context.CancelFunc

	mu    sync.Mutex
	reach []hostapi.Reach
}

type (
	HostStart struct {
		Dir, Name, Datapath string
		Addr                netip.Addr
		MTU                 int
	}
	HostPlug struct {
		Lab  string
		Node hostapi.NodeSpec
		PID  int
	}
	HostWire struct {
		Spec   hostapi.LabSpec
		Absent []string
	}
)

func serveHost() {
	for _, err := range []error{
		unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""),
		os.MkdirAll("/run/netns", 0o755),
		unix.Mount("tmpfs", "/run/netns", "tmpfs", 0, ""),
		netlink.LinkSetUp(must(netlink.LinkByName("lo"))),
	} {
		if err != nil {
			panic(err)
		}
	}
	server := rpc.NewServer()
	if err := server.Register(&Served{}); err != nil {
		panic(err)
	}
	server.ServeConn(pipes{os.Stdin, os.Stdout}) // until the test closes it
}

func (s *Served) Start(a HostStart, _ *bool) error {
	s.daemons = &switchDaemons{dir: a.Dir}
	if err := s.daemons.start(); err != nil {
		return err
	}
	if err := raiseTunnels(a); err != nil {
		return err
	}
	s.cfg = Config{HostID: a.Name, Name: a.Name, StateDir: filepath.Join(a.Dir, "state"), OVSDB: a.Dir, Datapath: a.Datapath, Underlay: a.Addr,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	return s.StartAgent(true, nil)
}

// raiseTunnels gives the host its address where tunnels leave. It is done again after the switch daemon was started anew, as a machine's network set-up does.
func raiseTunnels(a HostStart) error {
	wire, err := netlink.LinkByName("wire")
	if err != nil {
		return err
	}
	if err := (&Fabric{}).checksumInSoftware("wire"); err != nil {
		return err
	}
	vsctl := exec.Command("ovs-vsctl", "--timeout=10", "--db=unix:"+a.Dir+"/db.sock", "--may-exist", "add-br", "br-phy", "--", "set", "Bridge", "br-phy",
		"datapath_type="+a.Datapath, "--", "--may-exist", "add-port", "br-phy", "wire", "--", "set", "Interface", "br-phy", fmt.Sprint("mtu_request=", a.MTU))
	if out, err := vsctl.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	phy, err := netlink.LinkByName("br-phy")
	if err != nil {
		return err
	}
	for _, link := range []netlink.Link{wire, phy} {
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
	}
	return netlink.AddrReplace(phy, addrOf(netip.PrefixFrom(a.Addr, 24)))
}

// StartAgent makes the Fabric as a started agent does.
func (s *Served) StartAgent(_ bool, _ *bool) (err error) {
	if s.fabric, err = New(s.cfg); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	reach := s.fabric.Reach(ctx)
	go func() {
		for r := range reach {
			s.mu.Lock()
			s.reach = r
			s.mu.Unlock()
		}
	}()
	return nil
}

// EndAgent leaves the data plane as it is, as the death of an agent does.
func (s *Served) EndAgent(_ bool, _ *bool) error {
	s.stop()
	return s.fabric.Close()
}

func (s *Served) Plug(a HostPlug, _ *bool) error {
	return patiently(func() error { _, err := s.fabric.Plug(context.Background(), a.Lab, a.Node, a.PID); return err })
}

func (s *Served) Wire(a HostWire, report *host.WireReport) error {
	absent := map[string]bool{}
	for _, name := range a.Absent {
		absent[name] = true
	}
	return patiently(func() (err error) { *report, err = s.fabric.Wire(context.Background(), a.Spec, absent); return err })
}

func (s *Served) SetPeers(peers []hostapi.Peer, _ *bool) error {
	return patiently(func() error { return s.fabric.SetPeers(context.Background(), peers) })
}

func (s *Served) Reach(_ bool, reach *[]hostapi.Reach) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	*reach = s.reach
	return nil
}

// Wrap makes the host wrap frames as one with the kernel's datapath does.
func (s *Served) Wrap(on bool, _ *bool) error {
	s.fabric.cfg.wrap = on
	return nil
}

func (s *Served) Unwire(lab string, _ *bool) error {
	return s.fabric.Unwire(context.Background(), lab)
}

func (s *Served) Writes(_ bool, n *int64) error {
	*n = s.fabric.writes.Load() + s.fabric.ovs.writes.Load()
	return nil
}

func (s *Served) KillSwitch(_ bool, _ *bool) error {
	s.daemons.kill(s.daemons.vs)
	return nil
}

func (s *Served) StartSwitch(_ bool, _ *bool) error {
	if err := s.daemons.startSwitch(); err != nil {
		return err
	}
	return waitFor(time.Minute, "the tunnels' bridge", func() bool {
		return raiseTunnels(HostStart{Dir: s.daemons.dir, Addr: s.cfg.Underlay, Datapath: s.cfg.Datapath, MTU: farmMTU}) == nil
	})
}

// Leave removes everything of the host, and tells what is left all the same.
func (s *Served) Leave(_ bool, left *[]string) error {
	if s.daemons == nil {
		return nil
	}
	defer s.daemons.stop()
	if s.fabric == nil {
		return nil
	}
	ctx := context.Background()
	err := patiently(func() error {
		err := s.fabric.SetPeers(ctx, nil)
		if err == nil {
			_, err = s.fabric.RemoveLeftovers(ctx, nil)
		}
		return err
	})
	if err != nil {
		return err
	}
	words, err := s.fabric.Leftovers(ctx, nil)
	*left = words
	s.stop()
	if err == nil {
		err = s.fabric.Close()
	}
	return err
}

// SetMTU changes what the host's wire takes.
func (s *Served) SetMTU(mtu int, _ *bool) error {
	for _, name := range []string{"wire", "br-phy"} {
		if err := netlink.LinkSetMTU(must(netlink.LinkByName(name)), mtu); err != nil {
			return err
		}
	}
	return nil
}

// ProbeAgain lets the next search for what passes begin, unless one is under way.
func (s *Served) ProbeAgain(_ bool, _ *bool) error {
	s.fabric.channel.mu.Lock()
	defer s.fabric.channel.mu.Unlock()
	for _, w := range s.fabric.channel.prober.peers {
		if w.mtu.size == 0 {
			w.mtu.waiting = time.Time{}
		}
	}
	return nil
}
