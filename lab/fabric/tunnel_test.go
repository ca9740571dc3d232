package fabric

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"trunkline/lab/hostapi"
)

// underlay puts the process's namespace and a second one, with an Open vSwitch of its own, onto one wire. In the userspace datapath a
// tunnel leaves through a bridge, so each side's address is on a bridge's own port.
type underlay struct {
	r      *rig
	second *switchDaemons
}

func newUnderlay(t *testing.T, r *rig) *underlay {
	t.Helper()
	r.start("host2")
	u := &underlay{r: r, second: &switchDaemons{dir: must(os.MkdirTemp("", "trunkline-fabric-host2-"))}}
	t.Cleanup(func() { os.RemoveAll(u.second.dir) })
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "wire", MTU: 1600, TxQLen: -1}, PeerName: "wire", PeerMTU: 1600, PeerNamespace: netlink.NsPid(r.nodes["host2"].pid)}
	if err := netlink.LinkAdd(veth); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netlink.LinkDel(veth) })
	start := func(d *switchDaemons, address string) error {
		r.checksumInSoftware("wire")
		vsctl := exec.Command("ovs-vsctl", "--timeout=10", "--db=unix:"+d.dir+"/db.sock", "add-br", "br-phy", "--", "set", "Bridge", "br-phy", "datapath_type="+r.datapath(),
			"--", "add-port", "br-phy", "wire")
		if out, err := vsctl.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		for _, name := range []string{"wire", "br-phy"} {
			if err := netlink.LinkSetUp(must(netlink.LinkByName(name))); err != nil {
				return err
			}
		}
		return netlink.AddrAdd(must(netlink.LinkByName("br-phy")), addrOf(netip.MustParsePrefix(address)))
	}
	if err := start(world, "192.168.77.1/24"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		exec.Command("ovs-vsctl", "--timeout=10", "--db=unix:"+world.dir+"/db.sock", "--if-exists", "del-br", "br-phy").Run()
	})
	err := r.in("host2", func() error {
		if err := u.second.start(); err != nil {
			return err
		}
		return start(u.second, "192.168.77.2/24")
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.second.stop)
	return u
}

// TestACableAcrossTwoHosts runs the second host's Fabric in a process of its own, as every host does: see secondHost.
func TestACableAcrossTwoHosts(t *testing.T) {
	if os.Getenv(secondEnv) != "" {
		secondHost(t)
		return
	}
	r := newRig(t)
	u := newUnderlay(t, r)
	here := hostapi.LabSpec{ID: "wide", Name: "wide", Generation: 1,
		Nodes:  []hostapi.NodeSpec{nodeSpec("a", iface("eth1", 1, 1, "10.0.0.1/24")), nodeSpec("c", iface("eth1", 3, 1, "10.0.1.1/24"))},
		Cables: []hostapi.CableSpec{acrossTo("a", 5001, "192.168.77.2"), acrossTo("c", 5002, "192.168.77.2")}}
	r.start("a", "c")
	r.plug(here)
	r.wire(here)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestACableAcrossTwoHosts$", "-test.count=1")
	cmd.Env = append(os.Environ(), secondEnv+"="+u.second.dir)
	var release func()
	err := r.in("host2", func() error {
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		release = func() { stdin.Close() }
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		return cmd.Start()
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		if !ended {
			release()
			cmd.Wait()
		}
	}()
	r.reaches("a", "10.0.0.2")
	r.reaches("c", "10.0.1.2")
	eventually(t, "a ping of 1500 bytes", func() bool { return r.ping("a", "10.0.0.2", 1500-28, time.Second) == nil })
	r.reachesNot("a", "10.0.1.2")
	t.Run("a second run writes nothing", func(t *testing.T) {
		writes := r.ovs.writes.Load()
		r.wire(here)
		if n := r.ovs.writes.Load() - writes; n != 0 {
			t.Errorf("wrote %d times", n)
		}
	})
	t.Run("a cable cut on this side stops it", func(t *testing.T) {
		here.Cables[0].Cut = true
		r.wire(here)
		r.reachesNot("a", "10.0.0.2")
		r.reaches("c", "10.0.1.2")
	})
	release()
	ended = true
	if err := cmd.Wait(); err != nil {
		t.Errorf("the second host: %v", err)
	}
	if err := r.Unwire(context.Background(), "wide"); err != nil {
		t.Fatal(err)
	}
	r.clean()
}

const secondEnv = "TRUNKLINE_FABRIC_SECOND_HOST"

func acrossTo(node string, vni uint32, remote string) hostapi.CableSpec {
	return hostapi.CableSpec{ID: node + " across", A: hostapi.PortRef{Node: node, Interface: "eth1"}, VNI: vni, Remote: netip.MustParseAddr(remote)}
}

// secondHost is the far side until its input is closed.
func secondHost(t *testing.T) {
	world = &switchDaemons{dir: os.Getenv(secondEnv)}
	r := newRig(t, func(c *Config) { c.HostID = "host2" })
	spec := hostapi.LabSpec{ID: "wide", Name: "wide", Generation: 1,
		Nodes:  []hostapi.NodeSpec{nodeSpec("b", iface("eth1", 2, 1, "10.0.0.2/24")), nodeSpec("d", iface("eth1", 4, 1, "10.0.1.2/24"))},
		Cables: []hostapi.CableSpec{acrossTo("b", 5001, "192.168.77.1"), acrossTo("d", 5002, "192.168.77.1")}}
	r.start("b", "d")
	r.plug(spec)
	r.wire(spec)
	os.Stdin.Read(make([]byte, 1))
	if err := r.Unwire(context.Background(), "wide"); err != nil {
		t.Fatal(err)
	}
	r.clean()
}
