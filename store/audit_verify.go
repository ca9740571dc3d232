package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"trunkline/internal/fault"
	"trunkline/migrations"
	"trunkline/tenancy"
)

// AuditProof is what Verify found.
type AuditProof struct {
	Events int64               `json:"events"`           // that were looked at
	From   tenancy.AuditMark   `json:"from"`             // before the first: the beginning, or the last checkpoint
	Head   tenancy.AuditMark   `json:"head"`             // the last event that follows; noted down elsewhere, it proves all up to it
	Broken *tenancy.AuditBreak `json:"broken,omitempty"` // the first event that does not; nil: all do
}

type auditCheckpointRow struct {
	Number int64 `gorm:"primaryKey;autoIncrement:false"`
	Hash   string
	At     int64
}

func (auditCheckpointRow) TableName() string { return "audit_checkpoints" }

// Verify reads the whole chain and names the first event that was changed, added, taken away or moved. known are marks that were noted down earlier: an
// event that is not what it was then is a break too. It is for administrators of the site: the chain goes through all tenants.
func (a *AuditLog) Verify(ctx context.Context, known ...tenancy.AuditMark) (proof AuditProof, err error) {
	err = a.store.ask(ctx).Transaction(func(tx *gorm.DB) error {
		proof, err = verifyChain(tx, known)
		return err
	}, a.store.oneMoment())
	return proof, translate(err)
}

// oneMoment lets a transaction see the database as it was when it began, which SQLite's always do.
func (s *Store) oneMoment() *sql.TxOptions {
	if s.dialect == migrations.PostgreSQL {
		return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return nil
}

func verifyChain(tx *gorm.DB, known []tenancy.AuditMark) (AuditProof, error) {
	var head auditHeadRow
	if err := tx.Where("id = 1").Take(&head).Error; err != nil {
		return AuditProof{}, err
	}
	var checkpoint auditCheckpointRow
	if err := tx.Order("number DESC").Limit(1).Find(&checkpoint).Error; err != nil {
		return AuditProof{}, err
	}
	c := chainCheck{known: map[int64]string{}}
	for _, mark := range known {
		c.known[mark.Number] = mark.Hash
	}
	c.proof.From = tenancy.AuditMark{Hash: tenancy.AuditOrigin}
	if checkpoint.Number > 0 {
		c.proof.From = tenancy.AuditMark{Number: checkpoint.Number, Hash: checkpoint.Hash}
		c.pruned = c.proof.From
		delete(c.known, 0)
	}
	c.proof.Head = c.proof.From
	c.matchKnown(c.proof.From)
	for c.proof.Broken == nil {
		var rows []auditRow
		if err := tx.Where("number > ?", c.last).Order("number").Limit(auditStep).Find(&rows).Error; err != nil {
			return c.proof, err
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			c.follow(row.link())
		}
	}
	c.end(tenancy.AuditMark{Number: head.Number, Hash: head.Hash})
	return c.proof, nil
}

// chainCheck follows the chain from one event to the next, up to the first break.
type chainCheck struct {
	proof  AuditProof
	known  map[int64]string  // by number
	last   int64             // number that was read last
	pruned tenancy.AuditMark // checkpoint of which no event has told yet
}

func (c *chainCheck) follow(link tenancy.AuditLink) {
	c.last = link.Number
	if c.proof.Broken != nil || link.Number <= c.proof.From.Number {
		return // what a checkpoint lets go may be there still
	}
	c.proof.Head, c.proof.Broken = c.proof.Head.Follow(link)
	if c.proof.Broken != nil {
		return
	}
	c.proof.Events++
	if link.Verb == tenancy.AuditPrune && link.Object.ID == strconv.FormatInt(c.pruned.Number, 10) && link.After == pruneDetail(c.pruned) {
		c.pruned = tenancy.AuditMark{}
	}
	c.matchKnown(link.AuditMark)
}

func (c *chainCheck) matchKnown(mark tenancy.AuditMark) {
	if hash, is := c.known[mark.Number]; is {
		if delete(c.known, mark.Number); hash != mark.Hash {
			c.proof.Broken = &tenancy.AuditBreak{Number: mark.Number, Why: fmt.Sprintf("Event %d is not the one that was noted down: the chain up to it was made anew.", mark.Number)}
		}
	}
}

// end compares where the chain ended with where it should.
func (c *chainCheck) end(head tenancy.AuditMark) {
	if c.proof.Broken != nil {
		return
	}
	at := c.proof.Head
	if at != head {
		c.proof.Broken = &tenancy.AuditBreak{Number: at.Number + 1, Why: fmt.Sprintf("The chain ends with event %d, and event %d was the last that was written.", at.Number, head.Number)}
		return
	}
	for number := range c.known {
		if number > at.Number {
			c.proof.Broken = &tenancy.AuditBreak{Number: at.Number + 1, Why: fmt.Sprintf("Event %d was noted down, and the chain ends with event %d.", number, at.Number)}
			return
		}
	}
	if c.pruned.Number > 0 {
		c.proof.Broken = &tenancy.AuditBreak{Number: c.pruned.Number, Why: fmt.Sprintf("Events up to %d were taken away, and no event tells who did that.", c.pruned.Number)}
	}
}

func pruneDetail(mark tenancy.AuditMark) string { return `{"mark":"` + mark.String() + `"}` }

// Prune takes away the events before a time, in one transaction with the checkpoint that what is left goes on from, and with an event that tells of it. by says who does
// it; its verb, object and details are set here. Nothing is left of what it takes: export it first. It returns the checkpoint, whose number is 0 when there was
// nothing to take away.
func (a *AuditLog) Prune(ctx context.Context, before time.Time, by tenancy.AuditEvent) (mark tenancy.AuditMark, err error) {
	err = a.store.change(ctx, func(tx *gorm.DB) error {
		head, err := a.lockHead(tx)
		if err != nil {
			return err
		}
		if mark, err = lastBefore(tx, before); err != nil || mark.Number == 0 {
			return err
		}
		by.Verb, by.Object = tenancy.AuditPrune, tenancy.AuditObject{Kind: "audit", ID: strconv.FormatInt(mark.Number, 10)}
		by.Before, by.After = nil, map[string]string{"mark": mark.String()}
		sealed, err := by.Sealed(a.store.now())
		if err != nil {
			return err
		}
		checkpoint := auditCheckpointRow{Number: mark.Number, Hash: mark.Hash, At: stamp(a.store.now())}
		return errors.Join(tx.Create(&checkpoint).Error, tx.Where("number <= ?", mark.Number).Delete(&auditRow{}).Error, extend(tx, head, []tenancy.SealedEvent{sealed}))
	})
	if fault.Is(err, fault.Conflict) {
		err = fault.Wrap(err, fault.Conflict, "Somebody else takes away old events of the audit just now.")
	}
	return mark, err
}

// lastBefore is the last of the events that are all before the time: an event that came late keeps those after it.
func lastBefore(tx *gorm.DB, before time.Time) (tenancy.AuditMark, error) {
	var first, last auditRow
	if err := tx.Where("at >= ?", stamp(before)).Order("number").Limit(1).Find(&first).Error; err != nil {
		return tenancy.AuditMark{}, err
	}
	query := tx.Order("number DESC").Limit(1)
	if first.Number > 0 {
		query = query.Where("number < ?", first.Number)
	}
	err := query.Find(&last).Error
	return tenancy.AuditMark{Number: last.Number, Hash: last.Hash}, err
}
