package testkit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"trunkline/internal/client"
)

// Ready is what trunkline up and serve write to their ready file.
type Ready struct {
	URL        string `json:"url"`
	SignInLink string `json:"sign_in_link"`
	Token      string `json:"token"`
	PID        int    `json:"pid"`
	Version    string `json:"version"`
}

// Program is a running trunkline up.
type Program struct {
	Ready
	Client *client.Client
	Binary string
	Data   string

	arguments []string
	command   *exec.Cmd
	ended     chan struct{}
	output    syncBuffer
}

// readyWithin bounds a start, migrations included, on a slow machine.
const readyWithin = 60 * time.Second

// Up starts the program on a port of its own with its data in the folder; call Stop or Kill.
func Up(ctx context.Context, binary, data string, arguments ...string) (*Program, error) {
	p := &Program{Binary: binary, Data: data}
	p.arguments = append([]string{"up", "--listen", "127.0.0.1:0", "--data", data, "--ready-file", p.readyFile()}, arguments...)
	return p, p.Start(ctx)
}

// Start starts it, or starts it again after Stop or Kill.
func (p *Program) Start(ctx context.Context) error {
	if err := os.Remove(p.readyFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	p.command = exec.Command(p.Binary, p.arguments...)
	p.command.Stdout, p.command.Stderr = &p.output, &p.output
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := p.command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Binary, err)
	}
	p.ended = make(chan struct{})
	go func(command *exec.Cmd, ended chan struct{}) {
		_ = command.Wait() // a killed process is no error here
		close(ended)
	}(p.command, p.ended)
	if err := p.awaitReady(ctx); err != nil {
		p.Kill()
		return err
	}
	c, err := client.New(p.URL, p.Token)
	p.Client = c
	return err
}

func (p *Program) readyFile() string { return filepath.Join(p.Data, "test-ready.json") }

func (p *Program) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		text, err := os.ReadFile(p.readyFile())
		if err == nil && json.Unmarshal(text, &p.Ready) == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("trunkline was not ready within %v; it printed:\n%s", readyWithin, p.output.String())
		case <-p.ended:
			return fmt.Errorf("trunkline ended instead of getting ready; it printed:\n%s", p.output.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Stop ends it as Ctrl-C does and waits; labs go on.
func (p *Program) Stop() { p.end(syscall.SIGTERM) }

// Kill ends it with SIGKILL and waits.
func (p *Program) Kill() { p.end(syscall.SIGKILL) }

func (p *Program) end(signal syscall.Signal) {
	_ = p.command.Process.Signal(signal) // one that is gone needs none
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// Output is everything it has printed.
func (p *Program) Output() string { return p.output.String() }

// Run runs a client command of the binary against this program and returns its standard output.
func (p *Program) Run(ctx context.Context, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, p.Binary, arguments...)
	command.Env = append(os.Environ(), "TRUNKLINE_URL="+p.URL, "TRUNKLINE_TOKEN="+p.Token)
	var out, complaints strings.Builder
	command.Stdout, command.Stderr = &out, &complaints
	if err := command.Run(); err != nil {
		return out.String(), fmt.Errorf("trunkline %s: %w\n%s", strings.Join(arguments, " "), err, complaints.String())
	}
	return out.String(), nil
}

// MemoryBytes is the program's resident memory now, from /proc.
func (p *Program) MemoryBytes() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib << 10, nil
		}
	}
	return 0, errors.New("the kernel shows no VmRSS")
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
