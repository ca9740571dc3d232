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
	"slices"
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

	prefix    []string // of the command line: into the namespaces of a Host
	ready     string   // the ready file
	arguments []string
	command   *exec.Cmd
	ended     chan struct{}
	output    syncBuffer

	mu sync.Mutex // guards Ready and Client against Start
}

// API is the client of the program as it was started last, for tests that use it while another goroutine starts it again.
func (p *Program) API() *client.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Client
}

func (p *Program) now() Ready {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Ready
}

// readyWithin bounds a start, migrations included, on a slow machine.
const readyWithin = 60 * time.Second

// Up starts the program on a port of its own with its data in the folder; call Stop or Kill.
func Up(ctx context.Context, binary, data string, arguments ...string) (*Program, error) {
	p := &Program{Binary: binary, Data: data, ready: filepath.Join(data, "test-ready.json")}
	p.arguments = append([]string{"up", "--listen", "127.0.0.1:0", "--data", data, "--ready-file", p.ready}, arguments...)
	return p, p.Start(ctx)
}

// Start starts it, or starts it again after Stop or Kill.
func (p *Program) Start(ctx context.Context) error {
	if err := os.Remove(p.ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	line := append(slices.Clone(p.prefix), p.Binary)
	line = append(line, p.arguments...)
	p.command = exec.Command(line[0], line[1:]...)
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
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := client.New(p.URL, p.Token)
	p.Client = c
	return err
}

func (p *Program) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		text, err := os.ReadFile(p.ready)
		var ready Ready
		if err == nil && json.Unmarshal(text, &ready) == nil {
			p.mu.Lock()
			p.Ready = ready
			p.mu.Unlock()
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
	if p.command == nil || p.command.Process == nil {
		return
	}
	_ = p.command.Process.Signal(signal) // one that is gone needs none
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// ExitCode is how the program ended, once Stop or Kill returned or Start failed; -1 when a signal ended it.
func (p *Program) ExitCode() int {
	<-p.ended
	return p.command.ProcessState.ExitCode()
}

// Output is everything it has printed.
func (p *Program) Output() string { return p.output.String() }

// Said is what a command of the program answered.
type Said struct {
	Code int
	Out  string // standard output
	Err  string // standard error
}

// Say runs a client command of the binary against this program, whatever its exit code.
func (p *Program) Say(ctx context.Context, arguments ...string) (Said, error) {
	command, ready := exec.CommandContext(ctx, p.Binary, arguments...), p.now()
	command.Env = append(os.Environ(), "TRUNKLINE_URL="+ready.URL, "TRUNKLINE_TOKEN="+ready.Token)
	return say(command)
}

// SayHere is Say in the namespaces of the program's host, for commands that look at the host itself.
func (p *Program) SayHere(ctx context.Context, arguments ...string) (Said, error) {
	line := append(slices.Clone(p.prefix), p.Binary)
	line = append(line, arguments...)
	return say(exec.CommandContext(ctx, line[0], line[1:]...))
}

func say(command *exec.Cmd) (Said, error) {
	var out, complaints strings.Builder
	command.Stdout, command.Stderr = &out, &complaints
	err := command.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		err = nil
	}
	return Said{command.ProcessState.ExitCode(), out.String(), complaints.String()}, err
}

// Run runs a client command of the binary against this program and returns its standard output.
func (p *Program) Run(ctx context.Context, arguments ...string) (string, error) {
	said, err := p.Say(ctx, arguments...)
	if err == nil && said.Code != 0 {
		err = fmt.Errorf("exit code %d", said.Code)
	}
	if err != nil {
		return said.Out, fmt.Errorf("trunkline %s: %w\n%s", strings.Join(arguments, " "), err, said.Err)
	}
	return said.Out, nil
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
