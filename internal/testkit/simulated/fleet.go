// Package simulated is compute hosts that need no root: the real link and the real executor over fake machines, whose nodes can be let talk.
//
// It knows how such a host joins a controller. It refuses to know what is measured or proved with it.
package simulated

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"trunkline/hostlink"
	"trunkline/internal/testkit"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

// Fleet is the hosts of one controller. The zero value has none.
type Fleet struct {
	ends     []context.CancelFunc
	machines []*fakehost.Host
	running  sync.WaitGroup
	closers  []func() error
}

// Join enrols a host and runs its agent until Stop. Its state is kept in a folder of its name below folder.
func (f *Fleet) Join(ctx context.Context, p *testkit.Program, folder, name string) error {
	token, err := p.Client.CreateJoinToken(ctx, control.JoinRequest{Name: name})
	if err != nil {
		return err
	}
	id, err := hostlink.Enrol(ctx, token.Controller, token.Secret, name, nil)
	if err != nil {
		return err
	}
	state := filepath.Join(folder, name)
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	machine, silent := fakehost.New(fakehost.Config{}), slog.New(slog.DiscardHandler)
	f.machines = append(f.machines, machine)
	executor, err := host.New(host.Config{HostID: id.HostID, Name: name, Version: "simulated", StateDir: state, Engine: machine.Engine(), Fabric: machine.Fabric(), Log: silent})
	if err != nil {
		return err
	}
	f.closers = append(f.closers, executor.Close)
	agent, err := hostlink.NewAgent(hostlink.AgentConfig{Identity: id, Version: "simulated", Handler: hostapi.Handler(executor), Logger: silent,
		Lasting: func(r *http.Request) bool {
			return r.URL.Path == "/v1/observe" || strings.HasSuffix(r.URL.Path, "/rates")
		}})
	if err != nil {
		return err
	}
	live, end := context.WithCancel(context.Background())
	f.ends = append(f.ends, end)
	f.running.Go(func() { _ = executor.Run(live) }) // ends with live
	f.running.Go(func() { _ = agent.Run(live) })
	return nil
}

// Talk lets every end send something into its cable until ctx ends, more or less each time, so that every rate changes each second.
func (f *Fleet) Talk(ctx context.Context, labID string, ends []lab.Endpoint) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for i, e := range ends {
			frames := uint64(25 + (turn*17+i*7)%220)
			for _, m := range f.machines {
				m.Send(labID, e.Node, e.Interface, frames, frames*700)
			}
		}
	}
}

// Stop ends the agents and returns when all of them have ended.
func (f *Fleet) Stop() error {
	for _, end := range f.ends {
		end()
	}
	f.running.Wait()
	var errs []error
	for i := len(f.closers) - 1; i >= 0; i-- {
		errs = append(errs, f.closers[i]())
	}
	for _, m := range f.machines {
		m.Close()
	}
	return errors.Join(errs...)
}
