package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"trunkline/tenancy"
)

// AuditFilter chooses events; what is zero chooses all.
type AuditFilter struct {
	Actor  string // id of who it counts for, or of the real person behind
	Verbs  []tenancy.AuditVerb
	Object string    // id, or kind
	From   time.Time // and after
	Until  time.Time // before it
	Before int64     // only events of lower numbers: AuditPage.Next of the page before
	Limit  int       // events on a page; 0: 100, and 1,000 at most
}

// AuditPage is some events, the newest first.
type AuditPage struct {
	Events []tenancy.AuditLink
	Next   int64 // give it as Before for the page after; 0: there is none
}

// Events returns the newest events that fit.
func (a *AuditLog) Events(ctx context.Context, scope tenancy.Scope, f AuditFilter) (AuditPage, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	f.Limit = min(f.Limit, 1000)
	query := f.where(inScope(a.store.ask(ctx), scope))
	if f.Before > 0 {
		query = query.Where("number < ?", f.Before)
	}
	var rows []auditRow
	if err := query.Order("number DESC").Limit(f.Limit + 1).Find(&rows).Error; err != nil {
		return AuditPage{}, translate(err)
	}
	page := AuditPage{Events: make([]tenancy.AuditLink, 0, len(rows))}
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		page.Next = rows[f.Limit-1].Number
	}
	for _, row := range rows {
		page.Events = append(page.Events, row.link())
	}
	return page, nil
}

// AuditPassage is an event with the hash that it follows from, also where that is of an event which the scope does not see: a hash tells nothing of what it is of.
type AuditPassage struct {
	tenancy.AuditLink
	Previous string
}

// auditStep is how many events are read at once.
const auditStep = 1000

// Each calls do with every event that fits, the oldest first. What do returns ends it.
func (a *AuditLog) Each(ctx context.Context, scope tenancy.Scope, f AuditFilter, do func(AuditPassage) error) error {
	for after := int64(0); ; {
		var rows []auditRow
		err := f.where(inScope(a.store.ask(ctx), scope)).Where("number > ?", after).Order("number").Limit(auditStep).Find(&rows).Error
		if err != nil {
			return translate(err)
		}
		previous, err := a.hashesBefore(ctx, rows)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := do(AuditPassage{row.link(), previous[row.Number-1]}); err != nil {
				return err
			}
			after = row.Number
		}
		if len(rows) < auditStep {
			return nil
		}
	}
}

// hashesBefore are the hashes that the events follow, by number: of events, of a checkpoint, or of the beginning.
func (a *AuditLog) hashesBefore(ctx context.Context, rows []auditRow) (map[int64]string, error) {
	hashes := map[int64]string{0: tenancy.AuditOrigin}
	var missing []int64
	for i, row := range rows {
		hashes[row.Number] = row.Hash
		if i == 0 || rows[i-1].Number != row.Number-1 {
			missing = append(missing, row.Number-1)
		}
	}
	if len(missing) == 0 {
		return hashes, nil
	}
	var found []auditHeadRow
	for _, table := range []string{"audit_checkpoints", "audit_events"} {
		if err := a.store.ask(ctx).Table(table).Select("number", "hash").Where("number IN ?", missing).Find(&found).Error; err != nil {
			return nil, translate(err)
		}
		for _, row := range found {
			hashes[row.Number] = row.Hash
		}
	}
	return hashes, nil
}

func (f AuditFilter) where(query *gorm.DB) *gorm.DB {
	if f.Actor != "" {
		query = query.Where("(actor_id = ? OR behind_id = ?)", f.Actor, f.Actor)
	}
	if len(f.Verbs) > 0 {
		query = query.Where("verb IN ?", f.Verbs)
	}
	if f.Object != "" {
		query = query.Where("(object_id = ? OR object_kind = ?)", f.Object, f.Object)
	}
	if !f.From.IsZero() {
		query = query.Where("at >= ?", stamp(f.From))
	}
	if !f.Until.IsZero() {
		query = query.Where("at < ?", stamp(f.Until))
	}
	return query
}
