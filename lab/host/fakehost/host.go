// Package fakehost is a compute host without root: containers and wiring in memory, behind lab/host's Engine and Fabric.
//
// It is a program path that people can run to look at Trunkline on any machine, and what tests of the executor and the controller
// run against. It knows how Docker and the panel behave as far as the executor can tell: identities, process ids, states, events,
// the gate of node init, files, an echo shell, and the time that each takes. It refuses to know real containers and real networks.
package fakehost

import (
	"context"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

// Config says how the fake behaves. The zero value takes no time and has every image.
type Config struct {
	Delays Delays
	Images []string // images that are here; nil: any
	// Intercept, when set, stands between the executor and each call: it may call do, delay it, or fail before or after it.
	Intercept func(ctx context.Context, c Call, do func() error) error
}

// Delays is how long calls take.
type Delays struct {
	Create, Start, Stop, Remove time.Duration
	Plug, Wire                  time.Duration
	Healthy                     time.Duration // from a start to a passing healthcheck
}

// Realistic is roughly what a small server needs.
var Realistic = Delays{Create: 30 * time.Millisecond, Start: 90 * time.Millisecond, Stop: 50 * time.Millisecond, Remove: 60 * time.Millisecond,
	Plug: 3 * time.Millisecond, Wire: 80 * time.Millisecond, Healthy: time.Second}

// Call is one call of the executor.
type Call struct {
	Verb string // list, create, start, stop, pause, remove, exec, plug, wire, unwire, peers, counters, switch
	Lab  string // of counters: all that were asked for, with blanks between
	Node string
}

// Host is the state behind an Engine and a Fabric. It outlives the executors that use it, as a machine does.
type Host struct {
	cfg Config

	mu         sync.Mutex
	down       error
	switchDown error
	nextPID    int // beyond every process id that Linux gives out: nobody takes a fake process for one of the machine's
	nextID     int
	containers map[string]*container
	watchers   map[chan host.ContainerEvent]bool
	plugs      map[string]map[string]plug // by lab and node
	wires      map[string]wire            // by lab
	cabled     map[int]bool               // process ids of starts whose interfaces were cabled once
	calls      map[string]int
	log        []Call
	waits      sync.WaitGroup // goroutines of inits at their gates and of healthchecks
	wrong      []string
	underlay   underlay
	carrier    carrier
	traffic    map[string]*traffic // by lab

	life context.Context // ends with Close
	end  context.CancelFunc
}

type container struct {
	host.Container
	spec     host.ContainerSpec
	files    map[string]file
	passed   bool // its init is through the gate in this start
	commands []string
}

type plug struct {
	pid  int
	spec hostapi.NodeSpec
}

type wire struct {
	spec hostapi.LabSpec
	pids map[string]int // of the nodes that were there
}

// New makes an empty host.
func New(cfg Config) *Host {
	life, end := context.WithCancel(context.Background())
	return &Host{cfg: cfg, nextPID: 1 << 22, containers: map[string]*container{}, watchers: map[chan host.ContainerEvent]bool{},
		plugs: map[string]map[string]plug{}, wires: map[string]wire{}, cabled: map[int]bool{}, calls: map[string]int{}, life: life, end: end}
}

// Engine is the host's fake Docker. It implements host.Engine, Watcher, Execer, Files and Images.
func (h *Host) Engine() *Engine { return &Engine{h} }

// Fabric is the host's fake data plane.
func (h *Host) Fabric() *Fabric { return &Fabric{h} }

// Intercept replaces Config.Intercept.
func (h *Host) Intercept(f func(ctx context.Context, c Call, do func() error) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cfg.Intercept = f
}

// call runs do as the executor's call c. A create goes on when its caller has gone, as with Docker.
func (h *Host) call(ctx context.Context, c Call, delay time.Duration, do func() error) error {
	h.mu.Lock()
	intercept := h.cfg.Intercept
	h.mu.Unlock()
	during := ctx
	if c.Verb == "create" {
		during = context.WithoutCancel(ctx)
	}
	whole := func() error {
		if err := pause(during, delay); err != nil {
			return err
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.down != nil && !fabricVerbs[c.Verb] {
			return h.down
		}
		if h.switchDown != nil && fabricVerbs[c.Verb] && c.Verb != "plug" {
			return h.switchDown
		}
		h.calls[c.Verb]++
		h.log = append(h.log, c)
		return do()
	}
	if intercept == nil {
		return whole()
	}
	return intercept(ctx, c, whole)
}

var fabricVerbs = map[string]bool{"plug": true, "wire": true, "unwire": true, "labs": true, "peers": true, "counters": true, "switch": true}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Calls is how often each verb took effect.
func (h *Host) Calls() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[string]int{}
	for k, v := range h.calls {
		all[k] = v
	}
	return all
}

// Log lists the calls that took effect, in order.
func (h *Host) Log() []Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Call{}, h.log...)
}

// Wrong lists what a real host would have suffered from, such as a command that started before its interfaces were there.
func (h *Host) Wrong() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.wrong...)
}

// SetDown makes the engine unreachable, or reachable again with nil. Its events break off.
func (h *Host) SetDown(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down = err
	if err != nil {
		h.breakLocked()
	}
}

// SetSwitchDown makes the switch unreachable, or reachable again with nil: as one that was started anew, without any cable.
func (h *Host) SetSwitchDown(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.switchDown = err; err != nil {
		clear(h.wires)
	}
}

// RestartEngine ends every container, as an engine does that restarts.
func (h *Host) RestartEngine() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.containers {
		if c.State == "running" || c.State == "paused" {
			h.endLocked(c, 137)
		}
	}
	h.breakLocked()
}

// Kill ends a node's command with the exit code, as if by itself. It reports whether it was running.
func (h *Host) Kill(labID, node string, code int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.containers {
		if c.Stamp.Lab == labID && c.Stamp.Node == node && c.State == "running" {
			h.endLocked(c, code)
			return true
		}
	}
	return false
}

// Commands lists what was run by Exec in the node's present container.
func (h *Host) Commands(labID, node string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.containers {
		if c.Stamp.Lab == labID && c.Stamp.Node == node {
			return append([]string{}, c.commands...)
		}
	}
	return nil
}

// Running lists the nodes of the lab whose command runs: started, through the gate, and not paused.
func (h *Host) Running(labID string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var names []string
	for _, c := range h.containers {
		if c.Stamp.Lab == labID && c.State == "running" && c.passed {
			names = append(names, c.Stamp.Node)
		}
	}
	return names
}

// Count is how many containers there are of the lab, whatever their state.
func (h *Host) Count(labID string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, c := range h.containers {
		if c.Stamp.Lab == labID {
			n++
		}
	}
	return n
}

// Wired reports what the lab's last Wire was told, and whether there is one.
func (h *Host) Wired(labID string) (spec hostapi.LabSpec, there []string, any bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, ok := h.wires[labID]
	for name := range w.pids {
		there = append(there, name)
	}
	return w.spec, there, ok
}

// Close releases the goroutines that stand for waiting inits.
func (h *Host) Close() {
	h.end()
	h.mu.Lock()
	for _, c := range h.containers {
		h.endLocked(c, 137)
	}
	h.breakLocked()
	h.mu.Unlock()
	h.waits.Wait()
}

func (h *Host) breakLocked() {
	for w := range h.watchers {
		close(w)
		delete(h.watchers, w)
	}
}

func (h *Host) tellLocked(c *container, event string) {
	for w := range h.watchers {
		select {
		case w <- host.ContainerEvent{ID: c.ID, Stamp: c.Stamp, Event: event}:
		default: // a reader that does not keep up loses the stream, as with Docker
			close(w)
			delete(h.watchers, w)
		}
	}
}

func (h *Host) wrongLocked(sentence string) { h.wrong = append(h.wrong, sentence) }

func gone(id string) error { return fault.New(fault.NotFound, "There is no container %.12s.", id) }
