package acceptance

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"trunkline/lab/control"
)

var (
	seed    = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the moments at which the program is killed")
	moments = flag.Int("moments", 20, "how often the program is killed in a deploy")
)

// The program is killed at random moments of a deploy, started again, and asked to destroy the lab. Every third time the lab has to
// become whole first.
func TestAKillAtAnyMomentOfADeployLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	r := newRig(t, tiny)
	r.stores("ring", ring("ring", 8))
	begun := time.Now()
	r.asks("ring", "deploy")
	r.becomes("ring", control.Running)
	whole := time.Since(begun)
	r.reaches("ring/n0", "10.0.0.2")
	r.destroys("ring")
	r.nothingIsLeft()

	t.Logf("-seed %d; a deploy takes %v", *seed, whole.Round(time.Millisecond))
	random := rand.New(rand.NewPCG(*seed, 0))
	for moment := range *moments {
		after := time.Duration(random.Float64() * float64(whole) * 1.1)
		r.asks("ring", "deploy")
		<-time.After(after)
		r.Kill()
		running := moment%3 == 0
		t.Logf("kill %d of %d, %v into a deploy, converges first: %t", moment+1, *moments, after.Round(time.Millisecond), running)
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if running {
			r.becomes("ring", control.Running)
			r.reaches("ring/n7", "10.0.7.2")
			r.reaches("ring/n3", "10.255.0.1")
		}
		r.destroys("ring")
		r.nothingIsLeft()
		if t.Failed() {
			t.Fatalf("after kill %d of %d\n%s", moment+1, *moments, r.logTail())
		}
	}
}
