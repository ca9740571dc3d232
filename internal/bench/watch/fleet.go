package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"trunkline/hostlink"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

// fleet is the simulated hosts.
type fleet struct {
	ends     []context.CancelFunc
	machines []*fakehost.Host
	running  sync.WaitGroup
	closers  []func() error
}

// join enrols a host and runs its agent until stop.
func (f *fleet) join(ctx context.Context, p *testkit.Program, folder, name string) error {
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
	executor, err := host.New(host.Config{HostID: id.HostID, Name: name, Version: "bench", StateDir: state, Engine: machine.Engine(), Fabric: machine.Fabric(), Log: silent})
	if err != nil {
		return err
	}
	f.closers = append(f.closers, executor.Close)
	agent, err := hostlink.NewAgent(hostlink.AgentConfig{Identity: id, Version: "bench", Handler: hostapi.Handler(executor), Logger: silent,
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

// talk lets every node send something on every link, a little more each time, so that every rate changes each second.
func (f *fleet) talk(ctx context.Context, labID string, nodes int) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for i := range nodes {
			for _, iface := range []string{"eth1", "eth2"} {
				frames := uint64(10 + (turn*7+i)%90)
				for _, m := range f.machines {
					m.Send(labID, fmt.Sprintf("n%d", i), iface, frames, frames*700)
				}
			}
		}
	}
}

func (f *fleet) stop() error {
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
