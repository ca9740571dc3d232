package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"trunkline/internal/client"
)

// controller is trunkline serve as a process of its own, so that its memory and processor time are its alone.
type controller struct {
	binary, data, address, ready string
	flags                        []string

	command *exec.Cmd
	ended   chan struct{}
	api     *client.Client
}

// newController chooses a port that stays the same over restarts.
func newController(binary, data string, flags []string) (*controller, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	return &controller{binary: binary, data: data, address: address, ready: filepath.Join(data, "bench-ready.json"), flags: flags}, listener.Close()
}

func (c *controller) url() string { return "http://" + c.address }

// start returns once it can serve.
func (c *controller) start(ctx context.Context) error {
	if err := os.Remove(c.ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	log, err := os.OpenFile(filepath.Join(c.data, "controller.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	line := append([]string{"serve", "--listen", c.address, "--data", c.data, "--ready-file", c.ready, "--log-level", "warn"}, c.flags...)
	c.command = exec.Command(c.binary, line...)
	c.command.Stdout, c.command.Stderr = log, log
	c.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.command.Start(); err != nil {
		return err
	}
	c.ended = make(chan struct{})
	go func(command *exec.Cmd, ended chan struct{}) {
		_ = command.Wait() // a killed process is no error here
		close(ended)
	}(c.command, c.ended)
	return c.awaitReady(ctx)
}

func (c *controller) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var ready struct {
			URL   string `json:"url"`
			Token string `json:"token"`
		}
		if text, err := os.ReadFile(c.ready); err == nil && json.Unmarshal(text, &ready) == nil {
			c.api, err = client.New(ready.URL, ready.Token)
			return err
		}
		select {
		case <-tick.C:
		case <-c.ended:
			return fmt.Errorf("the controller ended instead of getting ready: see %s", filepath.Join(c.data, "controller.log"))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// kill ends it with SIGKILL and waits.
func (c *controller) kill() {
	if c.command == nil || c.command.Process == nil {
		return
	}
	_ = c.command.Process.Kill() // one that is gone needs none
	<-c.ended
}

// connected counts the hosts whose full state the controller has.
func (c *controller) connected(ctx context.Context) (int, error) {
	hosts, err := c.api.Hosts(ctx)
	count := 0
	for _, h := range hosts {
		if h.Connected {
			count++
		}
	}
	return count, err
}

// memory is the process's resident memory in bytes.
func (c *controller) memory() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kib float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kib); err == nil {
			return kib * 1024, nil
		}
	}
	return 0, errors.New("the kernel shows no VmRSS")
}

// processor is the time the process has spent on processors. Source: proc(5), fields 14 and 15 of stat in ticks of 10 ms.
func (c *controller) processor() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), ") ") // a program's name may hold blanks
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, errors.New("the kernel's stat is too short")
	}
	ticks := 0
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}
