package host

import (
	"fmt"
	"slices"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// The stages of a node, containerlab's, in order.
const (
	stageCreate    = "create"       // the container is made and started; its command waits at the gate
	stageLinks     = "create-links" // its interfaces are there and cabled
	stageConfigure = "configure"    // its command runs and its exec steps are done
	stageHealthy   = "healthy"
	stageExit      = "exit" // its command has ended by itself
)

// execItem is one command to be run in the node once per start, in program order.
type execItem struct {
	stage    string // whose wait-for holds it back
	command  string
	prePlug  bool // before the interfaces are there
	onHealth bool // when the node has become healthy
}

// program lists a node's commands in the order they run. A stage's on-enter commands of "create" run when the container is
// there, as before that there is nothing to run them in; those of "exit" on-exit cannot run, for the same reason.
func program(n *hostapi.NodeSpec) []execItem {
	var items []execItem
	add := func(stage, when string, at execItem) {
		for _, e := range n.StageExecs {
			if e.Stage == stage && e.When == when {
				at.stage, at.command = stage, e.Command
				items = append(items, at)
			}
		}
	}
	add(stageCreate, "on-enter", execItem{prePlug: true})
	add(stageCreate, "on-exit", execItem{prePlug: true})
	add(stageLinks, "on-enter", execItem{prePlug: true})
	add(stageLinks, "on-exit", execItem{})
	add(stageConfigure, "on-enter", execItem{})
	for _, command := range n.Exec {
		items = append(items, execItem{stage: stageConfigure, command: command})
	}
	add(stageConfigure, "on-exit", execItem{})
	add(stageHealthy, "on-enter", execItem{})
	add(stageHealthy, "on-exit", execItem{onHealth: true})
	add(stageExit, "on-enter", execItem{})
	return items
}

// done is how many items of the node's program are behind it in this start.
func (s *Snapshot) done(name string, c *Container) int {
	f := s.fact(name)
	if f.Epoch != epoch(c) {
		return 0
	}
	return len(f.Results)
}

// reached reports whether a node has left the stage behind. What nobody wants to run holds nobody back.
func (s *Snapshot) reached(name, stage string) bool {
	n := s.Want.nodes[name]
	if n == nil {
		return s.Want.fixed[name] || slices.Contains(s.Reached[name], stage)
	}
	if n.spec.Run == hostapi.Stopped {
		return true
	}
	c := s.container(name)
	if ended(c) {
		return stage != stageHealthy
	}
	if !alive(c) || stage == stageExit {
		return false
	}
	switch stage {
	case stageCreate:
		return true
	case stageLinks:
		return s.linked(name, c)
	case stageConfigure:
		return s.configured(name, c)
	}
	return s.configured(name, c) && s.healthy(name, c)
}

func (s *Snapshot) linked(name string, c *Container) bool {
	return s.fact(name).Plugged == plugged(c, s.Want.nodes[name]) && s.WiredNodes[name] == epoch(c)
}

func (s *Snapshot) configured(name string, c *Container) bool {
	if !s.linked(name, c) || s.fact(name).Opened != epoch(c) || s.blocked(name, stageConfigure) != nil {
		return false
	}
	for _, item := range s.Want.nodes[name].program[s.done(name, c):] {
		if item.stage != stageHealthy && item.stage != stageExit {
			return false
		}
	}
	return true
}

// healthy: without a healthcheck a node that runs is healthy.
func (s *Snapshot) healthy(name string, c *Container) bool {
	if s.fact(name).Listed != epoch(c) {
		return false
	}
	switch c.Health {
	case "healthy":
		return true
	case "", "none":
		return s.Want.nodes[name].spec.Healthcheck == nil
	}
	return false
}

// wait is what holds a node back.
type wait struct {
	node, stage string
	away        bool // the node is on another host
}

func (w wait) String() string {
	who := w.node
	if w.away {
		who += " on another host"
	}
	switch w.stage {
	case stageCreate:
		return "waits for " + who + " to be created"
	case stageLinks:
		return "waits for the links of " + who
	case stageConfigure:
		return "waits for " + who + " to be configured"
	case stageHealthy:
		return "waits for " + who + " to be healthy"
	}
	return fmt.Sprintf("waits for %s to %s", who, w.stage)
}

func (s *Snapshot) waitOf(w lab.Wait) wait {
	return wait{w.Node, w.NodeStage, s.Want.nodes[w.Node] == nil}
}

// stagesOf lists the stages that the node has left behind, for hosts whose nodes wait for it, and those that it cannot come to as things
// are (see hostapi.Never): who waits for them is not under way to anything.
func (s *Snapshot) stagesOf(name string) []string {
	var list []string
	for _, stage := range []string{stageCreate, stageLinks, stageConfigure, stageHealthy, stageExit} {
		switch {
		case s.reached(name, stage):
			list = append(list, stage)
		case s.hopeless(wait{node: name, stage: stage}, map[wait]bool{}):
			list = append(list, hostapi.Never(stage))
		}
	}
	return list
}

// blocked returns the first thing that keeps the node from entering the stage, or nil.
func (s *Snapshot) blocked(name, stage string) *wait {
	for _, w := range s.Want.nodes[name].spec.WaitFor {
		if w.Stage == stage && !s.reached(w.Node, w.NodeStage) {
			held := s.waitOf(w)
			return &held
		}
	}
	return nil
}

// hopeless reports that a wait cannot end unless something outside changes: who is waited for has failed, has ended, is
// missing, or waits itself for the waiting node. known holds what was found out on the way: true also while it is being found out.
func (s *Snapshot) hopeless(w wait, known map[wait]bool) bool {
	if h, ok := known[w]; ok {
		return h
	}
	known[w] = true // a wait that leads back to itself never ends
	known[w] = s.neverReaches(w, known)
	return known[w]
}

func (s *Snapshot) neverReaches(w wait, known map[wait]bool) bool {
	n := s.Want.nodes[w.node]
	if n == nil {
		return slices.Contains(s.Reached[w.node], hostapi.Never(w.stage))
	}
	c, f := s.container(w.node), s.fact(w.node)
	if ended(c) {
		start := s.startDue(n, c)
		return start.reason == ""
	}
	if f.Fail.Err != nil && f.Fail.Err.Code != fault.Unavailable {
		return true
	}
	if w.stage == stageHealthy && c != nil && c.Health == "unhealthy" {
		return true
	}
	for _, next := range n.spec.WaitFor {
		if !s.reached(next.Node, next.NodeStage) && s.hopeless(s.waitOf(next), known) {
			return true
		}
	}
	return false
}
