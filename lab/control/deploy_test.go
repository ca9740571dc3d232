package control_test

import (
	"slices"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

func TestALabGoesFromStoredToRunningToStoppedToGone(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("campus", 5))
	if got := r.get(id); got.State != control.Stored || got.NodeCount != 5 || got.LinkCount != 5 || got.Nodes[0].State != hostapi.NodeAbsent {
		t.Fatalf("after import: %+v", got.LabView)
	}
	r.deploy(id)
	running := r.until(id, control.Running)
	if running.Reason != "" || running.Done != 0 || len(running.Nodes) != 5 {
		t.Errorf("running: %+v", running.LabView)
	}
	for _, n := range running.Nodes {
		if n.State != hostapi.NodeRunning || n.Host != "host-a" || n.Want != hostapi.Running || !strings.Contains(n.Placed, "free, next to n") {
			t.Errorf("node %+v", n)
		}
	}
	must(t, r.control.Stop(t.Context(), r.ada, id))
	r.until(id, control.Stopped)
	if n := m.fake.Count(id); n != 5 {
		t.Errorf("%d containers are kept while stopped", n)
	}
	r.deploy(id)
	r.until(id, control.Running)
	must(t, r.control.Destroy(t.Context(), r.ada, id, false))
	stored := r.until(id, control.Stored)
	if n := m.fake.Count(id); n != 0 {
		t.Errorf("%d containers are left", n)
	}
	if stored.Nodes[0].State != hostapi.NodeAbsent || stored.Nodes[0].Want != "" {
		t.Errorf("node after destroy: %+v", stored.Nodes[0])
	}
	must(t, r.control.Destroy(t.Context(), r.ada, id, false)) // again: nothing changes
	must(t, r.control.Destroy(t.Context(), r.ada, id, true))
	r.untilGone(id)
	if _, _, wired := m.fake.Wired(id); wired {
		t.Error("cables are left")
	}
}

func (r *rig) untilGone(labID string) {
	r.t.Helper()
	await(r.t, said("the lab to be gone"), func() bool {
		_, err := r.control.Get(r.t.Context(), r.ada, labID)
		return fault.Is(err, fault.NotFound)
	})
}

func TestProgressIsToldWhileDeploying(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("campus", 20))
	events, err := r.control.WatchLab(t.Context(), r.ada, id)
	must(t, err)
	goOn := m.holdAfter("create", 10) // until some progress was told: states that follow each other at once are told as one
	r.deploy(id)
	var states []control.State
	most, nodes := 0, map[string]bool{}
	for e := range events {
		if e.Node != nil && e.Node.State == hostapi.NodeRunning {
			nodes[e.Node.Name] = true
		}
		if e.Lab == nil {
			continue
		}
		if e.Lab.State == control.Stored {
			continue // as it was imported
		}
		if len(states) == 0 || states[len(states)-1] != e.Lab.State {
			states = append(states, e.Lab.State)
		}
		if e.Lab.State == control.Deploying {
			if most = max(most, e.Lab.Done); most > 0 {
				goOn()
			}
			if e.Lab.Total == 0 || e.Lab.Done > e.Lab.Total {
				t.Errorf("%d of %d", e.Lab.Done, e.Lab.Total)
			}
		}
		if e.Lab.State == control.Running {
			break
		}
	}
	if want := []control.State{control.Planning, control.Deploying, control.Running}; !slices.Equal(states, want) {
		t.Errorf("states %v, want %v", states, want)
	}
	if most == 0 {
		t.Error("no progress was told")
	}
	if len(nodes) != 20 {
		t.Errorf("%d nodes were told to run", len(nodes))
	}
}

func TestAnImageThatIsNowhereIsRefusedBeforeAnythingIsMade(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create("name: x\ntopology:\n  nodes:\n    r1: {kind: linux, image: trunkline/rooter}\n    r2: {kind: linux, image: trunkline/tiny}\n")
	err := r.control.Deploy(t.Context(), r.ada, id)
	if !fault.Is(err, fault.Invalid) {
		t.Fatalf("got %v", err)
	}
	for _, word := range []string{"trunkline/rooter", "r1", "Did you mean trunkline/router?", "trunkline/tiny"} {
		if !strings.Contains(fault.Sentence(err), word) {
			t.Errorf("%q is not in: %s", word, fault.Sentence(err))
		}
	}
	if public := fault.Public(err); len(public.Details) != 1 || public.Details[0].Field != "topology.nodes.r1.image" {
		t.Errorf("details %+v", public.Details)
	}
	if got := r.get(id); got.State != control.Stored || m.fake.Count(id) != 0 {
		t.Errorf("something was made: %s", got.State)
	}
	r.siteImages(control.ImagePolicy{Map: map[string]string{"trunkline/rooter": "trunkline/router"}})
	r.deploy(id)
	r.until(id, control.Running)
}

func TestALabThatWantsDelayIsNotPlacedWithoutNetem(t *testing.T) {
	const text = "name: x\ntopology:\n  defaults: {kind: linux, image: trunkline/tiny%s}\n  nodes: {a: {}, b: {}}\n  links:\n    - endpoints: [\"a:eth1\", \"b:eth1\"]\n      impair: {delay: 25ms}\n"
	r := newRig(t).start()
	r.addHost("host-a", fakehost.Config{}, &hostapi.Capabilities{RateLimit: true})
	strict := r.create(strings.Replace(text, "%s", "", 1))
	err := r.control.Deploy(t.Context(), r.ada, strict)
	if !fault.Is(err, fault.Unsupported) || !strings.Contains(fault.Sentence(err), "1 without netem (link a:eth1 – b:eth1 wants a delay or loss)") {
		t.Fatalf("got %v", err)
	}
	best := r.create(strings.Replace(strings.Replace(text, "name: x", "name: y", 1), "%s", ", labels: {trunkline.impairments: best-effort}", 1))
	r.deploy(best)
	got := r.until(best, control.Degraded)
	if !strings.Contains(got.Reason, "runs without delay and loss: host host-a has no netem") {
		t.Errorf("reason %q", got.Reason)
	}
}

func TestWithoutAHostADeploySaysSo(t *testing.T) {
	r := newRig(t).start()
	id := r.create(ring("x", 2))
	err := r.control.Deploy(t.Context(), r.ada, id)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Sentence(err), "No compute host has joined yet") {
		t.Errorf("got %v", err)
	}
}

func TestASecondDeployOfTheSameIsNoMistakeAndOfAnotherIsRefused(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	release := m.hold("create")
	id := r.create(ring("x", 4))
	r.deploy(id)
	r.until(id, control.Deploying)
	before := r.get(id).Generation
	r.deploy(id)
	if after := r.get(id).Generation; after != before {
		t.Errorf("the second deploy made generation %d of %d", after, before)
	}
	r.replace(id, ring("x", 6))
	err := r.control.Deploy(t.Context(), r.ada, id)
	if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Sentence(err), "is being deployed") {
		t.Errorf("got %v", err)
	}
	release()
	r.until(id, control.Running)
	r.deploy(id)
	r.until(id, control.Running)
	await(t, said("six containers"), func() bool { return m.fake.Count(id) == 6 })
}

func TestDeploysAtOnceMakeEverythingOnce(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("x", 6))
	failures := make(chan error, 10)
	for range 10 {
		go func() { failures <- r.control.Deploy(t.Context(), r.ada, id) }()
	}
	for range 10 {
		must(t, <-failures)
	}
	r.until(id, control.Running)
	if made := m.fake.Calls()["create"]; made != 6 {
		t.Errorf("%d containers were made for 6 nodes", made)
	}
}

func TestACancelledFirstDeployLeavesNothing(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	m.rough = true
	id := r.create(ring("x", 30))
	goOn := m.holdAfter("create", 5)
	r.deploy(id)
	await(t, said("some containers"), func() bool { return m.fake.Count(id) > 3 })
	must(t, r.control.Cancel(t.Context(), r.ada, id))
	goOn()
	got := r.until(id, control.Stored)
	if !strings.Contains(got.Reason, "cancelled") {
		t.Errorf("reason %q", got.Reason)
	}
	if n := m.fake.Count(id); n != 0 {
		t.Errorf("%d containers are left", n)
	}
	err := r.control.Cancel(t.Context(), r.ada, id)
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("a second cancel: %v", err)
	}
	r.deploy(id)
	r.until(id, control.Running)
}

func TestACancelledRedeployGoesBackToWhatRanBefore(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	m.rough = true
	id := r.create(ring("x", 3))
	r.deploy(id)
	r.until(id, control.Running)
	release := m.hold("create")
	r.replace(id, ring("x", 8))
	r.deploy(id)
	r.until(id, control.Deploying)
	must(t, r.control.Cancel(t.Context(), r.ada, id))
	if err := r.control.Cancel(t.Context(), r.ada, id); err != nil && !fault.Is(err, fault.Conflict) { // it is on its way back already, or is back
		t.Errorf("a second cancel: %v", err)
	}
	release()
	got := r.until(id, control.Running)
	if !strings.Contains(got.Reason, "cancelled") {
		t.Errorf("reason %q", got.Reason)
	}
	await(t, said("the three nodes of before"), func() bool { return m.fake.Count(id) == 3 })
	if n := len(got.Lab.Nodes); n != 8 {
		t.Errorf("the stored file has %d nodes, want the newer 8", n)
	}
	r.deploy(id)
	r.until(id, control.Running)
	if n := m.fake.Count(id); n != 8 {
		t.Errorf("%d containers after the deploy was asked for again", n)
	}
}

func TestAPlanSaysWhatADeployWouldDo(t *testing.T) {
	r := newRig(t).start()
	r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("x", 3))
	steps, err := r.control.Plan(t.Context(), r.ada, id)
	must(t, err)
	if len(steps) != 6 || steps[0].Verb != "create" || steps[0].Object != "node n1" || steps[0].Host != "host-a" || steps[5].Verb != "connect" {
		t.Errorf("first plan %+v", steps)
	}
	r.deploy(id)
	r.until(id, control.Running)
	r.replace(id, strings.Replace(ring("x", 3), "n2: {}", "n2: {env: {A: b}}", 1))
	steps, err = r.control.Plan(t.Context(), r.ada, id)
	must(t, err)
	verbs := map[string]string{}
	for _, s := range steps {
		verbs[s.Object] = s.Verb
	}
	if verbs["node n1"] != "keep" || verbs["node n2"] != "recreate" || verbs["link n1:eth1 n2:eth2"] != "connect" {
		t.Errorf("second plan %+v", steps)
	}
}
