package host_test

import (
	"context"
	"testing"

	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

// carrier waits until n1's first interface is told to be up, or down.
func (r *rig) carrier(labID string, up bool) {
	r.t.Helper()
	r.until("the carrier", labID, func(s *hostapi.LabStatus) bool {
		n := state(s, "n1")
		return len(n.Interfaces) == 2 && n.Interfaces[0].Up == up && n.Interfaces[1].Up
	})
}

func TestCarrierThatComesOrGoesIsToldAtOnce(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start() // its audits are half a minute apart: longer than anything here waits
	spec := ring("lab1", 3)
	r.apply(spec)
	r.converged(spec)
	name := spec.Nodes[1].Interfaces[0].Name
	for _, up := range []bool{false, true, false} {
		r.fake.SetCarrier("lab1", "n1", name, up)
		r.carrier("lab1", up)
	}
	spec.Generation, spec.Name = 2, "renamed"
	r.apply(spec)
	r.converged(spec)
	r.carrier("lab1", false) // what was seen between two Wires stands after them
}

func TestCarrierThatGoesWhileCablesAreMadeIsNotForgotten(t *testing.T) {
	var r *rig
	spec := ring("lab1", 3)
	r = newRig(t, fakehost.Config{Intercept: func(_ context.Context, c fakehost.Call, do func() error) error {
		err := do()
		if c.Verb == "wire" { // after the state was read for the report, before the report is heard
			r.fake.SetCarrier("lab1", "n1", spec.Nodes[1].Interfaces[0].Name, false)
		}
		return err
	}}).start()
	r.apply(spec)
	r.converged(spec)
	r.carrier("lab1", false)
}
