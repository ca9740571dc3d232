package testkit

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Serve starts a controller alone, in the test's own namespace, on an address that every host reaches; call Stop or Kill. A host must
// have been made before: the address is there as long as one is.
func Serve(ctx context.Context, binary, data string, arguments ...string) (*Program, error) {
	return ServeAt(ctx, ControllerAddress(), binary, data, arguments...)
}

// ServeAt is Serve on another address of this machine.
func ServeAt(ctx context.Context, address, binary, data string, arguments ...string) (*Program, error) {
	p := &Program{Binary: binary, Data: data, ready: filepath.Join(data, "test-ready.json")}
	p.arguments = append([]string{"serve", "--listen", address + ":0", "--data", data, "--ready-file", p.ready}, arguments...)
	return p, p.Start(ctx)
}

// Pin makes a restarted controller come back on the port it has now, as one with a port of its own does.
func (p *Program) Pin() {
	for i, argument := range p.arguments {
		if argument == "--listen" {
			p.arguments[i+1] = p.URL[len("http://"):]
		}
	}
}

// Agent is a trunkline host: the agent alone, in the namespaces of a Host.
type Agent struct {
	Host *Host

	binary  string
	line    []string
	command *exec.Cmd
	ended   chan struct{}
	output  syncBuffer
}

// Join starts the agent on the host with a join command's token. It ends with the test.
func (h *Host) Join(binary, controller, token string, arguments ...string) (*Agent, error) {
	a := &Agent{Host: h, binary: binary}
	a.line = append(h.inside(), binary, "host", "--controller", controller, "--token", token, "--state", filepath.Join(h.Data(), "host"), "--underlay", h.Underlay)
	a.line = append(append(a.line, h.Flags()...), arguments...)
	h.agents = append(h.agents, a)
	return a, a.Start()
}

// Start starts it, or starts it again after Stop or Kill: it is enrolled then and leaves the token alone.
func (a *Agent) Start() error {
	a.command = exec.Command(a.line[0], a.line[1:]...)
	a.command.Stdout, a.command.Stderr = &a.output, &a.output
	a.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := a.command.Start(); err != nil {
		return fmt.Errorf("start the agent of %s: %w", a.Host.Name, err)
	}
	a.ended = make(chan struct{})
	go func(command *exec.Cmd, ended chan struct{}) {
		_ = command.Wait() // a killed process is no error here
		close(ended)
	}(a.command, a.ended)
	return nil
}

// Stop ends it as a service manager does; labs go on.
func (a *Agent) Stop() { a.end(syscall.SIGTERM) }

// Kill ends it with SIGKILL; labs go on.
func (a *Agent) Kill() { a.end(syscall.SIGKILL) }

// Leave stops the agent and makes its host leave its controller for good.
func (a *Agent) Leave(ctx context.Context) error {
	a.Stop()
	line := append([]string{"host", "leave", "--state", filepath.Join(a.Host.Data(), "host")}, a.Host.Flags()...)
	if out, err := a.Host.Command(ctx, a.binary, line...).CombinedOutput(); err != nil {
		return fmt.Errorf("trunkline host leave on %s: %w\n%s", a.Host.Name, err, out)
	}
	return nil
}

func (a *Agent) end(signal syscall.Signal) {
	if a.command == nil || a.command.Process == nil {
		return
	}
	_ = a.command.Process.Signal(signal) // one that is gone needs none
	select {
	case <-a.ended:
	case <-time.After(30 * time.Second):
		_ = a.command.Process.Kill()
		<-a.ended
	}
}

// Ended is closed once the agent's process has ended.
func (a *Agent) Ended() <-chan struct{} { return a.ended }

// Output is everything it has printed.
func (a *Agent) Output() string { return a.output.String() }

// Crash ends everything on the host at once, as a power cut does: agent, engine, switch and every node. What is on its disk stays.
// StartOVS, StartDocker and the agents' Start bring it back.
func (h *Host) Crash() {
	h.t.Helper()
	for _, p := range h.programs {
		p.Kill()
	}
	for _, a := range h.agents {
		a.Kill()
	}
	endProcess(h.docker, syscall.SIGKILL)
	h.docker = nil
	h.KillOVS()
	if err := h.sweep(); err != nil {
		h.t.Fatal(err)
	}
	// What a power cut takes with it and dying processes do not: all that is kept in memory on people's machines. A number left in
	// containerd's file may be another process's by now, and the engine would wait for that one.
	h.Run("sh", "-c", `for f in /run/netns/*; do [ -e "$f" ] || continue; umount "$f" || true; rm -f "$f"; done; rm -f "$0"/exec/containerd/*.pid "$0"/exec/containerd/*.sock* "$0"/docker.sock`, h.Dir)
}
