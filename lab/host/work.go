package host

import (
	"context"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// stopGrace is what a node's command has to end by itself. Our init forwards the signal at once.
const stopGrace = 3 * time.Second

// replugEvery audits also compare the interfaces inside the nodes.
const replugEvery = 10

// ofLab reports a step that is about the whole lab.
func (st *step) ofLab() bool {
	switch st.Verb {
	case doWire, doOpen, doUnwire, doForget, doAudit:
		return true
	}
	return false
}

// launch sets a worker to the step. The worker ends before run returns.
func (l *labLoop) launch(st step) {
	ctx, cancel := context.WithCancel(l.x.life)
	o := &op{step: st, cancel: cancel}
	key := st.Node
	if st.ofLab() {
		key = "/" + string(st.Verb)
		l.snap.LabBusy[st.Verb] = true
		if st.Verb == doWire || st.Verb == doAudit {
			l.heard = nil
		}
	} else {
		l.snap.Busy[key] = st.Verb
		l.touch(key)
	}
	if l.snap.Want != nil {
		o.node = l.snap.Want.nodes[st.Node]
	}
	l.ops[key] = o
	l.x.log.Debug("step", "lab", l.id, "verb", string(st.Verb), "node", st.Node, "reason", st.Reason)
	l.x.loops.Go(func() {
		defer cancel()
		var err error
		begun := time.Now()
		if st.ofLab() {
			err = l.workLab(ctx, &st)
		} else {
			err = l.workNode(ctx, &st, o.node)
		}
		l.x.log.Debug("step ended", "lab", l.id, "verb", string(st.Verb), "node", st.Node, "took", time.Since(begun))
		overtaken := ctx.Err() != nil // not when the result is taken: the step's context is over by then
		l.results <- func() { l.finished(key, &st, err, overtaken) }
	})
}

func (l *labLoop) touch(node string) {
	l.clock++
	l.touched[node] = l.clock
}

// learn runs on the loop's goroutine.
func (l *labLoop) learn(f func()) { l.results <- f }

// finished takes a step's end. A cancelled step has not failed; what became of it the next List tells.
func (l *labLoop) finished(key string, st *step, err error, cancelled bool) {
	if o := l.ops[key]; o != nil && o.behind { // its failure says nothing of what is wanted now
		cancelled = true
	}
	delete(l.ops, key)
	now := l.x.cfg.Now()
	var fail *failure
	if st.ofLab() {
		delete(l.snap.LabBusy, st.Verb)
		fail = &l.snap.WireFail
	} else {
		delete(l.snap.Busy, key)
		l.touch(key)
		fail = &l.fact(key).Fail
	}
	switch {
	case err == nil:
		*fail = failure{}
		return
	case cancelled:
		if !st.ofLab() {
			l.needList()
		}
		return
	}
	public := fault.Public(err)
	count := 1
	if fail.Verb == st.Verb {
		count = fail.Count + 1
	}
	*fail = failure{Verb: st.Verb, Err: public, Count: count, RetryAt: now.Add(jitter(retryDelay(public.Code, count)))}
	if st.Verb == doAudit {
		fail.Verb, l.snap.Wired = doWire, "" // the plan takes it from here
	}
	if st.ofLab() && public.Code != fault.Unavailable {
		fail.RetryAt = now.Add(jitter(backoff(2*time.Second, time.Minute, count)))
	}
	l.x.log.Warn("step failed", "lab", l.id, "verb", string(st.Verb), "node", st.Node, "try", count, "error", err)
	if !st.ofLab() {
		l.needList()
	}
}

// workNode carries out a step and what follows it at once, in one worker's slot.
func (l *labLoop) workNode(ctx context.Context, st *step, n *wantedNode) error {
	c := st.Container
	verbs := append([]verb{st.Verb}, st.Then...)
	pool := l.x.heavy
	switch st.Verb {
	case doStop, doExec:
		pool = l.x.light
	case doRestart:
		if err := l.stopForRestart(ctx, &c, n); err != nil {
			return err
		}
		verbs[0] = doStart
	}
	if err := pool.acquire(ctx, l.id); err != nil {
		return err
	}
	defer pool.release()
	for _, v := range verbs {
		if v == doPlug && !alive(&c) {
			return nil // it ended at once; a List tells how
		}
		if err := l.do(ctx, v, st, &c, n); err != nil {
			return err
		}
	}
	return nil
}

// do carries out one verb on one node. c is what is known of the container and is kept up to date.
func (l *labLoop) do(ctx context.Context, v verb, st *step, c *Container, n *wantedNode) error {
	e := l.x.cfg.Engine
	switch v {
	case doCreate:
		return l.create(ctx, c, n)
	case doStart:
		return l.start(ctx, c, n, st.Reason)
	case doPlug:
		return l.plug(ctx, c, n)
	case doRemove:
		return l.remove(ctx, c, st.Sole)
	case doStop:
		if err := l.journal.note(record{Node: c.Stamp.Node, Stopped: &c.ID}); err != nil {
			return err
		}
		if err := e.Stop(ctx, c.ID, stopGrace); err != nil {
			return err
		}
		c.State, c.PID, c.Health = "exited", 0, ""
	case doPause:
		if err := e.Pause(ctx, c.ID, true); err != nil {
			return err
		}
		c.State = "paused"
	case doThaw:
		if err := e.Pause(ctx, c.ID, false); err != nil {
			return err
		}
		c.State = "running"
	case doExec:
		return l.exec(ctx, st, c, n)
	}
	l.tellContainer(*c)
	return nil
}

// tellContainer hands the container's new state to the loop.
func (l *labLoop) tellContainer(c Container) {
	l.learn(func() {
		l.touch(c.Stamp.Node)
		l.setContainers(c.Stamp.Node, append([]*Container{&c}, without(l.snap.Containers[c.Stamp.Node], c.ID)...))
	})
}

func without(list []*Container, id string) []*Container {
	var rest []*Container
	for _, c := range list {
		if c.ID != id {
			rest = append(rest, c)
		}
	}
	return rest
}

func (l *labLoop) create(ctx context.Context, c *Container, n *wantedNode) error {
	name := n.spec.Name
	dir, err := l.x.dirs.make(l.id, n.spec)
	if err != nil {
		return err
	}
	// A new container has had all restarts asked for so far. Noted first, so that a crash in between restarts nothing twice.
	making := true
	if err := l.journal.note(record{Node: name, Restarts: &n.spec.Restarts, Stopped: new(string), Making: &making}); err != nil {
		return err
	}
	stamp := Stamp{Host: l.x.cfg.HostID, Lab: l.id, Node: name}
	id, err := l.x.cfg.Engine.Create(ctx, ContainerSpec{Stamp: stamp, SpecHash: n.hash, Node: *n.spec, InitDir: dir, OpenBlob: l.x.blobs.open})
	if err == nil || ctx.Err() == nil && !fault.Is(err, fault.Unavailable) { // else the engine may make it yet
		l.note(record{Node: name, Making: new(bool)})
	}
	if err != nil {
		return err
	}
	*c = Container{ID: id, Stamp: stamp, SpecHash: n.hash, Image: n.spec.Image, State: "created"}
	l.tellContainer(*c)
	return nil
}

func (l *labLoop) start(ctx context.Context, c *Container, n *wantedNode, reason string) error {
	name := n.spec.Name
	if _, err := l.x.dirs.make(l.id, n.spec); err != nil { // the folder may have been lost with the state
		return err
	}
	m := l.journal.memo(name)
	if m.Known && n.spec.Restarts > m.Restarts {
		if err := l.journal.note(record{Node: name, Restarts: &n.spec.Restarts}); err != nil {
			return err
		}
	}
	again := ended(c)
	begun, err := l.x.cfg.Engine.Start(ctx, c.ID)
	if err != nil {
		return err
	}
	if m.Stopped != "" {
		l.note(record{Node: name, Stopped: new(string)})
	}
	now := l.x.cfg.Now()
	c.State, c.PID, c.StartedAt, c.Health, c.ExitCode = "running", begun.PID, begun.At, "", 0
	if begun.PID <= 0 {
		c.State = "exited"
	}
	started := *c
	l.tellContainer(started)
	l.learn(func() {
		f := l.fact(name)
		f.LastStart, f.Death, f.Heal, f.Missed = now, "", "", false
		if again && m.Stopped != started.ID {
			f.PolicyRuns++
		}
		if begun.PID <= 0 {
			l.needList()
		}
	})
	return nil
}

// stopForRestart waits for the node's command to end, which keeps no other node from being made.
func (l *labLoop) stopForRestart(ctx context.Context, c *Container, n *wantedNode) error {
	if err := l.x.light.acquire(ctx, l.id); err != nil {
		return err
	}
	defer l.x.light.release()
	if c.State == "paused" {
		if err := l.x.cfg.Engine.Pause(ctx, c.ID, false); err != nil {
			return err
		}
	}
	if err := l.x.cfg.Engine.Stop(ctx, c.ID, stopGrace); err != nil {
		return err
	}
	c.State, c.PID, c.Health = "exited", 0, ""
	l.tellContainer(*c)
	return l.journal.note(record{Node: n.spec.Name, Stopped: &c.ID, Restarts: &n.spec.Restarts})
}

func (l *labLoop) plug(ctx context.Context, c *Container, n *wantedNode) error {
	interfaces, err := l.x.cfg.Fabric.Plug(ctx, l.id, *n.spec, c.PID)
	if err != nil {
		return err
	}
	done := plugged(c, n)
	l.learn(func() {
		f := l.fact(n.spec.Name)
		f.Plugged, f.Interfaces = done, interfaces
	})
	return nil
}

// remove also removes the node's folder and memory, unless another container of the node uses them.
func (l *labLoop) remove(ctx context.Context, c *Container, sole bool) error {
	name := c.Stamp.Node
	if err := l.x.cfg.Engine.Remove(ctx, c.ID); err != nil {
		return err
	}
	if sole && plainName.MatchString(name) {
		if err := l.x.dirs.remove(l.id, name); err != nil {
			return err
		}
		if err := l.journal.note(record{Node: name, Gone: true}); err != nil {
			return err
		}
	}
	id := c.ID
	l.learn(func() {
		l.touch(name)
		l.setContainers(name, without(l.snap.Containers[name], id))
		if !sole {
			return
		}
		if f := l.snap.Facts[name]; l.snap.Want == nil || l.snap.Want.nodes[name] == nil {
			delete(l.snap.Facts, name)
		} else if f != nil {
			*f = facts{FirstSeen: f.FirstSeen}
		}
	})
	return nil
}

// workLab carries out a step of the whole lab.
func (l *labLoop) workLab(ctx context.Context, st *step) error {
	f := l.x.cfg.Fabric
	switch st.Verb {
	case doWire:
		report, err := f.Wire(ctx, st.Spec, st.Absent)
		if err != nil {
			return err
		}
		l.x.log.Debug("wired", "lab", l.id, "ports", report.Ports, "flows", report.Flows, "took", report.Elapsed)
		l.learn(func() {
			l.snap.Wired, l.snap.WiredNodes = st.Key, st.Nodes
			l.limits = report.Limits
			l.wiredCarrier(report.Carrier)
		})
	case doOpen:
		return l.x.dirs.openAll(ctx, l.id, st.Started, func(nodes []string) {
			for _, name := range nodes {
				l.note(record{Node: name, Opened: st.Nodes[name]})
			}
			l.learn(func() {}) // plan again
		})
	case doUnwire:
		if err := f.Unwire(ctx, l.id); err != nil {
			return err
		}
		l.learn(func() {
			l.snap.Unwired = l.snap.Want == nil
			l.snap.Wired, l.snap.WiredNodes = "", nil
			for _, known := range l.snap.Facts {
				known.Plugged = ""
			}
		})
	case doForget:
		return l.forgetLab()
	case doAudit:
		return l.auditing(ctx, st)
	}
	return nil
}

// forgetLab drops the lab; the loop ends when it is not wanted again by then.
func (l *labLoop) forgetLab() error {
	gone, err := l.x.forget(l)
	if err == nil && gone {
		l.learn(func() {
			l.gone = true
			l.x.tellGone(l.id)
		})
	}
	return err
}

// audit is a Wire of what is wired, to find and mend what was changed behind our back.
func (l *labLoop) audit() step {
	l.audits++
	st := step{Verb: doAudit, Spec: l.snap.Want.spec, WireKey: l.snap.Want.wireKey, Key: l.snap.Wired, Absent: map[string]bool{}, Reason: "a look at all now and then"}
	for i := range l.snap.Want.spec.Nodes {
		name := l.snap.Want.spec.Nodes[i].Name
		if l.snap.WiredNodes[name] == "" {
			st.Absent[name] = true
		} else if c := l.snap.container(name); alive(c) {
			st.Alive = append(st.Alive, *c)
		}
	}
	st.Item = l.audits % replugEvery
	return st
}

func (l *labLoop) auditing(ctx context.Context, st *step) error {
	byName := map[string]hostapi.NodeSpec{}
	for _, n := range st.Spec.Nodes {
		byName[n.Name] = n
	}
	for _, c := range st.Alive {
		name := c.Stamp.Node
		if _, err := l.x.dirs.open(l.id, name); err != nil { // one that came to its gate late
			return err
		}
		if st.Item == 0 {
			if _, err := l.x.cfg.Fabric.Plug(ctx, l.id, byName[name], c.PID); err != nil {
				l.x.log.Debug("audit could not plug", "lab", l.id, "node", name, "error", err)
				return nil // most likely it ended this moment; its event is on the way
			}
		}
	}
	report, err := l.x.cfg.Fabric.Wire(ctx, st.Spec, st.Absent)
	if err == nil {
		l.learn(func() {
			l.limits = report.Limits
			l.wiredCarrier(report.Carrier)
		})
	}
	return err
}
