package control_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"trunkline/lab/control"
	"trunkline/lab/host/fakehost"
)

// apartFile is a lab whose nodes are on two hosts: a1 and a2 on host-a, b1 on host-b, a switch of two VLANs on host-a and a lan over both.
const apartFile = `name: apart
topology:
  defaults: {kind: linux, image: trunkline/tiny}
  nodes:
    a1: {labels: {trunkline.place.host: host-a}}
    a2: {labels: {trunkline.place.host: host-a}}
    a3: {labels: {trunkline.place.host: host-a}}
    b1: {labels: {trunkline.place.host: host-b}}
    sw: {kind: switch, switch: {stp: rstp}, interfaces: {p1: {access: 10}, p2: {access: 10}, p3: {access: 20}}, labels: {trunkline.place.host: host-a}}
    wide: {kind: lan}
  links:
    - endpoints: [a1:eth1, sw:p1]
    - endpoints: [a2:eth1, sw:p2]
    - endpoints: [a3:eth1, sw:p3]
    - endpoints: [a1:eth2, wide:w1]
    - endpoints: [b1:eth2, wide:w2]
`

// apart deploys it on two fake hosts.
func apart(t *testing.T) (r *rig, id string) {
	r = newRig(t).start()
	r.addHost("host-a", fakehost.Config{}, nil)
	r.addHost("host-b", fakehost.Config{}, nil)
	id = r.create(apartFile)
	r.deploy(id)
	r.until(id, control.Running)
	return r, id
}

func (r *rig) watchRates(ctx context.Context, id string) *rateReader {
	r.t.Helper()
	rates, err := r.control.WatchRates(ctx, r.ada, id)
	must(r.t, err)
	return &rateReader{t: r.t, rates: rates}
}

// rateReader adds up what it is told.
type rateReader struct {
	t     *testing.T
	rates <-chan control.Rates
	all   control.Rates
	heard int
}

func (w *rateReader) until(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	for w.heard == 0 || !ok() {
		select {
		case sample, open := <-w.rates:
			if !open {
				w.t.Fatalf("the rates ended before %s", what)
			}
			if w.heard == 0 && !sample.Full {
				w.t.Error("the first sample is not everything")
			}
			w.all, w.heard = w.all.With(sample), w.heard+1
		case <-deadline.C:
			w.t.Fatalf("waited too long for %s; known is %+v", what, w.all)
		}
	}
}

// flows sends frames until ok: a reader that is slow is not told of a rate that is over.
func (w *rateReader) flows(what string, send func(), ok func() bool) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	var sending sync.WaitGroup
	sending.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			send()
			<-tick.C
		}
	})
	defer sending.Wait()
	defer stop()
	w.until(what, ok)
}

func (r *rig) samples(host string) int { return r.machines[host].fake.Calls()["counters"] }

func TestRatesOfALabOnTwoHostsAreOneAndEndWithTheirWatchers(t *testing.T) {
	r, id := apart(t)
	if r.samples("host-a")+r.samples("host-b") > 0 {
		t.Fatal("it is measured though nobody watches")
	}
	ctx, leave := context.WithCancel(t.Context())
	one, two := r.watchRates(ctx, id), r.watchRates(ctx, id)
	await(t, said("both hosts to measure"), func() bool { return r.samples("host-a") > 1 && r.samples("host-b") > 1 })
	one.flows("the rate on host-a", func() { r.machines["host-a"].fake.Send(id, "a1", "eth1", 10, 10_000) }, func() bool {
		return one.all.Interfaces["a1:eth1"].OutBits > 0 && one.all.Interfaces["a2:eth1"].InBits > 0
	})
	if one.all.Interfaces["a3:eth1"].InBits > 0 {
		t.Error("another VLAN carries it too")
	}
	sendOnB := func() { r.machines["host-b"].fake.Send(id, "b1", "eth2", 10, 10_000) }
	one.flows("the rate on host-b", sendOnB, func() bool { return one.all.Interfaces["b1:eth2"].OutBits > 0 })
	one.until("silence", func() bool { return len(one.all.Interfaces) == 0 })
	from := r.samples("host-a")
	await(t, said("many samples that the second watcher does not take"), func() bool { return r.samples("host-a") > from+30 })
	two.until("the same", func() bool { return len(two.all.Interfaces) == 0 })
	if two.heard > 3 { // what it was given at first, what came while that waited, and what was put together since
		t.Errorf("the slow watcher had %d samples waiting", two.heard)
	}
	leave()
	for range one.rates {
	}
	for range two.rates {
	}
	for _, host := range []string{"host-a", "host-b"} {
		await(t, said(host+" to measure no more"), func() bool {
			before := r.samples(host)
			timer := time.NewTimer(100 * time.Millisecond) // ten samples' time
			<-timer.C
			return r.samples(host) == before
		})
	}
}

func TestAHostThatIsLostTellsNothingAndIsAskedAgain(t *testing.T) {
	r, id := apart(t)
	w := r.watchRates(t.Context(), id)
	fake := r.machines["host-b"].fake
	send := func() { fake.Send(id, "b1", "eth2", 5, 5000) }
	await(t, said("host-b to measure"), func() bool { return r.samples("host-b") > 1 })
	w.flows("the rate on host-b", send, func() bool { return w.all.Interfaces["b1:eth2"].OutBits > 0 })
	send()
	r.machines["host-b"].unlink()
	w.until("the rate of a lost host to go", func() bool { return w.all.Interfaces["b1:eth2"].OutBits == 0 })
	before := r.samples("host-b")
	r.machines["host-b"].link()
	await(t, said("host-b to be asked again"), func() bool { return r.samples("host-b") > before+3 })
	w.flows("its rate again", send, func() bool { return w.all.Interfaces["b1:eth2"].OutBits > 0 })
}
