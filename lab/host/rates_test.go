package host_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

func TestARateIsWhatCameSinceInASecond(t *testing.T) {
	count := func(frames, bytes uint64) hostapi.Counter { return hostapi.Counter{Frames: frames, Bytes: bytes} }
	for name, c := range map[string]struct {
		before, now host.PortCount
		elapsed     time.Duration
		want        hostapi.InterfaceRate
	}{
		"a second":        {host.PortCount{}, host.PortCount{In: count(10, 1000), Out: count(1, 60)}, time.Second, hostapi.InterfaceRate{InBits: 8000, OutBits: 480, InFrames: 10, OutFrames: 1}},
		"half a second":   {host.PortCount{In: count(5, 500)}, host.PortCount{In: count(10, 1000)}, time.Second / 2, hostapi.InterfaceRate{InBits: 8000, InFrames: 10}},
		"three seconds":   {host.PortCount{}, host.PortCount{Out: count(10, 1000)}, 3 * time.Second, hostapi.InterfaceRate{OutBits: 2667, OutFrames: 3}},
		"nothing":         {host.PortCount{In: count(5, 500)}, host.PortCount{In: count(5, 500)}, time.Second, hostapi.InterfaceRate{}},
		"a new interface": {host.PortCount{In: count(5, 500)}, host.PortCount{In: count(1, 60)}, time.Second, hostapi.InterfaceRate{}},
		"no time":         {host.PortCount{}, host.PortCount{In: count(5, 500)}, 0, hostapi.InterfaceRate{}},
		"dropped":         {host.PortCount{}, host.PortCount{In: hostapi.Counter{Dropped: 7}}, time.Second, hostapi.InterfaceRate{Dropped: 7}},
	} {
		if got := host.RateOf(c.before, c.now, c.elapsed); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

// TestChangesTellTheSameAsAll: whatever happens, who adds up the changes knows what the one who is told all knows.
func TestChangesTellTheSameAsAll(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	take := func() hostapi.Rates {
		r := hostapi.Rates{Full: true, Interfaces: map[string]hostapi.InterfaceRate{}, Nodes: map[string]hostapi.NodeUse{}}
		for _, name := range []string{"a:eth1", "a:eth2", "b:eth1", "c:eth1"} {
			if random.IntN(2) == 0 {
				r.Interfaces[name] = hostapi.InterfaceRate{InBits: 1 + random.Int64N(3)}
				r.Nodes[name[:1]] = hostapi.NodeUse{Memory: 1 + random.Int64N(3)}
			}
		}
		return r
	}
	for range 200 {
		one, two, three := take(), take(), take()
		first, second := two.Since(one), three.Since(two)
		apart := one.With(first).With(second)
		together := one.With(first.Then(second))
		if !apart.Since(three).Empty() || !together.Since(three).Empty() {
			t.Fatalf("%+v becomes %+v and, together, %+v; it is %+v", one, apart, together, three)
		}
	}
	if same := take(); !same.Since(same).Empty() {
		t.Error("the same differs from itself")
	}
}

// watcher adds up what it is told.
type watcher struct {
	t     *testing.T
	rates <-chan hostapi.Rates
	all   hostapi.Rates
	heard int
}

func (r *rig) watch(ctx context.Context, labID string) *watcher {
	r.t.Helper()
	rates, err := r.x.Rates(ctx, labID)
	if err != nil {
		r.t.Fatal(err)
	}
	return &watcher{t: r.t, rates: rates}
}

// until takes samples until one is right.
func (w *watcher) until(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for w.heard == 0 || !ok() {
		select {
		case sample, open := <-w.rates:
			if !open {
				w.t.Fatalf("the rates ended before %s", what)
			}
			if sample.Full != (w.heard == 0) {
				w.t.Errorf("sample %d is full: %t", w.heard, sample.Full)
			}
			w.all, w.heard = w.all.With(sample), w.heard+1
		case <-deadline.C:
			w.t.Fatalf("waited in vain for %s; known is %+v", what, w.all)
		}
	}
}

// quick measures a hundred times a second.
func quick(t *testing.T) *rig {
	r := newRig(t, fakehost.Config{})
	r.ratesEvery = 10 * time.Millisecond
	return r.start()
}

func (r *rig) samples() int { return r.fake.Calls()["counters"] }

func TestRatesAreMeasuredWhileSomebodyAsks(t *testing.T) {
	r := quick(t)
	spec := ring("l1", 3)
	r.apply(spec)
	r.converged(spec)
	if r.x.Measuring() || r.samples() > 0 {
		t.Fatalf("%d samples though nobody asked", r.samples())
	}
	ctx, leave := context.WithCancel(t.Context())
	w := r.watch(ctx, "l1")
	w.until("everything", func() bool { return true })
	if len(w.all.Interfaces) > 0 {
		t.Errorf("the first sample has rates: %+v", w.all.Interfaces)
	}
	r.fake.Send("l1", "n0", "eth2", 10, 15000)
	w.until("what n0 sends", func() bool {
		return w.all.Interfaces["n0:eth2"].OutBits > 0 && w.all.Interfaces["n1:eth1"].InFrames > 0
	})
	if w.all.Interfaces["n1:eth1"].OutBits != 0 || len(w.all.Interfaces) != 2 {
		t.Errorf("others carry something as well: %+v", w.all.Interfaces)
	}
	w.until("silence", func() bool { return len(w.all.Interfaces) == 0 })
	leave()
	r.eventually("the end of the measuring", func() bool { return !r.x.Measuring() })
	for range w.rates {
		t.Error("a sample after the end") // the range ends: the channel is closed
	}
	before := r.samples()
	again := r.watch(t.Context(), "l1")
	again.until("everything anew", func() bool { return true })
	if r.samples() <= before {
		t.Error("who asks again is told without a sample")
	}
}

func TestAllLabsAreMeasuredAtOnce(t *testing.T) {
	r := quick(t)
	for _, id := range []string{"l1", "l2", "l3"} {
		spec := ring(id, 2)
		r.apply(spec)
		r.converged(spec)
	}
	watchers := []*watcher{r.watch(t.Context(), "l1"), r.watch(t.Context(), "l1"), r.watch(t.Context(), "l2")}
	for _, w := range watchers {
		w.until("everything", func() bool { return true })
	}
	from := r.samples()
	r.eventually("more samples", func() bool { return r.samples() > from+5 })
	var after []string
	for _, c := range r.fake.Log() {
		if c.Verb == "counters" {
			after = append(after, c.Lab)
		}
	}
	for _, labs := range after[from:] {
		if labs != "l1 l2" {
			t.Errorf("a sample is of %q, wanted both watched labs at once and no other", labs)
		}
	}
}

func TestASlowReaderGetsTheDifferenceAndHoldsNobodyUp(t *testing.T) {
	r := quick(t)
	spec := ring("l1", 3)
	r.apply(spec)
	r.converged(spec)
	fast, slow := r.watch(t.Context(), "l1"), r.watch(t.Context(), "l1")
	fast.until("everything", func() bool { return true })
	for _, node := range []string{"n0", "n1", "n2"} {
		fast.until("silence", func() bool { return len(fast.all.Interfaces) == 0 }) // until then it would be a slow reader as well
		r.fake.Send("l1", node, "eth1", 3, 300)
		fast.until("what "+node+" sends", func() bool { return fast.all.Interfaces[node+":eth1"].OutBits > 0 })
	}
	fast.until("silence", func() bool { return len(fast.all.Interfaces) == 0 })
	from := r.samples()
	r.eventually("many samples that the slow one does not take", func() bool { return r.samples() > from+20 })
	slow.until("the same", func() bool { return len(slow.all.Interfaces) == 0 && len(slow.all.Nodes) == len(fast.all.Nodes) })
	if slow.heard > 2 {
		t.Errorf("the slow reader had %d samples waiting", slow.heard)
	}
}

func TestRatesOfNoLabAreNotFound(t *testing.T) {
	r := quick(t)
	if _, err := r.x.Rates(t.Context(), "none"); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := r.x.Switch(t.Context(), "none", "sw"); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
}

func TestAnAgentThatEndsEndsItsReaders(t *testing.T) {
	r := quick(t)
	spec := ring("l1", 2)
	r.apply(spec)
	r.converged(spec)
	w := r.watch(context.Background(), "l1")
	w.until("everything", func() bool { return true })
	r.stop()
	for range w.rates { // what was waiting
	}
	if r.x.Measuring() {
		t.Error("it goes on measuring")
	}
	if rates, err := r.x.Rates(context.Background(), "l1"); err == nil {
		if _, open := <-rates; open {
			t.Error("an agent that has ended tells rates")
		}
	} else if !strings.Contains(err.Error(), "no lab") {
		t.Error(err)
	}
}
