package control

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// saveEvery bounds how often a lab's progress is stored; watchers are told at once.
const saveEvery = 500 * time.Millisecond

// saveTimeout bounds the last writes when the controller ends.
const saveTimeout = 5 * time.Second

// work looks at one lab after the other until the queue closes.
func (c *Controller) work(ctx context.Context) {
	for {
		id, open := c.queue.take()
		if !open {
			return
		}
		wait, err := c.look(ctx, c.entryOf(id))
		switch {
		case ctx.Err() != nil:
		case err != nil:
			c.log.Warn("A lab could not be looked after and is tried again.", "lab", id, "err", err)
			c.queue.addAfter(id, time.Second)
		case wait > 0:
			c.queue.addAfter(id, wait)
		}
		c.queue.done(id)
	}
}

// look compares what the lab shall be with what its hosts report, publishes the difference and takes the next step.
func (c *Controller) look(ctx context.Context, e *entry) (time.Duration, error) {
	err := c.load(ctx, e)
	if fault.Is(err, fault.NotFound) {
		return c.lookAtGone(ctx, e)
	}
	if err != nil {
		return 0, err
	}
	sides := c.sides(e)
	moved, err := c.relocate(ctx, e, sides)
	if err != nil {
		return 0, err
	}
	if moved {
		return 0, nil // the lab shall be something else now, and is looked at again
	}
	if err := c.publish(ctx, e, sides); err != nil {
		return 0, err
	}
	s := next(e.record.Desired, sides, c.cfg.Now())
	c.tell(ctx, e, s, sides)
	for _, hostID := range s.Resync {
		c.fleet.resync(hostID)
	}
	s.lookAgain(c.forward(ctx, e, sides))
	s.lookAgain(e.plight.retryIn(c.cfg.Now()))
	if len(s.Apply)+len(s.Remove) > 0 {
		if err := c.publish(ctx, e, c.sides(e)); err != nil {
			return 0, err
		}
		c.queue.add(e.id)
	}
	if s.Gone && e.record.Desired.settledNowhere() {
		return c.idle(e), nil
	}
	if s.Gone {
		return 0, c.finish(ctx, e)
	}
	if atRest(e.record, sides) {
		e.specs = nil
	}
	if settled(e.record, sides) {
		if err := c.trim(ctx, e); err != nil && !fault.Is(err, fault.NotFound) {
			return 0, err
		}
	}
	return c.whenNext(e, sides, s.Wait), nil
}

// atRest reports that every host has what it shall have of the lab.
func atRest(r *Record, sides []hostSide) bool {
	for _, side := range sides {
		if side.Placed && !side.Connected {
			return false
		}
	}
	return r.Desired.Want != WantNothing && converged(sides, r.Desired.Generation)
}

// settled reports that besides no other host has anything of it, not even one that is away.
func settled(r *Record, sides []hostSide) bool {
	return atRest(r, sides) && !slices.ContainsFunc(sides, func(s hostSide) bool { return !s.Placed && s.has() })
}

// settledNowhere reports that the record knows already that nothing is left.
func (d Desired) settledNowhere() bool {
	return !d.Forget && d.Revision == 0 && len(d.Places) == 0
}

// whenNext is the earliest of what the step waits for, an unsaved state, and the end of a lost host's grace.
func (c *Controller) whenNext(e *entry, sides []hostSide, wait time.Duration) time.Duration {
	sooner := func(d time.Duration) {
		if wait == 0 || d < wait {
			wait = max(d, time.Millisecond)
		}
	}
	if e.unsaved {
		sooner(saveEvery)
	}
	for _, side := range sides {
		if side.Placed && !side.Connected && side.LostFor < c.cfg.Grace {
			sooner(c.cfg.Grace - side.LostFor)
		}
		if side.Placed && !side.Connected && side.LostFor < c.cfg.LostAfter {
			sooner(c.cfg.LostAfter - side.LostFor)
		}
	}
	return wait
}

// idle forgets a lab that nothing is left to do for, once its state is stored.
func (c *Controller) idle(e *entry) time.Duration {
	if e.unsaved {
		return saveEvery
	}
	e.mu.Lock()
	stale := e.stale
	e.mu.Unlock()
	if !stale {
		c.dropEntry(e.id)
	}
	return 0
}

// sides gathers what is known of the lab on every host that has, or shall have, something of it.
func (c *Controller) sides(e *entry) []hostSide {
	placed := map[string]int{}
	for _, place := range e.record.Desired.Places {
		placed[place.HostID]++
	}
	ids := slices.Sorted(maps.Keys(placed))
	hosts := slices.Clone(ids)
	for _, id := range c.fleet.holders(e.id) {
		if placed[id] == 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	sides := make([]hostSide, 0, len(ids))
	for _, id := range ids {
		side := c.fleet.side(id, e.id)
		side.Name = c.hostName(id)
		side.Nodes, side.Placed = placed[id], placed[id] > 0
		if side.Placed {
			side.Peers = c.addresses(e.record, hosts, id)
		}
		side.Told = e.told[id]
		sides = append(sides, side)
	}
	return sides
}

// publish makes the sides the lab's observed state: stored at once when the state is another, within half a second when only
// the progress is; told to watchers after that.
func (c *Controller) publish(ctx context.Context, e *entry, sides []hostSide) error {
	r := e.record
	old, now := r.Observed, summarise(r, e.runningLab(), sides, c.cfg.Grace)
	e.plight.show(&now)
	c.showApart(e, &now)
	c.showWarning(e.id, &now)
	nodes := nodeViews(r, r.Revision.Lab, e.runningLab(), sides)
	moved := changedNodes(e.nodes, nodes)
	same := reflect.DeepEqual(old, now)
	if !same {
		r.Observed = now
		r.UpdatedAt = c.cfg.Now()
	}
	e.unsaved = e.unsaved || !same || len(moved) > 0
	due := old.State != now.State || old.Settled != now.Settled || old.Reason != now.Reason || c.cfg.Now().Sub(e.lastSaved) >= saveEvery
	if e.unsaved && due {
		if err := c.save(ctx, e); err != nil {
			return err
		}
	}
	e.mu.Lock()
	e.observed = &now
	e.mu.Unlock()
	for _, view := range moved {
		e.nodes[view.Name] = view
		c.hub.publish(Event{Tenant: r.Tenant, LabID: r.ID, Node: &view})
	}
	if !same {
		view := r.view()
		c.hub.publish(Event{Tenant: r.Tenant, LabID: r.ID, Lab: &view})
	}
	return nil
}

func (c *Controller) save(ctx context.Context, e *entry) error {
	err := c.cfg.States.SaveObserved(ctx, tenancy.Everywhere(), e.id, e.record.Observed, c.fleet.statuses(e.id))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	e.unsaved, e.lastSaved = false, c.cfg.Now()
	return nil
}

// saveAll stores what was held back, when the controller ends.
func (c *Controller) saveAll() {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	c.mu.Lock()
	entries := slices.Collect(maps.Values(c.entries))
	c.mu.Unlock()
	for _, e := range entries {
		if e.unsaved && e.record != nil {
			if err := c.save(ctx, e); err != nil {
				c.log.Warn("A lab's last state could not be stored.", "lab", e.id, "err", err)
			}
		}
	}
}

// tell takes the step's requests to the hosts, all at once. An intent that comes meanwhile ends them.
func (c *Controller) tell(ctx context.Context, e *entry, s step, sides []hostSide) {
	if len(s.Apply)+len(s.Remove) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.mu.Lock()
	e.interrupt = cancel
	if e.stale {
		cancel()
	}
	e.mu.Unlock()
	var out *compiled
	var unmade error
	if len(s.Apply) > 0 {
		out, unmade = c.specs(ctx, e)
	}
	var telling sync.WaitGroup
	var mu sync.Mutex
	note := func(hostID string, remove bool, ask func() error) {
		epoch := c.fleet.side(hostID, e.id).Epoch
		mu.Lock()
		before := e.told[hostID]
		mu.Unlock()
		peers := sides[slices.IndexFunc(sides, func(s hostSide) bool { return s.ID == hostID })].Peers
		telling.Go(func() {
			err := ask()
			if err != nil && ctx.Err() != nil {
				return // an intent or the end of the controller came between: nothing was refused
			}
			mu.Lock()
			defer mu.Unlock()
			e.told[hostID] = c.noteTold(before, told{At: c.cfg.Now(), Epoch: epoch, Generation: e.record.Desired.Generation, Remove: remove, Peers: peers}, err)
		})
	}
	for _, hostID := range s.Apply {
		note(hostID, false, func() error {
			if unmade != nil {
				return unmade
			}
			return c.push(ctx, e, hostID, out)
		})
	}
	for _, hostID := range s.Remove {
		note(hostID, true, func() error { return c.fleet.remove(ctx, hostID, e.id) })
	}
	telling.Wait()
	e.mu.Lock()
	e.interrupt = nil
	e.mu.Unlock()
}

// noteTold adds a failure and its next try to what a host was told.
func (c *Controller) noteTold(before, now told, err error) told {
	if err == nil {
		return now
	}
	now.Error = fault.Public(err)
	if before.Generation == now.Generation && before.Remove == now.Remove {
		now.Failures = before.Failures + 1
	}
	now.RetryAt = c.cfg.Now().Add(backoffAfter(now.Failures, 250*time.Millisecond, 30*time.Second))
	return now
}

// finish clears a lab of which nothing is left: back to stored, or away altogether. Its identifiers are given back before.
func (c *Controller) finish(ctx context.Context, e *entry) error {
	c.placing.Lock()
	defer c.placing.Unlock()
	stored, err := c.cfg.Labs.Lab(ctx, tenancy.Everywhere(), e.id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil || stored.Desired.Want != WantNothing || stored.Desired.Generation != e.record.Desired.Generation {
		c.changed(e.id) // it is wanted again, or gone already
		return nil
	}
	if err := c.freeVNIs(ctx, stored); err != nil {
		return err
	}
	if e.record.Desired.Forget {
		if err := c.cfg.Labs.DeleteLab(ctx, tenancy.Everywhere(), e.id); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		c.gone(e)
		return nil
	}
	return c.clear(ctx, e)
}

// clear makes a lab stored only.
func (c *Controller) clear(ctx context.Context, e *entry) error {
	generation := e.record.Desired.Generation
	r, err := c.cfg.States.ChangeDesired(ctx, tenancy.Everywhere(), e.id, func(r *Record) error {
		if r.Desired.Want != WantNothing || r.Desired.Generation != generation || r.Desired.Forget {
			return fault.New(fault.Conflict, "The lab is wanted again.")
		}
		r.Desired.Deployment, r.Desired.Back = Deployment{}, nil
		return nil
	})
	if fault.Is(err, fault.Conflict) {
		c.changed(e.id)
		return nil
	}
	if err != nil {
		return err
	}
	r.Observed = e.record.Observed
	e.record, e.running = r, nil
	clear(e.told)
	clear(e.reached)
	e.specs, e.pairs, e.plight, e.spareVNIs = nil, nil, plight{}, false
	c.queue.add(e.id)
	return nil
}

// lookAtGone removes from the hosts what they have of a lab that is not stored any more.
func (c *Controller) lookAtGone(ctx context.Context, e *entry) (time.Duration, error) {
	if e.record == nil || e.record.Desired.Want != WantNothing {
		e.record = &Record{ID: e.id}
	}
	sides := c.sides(e)
	s := next(e.record.Desired, sides, c.cfg.Now())
	c.tell(ctx, e, s, sides)
	if s.Gone {
		c.gone(e)
	}
	return s.Wait, nil
}

// gone tells watchers that the lab is no more, and forgets it.
func (c *Controller) gone(e *entry) {
	if e.record.Tenant != "" {
		c.hub.publish(Event{Tenant: e.record.Tenant, LabID: e.id, Removed: true})
	}
	c.dropEntry(e.id)
}
