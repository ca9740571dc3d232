package fabric

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab"
)

func TestFlowsAndQueuesLostWithTheSwitchDaemonAreRestored(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	spec.Cables[0].AtoB = lab.Impairment{RateBits: 20e6}
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
	world.kill(world.vs)
	if _, err := r.Wire(context.Background(), spec, nil); !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Sentence(err), "Start it") {
		t.Errorf("with a dead switch daemon: %v", err)
	}
	if err := world.startSwitch(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the bridges to be back", func() bool {
		_, err := r.Wire(context.Background(), spec, nil)
		return err == nil
	})
	r.reaches("r1", "10.0.0.2")
	if kind := r.queueTowards("lab1", "r2", "eth1"); kind != "tbf" && kind != "netem" {
		t.Errorf("the impairment was lost: the queue is %q", kind)
	}
}

func TestWhatCannotBeAskedIsNoAnswer(t *testing.T) {
	real(t)
	f, err := New(Config{HostID: "h", StateDir: t.TempDir(), OVSDB: filepath.Join(t.TempDir(), "db.sock")})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx := context.Background()
	if _, err := f.Labs(ctx); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Labs: %v", err)
	}
	if _, err := f.Leftovers(ctx, nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Leftovers: %v", err)
	}
	if err := f.Unwire(ctx, "lab1"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Unwire: %v", err)
	}
	_, problems, err := f.Capabilities(ctx)
	if err != nil || !strings.Contains(strings.Join(problems, " "), "Open vSwitch doesn't answer") {
		t.Errorf("Capabilities: %q, %v", problems, err)
	}
}

func TestCapabilitiesSayWhatThisKernelHas(t *testing.T) {
	r := newRig(t)
	caps, problems, err := r.Capabilities(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v %q", caps, problems)
	said := strings.Join(problems, " ")
	if caps.KernelDatapath == strings.Contains(said, "modprobe openvswitch") || caps.Netem == strings.Contains(said, "modprobe sch_netem") {
		t.Errorf("what is missing isn't said, or what is there is called missing: %+v %q", caps, problems)
	}
	if strings.Contains(said, "doesn't answer") {
		t.Errorf("Open vSwitch is there: %q", problems)
	}
	if version, err := r.Version(context.Background()); err != nil || !strings.Contains(version, ".") {
		t.Errorf("version %q, %v", version, err)
	}
}

// queueTowards is the kind of the queueing discipline on the host end of an interface.
func (r *rig) queueTowards(lab, node, iface string) string {
	r.t.Helper()
	link, err := r.root.LinkByName(r.names.hostEnd(lab, node, iface))
	if err != nil {
		r.t.Fatal(err)
	}
	return must(r.qdiscKinds())[link.Attrs().Index]
}

func TestTwoHostsSideBySideOnOneSwitchLeaveEachOtherAlone(t *testing.T) {
	one := newRig(t)
	other := newRig(t, func(c *Config) { c.HostID = "another" })
	spec := twoNodes("lab1")
	for _, r := range []*rig{one, other} {
		r.start("r1", "r2")
		r.plug(spec)
		r.wire(spec)
		r.reaches("r1", "10.0.0.2")
	}
	if err := one.Unwire(context.Background(), "lab1"); err != nil {
		t.Fatal(err)
	}
	one.clean()
	other.reaches("r1", "10.0.0.2")
	if labs, err := other.Labs(context.Background()); err != nil || len(labs) != 1 {
		t.Errorf("the other host has %q, %v", labs, err)
	}
}

func TestThingsOfOthersAreNeverTouched(t *testing.T) {
	r := newRig(t)
	vsctl := func(args ...string) string {
		out, err := exec.Command("ovs-vsctl", append([]string{"--timeout=10", "--db=unix:" + world.dir + "/db.sock"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %s", args, out)
		}
		return string(out)
	}
	vsctl("add-br", "br-people", "--", "set", "Bridge", "br-people", "datapath_type=netdev", "external_ids:trunkline-host=someone")
	defer vsctl("--if-exists", "del-br", "br-people")
	spec := twoNodes("lab1")
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	if _, err := r.RemoveLeftovers(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	r.clean()
	if out := vsctl("list-br"); strings.TrimSpace(out) != "br-people" {
		t.Errorf("bridges: %q", out)
	}
}
