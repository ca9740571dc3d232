package host_test

import (
	"context"
	"slices"
	"testing"

	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

// lateWatcher is an engine whose events cannot be followed before the test says so.
type lateWatcher struct {
	*fakehost.Engine
	follow chan struct{}
}

func (e *lateWatcher) Watch(ctx context.Context) (<-chan host.ContainerEvent, error) {
	select {
	case <-e.follow:
		return e.Engine.Watch(ctx)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestAnEngineThatRestartedBeforeItsEventsAreFollowedIsHealed(t *testing.T) {
	r := newRig(t, fakehost.Config{})
	late := &lateWatcher{r.fake.Engine(), make(chan struct{})}
	r.engine = late
	r.start()
	spec := ring("l1", 3)
	r.apply(spec)
	r.converged(spec)
	r.fake.RestartEngine()
	close(late.follow)
	r.eventually("every command to run again", func() bool { return r.fake.Calls()["start"] == 6 && len(r.fake.Running(spec.ID)) == 3 })
	r.converged(spec)
}

func TestANodeThatIsBusyWhileTheEngineRestartsIsHealedAsWell(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := ring("l1", 3)
	r.apply(spec)
	r.converged(spec)
	asked, let := make(chan struct{}), make(chan struct{})
	r.fake.Intercept(func(ctx context.Context, c fakehost.Call, do func() error) error {
		if c.Verb == "plug" && c.Node == "n1" {
			select {
			case asked <- struct{}{}:
			case <-let:
			}
			select {
			case <-let:
			case <-ctx.Done():
			}
		}
		return do()
	})
	spec = changed(spec, 1, func(n *hostapi.NodeSpec) { n.Interfaces = slices.Clone(n.Interfaces); n.Interfaces[0].MTU = 9000 })
	r.apply(spec)
	<-asked
	r.fake.RestartEngine()
	r.eventually("the others to start again", func() bool { return r.fake.Calls()["start"] == 5 })
	close(let)
	r.eventually("every command to run again", func() bool { return len(r.fake.Running(spec.ID)) == 3 })
	if st := state(r.converged(spec), "n1"); st.State != hostapi.NodeRunning || st.Interfaces[0].MTU != 9000 {
		t.Errorf("n1 is %+v", st)
	}
}
