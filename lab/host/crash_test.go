package host_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

// crash lets calls through until the given one. From then on the executor is as good as dead: nothing it asks for happens, and it
// hears of nothing until it is dropped. The call at which it dies takes effect or not.
type crash struct {
	mu     sync.Mutex
	left   int
	effect bool
	dead   bool
}

func (c *crash) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func (c *crash) intercept(ctx context.Context, _ fakehost.Call, do func() error) error {
	c.mu.Lock()
	last, dead := !c.dead && c.left == 0, c.dead
	c.left--
	c.mu.Unlock()
	if !dead && !last {
		return do()
	}
	var err error
	if last && c.effect {
		err = do()
	}
	c.mu.Lock()
	c.dead = true
	c.mu.Unlock()
	<-ctx.Done()
	return errors.Join(err, ctx.Err())
}

// busyLab has what makes a deploy long: commands, stages and a wait.
func busyLab() hostapi.LabSpec {
	spec := ring("l1", 5)
	for i := range spec.Nodes {
		spec.Nodes[i].Exec = []string{"echo one", "echo two"}
	}
	spec.Nodes[1].StageExecs = []lab.StageExec{{Stage: "create", When: "on-exit", Command: "echo early"}}
	spec.Nodes[3].WaitFor = []lab.Wait{{Stage: "create", Node: "n0", NodeStage: "configure"}}
	return spec
}

// Kill -9 at any moment, a new agent on the same machine: the lab comes up whole, or goes away whole, and nothing happens twice.
func TestACrashAtAnyMomentIsMended(t *testing.T) {
	rounds := 200
	if testing.Short() {
		rounds = 40
	}
	for round := range rounds {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			luck := rand.New(rand.NewPCG(1, uint64(round)))
			r := newRig(t, fakehost.Config{})
			spec := busyLab()
			removing := luck.IntN(3) == 0 // crash while the lab is removed, not while it comes up
			if removing {
				r.start().apply(spec)
				r.converged(spec)
				r.eventually("every command to run", func() bool { return len(r.fake.Running(spec.ID)) == len(spec.Nodes) })
				r.stop()
			}
			c := &crash{left: luck.IntN(34), effect: luck.IntN(2) == 0}
			if removing {
				c.left = luck.IntN(9)
			}
			r.fake.Intercept(c.intercept)
			r.start()
			if removing {
				if err := r.x.Remove(t.Context(), spec.ID); err != nil {
					t.Fatal(err)
				}
			} else {
				r.apply(spec)
			}
			r.eventually("the crash, or the end of the work", func() bool {
				s, err := r.x.Lab(t.Context(), spec.ID)
				return c.over() || (err == nil && s.Converged) || fault.Is(err, fault.NotFound)
			})
			r.stop()
			r.fake.Intercept(nil)
			r.start()
			if !removing {
				r.converged(spec)
				checkWhole(t, r, spec)
				if err := r.x.Remove(t.Context(), spec.ID); err != nil {
					t.Fatal(err)
				}
			}
			r.gone(spec.ID)
			if left, err := r.x.Leftovers(t.Context()); err != nil || len(left) != 0 {
				t.Errorf("left over: %v, %v", left, err)
			}
		})
	}
}

func checkWhole(t *testing.T, r *rig, spec hostapi.LabSpec) {
	t.Helper()
	r.eventually("every command to run", func() bool { return len(r.fake.Running(spec.ID)) == len(spec.Nodes) })
	if n := r.fake.Count(spec.ID); n != len(spec.Nodes) {
		t.Errorf("%d containers for %d nodes", n, len(spec.Nodes))
	}
	if _, there, _ := r.fake.Wired(spec.ID); len(there) != len(spec.Nodes) {
		t.Errorf("%d of %d nodes are cabled", len(there), len(spec.Nodes))
	}
	for _, n := range spec.Nodes {
		seen := map[string]int{}
		for _, command := range r.fake.Commands(spec.ID, n.Name) {
			if seen[command]++; seen[command] > 1 {
				t.Errorf("%s ran %q twice", n.Name, command)
			}
		}
	}
}
