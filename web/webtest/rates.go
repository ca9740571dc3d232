package webtest

import (
	"cmp"
	"context"
	"hash/fnv"
	"math"
	"sync/atomic"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// rates are who watches what labs carry.
type rates struct {
	watchers atomic.Int64
}

// RateWatchers is how many watch what labs carry.
func (w *World) RateWatchers() int { return int(w.rates.watchers.Load()) }

// WatchRates makes figures up: most cables carry something that rises and falls, a few nothing.
func (w *World) WatchRates(ctx context.Context, actor tenancy.Actor, name string) (<-chan control.Rates, error) {
	w.mu.Lock()
	l, err := w.findLocked(actor, name)
	w.mu.Unlock()
	if err != nil {
		return nil, err
	}
	out := make(chan control.Rates)
	w.rates.watchers.Add(1)
	w.work.Go(func() {
		defer w.rates.watchers.Add(-1)
		defer close(out)
		tick := time.NewTicker(cmp.Or(w.RatesEvery, time.Second))
		defer tick.Stop()
		before := control.Rates{}
		for turn := 0; ; turn++ {
			now := w.carried(l, float64(turn))
			sample := now
			if turn > 0 {
				sample = now.Since(before)
			}
			if before = now; !sample.Empty() {
				select {
				case out <- sample:
				case <-ctx.Done():
					return
				case <-w.ctx.Done():
					return
				}
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			case <-w.ctx.Done():
				return
			}
		}
	})
	return out, nil
}

// carried is what the lab carries and uses at a turn.
func (w *World) carried(l *labState, turn float64) control.Rates {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := control.Rates{At: time.Now(), Full: true, Interfaces: map[string]hostapi.InterfaceRate{}, Nodes: map[string]hostapi.NodeUse{}}
	runs := func(node string) bool { return l.nodes[node] != nil && l.nodes[node].State == hostapi.NodeRunning }
	for _, k := range l.lab.Links {
		if k.Cut || !runs(k.A.Node) || !runs(k.B.Node) {
			continue
		}
		ab, ba := flow(k.ID(), turn), flow("back "+k.ID(), turn)
		inB, lostB := through(ab, k.AtoB)
		inA, lostA := through(ba, k.BtoA)
		// A port of a segment has no device of its own: its cable is measured at the node.
		if n := l.lab.Node(k.A.Node); n.Kind.IsContainer() {
			r.Interfaces[k.A.Node+":"+k.A.Interface] = hostapi.InterfaceRate{InBits: inA, OutBits: ab, InFrames: inA / 8000, OutFrames: ab / 8000, Dropped: lostA}
		}
		if n := l.lab.Node(k.B.Node); n.Kind.IsContainer() {
			r.Interfaces[k.B.Node+":"+k.B.Interface] = hostapi.InterfaceRate{InBits: inB, OutBits: ba, InFrames: inB / 8000, OutFrames: ba / 8000, Dropped: lostB}
		}
	}
	for _, n := range l.lab.Nodes {
		if n.Kind.IsContainer() && runs(n.Name) {
			cpu := 0.3 * (1 + math.Sin(turn/7+float64(seed(n.Name)%60))) * float64(seed(n.Name)%100) / 100
			r.Nodes[n.Name] = hostapi.NodeUse{CPU: math.Round(cpu*100) / 100, Memory: int64(8+seed(n.Name)%160)<<20 + int64(turn)<<14}
		}
	}
	return r
}

func seed(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32()
}

// flow is the bits a second that one way of a cable is given; every seventh is idle.
func flow(name string, turn float64) int64 {
	s := seed(name)
	if s%7 == 0 {
		return 0
	}
	size := math.Pow(10, 3.3+float64(s%450)/100) // 2 kbit/s to 60 Mbit/s
	return int64(size * (1 + 0.6*math.Sin(turn/9+float64(s%63)) + 0.05*math.Sin(turn*2.3)))
}

// through is what comes out at the other end, and how many frames a second do not.
func through(bits int64, way lab.Impairment) (out, lost int64) {
	out = bits
	if way.RateBits > 0 {
		out = min(out, way.RateBits)
	}
	out -= int64(float64(out) * way.Loss / 100)
	return out, (bits - out) / 8000
}

// Switch is not made up: this world has no learning.
func (w *World) Switch(_ context.Context, actor tenancy.Actor, name, _ string) (control.SwitchView, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.findLocked(actor, name); err != nil {
		return control.SwitchView{}, err
	}
	return control.SwitchView{}, fault.New(fault.Unsupported, "The hosts of this world do not tell what switches have learnt.")
}
