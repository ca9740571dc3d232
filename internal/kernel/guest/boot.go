package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"trunkline/internal/kernel/ask"
)

// wanted are the modules a compute host of the kernel datapath uses. What else is needed the kernel asks for itself, by modprobe.
var wantedModules = []string{"veth", "openvswitch", "vport-vxlan", "sch_netem", "sch_tbf", "vrf", "tun"}

// boot is what has been done so far, for everyone who waits for it.
type boot struct {
	config ask.Config
	done   chan struct{}
	mu     sync.Mutex
	booted ask.Booted
	err    error
}

// answer is the other half of the guest: it starts the daemons and serves the test.
func answer(config ask.Config) error {
	b := &boot{config: config, done: make(chan struct{})}
	if err := b.step("network", func() error { return network(config) }); err != nil {
		return err
	}
	ended := make(chan error, 1)
	server := &http.Server{Addr: fmt.Sprintf("%s:%d", strings.Split(config.Address, "/")[0], ask.Port), Handler: b.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { ended <- server.ListenAndServe() }() // until the kernel ends
	b.err = b.start()
	close(b.done)
	return <-ended
}

// start makes a compute host of this kernel.
func (b *boot) start() error {
	within, err := time.ParseDuration(b.config.BootWithin)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return errors.Join(
		b.step("modules", func() error { return loadModules(ctx) }),
		b.step("Open vSwitch", func() error { return b.openVSwitch(ctx) }),
		b.step("Docker", func() error { return b.docker(ctx) }),
		b.step("images", func() error { return loadImages(ctx, b.config.Images) }),
		b.step("agent", func() error { return b.daemon("agent", append([]string{b.config.Agent}, b.config.Arguments...)...) }),
	)
}

// step does a step of the boot unless an earlier one failed.
func (b *boot) step(what string, do func() error) error {
	start := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.booted.Steps = append(b.booted.Steps, ask.Step{What: what, Took: time.Since(start)})
	return nil
}

func network(config ask.Config) error {
	for _, line := range []string{
		"ip link set lo up",
		fmt.Sprintf("ip link set vec0 mtu %d up", config.MTU),
		"ip address add " + config.Address + " dev vec0",
		"hostname " + config.Name,
	} {
		if err := run(context.Background(), strings.Fields(line)...); err != nil {
			return err
		}
	}
	return nil
}

func loadModules(ctx context.Context) error {
	return run(ctx, append([]string{"modprobe", "--all"}, wantedModules...)...)
}

func (b *boot) openVSwitch(ctx context.Context) error {
	const folder, database, socket = "/run/openvswitch", "/run/openvswitch/conf.db", "/run/openvswitch/db.sock"
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := run(ctx, "ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema"); err != nil {
		return err
	}
	if err := b.daemon("ovsdb-server", "ovsdb-server", database, "--remote=punix:"+socket, "--pidfile", "--verbose=console:info"); err != nil {
		return err
	}
	if err := until(ctx, running("ovs-vsctl", "--timeout=5", "--no-wait", "init")); err != nil {
		return err
	}
	if err := b.daemon("ovs-vswitchd", "ovs-vswitchd", "unix:"+socket, "--pidfile", "--verbose=console:info"); err != nil {
		return err
	}
	return until(ctx, running("ovs-appctl", "--timeout=5", "version"))
}

func (b *boot) docker(ctx context.Context) error {
	if err := b.daemon("dockerd", "dockerd", "--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false", "--storage-driver=overlay2"); err != nil {
		return err
	}
	return until(ctx, engineAnswers)
}

// daemon starts a program that runs until the kernel ends. Its output is a file in the shared folder.
func (b *boot) daemon(name string, line ...string) error {
	log, err := os.Create(filepath.Join(b.config.Logs, name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(line[0], line[1:]...)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return err
	}
	go func() {
		err := command.Wait()
		fmt.Fprintf(os.Stderr, "guest: %s ended: %v\n", name, err)
	}()
	return nil
}

func run(ctx context.Context, line ...string) error {
	out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(line, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func running(line ...string) func(context.Context) error {
	return func(ctx context.Context) error { return run(ctx, line...) }
}

// until tries every 100 ms until it succeeds.
func until(ctx context.Context, try func(context.Context) error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
