package host_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

// TestAFailureIsToldHoweverLateItsResultIsTaken: on one processor a worker is over before its lab takes the result.
func TestAFailureIsToldHoweverLateItsResultIsTaken(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := newRig(t, fakehost.Config{})
	const nodes = 20
	var tries atomic.Int64
	r.fake.Intercept(func(_ context.Context, c fakehost.Call, do func() error) error {
		if c.Verb == "create" {
			tries.Add(1)
			return fault.New(fault.Invalid, "The image is broken.")
		}
		return do()
	})
	r.start()
	r.apply(ring("l1", nodes))
	r.until("each node has failed", "l1", func(s *hostapi.LabStatus) bool {
		failed := 0
		for _, n := range s.Nodes {
			if n.State == hostapi.NodeFailed && n.Reason == "The image is broken." {
				failed++
			}
		}
		return failed == nodes
	})
	if n := tries.Load(); n != nodes {
		t.Errorf("%d creates of %d nodes were tried at once", n, nodes)
	}
}
