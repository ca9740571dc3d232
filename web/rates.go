package web

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
)

// ratesGather is how long samples are gathered: each host of a lab measures on its own.
const ratesGather = 200 * time.Millisecond

// ratesMessage is what the lab's page is told of what its network carries. Figures have three digits that count, so that what hardly
// changes is not told again; zeros at the end of a list are left out.
type ratesMessage struct {
	At         int64                `json:"at"` // milliseconds since 1970
	Full       bool                 `json:"full,omitempty"`
	Interfaces map[string][]int64   `json:"i,omitempty"` // by node:interface: bits a second in and out, frames dropped a second
	Nodes      map[string][]float64 `json:"n,omitempty"` // cores and bytes of memory
}

// labRates streams "rates": everything first, then what changed, about once a second. Nothing is measured while nobody watches.
func (s *Server) labRates(r *Request) error {
	if s.Switches == nil {
		return fault.New(fault.NotFound, "Rates are not measured here.")
	}
	var news ratesNews
	return s.stream(r, streaming{
		gather: ratesGather,
		watch:  func(ctx context.Context) (<-chan control.Event, error) { return s.watchRates(ctx, r, &news) },
		begin:  func(context.Context, *eventWriter) error { return nil }, // the first sample is everything
		pass: func(_ context.Context, out *eventWriter, _ []control.Event) error {
			if message, any := news.take(); any {
				return out.send("rates", message)
			}
			return nil
		},
	})
}

// watchRates puts samples into news and makes an event of each.
func (s *Server) watchRates(ctx context.Context, r *Request, news *ratesNews) (<-chan control.Event, error) {
	samples, err := s.Switches.WatchRates(ctx, r.Actor, r.Param("lab"))
	if err != nil {
		return nil, err
	}
	events := make(chan control.Event)
	s.work.Go(func() { // the stream that called is held meanwhile, and its context ends this
		defer close(events)
		for sample := range samples {
			news.hear(sample)
			select {
			case events <- control.Event{}:
			case <-ctx.Done():
				return
			}
		}
	})
	return events, nil
}

// ratesNews is what one page has not been told yet.
type ratesNews struct {
	sent ratesMessage // what the page knows; only the stream uses it

	mu      sync.Mutex
	waiting control.Rates
}

func (n *ratesNews) hear(sample control.Rates) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting.At.IsZero() {
		n.waiting = sample
	} else {
		n.waiting = n.waiting.Then(sample)
	}
}

// take is what differs from what the page knows; false: nothing.
func (n *ratesNews) take() (ratesMessage, bool) {
	n.mu.Lock()
	sample := n.waiting
	n.waiting = control.Rates{}
	n.mu.Unlock()
	if sample.Full {
		n.sent = ratesMessage{Interfaces: map[string][]int64{}, Nodes: map[string][]float64{}}
	}
	m := ratesMessage{At: sample.At.UnixMilli(), Full: sample.Full, Interfaces: map[string][]int64{}, Nodes: map[string][]float64{}}
	for name, rate := range sample.Interfaces {
		if now := shortRate(rate); !slices.Equal(now, n.sent.Interfaces[name]) {
			m.Interfaces[name] = now
		}
	}
	for name, use := range sample.Nodes {
		if now := shortUse(use); !slices.Equal(now, n.sent.Nodes[name]) {
			m.Nodes[name] = now
		}
	}
	maps.Copy(n.sent.Interfaces, m.Interfaces)
	maps.Copy(n.sent.Nodes, m.Nodes)
	return m, m.Full || len(m.Interfaces)+len(m.Nodes) > 0
}

func shortRate(r hostapi.InterfaceRate) []int64 {
	return untilZeros([]int64{threeDigits(r.InBits), threeDigits(r.OutBits), threeDigits(r.Dropped)})
}

func shortUse(u hostapi.NodeUse) []float64 {
	return untilZeros([]float64{u.CPU, float64(threeDigits(u.Memory))})
}

// untilZeros is a list without the zeros at its end.
func untilZeros[T int64 | float64](list []T) []T {
	for len(list) > 0 && list[len(list)-1] == 0 {
		list = list[:len(list)-1]
	}
	return list
}

// threeDigits rounds to three digits that count.
func threeDigits(v int64) int64 {
	unit := int64(1)
	for v/unit >= 1000 {
		unit *= 10
	}
	return int64(math.Round(float64(v)/float64(unit))) * unit
}
