package kernel

import (
	"context"
	"math"
	"testing"
	"time"

	"trunkline/internal/bench"
	"trunkline/internal/kernel/ask"
)

const cuts = 20

// watched is the carrier of one end of a cable, in this machine's time.
type watched struct {
	r     *rig
	place ask.Place
	clock ask.Clock
	told  <-chan ask.Carrier
}

// watch begins to follow an end that has carrier now.
func (r *rig) watch(ctx context.Context, place ask.Place) *watched {
	r.t.Helper()
	clock, err := r.ask(place).Clock(ctx, 50)
	if err != nil {
		r.t.Fatal(err)
	}
	told, err := r.ask(place).Carrier(ctx, place)
	if err != nil {
		r.t.Fatal(err)
	}
	w := &watched{r, place, clock, told}
	w.await(true)
	return w
}

// await waits until the carrier is as wanted and says since when.
func (w *watched) await(up bool) time.Time {
	w.r.t.Helper()
	limit := time.NewTimer(within)
	defer limit.Stop()
	for {
		select {
		case c, ok := <-w.told:
			if !ok {
				w.r.t.Fatalf("%s stopped telling of its carrier", w.place.Node)
			}
			if c.Up == up {
				return w.clock.Here(c.Moment)
			}
		case <-limit.C:
			w.r.t.Fatalf("the carrier of %s:%s did not become %t within %v", w.place.Node, w.place.Interface, up, within)
		}
	}
}

// cutAtAnEnd takes the near end's interface down and looks when the far end, on the other kernel, sees it.
func (r *rig) cutAtAnEnd(t *testing.T) {
	near, far := farCable[0], r.watch(t.Context(), farCable[1])
	clock, err := r.ask(near).Clock(t.Context(), 50)
	if err != nil {
		t.Fatal(err)
	}
	const bound = 50
	least := best(bound, func() float64 {
		var down, up []float64
		for range cuts {
			for _, wanted := range []bool{false, true} {
				set, err := r.ask(near).SetLink(t.Context(), near, wanted)
				if err != nil {
					t.Fatal(err)
				}
				took := ms(far.await(wanted).Sub(clock.Here(set)))
				if wanted {
					up = append(up, took)
				} else {
					down = append(down, took)
				}
			}
		}
		t.Logf("the near end down: the far end loses its carrier after %.1f ms (median of %d; %.1f to %.1f), and has it again %.1f ms after the near end is up; the clocks are known to %.2f ms",
			bench.Median(down), cuts, bench.Quantile(down, 0), bench.Quantile(down, 1), bench.Median(up), ms(clock.Error+far.clock.Error))
		return bench.Median(down)
	})
	r.record.Set("kernel.cut_ms_median", least, "ms from one end's loss to the other's, across hosts")
	if least >= bound {
		t.Errorf("an end that goes down is seen at the other after %.1f ms, not within %d ms", least, bound)
	}
}

// cutByTheFile cuts the cable through the controller and looks when each end sees it.
func (r *rig) cutByTheFile(t *testing.T) {
	near, far := r.watch(t.Context(), farCable[0]), r.watch(t.Context(), farCable[1])
	var order, apart []float64
	for range cuts {
		asked := r.intend(cables{far: "cut: true"})
		here, there := near.await(false), far.await(false)
		order = append(order, ms(there.Sub(asked)))
		apart = append(apart, math.Abs(ms(there.Sub(here))))
		r.settle()
		r.intend(cables{})
		near.await(true)
		far.await(true)
		r.settle()
	}
	t.Logf("a cut in the file: the far end loses its carrier %.0f ms after deploy was asked for (median of %d; %.0f to %.0f), %.1f ms from the near end",
		bench.Median(order), cuts, bench.Quantile(order, 0), bench.Quantile(order, 1), bench.Median(apart))
	r.record.Set("kernel.ordered_cut_ms_median", bench.Median(order), "ms from the request to the far end's loss")
	r.record.Set("kernel.ordered_cut_apart_ms_median", bench.Median(apart), "ms between the two ends' losses")
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
