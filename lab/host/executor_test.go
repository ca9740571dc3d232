package host_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

// rig is a fake machine with an executor that can be dropped and made anew.
type rig struct {
	t    *testing.T
	fake *fakehost.Host
	dir  string
	x    *host.Executor
	stop func()

	pulse  time.Duration
	log    *slog.Logger
	engine host.Engine // nil: the fake's own

	useEvery   time.Duration
	ratesEvery time.Duration
	patience   time.Duration
	making     time.Duration
	tail       func(int) []string
}

func newRig(t *testing.T, cfg fakehost.Config) *rig {
	r := &rig{t: t, fake: fakehost.New(cfg), dir: t.TempDir(), log: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() {
		if r.stop != nil {
			r.stop()
		}
		r.fake.Close()
		if wrong := r.fake.Wrong(); len(wrong) > 0 {
			t.Errorf("a real host would have suffered: %v", wrong)
		}
	})
	return r
}

func (r *rig) start() *rig {
	r.t.Helper()
	_, run := r.prepare()
	run()
	return r
}

// prepare makes an executor that does not run before it is let.
func (r *rig) prepare() (x *host.Executor, run func()) {
	r.t.Helper()
	engine := r.engine
	if engine == nil {
		engine = r.fake.Engine()
	}
	x, err := host.New(host.Config{HostID: "h1", Name: "fake", StateDir: r.dir, Engine: engine, Fabric: r.fake.Fabric(), Workers: 4, Pulse: r.pulse, Log: r.log, UseEvery: r.useEvery, RatesEvery: r.ratesEvery, Patience: r.patience, Making: r.making, Tail: r.tail})
	if err != nil {
		r.t.Fatal(err)
	}
	r.x = x
	return x, func() {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- x.Run(ctx) }()
		r.stop = func() {
			cancel()
			if err := <-ended; err != nil {
				r.t.Errorf("Run: %v", err)
			}
			r.stop = nil
		}
	}
}

func (r *rig) apply(spec hostapi.LabSpec) {
	r.t.Helper()
	if err := r.x.Apply(context.Background(), spec); err != nil {
		r.t.Fatal(err)
	}
}

// until waits for a condition of a lab's status. A nil status means that the lab is gone.
func (r *rig) until(what, labID string, ok func(*hostapi.LabStatus) bool) *hostapi.LabStatus {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var last *hostapi.LabStatus
	seen := false
	for o := range r.x.Observe(ctx) {
		switch {
		case o.Lab != nil && o.Lab.ID == labID:
			last, seen = o.Lab, true
		case o.Removed == labID:
			last, seen = nil, true
		case o.Synced:
			seen = true // a lab that is not in the full set is gone
		default:
			continue
		}
		if seen && ok(last) {
			return last
		}
	}
	r.t.Fatalf("waited in vain for %s; last: %+v", what, last)
	return nil
}

func (r *rig) converged(spec hostapi.LabSpec) *hostapi.LabStatus {
	r.t.Helper()
	return r.until("convergence", spec.ID, func(s *hostapi.LabStatus) bool {
		return s != nil && s.Converged && s.Generation == spec.Generation
	})
}

func (r *rig) gone(labID string) {
	r.t.Helper()
	r.until("the lab's end", labID, func(s *hostapi.LabStatus) bool { return s == nil })
}

// eventually polls what the fake shows and no observation tells of.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-tick.C {
		if ok() {
			return
		}
	}
	r.t.Fatalf("waited in vain for %s", what)
}

func state(s *hostapi.LabStatus, node string) hostapi.NodeStatus {
	for _, n := range s.Nodes {
		if n.Name == node {
			return n
		}
	}
	return hostapi.NodeStatus{}
}

// ring makes a lab of n nodes in a ring.
func ring(id string, n int) hostapi.LabSpec {
	spec := hostapi.LabSpec{ID: id, Name: id, Generation: 1}
	for i := range n {
		spec.Nodes = append(spec.Nodes, hostapi.NodeSpec{
			Name: fmt.Sprintf("n%d", i), Kind: lab.Linux, Hostname: fmt.Sprintf("n%d", i), Image: "trunkline/tiny:latest", Run: hostapi.Running,
			Interfaces: []hostapi.InterfaceSpec{
				{Name: "eth1", MAC: fmt.Sprintf("02:00:00:00:%02x:01", i), MTU: 1500, Addresses: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 1}), 24)}},
				{Name: "eth2", MAC: fmt.Sprintf("02:00:00:00:%02x:02", i), MTU: 1500, Addresses: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte((i + 1) % n), 2}), 24)}},
			},
		})
		a, b := fmt.Sprintf("n%d", i), fmt.Sprintf("n%d", (i+1)%n)
		spec.Cables = append(spec.Cables, hostapi.CableSpec{ID: a + ":eth2 " + b + ":eth1", A: hostapi.PortRef{Node: a, Interface: "eth2"}, B: hostapi.PortRef{Node: b, Interface: "eth1"}})
	}
	return spec
}

func TestALabComesUpAndGoesAway(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := ring("l1", 20)
	r.apply(spec)
	s := r.converged(spec)
	for _, n := range spec.Nodes {
		st := state(s, n.Name)
		if st.State != hostapi.NodeRunning || len(st.Interfaces) != 2 || st.ContainerID == "" {
			t.Errorf("node %s is %+v", n.Name, st)
		}
	}
	r.eventually("all commands to run", func() bool { return len(r.fake.Running("l1")) == 20 })
	calls := r.fake.Calls()
	if calls["wire"] != 1 || calls["create"] != 20 || calls["start"] != 20 || calls["plug"] != 20 {
		t.Errorf("one wave should cost one Wire and one of each per node, got %v", calls)
	}
	if calls["list"] > 3 {
		t.Errorf("%d Lists for one deploy; they are dear", calls["list"])
	}
	if s.Done != s.Total || s.Total == 0 || s.Step != "" {
		t.Errorf("progress at the end is %d of %d, step %q", s.Done, s.Total, s.Step)
	}
	if err := r.x.Remove(context.Background(), "l1"); err != nil {
		t.Fatal(err)
	}
	r.gone("l1")
	if left, err := r.x.Leftovers(context.Background()); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestANodeRunsSinceTheEnginesTimeFromTheFirst(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := ring("l1", 5)
	told := map[string]map[time.Time]bool{}
	r.apply(spec)
	r.until("convergence", spec.ID, func(s *hostapi.LabStatus) bool {
		for _, n := range spec.Nodes {
			if s == nil || state(s, n.Name).StartedAt.IsZero() {
				continue
			}
			if told[n.Name] == nil {
				told[n.Name] = map[time.Time]bool{}
			}
			told[n.Name][state(s, n.Name).StartedAt] = true
		}
		return s != nil && s.Converged
	})
	containers, err := r.fake.Engine().List(t.Context())
	if err != nil || len(containers) != len(spec.Nodes) {
		t.Fatalf("listed %v, %v", containers, err)
	}
	for _, c := range containers {
		if len(told[c.Stamp.Node]) != 1 || !told[c.Stamp.Node][c.StartedAt] {
			t.Errorf("%s runs since %s, and was said to run since %v", c.Stamp.Node, c.StartedAt, told[c.Stamp.Node])
		}
	}
}

func TestAnOlderGenerationIsRefusedAndTheSameChangesNothing(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := ring("l1", 3)
	spec.Generation = 7
	r.apply(spec)
	r.converged(spec)
	before := r.fake.Calls()["create"]
	r.apply(spec)
	r.converged(spec)
	if after := r.fake.Calls()["create"]; after != before {
		t.Errorf("applying the same again made %d containers", after-before)
	}
	old := ring("l1", 2)
	old.Generation = 6
	if err := r.x.Apply(context.Background(), old); !fault.Is(err, fault.Conflict) {
		t.Errorf("an older generation answers %v, want conflict", err)
	}
}

func TestANewerGenerationSupersedesADeploy(t *testing.T) {
	reached := make(chan struct{})
	release := make(chan struct{})
	r := newRig(t, fakehost.Config{})
	var first sync.Once
	r.fake.Intercept(func(ctx context.Context, c fakehost.Call, do func() error) error {
		if c.Verb != "create" || c.Node == "n0" {
			return do()
		}
		first.Do(func() { close(reached) })
		select {
		case <-release:
			return do()
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	r.start()
	r.apply(ring("l1", 50))
	<-reached
	small := ring("l1", 1)
	small.Cables, small.Generation = nil, 2
	r.apply(small)
	s := r.converged(small)
	close(release)
	if len(s.Nodes) != 1 || r.fake.Count("l1") != 1 {
		t.Errorf("%d nodes and %d containers after the deploy was superseded, want 1", len(s.Nodes), r.fake.Count("l1"))
	}
	if made := r.fake.Calls()["create"]; made > 5 {
		t.Errorf("%d containers were made though the deploy was superseded", made)
	}
}

func TestACancelledDeployLeavesNothing(t *testing.T) {
	r := newRig(t, fakehost.Config{Delays: fakehost.Delays{Create: 5 * time.Millisecond, Start: 5 * time.Millisecond}})
	var asked atomic.Int32
	r.fake.Intercept(func(ctx context.Context, c fakehost.Call, do func() error) error {
		if c.Verb != "create" {
			return do()
		}
		n := asked.Add(1)
		if n > 8 {
			<-ctx.Done() // the deploy is cancelled while the engine makes these
		}
		if n%2 == 0 {
			return errors.Join(do(), ctx.Err()) // it goes on making what nobody waits for
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return do()
	})
	r.start()
	r.apply(ring("l1", 60))
	r.eventually("some containers", func() bool { return r.fake.Count("l1") > 5 })
	if err := r.x.Remove(context.Background(), "l1"); err != nil {
		t.Fatal(err)
	}
	r.gone("l1")
	if left, err := r.x.Leftovers(context.Background()); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	if made := r.fake.Calls()["create"]; made == 60 {
		t.Error("the cancelled deploy made every container")
	}
}

func TestTwoLabsShareTheMachineFairly(t *testing.T) {
	r := newRig(t, fakehost.Config{Delays: fakehost.Delays{Create: 20 * time.Millisecond, Start: 20 * time.Millisecond}})
	busy, let := make(chan struct{}), make(chan struct{})
	var first sync.Once
	r.fake.Intercept(func(ctx context.Context, c fakehost.Call, do func() error) error {
		if c.Verb == "create" {
			first.Do(func() { close(busy) })
			select {
			case <-let: // not before both labs stand in the queue
			case <-ctx.Done():
			}
		}
		return do()
	})
	r.start()
	big, small := ring("big", 100), ring("small", 3)
	r.apply(big)
	<-busy
	r.apply(small)
	r.until("the small lab's nodes to be under way", "small", func(s *hostapi.LabStatus) bool {
		return s != nil && len(s.Nodes) == 3 && !slices.ContainsFunc(s.Nodes, func(n hostapi.NodeStatus) bool { return n.State != hostapi.NodeCreating })
	})
	close(let)
	r.converged(small)
	before, begun := 0, 0
	for _, c := range r.fake.Log() {
		switch {
		case c.Verb == "create" && c.Lab == "big" && begun < len(small.Nodes):
			before++
		case c.Verb == "start" && c.Lab == "small":
			begun++
		}
	}
	if before > 60 {
		t.Errorf("the small lab waited for %d of the big one's 100 containers", before)
	}
}

func TestAFailingNodeStopsNobodyElse(t *testing.T) {
	r := newRig(t, fakehost.Config{Images: []string{"trunkline/tiny:latest"}}).start()
	spec := ring("l1", 4)
	spec.Nodes[2].Image = "nobody/has:this"
	r.apply(spec)
	s := r.converged(spec)
	bad := state(s, "n2")
	if bad.State != hostapi.NodeFailed || bad.Reason != "The image nobody/has:this is not on this host. Build or load it, then deploy again." {
		t.Errorf("n2 is %s: %q", bad.State, bad.Reason)
	}
	for _, name := range []string{"n0", "n1", "n3"} {
		if st := state(s, name); st.State != hostapi.NodeRunning {
			t.Errorf("%s is %s: %s", name, st.State, st.Reason)
		}
	}
	// With a spec that can be carried out the node comes up, and the others are left alone.
	creates := r.fake.Calls()["create"]
	spec.Nodes = slices.Clone(spec.Nodes)
	spec.Nodes[2].Image, spec.Generation = "trunkline/tiny:latest", 2
	r.apply(spec)
	if st := state(r.converged(spec), "n2"); st.State != hostapi.NodeRunning {
		t.Errorf("n2 is %s: %s", st.State, st.Reason)
	}
	if made := r.fake.Calls()["create"] - creates; made != 1 {
		t.Errorf("mending one node made %d containers", made)
	}
}
