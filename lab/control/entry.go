package control

import (
	"context"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/place"
	"trunkline/tenancy"
)

// entry is one lab with something to reconcile. Only its worker touches it, but for what mu guards.
type entry struct {
	id      string
	record  *Record
	running *Revision // the deployed version; nil without one
	told    map[string]told
	nodes   map[string]NodeView // as last published
	specs   *compiled           // while hosts are being told them
	pairs   []place.Pair        // hosts that something runs between
	specsOf specKey
	reached map[string]reached // what each host was told of nodes elsewhere
	plight  plight

	spareVNIs bool  // identifiers may be left of an older deployment
	trimmed   int64 // generation for which they were given back

	lastSaved time.Time
	unsaved   bool

	mu        sync.Mutex
	stale     bool               // the stored record changed: read it anew
	interrupt context.CancelFunc // ends what the worker is telling hosts
	observed  *Observed          // the newest, which may not be stored yet
}

// entryOf finds or makes the lab's entry.
func (c *Controller) entryOf(id string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[id]
	if e == nil {
		e = &entry{id: id, stale: true, told: map[string]told{}, reached: map[string]reached{}, nodes: map[string]NodeView{}}
		c.entries[id] = e
	}
	return e
}

func (c *Controller) dropEntry(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, id)
	delete(c.stuck, id)
}

// changed says that the lab's stored record is another one now.
func (c *Controller) changed(labID string) {
	e := c.entryOf(labID)
	e.mu.Lock()
	e.stale = true
	if e.interrupt != nil {
		e.interrupt()
	}
	e.mu.Unlock()
	c.wake(labID)
}

// live puts the newest observed state in the place of the stored one, which may be half a second older.
func (c *Controller) live(r *Record) {
	c.mu.Lock()
	e := c.entries[r.ID]
	c.mu.Unlock()
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.observed != nil && !e.stale {
		r.Observed = *e.observed
	}
}

// load reads the record and the deployed version if they are not the newest. fault.NotFound: the lab is gone.
func (c *Controller) load(ctx context.Context, e *entry) error {
	e.mu.Lock()
	stale := e.stale
	e.stale = false
	e.mu.Unlock()
	if !stale && e.record != nil {
		return nil
	}
	err := c.read(ctx, e)
	if err != nil {
		e.mu.Lock()
		e.stale = true
		e.mu.Unlock()
	}
	return err
}

func (c *Controller) read(ctx context.Context, e *entry) error {
	r, err := c.cfg.Labs.Lab(ctx, tenancy.Everywhere(), e.id)
	if err != nil {
		return err
	}
	if r.ID != e.id {
		return fault.New(fault.NotFound, "There is no lab %s here.", e.id)
	}
	running, err := c.deployed(ctx, tenancy.Everywhere(), r)
	if err != nil {
		return err
	}
	if e.record != nil {
		r.Observed = e.record.Observed // ours: it may not be stored yet
	}
	e.spareVNIs = e.spareVNIs || mayLeaveVNIs(e.record, r)
	e.record, e.running = r, running
	return nil
}

// deployed is the version that is on the hosts; nil without one.
func (c *Controller) deployed(ctx context.Context, scope tenancy.Scope, r *Record) (*Revision, error) {
	switch r.Desired.Revision {
	case 0:
		return nil, nil
	case r.Revision.Number:
		return &r.Revision, nil
	}
	return c.cfg.Labs.Revision(ctx, scope, r.ID, r.Desired.Revision)
}

func (e *entry) runningLab() *lab.Lab {
	if e.running == nil {
		return nil
	}
	return e.running.Lab
}

// mayLeaveVNIs reports that identifiers may have been taken which the record no longer names: by an earlier controller, by a deploy that
// was taken back before anyone looked, or by one whose answer the database never gave.
func mayLeaveVNIs(before, now *Record) bool {
	return before == nil || before.Desired.Generation != now.Desired.Generation
}
