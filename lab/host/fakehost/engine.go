package fakehost

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

// Engine runs containers in memory.
type Engine struct{ h *Host }

var (
	_ host.Engine  = (*Engine)(nil)
	_ host.Watcher = (*Engine)(nil)
	_ host.Execer  = (*Engine)(nil)
	_ host.Files   = (*Engine)(nil)
	_ host.Images  = (*Engine)(nil)
)

// List implements host.Engine.
func (e *Engine) List(ctx context.Context) (all []host.Container, err error) {
	err = e.h.call(ctx, Call{Verb: "list"}, 0, func() error {
		for _, c := range e.h.containers {
			all = append(all, c.Container)
		}
		return nil
	})
	return all, err
}

// Create implements host.Engine.
func (e *Engine) Create(ctx context.Context, spec host.ContainerSpec) (id string, err error) {
	h := e.h
	err = h.call(ctx, Call{"create", spec.Stamp.Lab, spec.Stamp.Node}, h.cfg.Delays.Create, func() error {
		if h.cfg.Images != nil && !slices.Contains(h.cfg.Images, spec.Node.Image) {
			return fault.New(fault.NotFound, "The image %s is not on this host. Build or load it, then deploy again.", spec.Node.Image)
		}
		for _, c := range h.containers {
			if c.Stamp == spec.Stamp {
				return fault.New(fault.Conflict, "There is a container of node %s already.", spec.Stamp.Node)
			}
		}
		files, err := readFiles(spec)
		if err != nil {
			return err
		}
		h.nextID++
		id = fmt.Sprintf("%064x", h.nextID)
		c := &container{spec: spec, files: files}
		c.Container = host.Container{ID: id, Stamp: spec.Stamp, SpecHash: spec.SpecHash, Image: spec.Node.Image, State: "created"}
		h.containers[id] = c
		h.tellLocked(c, "create")
		return nil
	})
	return id, err
}

// Start implements host.Engine. The node's init comes to its gate at once.
func (e *Engine) Start(ctx context.Context, id string) (begun host.Started, err error) {
	h := e.h
	stamp := h.stamp(id)
	err = h.call(ctx, Call{"start", stamp.Lab, stamp.Node}, h.cfg.Delays.Start, func() error {
		c := h.containers[id]
		if c == nil {
			return gone(id)
		}
		if c.State == "running" || c.State == "paused" {
			begun = host.Started{PID: c.PID, At: c.StartedAt}
			return nil
		}
		h.nextPID++
		pid := h.nextPID
		c.State, c.PID, c.StartedAt, c.passed, c.ExitCode = "running", pid, time.Now(), false, 0
		begun = host.Started{PID: pid, At: c.StartedAt}
		if c.spec.Node.Healthcheck != nil {
			c.Health = "starting"
			h.waits.Go(func() { h.becomeHealthy(c, pid) })
		}
		h.waits.Go(func() { h.waitAtGate(c, pid) })
		h.tellLocked(c, "start")
		return nil
	})
	return begun, err
}

// waitAtGate reads the FIFO as the real init does, until somebody opened its other end or the start is over.
func (h *Host) waitAtGate(c *container, pid int) {
	err := h.untilOpened(c, pid)
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.PID != pid {
		return
	}
	if err != nil {
		h.wrongLocked(fmt.Sprintf("the init of %s has no gate: %v", c.Stamp.Node, err))
		h.endLocked(c, 1)
		return
	}
	c.passed = true
	if !h.cabled[pid] { // the lab may be taken down by now: its gate was opened a moment ago
		h.wrongLocked(fmt.Sprintf("the command of %s started before its interfaces were cabled", c.Stamp.Node))
	}
}

func (h *Host) untilOpened(c *container, pid int) error {
	fd, err := unix.Open(filepath.Join(c.spec.InitDir, "gate"), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for {
		// A FIFO opened without blocking hangs up only after a writer came and went (poll(2), pipe(7)).
		seen := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(seen, 20)
		if n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return nil
		}
		h.mu.Lock()
		over := c.PID != pid
		h.mu.Unlock()
		if over {
			return nil
		}
	}
}

func (h *Host) becomeHealthy(c *container, pid int) {
	if pause(h.life, h.cfg.Delays.Healthy) != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.PID == pid {
		c.Health = "healthy"
		h.tellLocked(c, "health_status: healthy")
	}
}

// endLocked is the end of a container's init.
func (h *Host) endLocked(c *container, code int) {
	if c.State != "running" && c.State != "paused" {
		return
	}
	delete(h.cabled, c.PID)
	c.State, c.PID, c.ExitCode, c.Health = "exited", 0, code, ""
	if w, ok := h.wires[c.Stamp.Lab]; ok {
		delete(w.pids, c.Stamp.Node)
	}
	delete(h.plugs[c.Stamp.Lab], c.Stamp.Node)
	h.tellLocked(c, "die")
}

// Stop implements host.Engine.
func (e *Engine) Stop(ctx context.Context, id string, _ time.Duration) error {
	stamp := e.h.stamp(id)
	return e.h.call(ctx, Call{"stop", stamp.Lab, stamp.Node}, e.h.cfg.Delays.Stop, func() error {
		c := e.h.containers[id]
		if c == nil {
			return gone(id)
		}
		e.h.endLocked(c, 143)
		return nil
	})
}

// Pause implements host.Engine.
func (e *Engine) Pause(ctx context.Context, id string, on bool) error {
	stamp := e.h.stamp(id)
	return e.h.call(ctx, Call{"pause", stamp.Lab, stamp.Node}, 0, func() error {
		c := e.h.containers[id]
		switch {
		case c == nil:
			return gone(id)
		case on && c.State == "running":
			c.State = "paused"
			e.h.tellLocked(c, "pause")
		case !on && c.State == "paused":
			c.State = "running"
			e.h.tellLocked(c, "unpause")
		default:
			return fault.New(fault.Conflict, "The node is %s.", c.State)
		}
		return nil
	})
}

// Remove implements host.Engine.
func (e *Engine) Remove(ctx context.Context, id string) error {
	stamp := e.h.stamp(id)
	return e.h.call(ctx, Call{"remove", stamp.Lab, stamp.Node}, e.h.cfg.Delays.Remove, func() error {
		c := e.h.containers[id]
		if c == nil {
			return nil
		}
		e.h.endLocked(c, 137)
		delete(e.h.containers, id)
		e.h.tellLocked(c, "destroy")
		return nil
	})
}

// Watch implements host.Watcher.
func (e *Engine) Watch(ctx context.Context) (<-chan host.ContainerEvent, error) {
	h := e.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down != nil {
		return nil, h.down
	}
	events := make(chan host.ContainerEvent, 1024)
	h.watchers[events] = true
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.watchers[events] {
			close(events)
			delete(h.watchers, events)
		}
	})
	return events, nil
}

// Images implements host.Images.
func (e *Engine) Images(context.Context) ([]hostapi.Image, error) {
	e.h.mu.Lock()
	defer e.h.mu.Unlock()
	if e.h.down != nil {
		return nil, e.h.down
	}
	names := e.h.cfg.Images
	if names == nil {
		names = []string{"trunkline/host:latest", "trunkline/router:latest", "trunkline/dhcp:latest", "trunkline/dns:latest", "trunkline/tiny:latest"}
	}
	var all []hostapi.Image
	for _, name := range names {
		all = append(all, hostapi.Image{Name: name, ID: "fake-" + name, SizeBytes: 1 << 20})
	}
	return all, nil
}

// Version implements host.EngineVersion.
func (e *Engine) Version(context.Context) (engine, api string, err error) {
	e.h.mu.Lock()
	defer e.h.mu.Unlock()
	return "fake", "fake", e.h.down
}

func (h *Host) stamp(id string) host.Stamp {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.containers[id]; c != nil {
		return c.Stamp
	}
	return host.Stamp{}
}
