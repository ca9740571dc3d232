package control

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// firstHost is how long a deploy waits for the first host, or for one that has just dialled in and not yet said what it can.
const firstHost = 3 * time.Second

// Deploy makes the newest version of the lab what shall run. It returns once that is stored. Everything that can be told beforehand
// is: no host fits, an image is nowhere, a file is missing, a quota is used up. Codes: conflict (another deploy is under way), invalid,
// unavailable, unsupported, exhausted.
func (c *Controller) Deploy(ctx context.Context, actor tenancy.Actor, ref string) (err error) {
	defer c.discreet(actor).hide(&err)
	r, err := c.find(ctx, actor, tenancy.RunLab, ref)
	if err != nil {
		return err
	}
	c.live(r)
	if r.busy() {
		return deployAgain(r)
	}
	filling, revision, err := c.filling(ctx, actor, r)
	if err != nil {
		return err
	}
	would := r
	if revision != nil {
		would = filling.with(revision)
	}
	c.fleet.awaitUsable(ctx, firstHost)
	before, after, err := c.planAndStore(ctx, actor.Scope(), would, deploying{revision: revision, failed: c.failedNodes(r)})
	if err != nil {
		return toldTo(actor, err)
	}
	if revision != nil {
		filling.result.Applied = true
		err = filling.stored(ctx, actor, revision)
	}
	c.changed(r.ID)
	if err != nil {
		return err
	}
	r = would
	c.QuotasChanged()
	return c.recordDeploy(ctx, actor, r, before, after)
}

// deploying is how a version is deployed.
type deploying struct {
	revision *Revision // stored with it, as the newest; nil: it is stored already
	edit     bool      // also in the place of a deploy that is under way, as edits of a running lab follow each other; only while it shall run
	failed   []string  // nodes that are started anew
}

// planAndStore makes the record's version what shall run, where there is room this moment, and returns what should run before and shall from now
// on. When anything is refused nothing is stored. Code conflict, beside those of plan: the lab is not what it was when it was planned.
func (c *Controller) planAndStore(ctx context.Context, scope tenancy.Scope, r *Record, how deploying) (before, after Deployment, err error) {
	c.placing.Lock()
	defer c.placing.Unlock()
	planned, err := c.plan(ctx, r)
	if err != nil {
		return before, after, err
	}
	err = c.store(ctx, scope, r, how.revision, planned.Crossing, func(stored *Record, vnis map[string]uint32) error {
		stored.seeAtLeast(r)
		r := stored
		switch {
		case how.edit && r.Desired.Want != WantRun:
			return fault.New(fault.Conflict, "Lab %s was stopped while the edit was planned. Look at it and make the edit again.", r.Name)
		case r.busy() && !how.edit:
			return deployAgain(r)
		case r.Revision.Number != planned.Revision:
			return fault.New(fault.Conflict, "Lab %s was changed while its deploy was planned. Look at it and deploy it again.", r.Name)
		}
		d, ended := &r.Desired, !r.UnderWay()
		before = d.Deployment
		d.Deployment, d.VNIs = planned.Deployment, vnis
		d.Nodes = keepRestarts(before.Nodes, how.failed)
		d.Returning, d.Forget, d.Note = false, false, ""
		switch {
		case before.Want == WantNothing:
			d.Back = nil
		case ended:
			back := before
			d.Back = &back
		} // a deploy that failed is nothing to go back to: what was before it still is
		d.Generation++
		d.Deploy = d.Generation
		after = d.Deployment
		return nil
	})
	return before, after, err
}

// deployAgain answers a deploy that comes while another is under way: the same one is no mistake.
func deployAgain(r *Record) error {
	if r.Desired.Revision == r.Revision.Number && !r.Desired.Returning {
		return nil
	}
	return fault.New(fault.Conflict, "Lab %s is being deployed (%d of %d). Wait for it, or cancel it first.", r.Name, r.Observed.Done, r.Observed.Total)
}

// keepRestarts lets a deploy start every node, counts of restarts kept: they may only rise. Nodes that have failed are restarted.
func keepRestarts(before map[string]NodeDesired, failed []string) map[string]NodeDesired {
	nodes := map[string]NodeDesired{}
	for name, asked := range before {
		if asked.Restarts > 0 || asked.Remade > 0 {
			nodes[name] = NodeDesired{Restarts: asked.Restarts, Remade: asked.Remade}
		}
	}
	for _, name := range failed {
		asked := nodes[name]
		asked.Restarts++
		nodes[name] = asked
	}
	return nodes
}

// failedNodes are those that ended or failed by themselves.
func (c *Controller) failedNodes(r *Record) []string {
	var names []string
	for _, status := range c.fleet.statuses(r.ID) {
		for _, n := range status.Nodes {
			if n.State == hostapi.NodeFailed || n.State == hostapi.NodeExited {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// change stores an intent, wakes the lab, and tells the audit of it where it changes anything.
func (c *Controller) change(ctx context.Context, actor tenancy.Actor, r *Record, intent intent, change func(*Record) error) error {
	var before, after Desired
	_, err := c.cfg.States.ChangeDesired(ctx, actor.Scope(), r.ID, func(stored *Record) error {
		stored.seeAtLeast(r)
		before = stored.Desired
		err := change(stored)
		after = stored.Desired
		return err
	})
	if err != nil {
		return toldTo(actor, err)
	}
	c.changed(r.ID)
	return c.recordIntent(ctx, actor, r, intent, before, after)
}

// seeAtLeast takes over an observed side that is newer, and may not be stored yet.
func (r *Record) seeAtLeast(newer *Record) {
	if r.Observed.Seen <= newer.Observed.Seen {
		r.Observed = newer.Observed
	}
}

// Cancel ends a deploy that is under way: what it made is removed, and what ran before it runs again.
func (c *Controller) Cancel(ctx context.Context, actor tenancy.Actor, ref string) (err error) {
	defer c.discreet(actor).hide(&err)
	r, err := c.find(ctx, actor, tenancy.RunLab, ref)
	if err != nil {
		return err
	}
	c.live(r)
	return c.change(ctx, actor, r, intent{verb: tenancy.AuditLabCancel}, func(r *Record) error {
		d := &r.Desired
		switch {
		case !r.UnderWay():
			return fault.New(fault.Conflict, "There is nothing to cancel: lab %s is %s.", r.Name, r.view().State)
		case d.Returning:
			return nil // it is on its way back already
		}
		d.Generation++
		if d.Back == nil {
			d.Want, d.Nodes, d.Note = WantNothing, nil, "The deploy was cancelled, and what it had made is removed."
			return nil
		}
		restarts := d.Nodes
		d.Deployment = *d.Back
		for name, asked := range restarts {
			if back := d.Nodes[name]; asked.Restarts > back.Restarts || asked.Remade > back.Remade {
				d.Nodes = maps.Clone(d.Nodes)
				if d.Nodes == nil {
					d.Nodes = map[string]NodeDesired{}
				}
				d.Nodes[name] = NodeDesired{Run: back.Run, Restarts: max(asked.Restarts, back.Restarts), Remade: max(asked.Remade, back.Remade)}
			}
		}
		d.Returning, d.Note = true, "The deploy was cancelled; the version from before it comes back."
		if d.Want == WantRun {
			d.Deploy = d.Generation
		}
		return nil
	})
}

// Stop ends the lab's containers and keeps them with their files.
func (c *Controller) Stop(ctx context.Context, actor tenancy.Actor, ref string) (err error) {
	defer c.discreet(actor).hide(&err)
	r, err := c.find(ctx, actor, tenancy.RunLab, ref)
	if err != nil {
		return err
	}
	c.live(r)
	return c.change(ctx, actor, r, intent{verb: tenancy.AuditLabStop}, func(r *Record) error {
		switch r.Desired.Want {
		case WantNothing:
			return fault.New(fault.Conflict, "Lab %s is not deployed, so there is nothing to stop.", r.Name)
		case WantStop:
			return nil
		}
		r.Desired.Want, r.Desired.Back, r.Desired.Returning, r.Desired.Note = WantStop, nil, false, ""
		r.Desired.Generation++
		return nil
	})
}

// Destroy removes everything that the lab has on its hosts; with forget the stored lab as well, once nothing is left. Repeating it
// changes nothing.
func (c *Controller) Destroy(ctx context.Context, actor tenancy.Actor, ref string, forget bool) (err error) {
	defer c.discreet(actor).hide(&err)
	r, err := c.find(ctx, actor, tenancy.RunLab, ref)
	if err != nil {
		return err
	}
	if forget {
		if err := mayForget(actor, r); err != nil {
			return err
		}
	}
	return c.change(ctx, actor, r, intent{verb: tenancy.AuditLabDestroy}, func(r *Record) error {
		d := &r.Desired
		d.Forget = d.Forget || forget
		if d.Want != WantNothing {
			d.Want, d.Back, d.Returning, d.Nodes = WantNothing, nil, false, nil
			d.Generation++
		}
		d.Note = ""
		return nil
	})
}

// NodeAction starts, stops, restarts, pauses or resumes one container of a deployed lab. Its cables stay.
func (c *Controller) NodeAction(ctx context.Context, actor tenancy.Actor, ref, node, action string) (err error) {
	defer c.discreet(actor).hide(&err)
	r, err := c.find(ctx, actor, tenancy.RunLab, ref)
	if err != nil {
		return err
	}
	c.live(r)
	running, err := c.deployed(ctx, actor.Scope(), r)
	if err != nil {
		return err
	}
	if running == nil || r.Desired.Want == WantNothing {
		return fault.New(fault.Conflict, "Lab %s is not deployed. Deploy it first.", r.Name)
	}
	n := running.Lab.Node(node)
	if n == nil {
		return noNode(r, node)
	}
	if !n.Kind.IsContainer() {
		return fault.New(fault.Invalid, "%s is of kind %s and is always on while the lab runs: only containers can be started, stopped or paused.", node, n.Kind)
	}
	ended := slices.Contains(c.failedNodes(r), node)
	return c.change(ctx, actor, r, intent{tenancy.AuditNodeAction, node, action}, func(r *Record) error {
		if r.Desired.Want != WantRun || r.Desired.Revision != running.Number {
			return fault.New(fault.Conflict, "Lab %s is not running. Deploy it first.", r.Name)
		}
		asked := r.Desired.Nodes[node]
		if err := act(&asked, cmp.Or(asked.Run, wantedRun(n, r.Desired.Deployment)), action, ended); err != nil {
			return err
		}
		if r.Desired.Nodes[node] == asked {
			return nil
		}
		r.Desired.Nodes = maps.Clone(r.Desired.Nodes)
		if r.Desired.Nodes == nil {
			r.Desired.Nodes = map[string]NodeDesired{}
		}
		r.Desired.Nodes[node] = asked
		r.Desired.Generation++
		return nil
	})
}

// act turns an action into what the node shall be. ended: its command is over, so starting it means starting it anew.
func act(asked *NodeDesired, now hostapi.RunState, action string, ended bool) error {
	switch action {
	case "start", "resume":
		asked.Run = hostapi.Running
		if ended && now == hostapi.Running {
			asked.Restarts++
		}
	case "stop":
		asked.Run = hostapi.Stopped
	case "restart":
		asked.Run = hostapi.Running
		asked.Restarts++
	case "recreate":
		asked.Run = hostapi.Running
		asked.Remade++
	case "pause":
		if now != hostapi.Running {
			return fault.New(fault.Conflict, "Only a running node can be paused. Start it first.")
		}
		asked.Run = hostapi.Paused
	default:
		return fault.New(fault.Invalid, "There is no action %q. Use start, stop, restart, pause, resume or recreate.", action).InField("action")
	}
	return nil
}

func noNode(r *Record, node string) error {
	return fault.New(fault.NotFound, "Lab %s has no node %q.", r.Name, node)
}
