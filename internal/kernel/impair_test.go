package kernel

import (
	"math"
	"testing"
	"time"
)

// withNear deploys the lab with something written below the near cable.
func (r *rig) withNear(more string) { r.t.Helper(); r.deploy(cables{near: more}) }

// delays takes the best of a few tries: pings on a busy machine are late, and never early.
func (r *rig) delays(t *testing.T) {
	const wanted, tries, bound = 25.0, 3, 0.02
	best := math.Inf(1)
	for try := 0; try < tries && best > bound; try++ {
		r.withNear("")
		bare := r.ping("a1", a2Near, 200, 10*time.Millisecond).median()
		r.withNear("impair: {a-to-b: {delay: 25ms}}")
		oneWay := r.ping("a1", a2Near, 200, 10*time.Millisecond).median()
		r.withNear("impair: {delay: 25ms}")
		bothWays := r.ping("a1", a2Near, 200, 10*time.Millisecond).median()
		there, back := oneWay-bare, bothWays-oneWay
		t.Logf("delay of 25 ms: %.3f ms there, %.3f ms back, on top of %.3f ms without", there, back, bare)
		best = min(best, max(math.Abs(there-wanted), math.Abs(back-wanted))/wanted)
	}
	r.record.Set("kernel.delay_error", best, "of 25 ms, the worse way")
	if best > bound {
		t.Errorf("a delay of 25 ms is off by %.1f %%, more than 2 %%", 100*best)
	}
}

// delaysAcross has each kernel do its own end. A packet on its way meets both kernels twice: on a busy machine most pings wait for a processor.
func (r *rig) delaysAcross(t *testing.T) {
	const wanted = 25.0
	bare := r.ping("a1", b1Far, 200, 10*time.Millisecond).undisturbed()
	r.deploy(cables{far: "impair: {delay: 25ms}"})
	delayed := r.ping("a1", b1Far, 200, 10*time.Millisecond).undisturbed()
	r.deploy(cables{})
	off := math.Abs((delayed-bare)/2-wanted) / wanted
	t.Logf("delay of 25 ms across kernels: %.3f ms on the average of both ways, on top of %.3f ms without", (delayed-bare)/2, bare)
	r.record.Set("kernel.far_delay_error", off, "of 25 ms, across hosts")
	if off > 0.02 {
		t.Errorf("a delay of 25 ms across hosts is off by %.1f %%, more than 2 %%", 100*off)
	}
}

func (r *rig) jitters(t *testing.T) {
	const wanted = 3.0
	r.withNear("impair: {a-to-b: {delay: 25ms, jitter: 3ms}}")
	p := r.ping("a1", a2Near, 400, 10*time.Millisecond)
	off := math.Abs(p.spread()-wanted) / wanted
	t.Logf("jitter of 3 ms around 25 ms: median %.3f ms, standard deviation %.3f ms", p.median(), p.spread())
	r.record.Set("kernel.jitter_error", off, "of 3 ms")
	if off > 0.25 {
		t.Errorf("a jitter of 3 ms measures as %.2f ms", p.spread())
	}
	if math.Abs(p.median()-25) > 2 {
		t.Errorf("with jitter the median delay is %.2f ms, wanted about 25 ms", p.median())
	}
}

func (r *rig) loses(t *testing.T) {
	const sent, wanted = 1000, 0.1
	r.withNear("impair: {a-to-b: {loss: 10%}}")
	p := r.ping("a1", a2Near, sent, 4*time.Millisecond)
	lost := sent - len(p.ms)
	bound := 4 * math.Sqrt(sent*wanted*(1-wanted)) // four standard deviations of the binomial distribution
	t.Logf("loss of 10 %%: %d of %d lost, bounds %.0f to %.0f", lost, sent, sent*wanted-bound, sent*wanted+bound)
	r.record.Set("kernel.loss", float64(lost)/sent, "lost, wanted 0.1")
	if math.Abs(float64(lost)-sent*wanted) > bound {
		t.Errorf("of %d frames %d were lost, which a loss of 10 %% does not explain", sent, lost)
	}
}

func (r *rig) limits(t *testing.T) {
	const wanted = 10e6
	r.withNear("impair: {rate: 10mbit}")
	tcp := r.iperf(6)
	wire := tcp.median() * frameBytes / tcpBytes
	off := math.Abs(wire-wanted) / wanted
	t.Logf("rate of 10 Mbit/s: TCP uses %.3f Mbit/s of the wire (by second: %.2f)", wire/1e6, tcp.megabits())
	r.record.Set("kernel.rate_error", off, "of 10 Mbit/s")
	if off > 0.05 {
		t.Errorf("a rate of 10 Mbit/s is off by %.1f %%, more than 5 %%", 100*off)
	}
	for i, second := range tcp {
		if got := second * frameBytes / tcpBytes; got < 0.8*wanted {
			t.Errorf("TCP collapsed to %.2f Mbit/s in second %d", got/1e6, i+1)
		}
	}
}

// carriesMuch compares with the same kernel unshaped. Both take all of the processor, so on a busy machine the better of a few tries counts.
func (r *rig) carriesMuch(t *testing.T) {
	const rate, tries, wanted = 1e9, 5, 0.9
	var best float64
	for try := 0; try < tries && best < wanted; try++ {
		r.withNear("")
		bare := r.iperf(4).median()
		r.withNear("impair: {rate: 1gbit, delay: 1ms}")
		shaped := r.iperf(4).median()
		t.Logf("rate of 1 Gbit/s with 1 ms: TCP carries %.0f Mbit/s; this kernel carries %.0f Mbit/s unshaped", shaped/1e6, bare/1e6)
		best = max(best, shaped/min(bare, rate*tcpBytes/frameBytes))
	}
	r.record.Set("kernel.shaped_share", best, "of what TCP can carry at 1 Gbit/s or unshaped, whichever is less")
	if best < wanted {
		t.Errorf("TCP collapses to %.0f %% of what it can carry", 100*best)
	}
}
