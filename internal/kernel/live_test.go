package kernel

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/internal/bench"
	"trunkline/internal/kernel/ask"
	"trunkline/lab/control"
)

// liveBound is how far what is set on a running lab may be from what is measured.
const liveBound = 0.05

// perfect begins a proof: the lab runs, and its links do nothing to frames.
func (r *rig) perfect() { r.t.Helper(); r.deploy(cables{}) }

// setLive changes the near link while the lab runs, waits until the kernel has the queue that shows it, and says how long that took.
func (r *rig) setLive(shows string, change control.LinkChange) time.Duration {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), within)
	defer cancel()
	begun := time.Now()
	result, err := r.Client.SetLink(ctx, labName, "a1:eth1", change)
	if err != nil {
		r.t.Fatal(err)
	}
	if !result.Applied {
		r.t.Fatalf("the change was stored and not applied: %+v", result)
	}
	r.until("a queue with "+shows, func() error {
		_, err := r.queue(shows)
		return err
	})
	return time.Since(begun)
}

// queued is one queueing discipline of kernel-a with what waits in it.
type queued struct {
	handle  string
	frames  int
	dropped int // since it was made
}

var (
	queueHandle  = regexp.MustCompile(`^(?:netem|tbf) ([0-9a-f]+:) dev \S+ root`)
	queueFigures = regexp.MustCompile(`(?s)^.*\(dropped (\d+),.*backlog \S+ (\d+)p.*$`)
)

// queue finds the netem that shows the words, such as "delay 25ms".
func (r *rig) queue(shows string) (queued, error) {
	out, err := r.kernels["kernel-a"].Ask.Output(r.t.Context(), ask.Place{}, "tc", "-s", "qdisc", "show")
	if err != nil {
		return queued{}, err
	}
	for block := range strings.SplitSeq(out, "qdisc ") { // each with its own figures
		head, figures, _ := strings.Cut(block, "\n")
		handle := queueHandle.FindStringSubmatch(head)
		if handle == nil || !strings.Contains(head+" ", shows) {
			continue
		}
		q := queued{handle: handle[1]}
		_, err := fmt.Sscanf(queueFigures.ReplaceAllString(figures, "$1 $2"), "%d %d", &q.dropped, &q.frames)
		return q, err
	}
	return queued{}, &missingQueue{shows, out}
}

type missingQueue struct{ shows, out string }

func (e *missingQueue) Error() string { return "no queue shows " + e.shows + ":\n" + e.out }

func text(s string) *string { return &s }

func (r *rig) delaysLive(t *testing.T) {
	const wanted = 25.0
	var took []float64
	worse := best(liveBound, func() float64 {
		r.perfect()
		bare := r.ping("a1", a2Near, 200, 10*time.Millisecond).median()
		took = append(took, ms(r.setLive("delay 25ms", control.LinkChange{Delay: text("25ms"), From: "a1"})))
		there := r.ping("a1", a2Near, 200, 10*time.Millisecond).median() - bare
		took = append(took, ms(r.setLive("delay 50ms", control.LinkChange{Delay: text("50ms"), From: "a1"})))
		twice := r.ping("a1", a2Near, 200, 10*time.Millisecond).median() - bare
		t.Logf("a delay set live: %.3f ms of 25, then %.3f ms of 50, on top of %.3f ms", there, twice, bare)
		return max(off(there, wanted), off(twice, 2*wanted))
	})
	t.Logf("from the request until the kernel has it: %.0f ms (median of %d)", bench.Median(took), len(took))
	r.record.Set("kernel.live_set_ms_median", bench.Median(took), "ms from link set until the kernel has it")
	r.record.Set("kernel.live_delay_error", worse, "of 25 and 50 ms set live")
	if worse > liveBound {
		t.Errorf("a delay set live is off by %.1f %%", 100*worse)
	}
}

// jittersLive compares with a steady delay, and takes a jitter that is small beside the delay and one that is large.
func (r *rig) jittersLive(t *testing.T) {
	r.perfect()
	worst := 0.0
	for _, c := range []struct{ before, delay, jitter float64 }{{20, 25, 3}, {50, 60, 10}} {
		worse := best(liveBound, func() float64 {
			r.setLive(fmt.Sprintf("delay %gms", c.before), control.LinkChange{Delay: text(fmt.Sprintf("%gms", c.before)), Jitter: text("0"), From: "a1"})
			steady := r.ping("a1", a2Near, 1000, jitterEvery)
			r.setLive(fmt.Sprintf("delay %gms", c.delay), control.LinkChange{Delay: text(fmt.Sprintf("%gms", c.delay)), Jitter: text(fmt.Sprintf("%gms", c.jitter)), From: "a1"})
			p := r.ping("a1", a2Near, jitterPings, jitterEvery)
			around := c.before + p.median() - steady.median()
			t.Logf("a jitter of %g ms around %g ms set live: standard deviation %.3f ms around %.3f ms, of %d pings; a steady delay looks like %.3f ms", c.jitter, c.delay, p.spread(), around, len(p.ms), steady.spread())
			return max(off(p.spread(), c.jitter), off(around, c.delay))
		})
		if worse > liveBound {
			t.Errorf("a jitter of %g ms set live is off by %.1f %%", c.jitter, 100*worse)
		}
		worst = max(worst, worse)
	}
	r.record.Set("kernel.live_jitter_error", worst, "of 3 ms around 25 and 10 ms around 60 set live")
}

// losesLive adds up what is lost until chance alone is below the bound: 20 % of 24000 frames are off by 1.3 % at one standard deviation.
func (r *rig) losesLive(t *testing.T) {
	const wanted, round = 0.2, 6000
	r.perfect()
	r.setLive("loss 20%", control.LinkChange{Loss: text("20%"), From: "a1"})
	sent, lost := 0, 0
	error := math.Inf(1)
	for rounds := 0; rounds < 2 || rounds < 6 && error > liveBound; rounds++ {
		p := r.ping("a1", a2Near, round, 2*time.Millisecond)
		sent, lost = sent+round, lost+round-len(p.ms)
		error = off(float64(lost)/float64(sent), wanted)
	}
	t.Logf("a loss of 20 %% set live: %d of %d lost", lost, sent)
	r.record.Set("kernel.live_loss_error", error, "of 20 % set live")
	if error > liveBound {
		t.Errorf("a loss set live is off by %.1f %%", 100*error)
	}
}

func (r *rig) limitsLive(t *testing.T) {
	r.perfect()
	wire := func(shows, rate string) float64 {
		r.setLive(shows, control.LinkChange{Rate: text(rate)})
		return r.iperf(6).median() * frameBytes / tcpBytes
	}
	worse := best(liveBound, func() float64 {
		ten, four := wire("rate 10Mbit", "10mbit"), wire("rate 4Mbit", "4mbit")
		t.Logf("a rate set live: TCP uses %.3f Mbit/s of 10, then %.3f of 4", ten/1e6, four/1e6)
		return max(off(ten, 10e6), off(four, 4e6))
	})
	r.record.Set("kernel.live_rate_error", worse, "of 10 and 4 Mbit/s set live")
	if worse > liveBound {
		t.Errorf("a rate set live is off by %.1f %%", 100*worse)
	}
}

// staysFastLive offers as much as leaves the emulated kernel's one processor room, and then all that TCP can: no queue may be too short for that.
func (r *rig) staysFastLive(t *testing.T) {
	const least = 0.9
	short := best(1-least, func() float64 {
		r.perfect()
		bare := r.iperf(4, "--bitrate", "200M")
		r.setLive("delay 1ms", control.LinkChange{Delay: text("1ms")})
		delayed := r.iperf(4, "--bitrate", "200M")
		t.Logf("1 ms of delay set live: of 200 Mbit/s TCP carries %.1f Mbit/s, %.1f without (slowest seconds %.0f and %.0f)",
			delayed.median()/1e6, bare.median()/1e6, slices.Min(delayed)/1e6, slices.Min(bare)/1e6)
		return 1 - delayed.median()/bare.median()
	})
	most := r.iperf(4)
	q, err := r.queue("delay 1ms")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("without a limit TCP carries %.0f Mbit/s, all that the processor gives; the queue dropped %d frames", most.median()/1e6, q.dropped)
	if q.dropped > 0 {
		t.Errorf("a delay of 1 ms drops %d frames", q.dropped)
	}
	r.record.Set("kernel.live_delayed_share", 1-short, "of what TCP carries without, of 200 Mbit/s, with 1 ms set live")
	if short > 1-least {
		t.Errorf("1 ms of delay takes TCP to %.0f %%", 100*(1-short))
	}
}

// keepsItsQueue changes a link while frames wait in its queue: all of them arrive.
func (r *rig) keepsItsQueue(t *testing.T) {
	const count = 20
	r.perfect()
	r.ping("a1", a2Near, 1, time.Second) // a question for a2's MAC address would wait in the queue as well, and keep the pings out of it
	r.setLive("delay 20s", control.LinkChange{Delay: text("20s"), From: "a1"})
	answered := make(chan ask.Ran, 1)
	go func() { // ends with the ping
		ran, err := r.on["a1"].Ask.Run(t.Context(), ask.Place{Node: "a1"}, "ping", "-n", "-c", strconv.Itoa(count), "-i", "0.02", "-W", "60", a2Near)
		if err != nil {
			ran.Err += err.Error()
		}
		answered <- ran
	}()
	var before queued
	r.until("twenty frames on their way", func() (err error) {
		if before, err = r.queue("delay 20s"); err == nil && before.frames < count {
			err = &missingQueue{"twenty frames", strconv.Itoa(before.frames)}
		}
		return err
	})
	r.setLive("delay 10ms", control.LinkChange{Delay: text("10ms"), From: "a1"})
	after, err := r.queue("delay 10ms")
	if err != nil {
		t.Fatal(err)
	}
	ran := <-answered
	arrived := len(pingTime.FindAllString(ran.Out, -1))
	t.Logf("%d frames waited before the change and %d after; %d of %d pings were answered; the queue was %s and is %s", before.frames, after.frames, arrived, count, before.handle, after.handle)
	if after.handle != before.handle {
		t.Errorf("the queue was made anew: %s, then %s", before.handle, after.handle)
	}
	if after.frames == 0 {
		t.Error("the change came too late to show anything: nothing waited any more")
	}
	if arrived < count {
		t.Errorf("%d of %d frames that waited were lost by the change\n%s%s", count-arrived, count, ran.Out, ran.Err)
	}
}
