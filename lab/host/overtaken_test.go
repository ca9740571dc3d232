package host

import (
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// A step may fail in the moment in which something else is asked for: what is wanted now has not failed.
func TestAFailureOfWhatIsWantedNoMoreIsNotToldOfWhatIs(t *testing.T) {
	x, err := New(Config{HostID: "h", StateDir: t.TempDir(), Engine: noEngine{}, Fabric: noFabric{}})
	if err != nil {
		t.Fatal(err)
	}
	l := x.newLoop("l1", 0)
	spec := func(image string, generation int64) *hostapi.LabSpec {
		return &hostapi.LabSpec{ID: "l1", Generation: generation, Nodes: []hostapi.NodeSpec{{Name: "a", Image: image, Run: hostapi.Running}}}
	}
	missing := fault.New(fault.NotFound, "The image is missing.")
	for _, c := range []struct {
		what  string
		image string // of the second spec
		fails bool
	}{{"the same again", "one", true}, {"another image", "two", false}} {
		l.adoptWant(kept{Spec: spec("one", 1), Generation: 1})
		st := step{Verb: doCreate, Node: "a"}
		l.ops["a"] = &op{step: st, node: l.snap.Want.nodes["a"], cancel: func() {}}
		l.adoptWant(kept{Spec: spec(c.image, 2), Generation: 2})
		l.finished("a", &st, missing, false) // it had ended before it was told
		if failed := l.fact("a").Fail.Err != nil; failed != c.fails {
			t.Errorf("%s: the node has failed: %t, want %t", c.what, failed, c.fails)
		}
	}
}
