package control_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

func TestAHostThatIsGoneIsSaidAndNeverTakenForEmpty(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("x", 3))
	r.deploy(id)
	r.until(id, control.Running)
	m.stop()
	got := r.until(id, control.Degraded)
	if !strings.Contains(got.Reason, "Host host-a is not connected") {
		t.Errorf("reason %q", got.Reason)
	}
	if got.Nodes[0].State != hostapi.NodeRunning {
		t.Errorf("a node of a host that cannot be asked is shown as %s", got.Nodes[0].State)
	}
	_, err := r.control.Exec(t.Context(), r.ada, id, "n1", hostapi.ExecRequest{Command: []string{"true"}})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("a command on a host that is gone: %v", err)
	}
	m.start("host-a")
	r.until(id, control.Running)
	if made := m.fake.Calls()["create"]; made != 3 {
		t.Errorf("%d containers were made in all, want 3", made)
	}
}

func TestALabDestroyedWhileItsHostIsAwayIsRemovedWhenItReturns(t *testing.T) {
	for name, forget := range map[string]bool{"kept": false, "forgotten": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t).start()
			m := r.addHost("host-a", fakehost.Config{}, nil)
			id := r.create(ring("x", 3))
			r.deploy(id)
			r.until(id, control.Running)
			m.stop()
			r.until(id, control.Degraded)
			must(t, r.control.Destroy(t.Context(), r.ada, id, forget))
			got := r.until(id, control.Stopping)
			await(t, said("the reason"), func() bool { got = r.get(id); return strings.Contains(got.Reason, "removed when it is back") })
			r.restart() // the controller remembers too
			m.start("host-a")
			await(t, said("nothing to be left on the host"), func() bool { return m.fake.Count(id) == 0 })
			if forget {
				r.untilGone(id)
				return
			}
			r.until(id, control.Stored)
		})
	}
}

func TestALabThatNeverReachedItsHostIsDestroyedWhenTheHostComes(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("x", 3))
	m.stop()
	r.stop()
	_, err := r.store.ChangeDesired(t.Context(), tenancy.InTenant("alpha"), id, func(r *control.Record) error { // deployed and destroyed before anybody was told
		r.Desired.Generation = 2
		r.Desired.Deployment = control.Deployment{Revision: 1, Places: map[string]control.Place{"n1": {HostID: m.id}}}
		return nil
	})
	must(t, err)
	r.lostAfter = 300 * time.Millisecond
	r.start()
	r.until(id, control.Stopping)
	await(t, said("the host to be lost"), func() bool { // from then on nobody looks at the lab for the sake of a lost host
		hosts, err := r.control.Hosts(t.Context(), site)
		return err == nil && len(hosts) == 1 && hosts[0].Lost
	})
	m.start("host-a")
	r.until(id, control.Stored)
}

func TestADeadEngineIsSaidAndALiveOneHealsTheLab(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("x", 3))
	await(t, said("the host's images"), func() bool {
		images, err := r.control.Images(t.Context(), r.ada)
		return err == nil && len(images) > 0
	})
	died := make(chan struct{})
	m.fake.Intercept(func(ctx context.Context, c fakehost.Call, do func() error) error {
		if c.Verb == "create" {
			<-died // the engine dies while the lab is being deployed: before that, the deploy would be refused
		}
		return do()
	})
	r.deploy(id)
	m.fake.SetDown(fault.New(fault.Unavailable, "Docker does not answer on this host. Start it."))
	close(died)
	got := r.until(id, control.Failed)
	if !strings.Contains(got.Reason, "Docker does not answer") || got.Error == nil {
		t.Errorf("reason %q, error %v", got.Reason, got.Error)
	}
	r.replace(id, ring("x", 4)) // a deploy that failed does not stand in the way of the next
	m.fake.SetDown(nil)
	await(t, said("the host to be fit for labs again"), func() bool { return r.control.Deploy(t.Context(), r.ada, id) == nil })
	got = r.until(id, control.Running)
	if n := len(got.Nodes); n != 4 {
		t.Errorf("%d nodes run, want those of the newer version", n)
	}
	if got.Error != nil || got.Reason != "" {
		t.Errorf("healed, and still says %q, %v", got.Reason, got.Error)
	}
}

func TestANodeThatEndsMakesTheLabDegradedAndAnotherDeployRestartsIt(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("x", 3))
	r.deploy(id)
	r.until(id, control.Running)
	if !m.fake.Kill(id, "n2", 3) {
		t.Fatal("n2 does not run")
	}
	got := r.until(id, control.Degraded)
	if !strings.Contains(got.Reason, "n2 ended with exit code 3") {
		t.Errorf("reason %q", got.Reason)
	}
	r.deploy(id)
	r.until(id, control.Running)
	await(t, said("all nodes to be through their gates"), func() bool { return len(m.fake.Running(id)) == 3 })
}

func TestARestartedControllerGoesOnWhereItWas(t *testing.T) {
	r := newRig(t)
	r.grace = time.Minute // the host takes a while until it is linked again
	r.start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	release := m.hold("create")
	running, stopped, deploying := r.create(ring("running", 2)), r.create(ring("stopped", 2)), r.create(ring("deploying", 4))
	release()
	r.deploy(running)
	r.deploy(stopped)
	r.until(running, control.Running)
	r.until(stopped, control.Running)
	must(t, r.control.Stop(t.Context(), r.ada, stopped))
	r.until(stopped, control.Stopped)
	release = m.hold("create")
	r.deploy(deploying)
	r.until(deploying, control.Deploying)
	r.restart()
	for id, want := range map[string][]control.State{running: {control.Running}, stopped: {control.Stopped}, deploying: {control.Planning, control.Deploying}} {
		if got := r.get(id).State; !slices.Contains(want, got) {
			t.Errorf("right after the restart a lab is %s, want %v", got, want)
		}
	}
	release()
	r.until(deploying, control.Running)
	if made := m.fake.Calls()["create"]; made != 8 {
		t.Errorf("%d containers were made for 8 nodes", made)
	}
}

// TestDroppedAtRandomMoments drops controller, agent or link while labs come and go; in the end everything is as wanted.
func TestDroppedAtRandomMoments(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{Delays: fakehost.Delays{Create: 2 * time.Millisecond, Start: 2 * time.Millisecond, Remove: 2 * time.Millisecond}}, nil)
	m.rough = true
	id := r.create(ring("x", 12), map[string]string{"a.conf": "text"})
	for round := range rounds {
		r.deployWhenPossible(id)
		drop := []func(){
			r.restart,
			func() { m.stop(); m.start("host-a") },
			func() { m.unlink(); m.link() },
			func() { r.stop(); m.stop(); r.start(); m.start("host-a") },
		}[random.IntN(4)]
		reached := random.IntN(13)
		await(t, said("some containers"), func() bool { return m.fake.Count(id) >= reached })
		drop()
		if random.IntN(2) == 0 {
			r.until(id, control.Running)
		}
		if random.IntN(3) == 0 {
			if err := r.control.Cancel(t.Context(), r.ada, id); err != nil && !fault.Is(err, fault.Conflict) {
				t.Fatal(err)
			}
		}
		must(t, r.control.Destroy(t.Context(), r.ada, id, false))
		if random.IntN(2) == 0 {
			r.restart()
		}
		r.until(id, control.Stored)
		await(t, said("nothing to be left"), func() bool { return m.fake.Count(id) == 0 })
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	r.deployWhenPossible(id)
	r.until(id, control.Running)
	await(t, said("all nodes to be through their gates"), func() bool { return len(m.fake.Running(id)) == 12 })
}

func (r *rig) deployWhenPossible(labID string) {
	r.t.Helper()
	await(r.t, said("a deploy to be possible"), func() bool {
		err := r.control.Deploy(r.t.Context(), r.ada, labID)
		if err != nil && !fault.Is(err, fault.Unavailable) {
			r.t.Fatal(err)
		}
		return err == nil
	})
}

func TestAnUnknownLabOnAHostIsRemoved(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("x", 2))
	r.deploy(id)
	r.until(id, control.Running)
	r.stop()
	must(t, r.store.DeleteLab(t.Context(), r.ada.Scope(), id)) // as after a restored backup
	r.start()
	await(t, said("the unknown lab to be removed"), func() bool { return m.fake.Count(id) == 0 })
}
