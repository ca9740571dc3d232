// Package kernel boots Linux kernels (user-mode-linux) that have what the machine's own may lack, makes compute hosts of them, and
// proves on them what needs a kernel datapath, netem and VXLAN.
//
// It knows processes, taps and what a measurement is worth. It refuses to know how the data plane is made: labs are deployed through the
// controller's API, and figures are taken with the tools that everybody has.
package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"trunkline/internal/kernel/ask"
)

const (
	program   = "linux.uml"
	underMTU  = 1500
	memory    = "1500M" // taken as it is used
	bootLimit = 3 * time.Minute
)

// Kernel is a running kernel.
type Kernel struct {
	Name    string
	Address string // on the underlay
	Ask     *ask.Client

	dir     string
	command *exec.Cmd
	ended   chan struct{}
}

// start starts a kernel. Everything it and the test share is below shared, where the guest's program is, too.
func (u *underlay) start(name, shared string, config ask.Config) (*Kernel, error) {
	tap, address, err := u.plug(underMTU)
	if err != nil {
		return nil, err
	}
	k := &Kernel{Name: name, Address: address, Ask: ask.NewClient(address), dir: filepath.Join(shared, name), ended: make(chan struct{})}
	if err := os.Mkdir(k.dir, 0o755); err != nil {
		return nil, err
	}
	config.Name, config.Address, config.MTU, config.Shared, config.Logs = name, address+"/24", underMTU, shared, k.dir
	config.BootWithin = bootLimit.String()
	text, err := json.Marshal(config)
	file := filepath.Join(k.dir, "config.json")
	if err == nil {
		err = os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		return nil, err
	}
	console, err := os.Create(k.console())
	if err != nil {
		return nil, err
	}
	defer console.Close()
	line := append(u.inside(), program, "mem="+memory, "rootfstype=hostfs", "ro", "init="+filepath.Join(shared, "guest"),
		"con=null", "con0=null,fd:1", "quiet", "uml_dir="+k.dir, "umid=kernel", "vec0:transport=tap,ifname="+tap+",depth=64,gro=0",
		ask.ConfigVariable+"="+file)
	k.command = exec.Command(line[0], line[1:]...)
	k.command.Stdout, k.command.Stderr = console, console
	k.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := k.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go func() {
		_ = k.command.Wait() // how it ended is on the console
		close(k.ended)
	}()
	return k, nil
}

func (k *Kernel) console() string { return filepath.Join(k.dir, "console.log") }

// Booted waits until the agent was started in the kernel.
func (k *Kernel) Booted(ctx context.Context) (ask.Booted, error) {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		booted, err := k.Ask.Booted(ctx)
		if err == nil {
			return booted, nil
		}
		if refusal := (*ask.Refusal)(nil); errors.As(err, &refusal) {
			return booted, fmt.Errorf("kernel %s: %w", k.Name, err)
		}
		select {
		case <-k.ended:
			return booted, fmt.Errorf("kernel %s ended while it booted", k.Name)
		case <-ctx.Done():
			return booted, fmt.Errorf("kernel %s was not up within %v: %w", k.Name, bootLimit, err)
		case <-tick.C:
		}
	}
}

// Logs are the ends of everything that was printed in the kernel, for a test that failed.
func (k *Kernel) Logs() string {
	var b strings.Builder
	files, err := filepath.Glob(filepath.Join(k.dir, "*.log"))
	if err != nil {
		return err.Error()
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		fmt.Fprintf(&b, "--- %s of %s (%v)\n%s\n", filepath.Base(file), k.Name, err, strings.Join(lines[max(0, len(lines)-30):], "\n"))
	}
	return b.String()
}
