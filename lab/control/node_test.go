package control_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

func nodeOf(detail *control.LabDetail, name string) control.NodeView {
	for _, n := range detail.Nodes {
		if n.Name == name {
			return n
		}
	}
	return control.NodeView{}
}

func TestANodeIsStoppedStartedRestartedAndPaused(t *testing.T) {
	r := newRig(t).start()
	r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("x", 3))
	err := r.control.NodeAction(t.Context(), r.ada, id, "n1", "stop")
	if !fault.Is(err, fault.Conflict) {
		t.Errorf("an action on a lab that is not deployed: %v", err)
	}
	r.deploy(id)
	r.until(id, control.Running)
	started := nodeOf(r.get(id), "n1").StartedAt
	for _, step := range []struct {
		action string
		state  hostapi.NodeState
	}{
		{"pause", hostapi.NodePaused}, {"resume", hostapi.NodeRunning}, {"stop", hostapi.NodeStopped}, {"start", hostapi.NodeRunning}, {"restart", hostapi.NodeRunning},
	} {
		must(t, r.control.NodeAction(t.Context(), r.ada, id, "n1", step.action))
		await(t, said(step.action), func() bool {
			n := nodeOf(r.get(id), "n1")
			return n.State == step.state && (step.action != "restart" || n.StartedAt.After(started) && n.Restarts == 1)
		})
		if got := r.get(id); got.State != control.Running {
			t.Errorf("after %s the lab is %s: %s", step.action, got.State, got.Reason)
		}
		started = nodeOf(r.get(id), "n1").StartedAt
	}
	before := nodeOf(r.get(id), "n1")
	must(t, r.control.NodeAction(t.Context(), r.ada, id, "n1", "recreate"))
	await(t, said("another container"), func() bool {
		n := nodeOf(r.get(id), "n1")
		return n.State == hostapi.NodeRunning && n.ContainerID != before.ContainerID && r.get(id).State == control.Running
	})
	after := nodeOf(r.get(id), "n1")
	if !slices.Equal(addressed(before), addressed(after)) || len(addressed(after)) != 2 {
		t.Errorf("made anew it has %v, and had %v", addressed(after), addressed(before))
	}
	r.deploy(id)
	if r.until(id, control.Running); nodeOf(r.get(id), "n1").ContainerID != after.ContainerID {
		t.Error("a deploy of the same made it anew once more")
	}
	for _, wrong := range []struct {
		node, action string
		code         fault.Code
	}{{"n9", "stop", fault.NotFound}, {"n1", "explode", fault.Invalid}} {
		if err := r.control.NodeAction(t.Context(), r.ada, id, wrong.node, wrong.action); !fault.Is(err, wrong.code) {
			t.Errorf("%s of %s: %v", wrong.action, wrong.node, err)
		}
	}
}

// addressed are a node's interfaces with their MACs.
func addressed(n control.NodeView) []string {
	var list []string
	for _, i := range n.Interfaces {
		list = append(list, i.Name+" "+i.MAC)
	}
	return list
}

func TestCommandsAndFilesReachANode(t *testing.T) {
	r := newRig(t).start()
	r.addHost("host-a", fakehost.Config{}, nil)
	text := "name: x\ntopology:\n  nodes:\n    n1: {kind: linux, image: trunkline/tiny, binds: [\"conf:/etc/conf\"], startup-config: a.cfg}\n    sw: {kind: switch}\n"
	id := r.create(text, map[string]string{"conf/one": "1", "conf/deep/two": "2", "a.cfg": "hostname n1"})
	r.deploy(id)
	r.until(id, control.Running)

	run, err := r.control.Exec(t.Context(), r.ada, "x", "n1", hostapi.ExecRequest{Command: []string{"echo", "hello"}})
	must(t, err)
	output, err := io.ReadAll(run)
	must(t, err)
	if code, known := run.ExitCode(); string(output) != "hello\n" || code != 0 || !known {
		t.Errorf("%q, %d, %v", output, code, known)
	}
	must(t, run.Close())

	for path, want := range map[string]string{"/etc/conf/one": "1", "/etc/conf/deep/two": "2"} {
		if got := r.read(id, "n1", path); got != want {
			t.Errorf("%s holds %q", path, got)
		}
	}
	content := strings.Repeat("0123456789abcdef", 1<<16)
	at, err := r.control.PutFile(t.Context(), r.ada, id, "n1", "/root/", `C:\fakepath\big.bin`, int64(len(content)), strings.NewReader(content))
	must(t, err)
	if at != "/root/big.bin" || r.read(id, "n1", at) != content {
		t.Errorf("the file is not whole at %s", at)
	}
	at, err = r.control.PutFile(t.Context(), r.ada, id, "n1", "/etc/conf", "three", -1, strings.NewReader("3"))
	if err != nil || at != "/etc/conf/three" {
		t.Errorf("into a folder that is there: %s, %v", at, err)
	}
	cut := io.MultiReader(bytes.NewReader(make([]byte, 1000)), iotest.ErrReader(errors.New("the browser went away")))
	if _, err := r.control.PutFile(t.Context(), r.ada, id, "n1", "/root/cut", "cut", 2000, cut); err == nil {
		t.Error("an upload that was cut off is said to be done")
	}
	if _, _, err := r.control.GetFile(t.Context(), r.ada, id, "n1", "/root/cut"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an upload that was cut off left something: %v", err)
	}
	for what, err := range map[string]error{
		"a relative path": second(r.control.PutFile(t.Context(), r.ada, id, "n1", "root", "x", 1, strings.NewReader("x"))),
		"the root":        second(r.control.PutFile(t.Context(), r.ada, id, "n1", "/", "", 1, strings.NewReader("x"))),
		"a switch":        second(r.control.PutFile(t.Context(), r.ada, id, "sw", "/x", "x", 1, strings.NewReader("x"))),
	} {
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second(_ string, err error) error { return err }

func (r *rig) read(labID, node, path string) string {
	r.t.Helper()
	content, _, err := r.control.GetFile(r.t.Context(), r.ada, labID, node, path)
	must(r.t, err)
	defer content.Close()
	text, err := io.ReadAll(content)
	must(r.t, err)
	return string(text)
}
