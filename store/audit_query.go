package store

import (
	"context"
	"slices"
	"strings"

	"gorm.io/gorm"

	"trunkline/tenancy"
)

// What is asked for and answered is named by tenancy.
type (
	AuditFilter  = tenancy.AuditFilter
	AuditPage    = tenancy.AuditPage
	AuditPassage = tenancy.AuditPassage
)

var _ tenancy.AuditReader = (*AuditLog)(nil)

// Events returns the newest events that fit.
func (a *AuditLog) Events(ctx context.Context, scope tenancy.Scope, f AuditFilter) (AuditPage, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	f.Limit = min(f.Limit, 1000)
	query := where(inScope(a.store.ask(ctx), scope), f)
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

// auditStep is how many events are read at once.
const auditStep = 1000

// Each calls do with every event that fits, the oldest first. What do returns ends it.
func (a *AuditLog) Each(ctx context.Context, scope tenancy.Scope, f AuditFilter, do func(AuditPassage) error) error {
	for after := int64(0); ; {
		var rows []auditRow
		err := where(inScope(a.store.ask(ctx), scope), f).Where("number > ?", after).Order("number").Limit(auditStep).Find(&rows).Error
		if err != nil {
			return translate(err)
		}
		previous, err := a.hashesBefore(ctx, rows)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := do(AuditPassage{AuditLink: row.link(), Previous: previous[row.Number-1]}); err != nil {
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

func where(query *gorm.DB, f AuditFilter) *gorm.DB {
	if f.Site {
		query = query.Where("tenant_id = ''")
	}
	if f.Actor != "" {
		query = query.Where("(actor_id = ? OR behind_id = ?)", f.Actor, f.Actor)
	}
	if f.Person != "" {
		part := contains(f.Person)
		query = query.Where("(actor_id = ? OR behind_id = ? OR LOWER(actor_name) LIKE ? ESCAPE '!' OR LOWER(behind_name) LIKE ? ESCAPE '!')", f.Person, f.Person, part, part)
	}
	if len(f.Verbs) > 0 {
		query = query.Where("verb IN ?", f.Verbs)
	}
	if f.Object != "" {
		query = query.Where("(object_id = ? OR object_kind = ? OR object_id LIKE ? ESCAPE '!')", f.Object, f.Object, below(f.Object))
	}
	if f.About != "" {
		query = query.Where("(object_id = ? OR object_kind = ? OR object_id LIKE ? ESCAPE '!' OR LOWER(object_name) LIKE ? ESCAPE '!')",
			f.About, f.About, below(f.About), contains(f.About))
	}
	if f.Text != "" {
		query = query.Where(anyText, slices.Repeat([]any{contains(f.Text)}, strings.Count(anyText, "?"))...)
	}
	if !f.From.IsZero() {
		query = query.Where("at >= ?", stamp(f.From))
	}
	if !f.Until.IsZero() {
		query = query.Where("at < ?", stamp(f.Until))
	}
	return query
}

// anyText is a part of whatever people may remember of an event.
const anyText = "(LOWER(actor_name) LIKE ? ESCAPE '!' OR LOWER(behind_name) LIKE ? ESCAPE '!' OR LOWER(object_name) LIKE ? ESCAPE '!' OR LOWER(object_id) LIKE ? ESCAPE '!' " +
	"OR LOWER(address) LIKE ? ESCAPE '!' OR LOWER(request_id) LIKE ? ESCAPE '!' OR LOWER(before_json) LIKE ? ESCAPE '!' OR LOWER(after_json) LIKE ? ESCAPE '!')"

var wildcards = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

func contains(text string) string { return "%" + wildcards.Replace(strings.ToLower(text)) + "%" }

// below is what belongs to an object, such as the nodes of a lab.
func below(id string) string { return wildcards.Replace(id) + "/%" }
