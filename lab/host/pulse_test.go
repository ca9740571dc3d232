package host_test

import (
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

func TestADeadSwitchIsToldAndItsCablesAreMadeAgain(t *testing.T) {
	r := newRig(t, fakehost.Config{})
	r.pulse = 5 * time.Millisecond
	r.start()
	spec := ring("l1", 3)
	r.apply(spec)
	r.converged(spec)
	r.eventually("all commands to run", func() bool { return len(r.fake.Running(spec.ID)) == len(spec.Nodes) })
	r.fake.SetSwitchDown(fault.New(fault.Unavailable, "The switch doesn't answer."))
	s := r.until("the dead switch to be told", spec.ID, func(s *hostapi.LabStatus) bool { return s != nil && s.Error != nil })
	if s.Converged || s.Error.Sentence != "The switch doesn't answer." {
		t.Errorf("with a dead switch: converged %v, %q", s.Converged, s.Error.Sentence)
	}
	r.fake.SetSwitchDown(nil)
	r.converged(spec)
	r.eventually("the cables", func() bool {
		_, there, _ := r.fake.Wired(spec.ID)
		return len(there) == len(spec.Nodes)
	})
}
