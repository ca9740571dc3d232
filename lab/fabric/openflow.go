package fabric

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab/fabric/ofguard"
	"trunkline/lab/hostapi"
)

// A switch's OpenFlow controller runs in the lab, and Open vSwitch on the host. The agent joins the two: Open vSwitch connects to a Unix socket
// in its own run folder, and the agent dials the controller from inside the namespace of a node of the lab. So neither side gets a way to
// the other but this one connection, and what the controller says on it is read before it is passed on (package ofguard).

const (
	controllerPrefix = "tlof-"         // of the sockets' names
	dialWithin       = 2 * time.Second // for one address of a controller

	tablesOfSwitch = 16
	flowsOfTable   = 4096
	lastFlowTable  = 254
)

// openFlowVersions are what Open vSwitch speaks on a bridge with a controller: those that ofguard reads.
var openFlowVersions = []string{"OpenFlow10", "OpenFlow13"}

func (n namer) controllersOfHost() string { return controllerPrefix + n.digest(8, "openflow") + "-" }

// controllerSocket is the name of the socket of a bridge, in Open vSwitch's run folder.
func (n namer) controllerSocket(bridge string) string { return n.controllersOfHost() + bridge }

// flowTables bounds what a controller, or an action of its flows that learns, can put into the memory of the host: so many tables of so many
// flows. The last table is Open vSwitch's own.
func flowTables() string {
	list := make([]string, lastFlowTable)
	for i := range list {
		if list[i] = fmt.Sprintf("%d=@none", i); i < tablesOfSwitch {
			list[i] = fmt.Sprintf("%d=@table", i)
		}
	}
	return "{" + strings.Join(list, ",") + "}"
}

// controller makes the bridge's controller and the versions that it speaks what they shall be.
func (d *differ) controller(b bridgeWant) {
	have := d.state.bridges[b.name]
	if have == nil {
		have = &ovsBridge{}
	}
	if b.controller == nil {
		if len(have.targets) > 0 { // Open vSwitch forgets the controller's flows with it
			d.do("clear", "Bridge", b.name, "controller", "protocols", "flow_tables")
		}
		return
	}
	if !slices.Equal(have.protocol, openFlowVersions) {
		d.do("set", "Bridge", b.name, "protocols="+strings.Join(openFlowVersions, ","))
	}
	if target := "unix:" + d.names.controllerSocket(b.name); !slices.Equal(have.targets, []string{target}) {
		// Quick to come back, since a controller is restarted often while somebody writes it.
		d.do("--id=@controller", "create", "Controller", "target="+strconv.Quote(target), "connection_mode=out-of-band", "max_backoff=1000", "inactivity_probe=3000",
			"--", "--id=@table", "create", "Flow_Table", fmt.Sprintf("flow_limit=%d", flowsOfTable), "overflow_policy=refuse",
			"--", "--id=@none", "create", "Flow_Table", "flow_limit=0", "overflow_policy=refuse",
			"--", "set", "Bridge", b.name, "controller=@controller", "flow_tables="+flowTables())
	}
}

// process is one run of a node's container.
type process struct {
	pid   int
	start string // field 22 of proc_pid_stat(5): it tells a process from a later one of the same number
}

// rememberProcess notes which process a node is now, and reports whether that was known.
func (f *Fabric) rememberProcess(labID, node string, pid int) (known bool) {
	start, ok := startOf(pid)
	if !ok {
		return false
	}
	before, _ := f.processes.Swap(labID+"\x00"+node, process{pid, start})
	return before == process{pid, start}
}

func startOf(pid int) (string, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", false
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 {
		return "", false
	}
	return fields[19], true
}

// insideOf opens the namespace of a node of the lab. The caller closes it.
func (f *Fabric) insideOf(labID, node string) (netns.NsHandle, error) {
	if ns, err := netns.GetFromName(f.names.netns(labID, node)); err == nil {
		return ns, nil
	}
	known, ok := f.processes.Load(labID + "\x00" + node)
	if !ok {
		return 0, fault.New(fault.Unavailable, "Node %s, where the controller is to be, does not run.", node)
	}
	p := known.(process)
	ns, err := netns.GetFromPid(p.pid)
	if err != nil {
		return 0, fault.Wrap(err, fault.Unavailable, "Node %s, where the controller is to be, does not run.", node)
	}
	if start, alive := startOf(p.pid); !alive || start != p.start || ns.Equal(f.rootNS) {
		ns.Close()
		return 0, fault.New(fault.Unavailable, "Node %s, where the controller is to be, does not run.", node)
	}
	return ns, nil
}

// dialController connects to a controller from inside the lab.
func (f *Fabric) dialController(labID string, spec hostapi.ControllerSpec) (net.Conn, error) {
	ns, err := f.insideOf(labID, spec.Node)
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	var conn net.Conn
	err = f.enter(ns, func() error {
		var failed error
		for _, address := range controllerAddresses(spec) {
			// One address, so that the dial stays on this thread and in this namespace.
			if conn, failed = net.DialTimeout("tcp", netip.AddrPortFrom(address, spec.Port).String(), dialWithin); failed == nil {
				return nil
			}
		}
		return failed
	})
	if err == nil {
		return conn, nil
	}
	where := "in node " + spec.Node
	if spec.Address.IsValid() {
		where = "at " + spec.Address.String() + ", from " + spec.Node
	}
	return nil, fault.Wrap(err, fault.Unavailable, "No controller answers on port %d %s.", spec.Port, where)
}

// controllerAddresses are where a controller may listen. It is called inside the namespace.
func controllerAddresses(spec hostapi.ControllerSpec) []netip.Addr {
	if spec.Address.IsValid() {
		return []netip.Addr{spec.Address}
	}
	list := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return list
	}
	for _, a := range own {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast() {
			list = append(list, p.Addr())
		}
	}
	return list
}

// relay joins one bridge with its controller.
type relay struct {
	f        *Fabric
	lab      string
	bridge   string
	spec     hostapi.ControllerSpec
	listener net.Listener
	path     string
	done     sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]bool
	closed  bool
	problem string // why the controller is not connected
	joined  int    // connections that both sides hold
	refused int
}

// ensureRelays makes the lab's relays what the bridges want, before Open vSwitch is told of them.
func (f *Fabric) ensureRelays(labID string, bridges map[string]bridgeWant) error {
	f.relaying.Lock()
	defer f.relaying.Unlock()
	for _, name := range slices.Sorted(maps.Keys(f.relays)) {
		r := f.relays[name]
		if b := bridges[name]; r.lab == labID && (b.controller == nil || *b.controller != r.spec) {
			r.close()
			delete(f.relays, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(bridges)) {
		b := bridges[name]
		if b.controller == nil || f.relays[name] != nil {
			continue
		}
		r := &relay{f: f, lab: labID, bridge: name, spec: *b.controller, path: filepath.Join(f.ovs.folder(), f.names.controllerSocket(name)), conns: map[net.Conn]bool{}}
		if err := r.listen(); err != nil {
			return fault.Wrap(err, fault.Unavailable, "Open vSwitch's run folder %s can't be written, so switch %s gets no controller.", f.ovs.folder(), b.object)
		}
		f.relays[name] = r
	}
	return nil
}

// dropRelays ends the relays of a lab, or all of them when it is nil.
func (f *Fabric) dropRelays(labID *string) {
	f.relaying.Lock()
	defer f.relaying.Unlock()
	for name, r := range f.relays {
		if labID == nil || r.lab == *labID {
			r.close()
			delete(f.relays, name)
		}
	}
}

func (r *relay) listen() (err error) {
	if err := os.Remove(r.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	r.f.writes.Add(1)
	if r.listener, err = net.Listen("unix", r.path); err != nil {
		return err
	}
	if err := openTo(r.path, filepath.Dir(r.path)); err != nil {
		r.listener.Close()
		return err
	}
	r.done.Go(r.accept)
	return nil
}

// openTo lets who owns the folder connect to the socket: Open vSwitch need not run as root.
func openTo(path, folder string) error {
	var of unix.Stat_t
	if err := unix.Stat(folder, &of); err != nil {
		return err
	}
	if err := os.Chown(path, int(of.Uid), int(of.Gid)); err != nil {
		return err
	}
	return os.Chmod(path, 0o660)
}

func (r *relay) accept() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		r.done.Go(func() { r.serve(conn) })
	}
}

// serve joins one connection of Open vSwitch's.
func (r *relay) serve(sw net.Conn) {
	defer sw.Close()
	if !r.hold(sw) {
		return
	}
	defer r.let(sw)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.f.ovs.closeOwnPort(ctx, r.bridge); err != nil {
		r.say(fault.Sentence(err))
		return
	}
	controller, err := r.f.dialController(r.lab, r.spec)
	if err != nil {
		r.say(fault.Sentence(err))
		return
	}
	defer controller.Close()
	if !r.hold(controller) {
		return
	}
	defer r.let(controller)
	r.join(1)
	defer r.join(-1)
	err = ofguard.Relay(controller, sw, r.refuse)
	r.f.log.Debug("a controller's connection ended", "lab", r.lab, "bridge", r.bridge, "error", err)
	defer r.say("The connection to the controller ended.")
}

func (r *relay) refuse(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused++; r.refused == 1 {
		r.f.log.Warn("a controller asked for what it may not do", "lab", r.lab, "bridge", r.bridge, "why", why)
	}
}

func (r *relay) say(problem string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problem = problem
}

// join counts connections that both sides hold.
func (r *relay) join(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joined += n
	r.problem = ""
}

// hold notes a connection, to be closed with the relay; false when that is closed.
func (r *relay) hold(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.conns[c] = true
	}
	return !r.closed
}

func (r *relay) let(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

// close ends the relay and returns when nothing of it runs. The socket goes with its listener.
func (r *relay) close() {
	r.mu.Lock()
	r.closed = true
	r.listener.Close()
	for c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.done.Wait()
}

// folder is where Open vSwitch keeps its sockets.
func (v *vswitch) folder() string {
	if v.runDir != "" {
		return v.runDir
	}
	if dir := os.Getenv("OVS_RUNDIR"); dir != "" {
		return dir
	}
	return "/var/run/openvswitch"
}

// closeOwnPort lets nothing out of a bridge's own port, whatever its flows say, and keeps it down: a frame that left there would be the
// host's, and in the userspace datapath could come back as from a tunnel. A controller can't undo it: ofguard passes no changes of ports.
func (v *vswitch) closeOwnPort(ctx context.Context, bridge string) error {
	v.writes.Add(1)
	_, err := v.run(ctx, nil, "ovs-ofctl", "--timeout=5", "--protocols=OpenFlow13", "mod-port", bridge, bridge, "no-forward")
	return err
}
