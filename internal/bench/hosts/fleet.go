package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"trunkline/hostlink"
	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

// fleet is the simulated hosts: the real link and the real executor over a fake engine and fabric.
type fleet struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	closers []func() error

	mu       sync.Mutex
	linked   map[string]bool
	arrivals []time.Time // every time that a host was linked
	changed  chan struct{}
}

func newFleet() *fleet {
	return &fleet{linked: map[string]bool{}, changed: make(chan struct{}, 1)}
}

// join enrols a host for each token.
func join(ctx context.Context, url string, tokens []string) ([]hostlink.Identity, error) {
	ids := make([]hostlink.Identity, len(tokens))
	for i, token := range tokens {
		var err error
		if ids[i], err = hostlink.Enrol(ctx, url, token, fmt.Sprintf("host-%04d", i), nil); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// start runs an agent for each identity until stop.
func (f *fleet) start(ids []hostlink.Identity, folder string) error {
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	silent := slog.New(slog.DiscardHandler)
	for _, id := range ids {
		machine := fakehost.New(fakehost.Config{})
		f.closers = append(f.closers, func() error { machine.Close(); return nil })
		state := filepath.Join(folder, id.HostID)
		if err := os.MkdirAll(state, 0o700); err != nil {
			return err
		}
		executor, err := host.New(host.Config{
			HostID: id.HostID, Name: id.Name, Version: "bench", StateDir: state, Engine: machine.Engine(), Fabric: machine.Fabric(), Log: silent,
		})
		if err != nil {
			return err
		}
		f.closers = append(f.closers, executor.Close)
		agent, err := hostlink.NewAgent(hostlink.AgentConfig{
			// The production bound, which an agent on the controller's own machine does not have.
			Config: hostlink.Config{BackoffMax: 30 * time.Second}, Identity: id, Version: "bench", Handler: hostapi.Handler(executor), Logger: silent,
			Lasting: func(r *http.Request) bool { return r.URL.Path == "/v1/observe" },
			OnState: func(s hostlink.State) { f.note(id.HostID, s) },
		})
		if err != nil {
			return err
		}
		f.running.Go(func() { _ = executor.Run(ctx) }) // ends with ctx
		f.running.Go(func() { _ = agent.Run(ctx) })
	}
	return nil
}

func (f *fleet) note(id string, s hostlink.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.linked[id] = s.Linked
	if s.Linked {
		f.arrivals = append(f.arrivals, time.Now())
	}
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

func (f *fleet) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, linked := range f.linked {
		if linked {
			n++
		}
	}
	return n
}

// since lists the arrivals after a moment.
func (f *fleet) since(moment time.Time) []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	var late []time.Time
	for _, at := range f.arrivals {
		if at.After(moment) {
			late = append(late, at)
		}
	}
	return late
}

// await returns when so many agents are linked.
func (f *fleet) await(ctx context.Context, want int) error {
	for f.count() != want {
		select {
		case <-f.changed:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d agents are linked: %w", f.count(), want, ctx.Err())
		}
	}
	return nil
}

func (f *fleet) stop() error {
	if f.cancel != nil {
		f.cancel()
	}
	f.running.Wait()
	var errs []error
	for i := len(f.closers) - 1; i >= 0; i-- {
		errs = append(errs, f.closers[i]())
	}
	return errors.Join(errs...)
}
