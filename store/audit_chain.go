package store

import (
	"context"
	"sync"
	"time"

	"trunkline/tenancy"
)

// followEvery is how often the chain is followed from its beginning.
const followEvery = 6 * time.Hour

// followed is how far the chain was found unbroken.
type followed struct {
	mu    sync.Mutex // held while the chain is followed on: others wait for the same answer
	chain tenancy.AuditChain
	head  tenancy.AuditMark
}

// Run follows the chain from its beginning, now and then every few hours, until ctx ends: what is changed below what was followed already is found then.
func (a *AuditLog) Run(ctx context.Context) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		if err := a.followWhole(ctx); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "The chain of the audit could not be followed. It is tried again later.", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (a *AuditLog) followWhole(ctx context.Context) error {
	proof, err := a.Verify(ctx)
	if err != nil {
		return err
	}
	if proof.Broken != nil {
		a.log.ErrorContext(ctx, "The audit is not what was written.", "event", proof.Broken.Number, "why", proof.Broken.Why)
	}
	now := a.store.now()
	a.followed.mu.Lock()
	defer a.followed.mu.Unlock()
	known := &a.followed.chain
	if known.Broken != nil && proof.Broken == nil && known.Broken.Number > proof.Head.Number {
		return nil // it broke after what was just followed
	}
	*known = tenancy.AuditChain{Checked: now, Whole: now, Events: proof.Events, Broken: proof.Broken}
	a.followed.head = proof.Head
	return nil
}

// Chain follows the events that have come since it was asked last, and says how far the chain is unbroken. Until Run has followed all of it once its times are zero.
func (a *AuditLog) Chain(ctx context.Context) (tenancy.AuditChain, error) {
	a.followed.mu.Lock()
	defer a.followed.mu.Unlock()
	known := &a.followed.chain
	for known.Broken == nil && !known.Whole.IsZero() {
		now := a.store.now()
		var rows []auditRow
		err := a.store.ask(ctx).Where("number > ?", a.followed.head.Number).Order("number").Limit(auditStep).Find(&rows).Error
		if err != nil {
			return tenancy.AuditChain{}, translate(err)
		}
		for _, row := range rows {
			if a.followed.head, known.Broken = a.followed.head.Follow(row.link()); known.Broken != nil {
				return *known, nil
			}
			known.Events++
		}
		if len(rows) < auditStep {
			known.Checked = now
			break
		}
	}
	return *known, nil
}

// Count says how many events fit.
func (a *AuditLog) Count(ctx context.Context, scope tenancy.Scope, f AuditFilter) (int64, error) {
	var n int64
	err := where(inScope(a.store.ask(ctx).Model(&auditRow{}), scope), f).Count(&n).Error
	return n, translate(err)
}
