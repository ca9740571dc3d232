package control_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

func TestALostHostsNodesArePlacedAnewAndTheReturningHostDropsThem(t *testing.T) {
	r := newRig(t)
	r.lostAfter = 400 * time.Millisecond
	r.start()
	m := r.addHosts("ab")
	id := r.create(ring("x", 4))
	r.deploy(id)
	from := r.until(id, control.Running).Nodes[0].Host
	macs := func(d *control.LabDetail) string {
		slices.SortFunc(d.Nodes[0].Interfaces, func(a, b hostapi.InterfaceStatus) int { return strings.Compare(a.Name, b.Name) })
		return fmt.Sprint(d.Nodes[0].Interfaces)
	}
	before := macs(r.get(id))
	zone := strings.TrimPrefix(from, "host-")
	lost := m[zone]
	events, err := r.control.WatchLab(t.Context(), r.ada, id)
	must(t, err)
	lost.stop()
	for e := range events { // it is so for a moment only
		if e.Lab != nil && e.Lab.State == control.Degraded {
			break
		}
	}
	to := map[string]string{"a": "b", "b": "a"}[zone]
	await(t, said("all nodes to run elsewhere"), func() bool { return len(m[to].fake.Running(id)) == 4 && r.get(id).State == control.Running })
	got := r.get(id)
	for _, n := range got.Nodes {
		if n.Host != "host-"+to || !strings.Contains(n.Placed, "moved from "+from+", which is lost") {
			t.Errorf("%s is on %s: %s", n.Name, n.Host, n.Placed)
		}
	}
	if macs(got) != before {
		t.Errorf("interfaces were %s and are %s", before, macs(got))
	}
	await(t, said("nothing more to be said of it"), func() bool { return r.get(id).Reason == "" })
	if lost.fake.Count(id) != 4 {
		t.Fatal("the lost host's machine went on without its agent, and lost its nodes")
	}
	lost.start(from)
	await(t, said("the returning host to drop what moved"), func() bool { _, _, wired := lost.fake.Wired(id); return lost.fake.Count(id) == 0 && !wired })
	if at := placed(r.get(id)); strings.Contains(at, from) {
		t.Errorf("something moved back: %s", at)
	}
}

func TestALabThatWaitsKeepsItsPlaceOnALostHost(t *testing.T) {
	r := newRig(t)
	r.lostAfter = 300 * time.Millisecond
	r.start()
	m := r.addHosts("ab")
	file := func(name, policy string) string {
		return strings.Replace(zones(name, []string{"a1", "a2"}, "", ""), "defaults: {", "defaults: {labels: {trunkline.lost: "+policy+"}, ", 1)
	}
	stays := r.create(strings.ReplaceAll(file("stays", "wait"), "trunkline.place.zone: a", "some: thing"))
	r.changeHost("host-b", control.HostChange{Tenants: &[]string{"beta"}})
	r.deploy(stays)
	r.until(stays, control.Running)
	r.changeHost("host-b", control.HostChange{Tenants: &[]string{}})
	moves := r.create(ring("moves", 2))
	r.deploy(moves)
	r.until(moves, control.Running)
	m["a"].stop()
	r.until(stays, control.Degraded)
	await(t, said("what may move to be on host-b"), func() bool { return len(m["b"].fake.Running(moves)) == 2 })
	if at := placed(r.get(stays)); at != "a1=host-a a2=host-a" || m["b"].fake.Count(stays) != 0 {
		t.Errorf("the lab that waits is at %s", at)
	}
	if reason := r.get(stays).Reason; !strings.Contains(reason, "Host host-a is not connected") || !strings.Contains(reason, "2 nodes") {
		t.Errorf("reason %q", reason)
	}
	m["a"].start("host-a")
	r.until(stays, control.Running)
}

func TestALostHostsNodesThatFitNowhereArePlacedWhenAHostComes(t *testing.T) {
	r := newRig(t)
	r.lostAfter = 300 * time.Millisecond
	r.start()
	m := r.addHosts("ab")
	id := r.create(zones("x", []string{"a1", "b1"}, "", ""))
	r.deploy(id)
	r.until(id, control.Running)
	m["a"].stop()
	await(t, said("the reason"), func() bool {
		reason := r.get(id).Reason
		return strings.Contains(reason, "Host host-a is lost, and 1 node of it cannot be placed anew: No host fits a1: 1 without the label zone=a, 1 offline") ||
			strings.Contains(reason, "cannot be placed anew: No host fits a1: 1 offline, 1 without the label zone=a")
	})
	if got := r.get(id); got.State != control.Degraded || len(m["b"].fake.Running(id)) != 1 {
		t.Errorf("%s: %s", got.State, got.Reason)
	}
	c := r.addHost("host-c", fakehost.Config{}, nil)
	_, err := r.store.ChangeHost(t.Context(), c.id, func(h *control.HostRecord) error { h.Labels = map[string]string{"zone": "a"}; return nil })
	must(t, err)
	r.changeHost("host-c", control.HostChange{})
	await(t, said("the node to run on the new host"), func() bool { return slices.Equal(c.fake.Running(id), []string{"a1"}) })
	r.until(id, control.Running)
}

func TestADrainMovesNodesOneByOne(t *testing.T) {
	r := newRig(t).start()
	m := r.addHosts("ab")
	r.changeHost("host-b", control.HostChange{Tenants: &[]string{"beta"}})
	id := r.create(ring("x", 4))
	r.deploy(id)
	before := r.until(id, control.Running)
	r.changeHost("host-b", control.HostChange{Tenants: &[]string{}})
	var mu sync.Mutex
	var early []string
	m["b"].fake.Intercept(func(ctx context.Context, c fakehost.Call, do func() error) error {
		if c.Verb == "create" {
			now, err := r.control.Get(ctx, r.ada, id)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				early = append(early, err.Error())
				return err
			}
			for _, n := range now.Nodes {
				if n.Host == "host-b" && n.Name != c.Node && n.State != hostapi.NodeRunning {
					early = append(early, fmt.Sprintf("%s moves while %s is %s", c.Node, n.Name, n.State))
				}
			}
		}
		return do()
	})
	r.drain("host-a", true)
	await(t, said("host-a to be empty"), func() bool { return m["a"].fake.Count(id) == 0 && len(m["b"].fake.Running(id)) == 4 })
	var after *control.LabDetail
	await(t, said("the lab to run in peace"), func() bool {
		after = r.get(id)
		return after.State == control.Running && after.Reason == "" && len(after.Nodes[3].Interfaces) == 2
	})
	if after.Generation-before.Generation != 4 {
		t.Errorf("4 nodes moved in %d steps", after.Generation-before.Generation)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(early) > 0 {
		t.Error(early)
	}
	for i, n := range after.Nodes {
		if n.Host != "host-b" || !strings.Contains(n.Placed, "host-a, which is being drained") || fmt.Sprint(n.Interfaces) != fmt.Sprint(before.Nodes[i].Interfaces) {
			t.Errorf("%s on %s: %s, %v", n.Name, n.Host, n.Placed, n.Interfaces)
		}
	}
	await(t, said("the identifiers of the way to be freed"), func() bool { taken, _ := r.used(); return taken == 0 })
	if _, _, wired := m["a"].fake.Wired(id); wired {
		t.Error("host-a still has cables of the lab")
	}
}

func TestADrainGoesOnAfterARestartAndEndsWhenTakenBack(t *testing.T) {
	r := newRig(t).start()
	m := r.addHosts("ab")
	r.changeHost("host-b", control.HostChange{Tenants: &[]string{"beta"}})
	id := r.create(ring("x", 6))
	r.deploy(id)
	r.until(id, control.Running)
	r.changeHost("host-b", control.HostChange{Tenants: &[]string{}})
	third := make(chan struct{})
	release := make(chan struct{})
	m["b"].fake.Intercept(func(ctx context.Context, c fakehost.Call, do func() error) error {
		if c.Verb == "create" && m["b"].fake.Count(id) == 2 {
			close(third)
			<-release
		}
		return do()
	})
	r.drain("host-a", true)
	<-third
	await(t, said("the progress to be told"), func() bool {
		d := r.get(id)
		return strings.Contains(d.Reason, "Host host-a is being drained: 3 nodes left there") && strings.Contains(d.Step, "moving n3 to host-b")
	})
	r.restart()
	r.awaitHosts("ab")
	r.drain("host-a", false)
	m["b"].fake.Intercept(nil)
	close(release)
	await(t, said("the drain to end where it was"), func() bool { return len(m["b"].fake.Running(id)) == 3 && r.get(id).State == control.Running })
	if n := m["a"].fake.Count(id); n != 3 {
		t.Errorf("%d nodes are left on host-a", n)
	}
	r.drain("host-a", true)
	r.restart()
	await(t, said("a drain to go on by itself after a restart"), func() bool { return m["a"].fake.Count(id) == 0 && len(m["b"].fake.Running(id)) == 6 })
}

func TestADrainWaitsForANodeThatDoesNotRunWhereItMoved(t *testing.T) {
	r := newRig(t).start()
	m := r.addHosts("ab")
	r.changeHost("host-b", control.HostChange{Tenants: &[]string{"beta"}})
	id := r.create(ring("x", 3))
	r.deploy(id)
	r.until(id, control.Running)
	r.changeHost("host-b", control.HostChange{Tenants: &[]string{}})
	m["b"].fake.Intercept(func(_ context.Context, c fakehost.Call, do func() error) error {
		if c.Verb == "create" {
			return fault.New(fault.Invalid, "The image is broken.")
		}
		return do()
	})
	r.drain("host-a", true)
	await(t, func() string {
		d := r.get(id)
		return fmt.Sprintf("the drain to wait; the lab is %s: %s (%s), at %s", d.State, d.Reason, d.Step, placed(d))
	}, func() bool {
		return strings.Contains(r.get(id).Reason, "Host host-a is being drained, and waits: n1 failed: The image is broken since it moved. 2 nodes left there.")
	})
	if n := m["a"].fake.Count(id); n != 2 {
		t.Errorf("%d nodes are left on host-a", n)
	}
	m["b"].fake.Intercept(nil)
	must(t, r.control.NodeAction(t.Context(), r.ada, id, "n1", "restart"))
	await(t, said("the drain to go on"), func() bool { return len(m["b"].fake.Running(id)) == 3 && m["a"].fake.Count(id) == 0 })
	r.until(id, control.Running)
}
