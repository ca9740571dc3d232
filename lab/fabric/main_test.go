package fabric

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

// The tests that touch the kernel run in a process of their own with its own network and mount namespaces and its own Open vSwitch, so
// that they neither see nor disturb what else runs on the machine.
const (
	roleEnv    = "TRUNKLINE_FABRIC_ROLE" // "", "world": inside the own namespaces, "node": a process that only holds a namespace, "host": a compute host of a farm
	requireEnv = "TRUNKLINE_REQUIRE_REAL"
)

// world is the Open vSwitch of the test process; notReal says why there is none.
var (
	world   *switchDaemons
	notReal string
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "node":
		io.Copy(io.Discard, os.Stdin) // until the test ends or closes it
		return
	case "host":
		serveHost()
		return
	case "world":
		if os.Getenv(secondEnv) != "" {
			os.Exit(m.Run()) // its Open vSwitch runs already
		}
		os.Exit(runWorld(m))
	}
	if reason := missing(); reason != "" {
		notReal = reason
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), roleEnv+"=world")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "the test's namespaces can't be made:", err)
		os.Exit(1)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}

func missing() string {
	if os.Geteuid() != 0 {
		return "needs root"
	}
	for _, program := range []string{"ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl", "ovsdb-tool"} {
		if _, err := exec.LookPath(program); err != nil {
			return "needs Open vSwitch: " + program + " isn't installed"
		}
	}
	return ""
}

func runWorld(m *testing.M) int {
	dir, err := os.MkdirTemp("", "trunkline-fabric-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	must(unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""))
	must(os.MkdirAll("/run/netns", 0o755))
	must(unix.Mount("tmpfs", "/run/netns", "tmpfs", 0, ""))
	lo, err := netlink.LinkByName("lo")
	must(err)
	must(netlink.LinkSetUp(lo))
	world = &switchDaemons{dir: dir}
	must(world.start())
	defer world.stop()
	return m.Run()
}

// switchDaemons is an Open vSwitch in the present namespaces.
type switchDaemons struct {
	dir    string
	db, vs *exec.Cmd
}

func (d *switchDaemons) start() error {
	conf := filepath.Join(d.dir, "conf.db")
	if _, err := os.Stat(conf); err != nil {
		if out, err := exec.Command("ovsdb-tool", "create", conf, "/usr/share/openvswitch/vswitch.ovsschema").CombinedOutput(); err != nil {
			return fmt.Errorf("ovsdb-tool: %w: %s", err, out)
		}
	}
	if err := d.startDB(conf); err != nil {
		return err
	}
	return d.startSwitch()
}

func (d *switchDaemons) startDB(conf string) error {
	d.db = d.daemon("ovsdb-server", conf, "--remote=punix:"+d.dir+"/db.sock", "--pidfile="+d.dir+"/ovsdb.pid",
		"--unixctl="+d.dir+"/ovsdb.ctl", "--log-file="+d.dir+"/ovsdb.log", "--verbose=off")
	if err := d.db.Start(); err != nil {
		return err
	}
	return waitFor(time.Minute, "the database", func() bool {
		return exec.Command("ovs-vsctl", "--no-wait", "--timeout=2", "--db=unix:"+d.dir+"/db.sock", "init").Run() == nil
	})
}

func (d *switchDaemons) startSwitch() error {
	d.vs = d.daemon("ovs-vswitchd", "unix:"+d.dir+"/db.sock", "--pidfile="+d.dir+"/ovs-vswitchd.pid",
		"--log-file="+d.dir+"/vswitchd.log", "--verbose=off", "--verbose=file:warn")
	if err := d.vs.Start(); err != nil {
		return err
	}
	return waitFor(time.Minute, "the switch daemon", func() bool {
		_, err := newVswitch(d.dir).alive(context.Background())
		return err == nil
	})
}

func (d *switchDaemons) daemon(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "OVS_RUNDIR="+d.dir, "OVS_DBDIR="+d.dir, "OVS_LOGDIR="+d.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (d *switchDaemons) stop() {
	d.kill(d.vs)
	d.kill(d.db)
}

func (d *switchDaemons) kill(cmd *exec.Cmd) {
	if cmd == nil || cmd.Process == nil {
		return
	}
	cmd.Process.Kill()
	cmd.Wait()
}

func waitFor(limit time.Duration, what string, done func() bool) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline.C:
			return fmt.Errorf("waited %s for %s", limit, what)
		case <-tick.C:
		}
	}
	return nil
}

// patiently repeats what found Open vSwitch without an answer, as an agent does: a machine may stand still for longer than is waited for one.
func patiently(do func() error) (err error) {
	_ = waitFor(time.Minute, "", func() bool { err = do(); return !fault.Is(err, fault.Unavailable) })
	return err
}

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	if err := waitFor(time.Minute, what, done); err != nil {
		t.Fatal(err)
	}
}

// real skips where the real parts are missing, or fails where they are required.
func real(t testing.TB) {
	t.Helper()
	if world != nil {
		return
	}
	if os.Getenv(requireEnv) == "1" {
		t.Fatal(notReal)
	}
	t.Skip(notReal)
}

// rig is a Fabric on the test's own Open vSwitch, and the nodes of a test.
type rig struct {
	*Fabric
	t     testing.TB
	nodes map[string]*node
}

func newRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	real(t)
	cfg := Config{HostID: "host-" + filepath.Base(t.Name()), StateDir: t.TempDir(), OVSDB: world.dir,
		Log: slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	for _, c := range change {
		c(&cfg)
	}
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Fabric: f, t: t, nodes: map[string]*node{}}
	t.Cleanup(func() {
		if _, err := r.RemoveLeftovers(context.Background(), nil); err != nil {
			t.Errorf("removing what the test made: %v", err)
		}
		r.Close()
	})
	return r
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(string(bytes.TrimSpace(p)))
	return len(p), nil
}

// node is a process that holds a network namespace, as a container's init does.
type node struct {
	cmd  *exec.Cmd
	hold io.Closer
	pid  int
}

// start makes the process of a node; end it with stop.
func (r *rig) start(names ...string) {
	r.t.Helper()
	for _, name := range names {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{roleEnv + "=node"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		hold, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			r.t.Fatal(err)
		}
		n := &node{cmd: cmd, hold: hold, pid: cmd.Process.Pid}
		r.nodes[name] = n
		r.t.Cleanup(n.stop)
	}
}

func (n *node) stop() {
	if n.cmd == nil {
		return
	}
	n.hold.Close()
	n.cmd.Wait()
	n.cmd = nil
}

// in runs do inside a node's namespace.
func (r *rig) in(name string, do func() error) error {
	ns, err := netns.GetFromPid(r.nodes[name].pid)
	if err != nil {
		return err
	}
	defer ns.Close()
	return r.enter(ns, do)
}

// plug plugs every node of the spec that runs.
func (r *rig) plug(spec hostapi.LabSpec) {
	r.t.Helper()
	for _, n := range spec.Nodes {
		if p := r.nodes[n.Name]; p != nil && p.cmd != nil {
			err := patiently(func() error { _, err := r.Plug(context.Background(), spec.ID, n, p.pid); return err })
			if err != nil {
				r.t.Fatalf("plug %s: %v", n.Name, err)
			}
		}
	}
}

// wire wires the spec and expects no limit.
func (r *rig) wire(spec hostapi.LabSpec, absent ...string) {
	r.t.Helper()
	gone := map[string]bool{}
	for _, a := range absent {
		gone[a] = true
	}
	var report host.WireReport
	err := patiently(func() (err error) { report, err = r.Wire(context.Background(), spec, gone); return err })
	if err != nil {
		r.t.Fatalf("wire: %v", err)
	}
	if len(report.Limits) > 0 {
		r.t.Fatalf("wire: limits %v", report.Limits)
	}
}

// carrier reports whether a node's interface has a carrier. The kernel's "running" follows up to a second later.
func (r *rig) carrier(name, iface string) bool {
	r.t.Helper()
	link := r.linksIn(name)[iface]
	if link == nil {
		r.t.Fatalf("%s has no interface %s", name, iface)
	}
	return link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0
}

// clean fails unless nothing of the host is left anywhere.
func (r *rig) clean() {
	r.t.Helper()
	words, err := r.Leftovers(context.Background(), nil)
	if err != nil || len(words) > 0 {
		r.t.Fatalf("left over: %q, %v", words, err)
	}
}

func nodeSpec(name string, ifaces ...hostapi.InterfaceSpec) hostapi.NodeSpec {
	return hostapi.NodeSpec{Name: name, Kind: lab.Linux, Run: hostapi.Running, Interfaces: ifaces}
}
