package host

import (
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// longRun is how long a node runs before its restart policy counts from one again.
const longRun = 10 * time.Second

// transient failures mend themselves and are retried within seconds.
func transient(code fault.Code) bool { return code == fault.Unavailable || code == fault.Conflict }

// up takes a node whose init exists through its interfaces, its gate and its commands to what it shall be.
func (p *planner) up(n *wantedNode, c *Container, st *hostapi.NodeStatus) {
	name := n.spec.Name
	f := p.fact(name)
	st.State = hostapi.NodeStarting
	if f.Known && n.spec.Restarts > f.Restarts {
		p.plan.Left[phaseUp]++
		p.try(n, doRestart, step{Verb: doRestart, Node: name, Container: *c, Then: p.thenPlug(n), Reason: "a restart was asked for"})
		return
	}
	if c.State == "paused" && (n.spec.Run == hostapi.Running || f.Opened != epoch(c) && p.linked(name, c)) {
		st.State = hostapi.NodePaused
		p.plan.Left[phaseUp]++
		p.try(n, doThaw, step{Verb: doThaw, Node: name, Container: *c, Reason: "it is paused and shall run"})
		return
	}
	p.plan.Left[phaseExec] += p.itemsLeft(n, c)
	if f.Plugged != plugged(c, n) {
		p.plug(n, c, st)
		return
	}
	if f.Opened != epoch(c) {
		return // wire and open see to it
	}
	if p.exec(n, c, st) {
		return
	}
	if w := p.blocked(name, stageConfigure); w != nil && !p.configured(name, c) {
		p.waiting(n, w, st)
		return
	}
	p.settle(n, c, st)
}

// settle is the end of the way up: running, or paused when that is wanted.
func (p *planner) settle(n *wantedNode, c *Container, st *hostapi.NodeStatus) {
	st.State = hostapi.NodeRunning
	if c.State == "paused" {
		st.State = hostapi.NodePaused
		return
	}
	if n.spec.Run == hostapi.Paused {
		p.plan.Left[phaseUp]++
		p.try(n, doPause, step{Verb: doPause, Node: n.spec.Name, Container: *c, Reason: "it shall be paused"})
		return
	}
	if (n.spec.Healthcheck != nil || n.spec.Awaited) && p.fact(n.spec.Name).Listed != epoch(c) {
		p.plan.NeedList = true
	}
}

// plug makes the interfaces, after the commands and wait-fors that the file puts before them.
func (p *planner) plug(n *wantedNode, c *Container, st *hostapi.NodeStatus) {
	name := n.spec.Name
	if i := p.done(name, c); i < len(n.program) && n.program[i].prePlug {
		if p.itemHeld(n, n.program[i]) == nil {
			p.execItem(n, c, i, st)
			return
		}
	}
	if w := p.blocked(name, stageLinks); w != nil {
		p.waiting(n, w, st)
		return
	}
	if p.settled(n, doPlug) {
		p.later(p.fact(name).Fail.RetryAt)
		return
	}
	p.plan.Left[phaseUp]++
	reason := "its interfaces are not there"
	if strings.HasPrefix(p.fact(name).Plugged, epoch(c)) {
		reason = "its interfaces changed"
	}
	p.try(n, doPlug, step{Verb: doPlug, Node: name, Container: *c, Reason: reason})
}

// exec plans the node's next command, if its turn has come. It reports whether one is planned.
func (p *planner) exec(n *wantedNode, c *Container, st *hostapi.NodeStatus) bool {
	i := p.done(n.spec.Name, c)
	if i >= len(n.program) || c.State == "paused" {
		return false
	}
	item := n.program[i]
	if item.prePlug {
		p.execItem(n, c, i, st) // the interfaces were there before the file asked for this command
		return true
	}
	if w := p.itemHeld(n, item); w != nil {
		if item.stage == stageHealthy {
			p.waiting(n, w, st)
			st.State, st.Reason = hostapi.NodeRunning, ""
		}
		return false
	}
	if item.onHealth && !p.healthy(n.spec.Name, c) {
		if p.fact(n.spec.Name).Listed != epoch(c) {
			p.plan.NeedList = true
		}
		return false
	}
	p.execItem(n, c, i, st)
	return true
}

// itemHeld is the wait-for that holds a command back. Commands of "create" ran their wait-for before the container was made.
func (p *planner) itemHeld(n *wantedNode, item execItem) *wait {
	if item.stage == stageCreate {
		return nil
	}
	if item.stage == stageLinks && !item.prePlug {
		return nil
	}
	return p.blocked(n.spec.Name, item.stage)
}

func (p *planner) execItem(n *wantedNode, c *Container, i int, st *hostapi.NodeStatus) {
	st.Reason = "runs: " + n.program[i].command
	if p.failing(p.fact(n.spec.Name).Fail, doExec) {
		return
	}
	p.add(step{Verb: doExec, Node: n.spec.Name, Container: *c, Item: i, Reason: "command " + n.program[i].stage + " of this start"})
}

// itemsLeft counts the commands that are sure to come: up to the first that is held back, and not those of stages that a node
// need not reach.
func (p *planner) itemsLeft(n *wantedNode, c *Container) int {
	if !alive(c) {
		return len(n.program)
	}
	if c.State == "paused" && n.spec.Run == hostapi.Paused {
		return 0 // they run when it is thawed
	}
	there := p.fact(n.spec.Name).Plugged == plugged(c, n)
	left := 0
	for _, item := range n.program[min(p.done(n.spec.Name, c), len(n.program)):] {
		barred := !item.prePlug && !there && (p.blocked(n.spec.Name, stageLinks) != nil || p.settled(n, doPlug))
		if barred || item.onHealth || item.stage == stageExit || p.itemHeld(n, item) != nil {
			break
		}
		left++
	}
	return left
}

// fixed says what the segments, internet and external nodes are: Wire makes them all at once.
func (p *planner) fixed() {
	names := make([]string, 0, len(p.Want.fixed))
	for _, s := range p.Want.spec.Segments {
		names = append(names, s.Name)
	}
	for _, i := range p.Want.spec.Internets {
		names = append(names, i.Name)
	}
	for _, e := range p.Want.spec.Externals {
		names = append(names, e.Name)
	}
	for _, name := range names {
		st := hostapi.NodeStatus{Name: name, State: hostapi.NodeRunning}
		switch {
		case p.WireFail.Err != nil && p.Wired == "":
			st.State, st.Reason = hostapi.NodeFailed, p.WireFail.Err.Sentence
		case p.Wired == "":
			st.State = hostapi.NodeCreating
		}
		p.plan.Nodes = append(p.plan.Nodes, st)
	}
}
