package host_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

// changed returns the spec in its next generation, with one node changed.
func changed(spec hostapi.LabSpec, node int, change func(*hostapi.NodeSpec)) hostapi.LabSpec {
	spec.Generation++
	spec.Nodes = slices.Clone(spec.Nodes)
	change(&spec.Nodes[node])
	return spec
}

func TestRunStatesAreCarriedOut(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := ring("l1", 3)
	r.apply(spec)
	first := state(r.converged(spec), "n1").ContainerID
	for _, want := range []hostapi.RunState{hostapi.Stopped, hostapi.Running, hostapi.Paused, hostapi.Running, hostapi.Paused, hostapi.Stopped, hostapi.Paused} {
		spec = changed(spec, 1, func(n *hostapi.NodeSpec) { n.Run = want })
		r.apply(spec)
		if st := state(r.converged(spec), "n1"); string(st.State) != string(want) || st.ContainerID != first {
			t.Errorf("n1 shall be %s and is %+v", want, st)
		}
	}
}

func TestARestartHappensOnceAndKeepsTheContainer(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := ring("l1", 3)
	spec.Nodes[1].Exec = []string{"echo hello"}
	r.apply(spec)
	before := state(r.converged(spec), "n1")
	spec = changed(spec, 1, func(n *hostapi.NodeSpec) { n.Restarts = 4 })
	r.apply(spec)
	after := state(r.converged(spec), "n1")
	if after.ContainerID != before.ContainerID || after.Restarts != 4 || after.State != hostapi.NodeRunning || len(after.Interfaces) != 2 {
		t.Errorf("after the restart n1 is %+v", after)
	}
	if starts := r.fake.Calls()["start"]; starts != 4 {
		t.Errorf("%d starts, want 3 and 1", starts)
	}
	if ran := r.fake.Commands("l1", "n1"); len(ran) != 2 {
		t.Errorf("a command runs once each start; two starts ran %v", ran)
	}
	r.stop()
	r.start()
	r.converged(spec)
	if starts := r.fake.Calls()["start"]; starts != 4 {
		t.Errorf("a new agent restarted a node: %d starts", starts)
	}
	if ran := r.fake.Commands("l1", "n1"); len(ran) != 2 {
		t.Errorf("a new agent ran commands again: %v", ran)
	}
}

func TestAMovedLinkMakesNoContainerAnew(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := ring("l1", 3)
	r.apply(spec)
	r.converged(spec)
	before := r.fake.Calls()
	spec = changed(spec, 1, func(n *hostapi.NodeSpec) { n.Interfaces = slices.Clone(n.Interfaces); n.Interfaces[0].MTU = 9000 })
	r.apply(spec)
	if st := state(r.converged(spec), "n1"); st.Interfaces[0].MTU != 9000 {
		t.Errorf("the interface is %+v", st.Interfaces[0])
	}
	after := r.fake.Calls()
	if after["create"] != before["create"] || after["start"] != before["start"] || after["plug"] != before["plug"]+1 || after["wire"] != before["wire"]+1 {
		t.Errorf("calls before %v, after %v", before, after)
	}
}

func TestANodeThatEndsByItself(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := ring("l1", 3)
	spec.Nodes[2].RestartPolicy = "on-failure"
	r.apply(spec)
	began := state(r.converged(spec), "n2").StartedAt
	t.Run("is shown with its exit code", func(t *testing.T) {
		if !r.fake.Kill("l1", "n1", 3) {
			t.Fatal("n1 does not run")
		}
		s := r.until("n1's end", "l1", func(s *hostapi.LabStatus) bool { return s.Converged && state(s, "n1").State == hostapi.NodeExited })
		if st := state(s, "n1"); st.ExitCode == nil || *st.ExitCode != 3 || !strings.Contains(st.Reason, "exit code 3") {
			t.Errorf("n1 is %+v", st)
		}
		if st := state(s, "n0"); st.State != hostapi.NodeRunning {
			t.Errorf("n0 is %+v", st)
		}
	})
	t.Run("is started again when its policy says so", func(t *testing.T) {
		if !r.fake.Kill("l1", "n2", 1) {
			t.Fatal("n2 does not run")
		}
		r.until("n2's return", "l1", func(s *hostapi.LabStatus) bool { // who reads slowly is told no more than that
			return s.Converged && state(s, "n2").State == hostapi.NodeRunning && state(s, "n2").StartedAt.After(began)
		})
	})
	t.Run("is started by a restart that is asked for", func(t *testing.T) {
		spec = changed(spec, 1, func(n *hostapi.NodeSpec) { n.Restarts = 1 })
		r.apply(spec)
		if st := state(r.converged(spec), "n1"); st.State != hostapi.NodeRunning {
			t.Errorf("n1 is %+v", st)
		}
	})
}

func TestAnEngineThatRestartsIsHealed(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := ring("l1", 5)
	r.apply(spec)
	r.converged(spec)
	r.fake.RestartEngine()
	r.eventually("every command to run again", func() bool { return r.fake.Calls()["start"] == 10 && len(r.fake.Running("l1")) == 5 })
	r.converged(spec)
	if made := r.fake.Calls()["create"]; made != 5 {
		t.Errorf("%d containers were made; those that are there should start again", made)
	}
}

func TestAnEngineThatIsDownIsNotAnEmptyOne(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := ring("l1", 3)
	r.apply(spec)
	r.converged(spec)
	r.fake.SetDown(fault.New(fault.Unavailable, "Docker does not answer."))
	s := r.until("the complaint", "l1", func(s *hostapi.LabStatus) bool { return s.Error != nil })
	if s.Error.Code != fault.Unavailable || s.Error.Sentence != "Docker does not answer." || s.Converged {
		t.Errorf("the lab says %+v", s)
	}
	if st := state(s, "n0"); st.State != hostapi.NodeRunning {
		t.Errorf("what could not be asked is shown as %s", st.State)
	}
	r.fake.SetDown(nil)
	r.until("the return", "l1", func(s *hostapi.LabStatus) bool { return s.Converged && s.Error == nil })
	if made := r.fake.Calls()["create"]; made != 3 {
		t.Errorf("%d containers were made", made)
	}
}

func TestWaitForHoldsTheOrder(t *testing.T) {
	r := newRig(t, fakehost.Config{Delays: fakehost.Delays{Healthy: 30 * time.Millisecond}}).start()
	spec := ring("l1", 4)
	spec.Nodes[0].Healthcheck = &lab.Healthcheck{Test: []string{"CMD", "true"}}
	spec.Nodes[0].Exec = []string{"echo ready"}
	spec.Nodes[1].WaitFor = []lab.Wait{{Stage: "create", Node: "n0", NodeStage: "healthy"}}
	spec.Nodes[2].WaitFor = []lab.Wait{{Stage: "configure", Node: "n1", NodeStage: "create"}}
	spec.Nodes[2].Exec = []string{"echo late"}
	spec.Nodes[3].StageExecs = []lab.StageExec{
		{Stage: "create-links", When: "on-exit", Command: "echo links"}, {Stage: "create", When: "on-exit", Command: "echo made"},
		{Stage: "configure", When: "on-exit", Command: "echo configured"}, {Stage: "configure", When: "on-enter", Command: "echo configuring"},
	}
	spec.Nodes[3].Exec = []string{"echo it"}
	r.apply(spec)
	s := r.converged(spec)
	for _, n := range s.Nodes {
		if n.State != hostapi.NodeRunning {
			t.Errorf("%s is %s: %s", n.Name, n.State, n.Reason)
		}
	}
	at := map[string]int{}
	for i, c := range r.fake.Log() {
		if _, ok := at[c.Verb+" "+c.Node]; !ok {
			at[c.Verb+" "+c.Node] = i
		}
	}
	for _, order := range [][2]string{{"exec n0", "create n1"}, {"create n1", "exec n2"}, {"exec n3", "plug n3"}} {
		if at[order[0]] >= at[order[1]] {
			t.Errorf("%q came after %q", order[0], order[1])
		}
	}
	if got, want := r.fake.Commands("l1", "n3"), []string{"echo made", "echo links", "echo configuring", "echo it", "echo configured"}; !slices.Equal(got, want) {
		t.Errorf("n3 ran %v, want %v", got, want)
	}
}

func TestStrangersGoOnlyOnceTheControllerHasSpoken(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	lost, wanted := ring("lost", 3), ring("wanted", 3)
	r.apply(lost)
	r.apply(wanted)
	r.converged(lost)
	r.converged(wanted)
	r.stop()
	for _, sub := range []string{"labs", "nodes"} { // the state folder is lost
		if err := os.RemoveAll(filepath.Join(r.dir, sub)); err != nil {
			t.Fatal(err)
		}
	}
	r.start()
	r.apply(wanted)
	r.converged(wanted)
	if n := r.fake.Count("lost"); n != 3 {
		t.Fatalf("%d containers of the unknown lab are left before the controller spoke", n)
	}
	left, err := r.x.Leftovers(t.Context())
	if err != nil || len(left) != 4 || !strings.HasPrefix(left[0], "container ") {
		t.Errorf("leftovers are %q, %v", left, err)
	}
	if err := r.x.Synced(t.Context(), []string{"wanted"}); err != nil {
		t.Fatal(err)
	}
	r.eventually("the strangers' end", func() bool { return r.fake.Count("lost") == 0 })
	r.gone("lost")
	if n := r.fake.Count("wanted"); n != 3 {
		t.Errorf("%d containers of the wanted lab", n)
	}
	if made := r.fake.Calls()["create"]; made != 6 {
		t.Errorf("%d containers were made, want the first 6 only", made)
	}
}

func TestObserveTellsAllThenChanges(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	for _, id := range []string{"a", "b"} {
		spec := ring(id, 3)
		spec.ID = id
		r.apply(spec)
		r.converged(spec)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	slow := r.x.Observe(ctx) // not read until much has happened
	spec := ring("a", 3)
	for range 20 {
		spec = changed(spec, 0, func(n *hostapi.NodeSpec) { n.Restarts++ })
		r.apply(spec)
		r.converged(spec)
	}
	seen, synced := map[string]int{}, false
	var last *hostapi.LabStatus
	for o := range slow {
		switch {
		case o.Synced:
			synced = true
			if seen["a"] == 0 || seen["b"] == 0 {
				t.Errorf("the full set was %v", seen)
			}
		case o.Lab != nil:
			seen[o.Lab.ID]++
			if o.Lab.ID == "a" {
				last = o.Lab
			}
		}
		if synced && last != nil && last.Generation == spec.Generation && last.Converged {
			break
		}
	}
	if seen["a"] > 3 {
		t.Errorf("a slow reader was told %d states of one lab, want the newest", seen["a"])
	}
}

func TestBlobsAreKeptOnlyWhole(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	const hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // of "hello"
	check := func(what string, want ...string) {
		t.Helper()
		missing, err := r.x.MissingBlobs(t.Context(), []string{hello})
		if err != nil || !slices.Equal(missing, want) {
			t.Errorf("%s: missing %v, %v", what, missing, err)
		}
	}
	check("at first", hello)
	if err := r.x.PutBlob(t.Context(), hello, strings.NewReader("hullo")); !fault.Is(err, fault.Invalid) {
		t.Errorf("content of another hash: %v", err)
	}
	if err := r.x.PutBlob(t.Context(), "../../etc/passwd", strings.NewReader("x")); !fault.Is(err, fault.Invalid) {
		t.Errorf("a hash that is a path: %v", err)
	}
	check("after bad ones", hello)
	if err := r.x.PutBlob(t.Context(), hello, strings.NewReader("hello")); err != nil {
		t.Fatal(err)
	}
	check("after a good one")
	spec := ring("l1", 1)
	spec.Cables, spec.Nodes[0].Files = nil, []hostapi.FileSpec{{Target: "/etc/motd", Blob: hello, Size: 5, Mode: 0o600}}
	r.apply(spec)
	r.converged(spec)
	info, err := r.x.StatFile(t.Context(), "l1", "n0", "/etc/motd")
	if err != nil || info.Size != 5 || info.Mode != 0o600 {
		t.Errorf("the file in the node is %+v, %v", info, err)
	}
	left, err := os.ReadDir(filepath.Join(r.dir, "tmp"))
	if err != nil || len(left) != 0 {
		t.Errorf("half blobs are left: %v, %v", left, err)
	}
}
