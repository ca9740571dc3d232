package control

import (
	"context"
	"maps"
	"slices"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// trimTimeout bounds giving identifiers back after a deployment could not be stored.
const trimTimeout = 10 * time.Second

// store changes what a lab shall be, with an identifier for each name that crosses hosts: change gets them. revision is a new version that is
// stored with it; nil: none. The names that the lab and what it may go back to have already keep theirs. When change fails nothing new is kept.
// placing is held since the places were chosen, so that nobody gives away the same room, or frees what was just taken.
func (c *Controller) store(ctx context.Context, scope tenancy.Scope, r *Record, revision *Revision, crossing []string, change func(r *Record, vnis map[string]uint32) error) error {
	vnis, err := c.identify(ctx, r, crossing)
	with := func(stored *Record) error { return change(stored, vnis) }
	switch {
	case err != nil:
	case revision != nil:
		_, err = c.cfg.States.ReviseDesired(ctx, scope, r.ID, revision, with)
	default:
		_, err = c.cfg.States.ChangeDesired(ctx, scope, r.ID, with)
	}
	if err != nil && len(crossing) > 0 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), trimTimeout)
		defer cancel()
		if trim := c.trimLocked(ctx, r.ID, nil); trim != nil {
			c.log.Warn("Identifiers of a deploy that was not stored stay taken until the lab's next one.", "lab", r.ID, "err", trim)
		}
	}
	return err
}

// identify takes an identifier for each name.
func (c *Controller) identify(ctx context.Context, r *Record, crossing []string) (map[string]uint32, error) {
	if len(crossing) == 0 {
		return nil, nil
	}
	if c.cfg.Identifiers == nil {
		return nil, fault.New(fault.Internal, "The controller was made without identifiers, so nothing can run between hosts.")
	}
	stored, err := c.cfg.Labs.Lab(ctx, tenancy.Everywhere(), r.ID)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, name := range slices.Concat(crossing, namesOf(stored.Desired)) {
		names[name] = true
	}
	all, err := c.cfg.Identifiers.VNIs(ctx, tenancy.InTenant(r.Tenant), r.ID, slices.Sorted(maps.Keys(names)))
	if err != nil {
		return nil, err
	}
	vnis := make(map[string]uint32, len(crossing))
	for _, name := range crossing {
		vnis[name] = all[name]
	}
	return vnis, nil
}

// namesOf lists what has an identifier in what the lab shall be, and in what it goes back to when the deploy under way is cancelled.
func namesOf(d Desired) []string {
	names := slices.Collect(maps.Keys(d.VNIs))
	if d.Back != nil {
		names = slices.AppendSeq(names, maps.Keys(d.Back.VNIs))
	}
	return names
}

// trim frees the identifiers of what a settled lab no longer needs: nothing on any host uses them, and there is nothing to go back to.
func (c *Controller) trim(ctx context.Context, e *entry) error {
	needed := e.record.Desired.VNIs
	spare := e.spareVNIs
	if back := e.record.Desired.Back; back != nil {
		for name := range back.VNIs {
			spare = spare || needed[name] == 0
		}
	}
	if !spare || e.trimmed == e.record.Desired.Generation {
		return nil
	}
	c.placing.Lock()
	defer c.placing.Unlock()
	err := c.trimLocked(ctx, e.id, func(d Desired) []string {
		if d.Generation != e.record.Desired.Generation {
			return namesOf(d)
		}
		return slices.Collect(maps.Keys(d.VNIs))
	})
	if err == nil {
		e.spareVNIs, e.trimmed = false, e.record.Desired.Generation
	}
	return err
}

// trimLocked frees all but what needed names of the stored lab; nil: what it has and may go back to. placing is held.
func (c *Controller) trimLocked(ctx context.Context, labID string, needed func(Desired) []string) error {
	r, err := c.cfg.Labs.Lab(ctx, tenancy.Everywhere(), labID)
	if err != nil {
		return err
	}
	if needed == nil {
		needed = namesOf
	}
	names := needed(r.Desired)
	if len(names) == 0 {
		return c.cfg.Identifiers.FreeVNIs(ctx, tenancy.InTenant(r.Tenant), labID)
	}
	slices.Sort(names)
	_, err = c.cfg.Identifiers.VNIs(ctx, tenancy.InTenant(r.Tenant), labID, slices.Compact(names))
	return err
}

// freeForgotten gives back what labs hold that are deployed nowhere: a controller took it for a deploy, and ended before that was stored.
func (c *Controller) freeForgotten(ctx context.Context) error {
	c.placing.Lock()
	defer c.placing.Unlock()
	holding, err := c.cfg.Identifiers.LabsWithVNIs(ctx, tenancy.Everywhere())
	if err != nil || len(holding) == 0 {
		return err
	}
	deployed, err := c.cfg.States.ToReconcile(ctx, tenancy.Everywhere())
	if err != nil {
		return err
	}
	for _, id := range holding {
		if slices.Contains(deployed, id) {
			continue
		}
		c.log.Info("Identifiers of a deploy that was never stored are free again.", "lab", id)
		if err := c.cfg.Identifiers.FreeVNIs(ctx, tenancy.Everywhere(), id); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}

// freeVNIs gives back all that a lab has, of which nothing is left on any host. placing is held.
func (c *Controller) freeVNIs(ctx context.Context, r *Record) error {
	if c.cfg.Identifiers == nil {
		return nil
	}
	return c.cfg.Identifiers.FreeVNIs(ctx, tenancy.InTenant(r.Tenant), r.ID)
}
