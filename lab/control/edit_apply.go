package control

import (
	"context"
	"errors"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/tenancy"
)

// apply deploys the new version and stores it with that, over a deploy that is under way too; nil: the version that there is. fault.Conflict: the lab
// is another one meanwhile. Whatever else refuses it, nothing is stored, unless nothing that runs would change: nobody is kept from drawing.
func (e *editing) apply(ctx context.Context, actor tenancy.Actor, revision *Revision) error {
	c, would := e.c, e.r
	if revision != nil {
		would = e.with(revision)
	} else if e.r.Desired.Revision == e.r.Revision.Number && !e.r.Desired.Returning {
		return nil // that runs already
	}
	c.fleet.awaitUsable(ctx, firstHost)
	before, after, err := c.planAndStore(ctx, actor.Scope(), would, deploying{revision: revision, edit: true})
	err = unchanged(toldTo(actor, err))
	if _, refused := errors.AsType[notApplied](err); refused && revision != nil && e.drawsOnly() {
		e.result.Plan = append(e.result.Plan, PlanStep{Verb: "note", Object: "lab " + e.r.Name, Reason: "It cannot be deployed anew as it is. " + fault.Sentence(err)})
		return e.store(ctx, actor, revision)
	}
	if err != nil {
		return err
	}
	e.result.Applied = true
	if revision != nil {
		err = e.stored(ctx, actor, revision)
	}
	c.changed(e.r.ID)
	if err != nil {
		return err
	}
	if e.running != nil && e.running.Number == before.Revision {
		e.result.Plan = shortPlan(planSteps(e.running.Lab, e.r.Revision.Lab, before, after, c.hostName))
	}
	c.QuotasChanged()
	return c.recordDeploy(ctx, actor, e.r, before, after)
}

// drawsOnly reports that the edit changes nothing of what runs.
func (e *editing) drawsOnly() bool {
	return e.running != nil && len(lab.Diff(e.running.Lab, e.result.Lab)) == 0
}

// notApplied marks why an edit could not be applied, and was not stored.
type notApplied struct{ error }

func (e notApplied) Unwrap() error { return e.error }

// unchanged marks a refusal. Whether anything was stored is not known of other errors, or it is tried again.
func unchanged(err error) error {
	_, said := errors.AsType[*fault.Error](err)
	if !said || fault.Is(err, fault.Internal) || fault.Is(err, fault.Conflict) {
		return err
	}
	return notApplied{err}
}

// sayUnchanged has an error that unchanged has marked say so.
func sayUnchanged(err error) error {
	if _, refused := errors.AsType[notApplied](err); !refused {
		return err
	}
	told := fault.Public(err)
	told.Sentence += " Nothing was changed: the lab's file and what runs are as they were."
	told.Cause = err
	return told
}
