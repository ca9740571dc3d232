package fabric

import (
	"testing"
	"time"

	"trunkline/lab"
)

func TestACableFlapsByTheClock(t *testing.T) {
	f := lab.Flap{Every: 5 * time.Second, Down: time.Second}
	for _, c := range []struct {
		at   time.Duration
		down bool
		rest time.Duration
	}{{0, true, time.Second}, {900 * time.Millisecond, true, 100 * time.Millisecond}, {time.Second, false, 4 * time.Second}, {12 * time.Second, false, 3 * time.Second}} {
		if down, rest := dips(f, time.Unix(0, 0).Add(c.at)); down != c.down || rest != c.rest {
			t.Errorf("after %s: %v for %s", c.at, down, rest)
		}
	}
}

func TestAFlappingCableLosesItsCarrierAgainAndAgain(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("flap")
	spec.Cables[0].Flap = &lab.Flap{Every: 3 * time.Second, Down: 300 * time.Millisecond}
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	for range 2 {
		eventually(t, "the carrier to go at both ends", func() bool { return !r.carrier("r1", "eth1") && !r.carrier("r2", "eth1") })
		eventually(t, "the carrier to come back at both ends", func() bool { return r.carrier("r1", "eth1") && r.carrier("r2", "eth1") })
		eventually(t, "a ping between", func() bool { return r.ping("r1", "10.0.0.2", 56, 100*time.Millisecond) == nil })
	}
	spec.Cables[0].Flap = nil
	r.wire(spec)
	if !r.carrier("r1", "eth1") || !r.carrier("r2", "eth1") {
		t.Error("a cable that flaps no more has no carrier")
	}
}
