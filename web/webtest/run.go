package webtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// allowedLocked finds a lab that the actor may run.
func (w *World) allowedLocked(actor tenancy.Actor, name string) (*labState, error) {
	l, err := w.findLocked(actor, name)
	if err != nil {
		return nil, err
	}
	return l, tenancy.Allow(actor, tenancy.RunLab, tenancy.ObjectRef{Tenant: l.view.Tenant, Owner: l.view.OwnerID, Lab: l.view.ID, Name: "lab " + l.view.Name})
}

// Deploy starts the nodes one after the other, Pace apart.
func (w *World) Deploy(_ context.Context, actor tenancy.Actor, name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := w.allowedLocked(actor, name)
	if err != nil {
		return err
	}
	if l.cancel != nil {
		return fault.New(fault.Conflict, "%s is being deployed already. Wait for it, or cancel it.", l.view.Name)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	l.cancel = cancel
	l.view.State, l.view.Reason, l.view.Done, l.view.Total = control.Planning, "", 0, len(l.lab.Nodes)
	w.tellLocked(l, nil)
	nodes := l.lab.Nodes
	w.work.Go(func() { w.deploying(ctx, l, nodes) })
	return nil
}

func (w *World) deploying(ctx context.Context, l *labState, nodes []*lab.Node) {
	for i, n := range nodes {
		for _, step := range []struct {
			state hostapi.NodeState
			done  int
		}{{hostapi.NodeCreating, i}, {hostapi.NodeStarting, i}, {hostapi.NodeRunning, i + 1}} {
			if !w.change(ctx, l, n.Name, step.state, step.done) || step.state != hostapi.NodeRunning && !w.pause(ctx) {
				return
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	l.cancel()
	l.cancel = nil
	l.view.State, l.view.Step, l.view.UpdatedAt = control.Running, "", time.Now()
	w.tellLocked(l, nil)
}

func (w *World) pause(ctx context.Context) bool {
	if w.Pace == 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(w.Pace)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// change brings a node to a state and the lab to so many steps, unless the deploy was broken off.
func (w *World) change(ctx context.Context, l *labState, node string, state hostapi.NodeState, done int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	l.view.State, l.view.Done, l.view.Step = control.Deploying, done, "starting "+node
	if l.nodes[node] != nil { // an edit may have taken it out meanwhile
		w.setLocked(l, node, state, "")
	}
	w.tellLocked(l, nil)
	return true
}

// SetNode forces a state, for looking at it.
func (w *World) SetNode(labID, node string, state hostapi.NodeState, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.labs {
		if l.view.ID == labID {
			w.setLocked(l, node, state, reason)
		}
	}
}

// SetLab forces a lab's state, for looking at it.
func (w *World) SetLab(labID string, state control.State, reason string, done, total int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.labs {
		if l.view.ID == labID {
			l.view.State, l.view.Reason, l.view.Done, l.view.Total = state, reason, done, total
			w.tellLocked(l, nil)
		}
	}
}

func (w *World) setLocked(l *labState, node string, state hostapi.NodeState, reason string) {
	n := l.nodes[node]
	n.State, n.Reason = state, reason
	n.Host, n.Placed = w.placeLocked(l, node)
	n.Interfaces = nil
	if state == hostapi.NodeRunning || state == hostapi.NodePaused {
		if n.StartedAt.IsZero() {
			n.StartedAt = time.Now()
		}
		n.Interfaces = interfaces(l.lab, node)
	}
	if state == hostapi.NodeAbsent {
		n.Host, n.Placed, n.StartedAt = "", "", time.Time{}
	}
	n.Execs = nil
	if state == hostapi.NodeRunning {
		for _, command := range l.lab.Node(node).Exec {
			n.Execs = append(n.Execs, hostapi.ExecResult{Command: command})
		}
	}
	copied := *n
	w.tellLocked(l, &copied)
}

// placeLocked gives neighbours in the file the same host, and says why.
func (w *World) placeLocked(l *labState, node string) (host, why string) {
	if len(w.Spread) == 0 {
		return "lab-host-1", "the only host; 19 GiB free, image present"
	}
	if n := l.lab.Node(node); n.Kind == lab.LAN {
		return w.segmentLocked(l, node), "a part on each host with a member"
	}
	at := slices.IndexFunc(l.lab.Nodes, func(n *lab.Node) bool { return n.Name == node })
	host = w.Spread[at*len(w.Spread)/len(l.lab.Nodes)]
	return host, "2 GiB free on " + host + ", next to its neighbours, image present"
}

// segmentLocked is the hosts of a segment's neighbours.
func (w *World) segmentLocked(l *labState, node string) string {
	var hosts []string
	for _, k := range l.lab.LinksOf(node) {
		for _, end := range []string{k.A.Node, k.B.Node} {
			if n := l.lab.Node(end); n != nil && n.Kind != lab.LAN {
				host, _ := w.placeLocked(l, end)
				hosts = append(hosts, host)
			}
		}
	}
	slices.Sort(hosts)
	return strings.Join(slices.Compact(hosts), ", ")
}

func interfaces(l *lab.Lab, node string) []hostapi.InterfaceStatus {
	var list []hostapi.InterfaceStatus
	for i, k := range l.LinksOf(node) {
		end := k.A
		if end.Node != node {
			end = k.B
		}
		list = append(list, hostapi.InterfaceStatus{Name: end.Interface, Up: true, MTU: 1500, MAC: fmt.Sprintf("aa:c1:ab:00:00:%02x", i+1)})
	}
	return list
}

// Plan lists what Deploy would do.
func (w *World) Plan(_ context.Context, actor tenancy.Actor, name string) ([]control.PlanStep, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := w.findLocked(actor, name)
	if err != nil {
		return nil, err
	}
	var steps []control.PlanStep
	for _, n := range l.lab.Nodes {
		verb, reason := "create", "the file has it and no host does"
		if l.nodes[n.Name].State == hostapi.NodeRunning {
			verb, reason = "keep", "it is as the file says"
		}
		host, why := w.placeLocked(l, n.Name)
		if verb == "create" {
			reason += "; " + why
		}
		steps = append(steps, control.PlanStep{Verb: verb, Object: "node " + n.Name, Host: host, Reason: reason})
	}
	for _, k := range l.lab.Links {
		steps = append(steps, control.PlanStep{Verb: "connect", Object: "link " + k.ID(), Host: "lab-host-1", Reason: "both ends are made anew"})
	}
	return steps, nil
}

// Cancel breaks a deploy off and takes back what was made.
func (w *World) Cancel(ctx context.Context, actor tenancy.Actor, name string) error {
	w.mu.Lock()
	l, err := w.allowedLocked(actor, name)
	if err == nil && l.cancel == nil {
		err = fault.New(fault.Conflict, "Nothing is being deployed.")
	}
	if err == nil {
		l.cancel()
	}
	w.mu.Unlock()
	if err != nil {
		return err
	}
	return w.all(actor, name, hostapi.NodeAbsent, control.Stored)
}

// Stop stops all nodes.
func (w *World) Stop(_ context.Context, actor tenancy.Actor, name string) error {
	return w.all(actor, name, hostapi.NodeStopped, control.Stopped)
}

// Destroy removes all nodes, and with forget the lab.
func (w *World) Destroy(_ context.Context, actor tenancy.Actor, name string, forget bool) error {
	if err := w.all(actor, name, hostapi.NodeAbsent, control.Stored); err != nil || !forget {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := w.findLocked(actor, name)
	if err != nil {
		return err
	}
	for i := range w.labs {
		if w.labs[i] == l {
			w.labs = append(w.labs[:i], w.labs[i+1:]...)
			break
		}
	}
	w.sendLocked(l, control.Event{Tenant: l.view.Tenant, LabID: l.view.ID, Removed: true})
	return nil
}

func (w *World) all(actor tenancy.Actor, name string, state hostapi.NodeState, then control.State) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := w.allowedLocked(actor, name)
	if err != nil {
		return err
	}
	if l.cancel != nil {
		l.cancel()
		l.cancel = nil
	}
	for _, n := range l.lab.Nodes {
		w.setLocked(l, n.Name, state, "")
	}
	l.view.State, l.view.Reason, l.view.Step, l.view.Done, l.view.Total = then, "", "", 0, 0
	w.tellLocked(l, nil)
	return nil
}

// NodeAction changes one node at once.
func (w *World) NodeAction(_ context.Context, actor tenancy.Actor, name, node, action string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := w.allowedLocked(actor, name)
	if err != nil {
		return err
	}
	if l.nodes[node] == nil {
		return tenancy.Missing("node " + node)
	}
	state, known := map[string]hostapi.NodeState{
		"start": hostapi.NodeRunning, "restart": hostapi.NodeRunning, "resume": hostapi.NodeRunning, "recreate": hostapi.NodeRunning,
		"stop": hostapi.NodeStopped, "pause": hostapi.NodePaused,
	}[action]
	if !known {
		return fault.New(fault.Invalid, "There is no action %s.", action)
	}
	if l.nodes[node].State == hostapi.NodeAbsent {
		return fault.New(fault.Conflict, "%s does not run. Deploy the lab first.", node)
	}
	w.setLocked(l, node, state, "")
	return nil
}

// tellLocked sends the lab, or one node of it, to who watches.
func (w *World) tellLocked(l *labState, node *control.NodeView) {
	e := control.Event{Tenant: l.view.Tenant, LabID: l.view.ID, Node: node}
	if node == nil {
		view := l.view
		e.Lab = &view
	}
	w.sendLocked(l, e)
}

func (w *World) sendLocked(l *labState, e control.Event) {
	for c, who := range w.watchers {
		if who.tenant != l.view.Tenant || who.lab != "" && who.lab != l.view.ID || who.lab == "" && (e.Node != nil || e.Edited != nil) {
			continue
		}
		select {
		case c <- e:
		default:
			drain(c)
			c <- control.Event{Tenant: e.Tenant, LabID: e.LabID, Resync: true}
		}
	}
}

// drain empties a watcher's queue, whose reader may be quicker.
func drain(c chan control.Event) {
	for {
		select {
		case <-c:
		default:
			return
		}
	}
}

// WatchTenant streams the tenant's labs.
func (w *World) WatchTenant(ctx context.Context, actor tenancy.Actor) (<-chan control.Event, error) {
	return w.watch(ctx, watcher{tenant: actor.TenantID}), nil
}

// WatchLab streams one lab.
func (w *World) WatchLab(ctx context.Context, actor tenancy.Actor, name string) (<-chan control.Event, error) {
	w.mu.Lock()
	l, err := w.findLocked(actor, name)
	w.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return w.watch(ctx, watcher{tenant: actor.TenantID, lab: l.view.ID}), nil
}

func (w *World) watch(ctx context.Context, who watcher) <-chan control.Event {
	c := make(chan control.Event, 64)
	w.mu.Lock()
	w.watchers[c] = who
	w.mu.Unlock()
	w.work.Go(func() {
		select {
		case <-ctx.Done():
		case <-w.ctx.Done():
		}
		w.mu.Lock()
		delete(w.watchers, c)
		close(c)
		w.mu.Unlock()
	})
	return c
}
