package host

import (
	"fmt"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// node plans the next step of one node, and says what the node is.
func (p *planner) node(n *wantedNode) {
	name := n.spec.Name
	c := p.container(name)
	st := p.status(n, c)
	switch {
	case p.Busy[name] != "":
		p.underWay(n, c, &st)
	case p.stepped[name] || c != nil && (c.State == "removing" || c.State == "dead"):
		p.gone(n, c, &st)
	case c != nil && c.SpecHash != n.hash && (n.spec.Run != hostapi.Stopped || alive(c)):
		st.State, st.Reason = hostapi.NodeRemoving, "its definition changed: it is made anew"
		p.plan.Left[phaseUp]++
		p.remove(name, c, "its definition changed")
	case n.spec.Run == hostapi.Stopped:
		p.stopped(n, c, &st)
	case c == nil:
		p.absent(n, &st)
	case !alive(c):
		p.down(n, c, &st)
	default:
		p.up(n, c, &st)
	}
	if f := p.fact(name).Fail; f.Err != nil && p.Busy[name] == "" {
		st.Reason = f.Err.Sentence
		if f.Err.Code != fault.Unavailable { // who could not be asked has not failed: the last known state stays
			st.State = hostapi.NodeFailed
		}
	}
	if n.spec.Awaited {
		st.Stages = p.stagesOf(name)
	}
	p.plan.Nodes = append(p.plan.Nodes, st)
}

// status is what is known of the node whatever it is doing.
func (p *planner) status(n *wantedNode, c *Container) hostapi.NodeStatus {
	f := p.fact(n.spec.Name)
	st := hostapi.NodeStatus{Name: n.spec.Name, State: hostapi.NodeAbsent, Image: n.spec.Image, Restarts: f.Restarts}
	if c == nil {
		return st
	}
	st.ContainerID, st.StartedAt = c.ID, c.StartedAt
	if alive(c) {
		st.Health = c.Health
		if f.Epoch == epoch(c) {
			st.Execs = f.Results
		}
		if f.Plugged != "" {
			st.Interfaces = f.Interfaces
		}
	}
	return st
}

// underWay words the step that a worker carries out.
func (p *planner) underWay(n *wantedNode, c *Container, st *hostapi.NodeStatus) {
	v := p.Busy[n.spec.Name]
	switch v {
	case doExec:
		p.plan.Left[phaseExec] += max(1, p.itemsLeft(n, c)) // its result may be written down before the step is over
		st.State = hostapi.NodeStarting
		if i := p.done(n.spec.Name, c); i < len(n.program) {
			st.Reason = "runs: " + n.program[i].command
		}
		return
	case doRemove:
		st.State = hostapi.NodeRemoving
		p.plan.Left[phaseUp]++ // strangers counted the removal of surplus ones; this one is followed by a new container
	case doStop:
		st.State, st.Reason = hostapi.NodeRunning, "is being stopped"
		p.plan.Left[phaseRemove]++
	case doPause, doThaw:
		st.State = hostapi.NodeRunning
		p.plan.Left[phaseUp]++
		return // wiring need not wait
	case doRestart:
		st.State, st.Reason = hostapi.NodeStarting, "is being restarted"
		p.plan.Left[phaseUp]++
	default:
		st.State = hostapi.NodeCreating
		if c != nil {
			st.State = hostapi.NodeStarting
		}
		p.plan.Left[phaseUp]++
		p.plan.Left[phaseExec] += len(n.program)
	}
	p.hold = true
}

// gone waits for a container that is on its way out, and helps one that died in it.
func (p *planner) gone(n *wantedNode, c *Container, st *hostapi.NodeStatus) {
	st.State = hostapi.NodeRemoving
	if !p.stepped[n.spec.Name] {
		p.later(p.Now.Add(time.Second))
		p.plan.NeedList = c.State == "removing"
		if c.State == "dead" {
			p.remove(n.spec.Name, c, "it is dead and cannot start")
		}
	}
	if n.spec.Run != hostapi.Stopped {
		p.plan.Left[phaseUp]++
	}
}

func (p *planner) stopped(n *wantedNode, c *Container, st *hostapi.NodeStatus) {
	st.State = hostapi.NodeStopped
	if !alive(c) {
		return
	}
	st.State = hostapi.NodeRunning
	p.plan.Left[phaseRemove]++
	p.try(n, doStop, step{Verb: doStop, Node: n.spec.Name, Container: *c, Reason: "it shall be stopped"})
}

// try adds the step unless its last try failed too recently. Failed steps hold nobody up.
func (p *planner) try(n *wantedNode, v verb, st step) bool {
	f := p.fact(n.spec.Name).Fail
	if p.failing(f, v) {
		return false
	}
	p.add(st)
	switch v {
	case doPause, doThaw, doExec:
	default:
		p.hold = true
	}
	return true
}

// settled reports a failure that only a person or the slow retry mends: it is no work left of this convergence.
func (p *planner) settled(n *wantedNode, v verb) bool {
	f := p.fact(n.spec.Name).Fail
	return f.Err != nil && f.Verb == v && !transient(f.Err.Code) && f.RetryAt.After(p.Now)
}

// absent makes the container, once its wait-fors and its delay allow.
func (p *planner) absent(n *wantedNode, st *hostapi.NodeStatus) {
	name := n.spec.Name
	if p.held(st) {
		return
	}
	if w := p.blocked(name, stageCreate); w != nil {
		p.waiting(n, w, st)
		return
	}
	if first := p.fact(name).FirstSeen; n.spec.StartupDelay > 0 && p.Now.Before(first.Add(n.spec.StartupDelay)) {
		p.later(first.Add(n.spec.StartupDelay))
		st.State, st.Reason = hostapi.NodeWaiting, fmt.Sprintf("starts %s after the others", n.spec.StartupDelay)
		p.plan.Left[phaseUp]++
		return
	}
	st.State = hostapi.NodeCreating
	if p.settled(n, doCreate) {
		p.later(p.fact(name).Fail.RetryAt)
		return
	}
	p.plan.Left[phaseUp]++
	p.plan.Left[phaseExec] += len(n.program)
	p.try(n, doCreate, step{Verb: doCreate, Node: name, Then: append([]verb{doStart}, p.thenPlug(n)...), Reason: "it has no container"})
}

// held reports whether the controller's word is waited for, and says so.
func (p *planner) held(st *hostapi.NodeStatus) bool {
	if !p.Now.Before(p.Hold) {
		return false
	}
	p.later(p.Hold)
	st.State, st.Reason = hostapi.NodeWaiting, "waits for the controller to say whether it still belongs to this host"
	p.plan.Left[phaseUp]++
	return true
}

// thenPlug: nothing comes between a node's start and its interfaces, unless its file says so.
func (p *planner) thenPlug(n *wantedNode) []verb {
	if len(n.program) > 0 && n.program[0].prePlug || p.blocked(n.spec.Name, stageLinks) != nil {
		return nil
	}
	return []verb{doPlug}
}

// waiting says what the node waits for. It counts as work left while there is hope.
func (p *planner) waiting(n *wantedNode, w *wait, st *hostapi.NodeStatus) {
	st.State, st.Reason = hostapi.NodeWaiting, w.String()
	if p.hopeless(*w, map[wait]bool{}) {
		st.Reason += ", which cannot happen as things are"
		return
	}
	if w.stage == stageHealthy && !w.away {
		if c := p.container(w.node); alive(c) && p.fact(w.node).Listed != epoch(c) {
			p.plan.NeedList = true
		}
	}
	p.plan.Left[phaseUp]++
}

// start is why and when an ended container starts again; reason "" means never by itself.
type start struct {
	at     time.Time
	reason string
}

// startDue decides about a container that ended: was it us, the engine, or itself?
func (s *Snapshot) startDue(n *wantedNode, c *Container) start {
	f := s.fact(n.spec.Name)
	switch {
	case f.Stopped == c.ID:
		return start{s.Now, "it was stopped and shall run"}
	case f.Heal != "" && f.Heal == death(c):
		return start{s.Now, "the engine had ended it"}
	case f.Known && n.spec.Restarts > f.Restarts:
		return start{s.Now, "a restart was asked for"}
	}
	switch n.spec.RestartPolicy {
	case "always", "unless-stopped":
	case "on-failure":
		if c.ExitCode == 0 {
			return start{}
		}
	default:
		return start{}
	}
	return start{f.DeathAt.Add(policyDelay(f.PolicyRuns)), "its restart policy is " + n.spec.RestartPolicy}
}

// down starts a container that is made but does not run.
func (p *planner) down(n *wantedNode, c *Container, st *hostapi.NodeStatus) {
	name := n.spec.Name
	due := start{p.Now, "it is created and shall run"}
	st.State = hostapi.NodeStarting
	switch c.State {
	case "created":
	case "exited":
		due = p.startDue(n, c)
		code := c.ExitCode
		st.State, st.ExitCode, st.Reason = hostapi.NodeExited, &code, exitReason(code)
	default: // restarting: not by our doing; the engine will tell what becomes of it
		p.plan.NeedList = true
		p.later(p.Now.Add(time.Second))
		p.plan.Left[phaseUp]++
		return
	}
	switch {
	case due.reason == "":
		return
	case due.at.After(p.Now):
		p.later(due.at)
		st.Reason += "; it is started again, as " + due.reason
		return
	case p.held(st):
		return
	case p.settled(n, doStart):
		p.later(p.fact(name).Fail.RetryAt)
		return
	}
	p.plan.Left[phaseUp]++
	p.plan.Left[phaseExec] += len(n.program)
	p.try(n, doStart, step{Verb: doStart, Node: name, Container: *c, Then: p.thenPlug(n), Reason: due.reason})
}

func exitReason(code int) string {
	switch code {
	case 0:
		return "its command ended by itself with exit code 0"
	case 137:
		return "its command was killed (exit code 137), often for lack of memory"
	case 126, 127:
		return fmt.Sprintf("its command could not be run (exit code %d): is it in the image?", code)
	}
	return fmt.Sprintf("its command ended by itself with exit code %d", code)
}
