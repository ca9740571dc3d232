package store

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/internal/fault"
	"trunkline/migrations"
	"trunkline/tenancy"
)

// AuditLog keeps what was done: it is the tenancy.Auditor. One goroutine appends, as many events at once as are waiting.
type AuditLog struct {
	store *Store
	log   *slog.Logger
	queue chan queuedEvent
	ended chan struct{}

	followed followed // how far the chain is unbroken

	mu     sync.RWMutex // held for reading while an event is put into the queue
	closed bool
}

type queuedEvent struct {
	event  tenancy.SealedEvent
	result chan error
}

const (
	auditBatch = 256              // events in a transaction
	auditWait  = 15 * time.Second // for a place in the queue, and again for the transaction
)

var _ tenancy.Auditor = (*AuditLog)(nil)

// OpenAudit starts the writer. The caller closes the log before the store. log takes events that could not be written; nil: the default.
func (s *Store) OpenAudit(log *slog.Logger) *AuditLog {
	if log == nil {
		log = slog.Default()
	}
	a := &AuditLog{store: s, log: log, queue: make(chan queuedEvent, auditBatch), ended: make(chan struct{})}
	go a.write()
	return a
}

// Close writes what is waiting and ends the writer. It may be called more than once.
func (a *AuditLog) Close() {
	a.mu.Lock()
	if !a.closed {
		a.closed = true
		close(a.queue)
	}
	a.mu.Unlock()
	<-a.ended
}

// Record implements tenancy.Auditor.
func (a *AuditLog) Record(ctx context.Context, event tenancy.AuditEvent) error {
	sealed, err := event.Sealed(a.store.now())
	if err != nil {
		return err
	}
	err = a.record(sealed)
	if err == nil || event.Verb.MustBeKept() {
		return err
	}
	text, jsonErr := json.Marshal(sealed)
	a.log.ErrorContext(ctx, "An event could not be written to the audit. It is here instead.", "event", string(text), "err", errors.Join(err, jsonErr))
	return nil
}

func (a *AuditLog) record(sealed tenancy.SealedEvent) error {
	waiting := queuedEvent{sealed, make(chan error, 1)}
	patience := time.NewTimer(auditWait)
	defer patience.Stop()
	if err := a.put(waiting, patience.C); err != nil {
		return err
	}
	patience.Reset(auditWait)
	select {
	case err := <-waiting.result:
		return err
	case <-patience.C:
		return fault.New(fault.Unavailable, "The audit could not be written in time. Look whether it was done before you try again.")
	}
}

func (a *AuditLog) put(waiting queuedEvent, late <-chan time.Time) error {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.closed {
		return fault.New(fault.Unavailable, "Trunkline is stopping. Try again when it runs.")
	}
	select {
	case a.queue <- waiting:
		return nil
	case <-late:
		return fault.New(fault.Unavailable, "The audit cannot be written: the database is too busy. Try again.")
	}
}

// write appends until the queue is closed and empty.
func (a *AuditLog) write() {
	defer close(a.ended)
	for first := range a.queue {
		batch := append(make([]queuedEvent, 0, auditBatch), first)
		for more := true; more && len(batch) < auditBatch; {
			select {
			case next, open := <-a.queue:
				if more = open; open {
					batch = append(batch, next)
				}
			default:
				more = false
			}
		}
		a.appendBatch(batch)
	}
}

// appendBatch tells each event its own end: one that the database refuses does not take the others with it.
func (a *AuditLog) appendBatch(batch []queuedEvent) {
	events := make([]tenancy.SealedEvent, len(batch))
	for i, waiting := range batch {
		events[i] = waiting.event
	}
	err := a.append(events)
	if code := fault.CodeOf(err); err == nil || len(batch) == 1 || code == fault.Unavailable || code == fault.Exhausted {
		for _, waiting := range batch {
			waiting.result <- err
		}
		return
	}
	for _, waiting := range batch {
		waiting.result <- a.append([]tenancy.SealedEvent{waiting.event})
	}
}

// append puts events at the end of the chain, all or none.
func (a *AuditLog) append(events []tenancy.SealedEvent) error {
	ctx, cancel := context.WithTimeout(context.Background(), auditWait)
	defer cancel()
	return a.store.change(ctx, func(tx *gorm.DB) error {
		head, err := a.lockHead(tx)
		if err != nil {
			return err
		}
		return extend(tx, head, events)
	})
}

// lockHead reads the last mark; others who append wait until this transaction ends.
func (a *AuditLog) lockHead(tx *gorm.DB) (tenancy.AuditMark, error) {
	if a.store.dialect == migrations.PostgreSQL {
		tx = tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
	}
	var row auditHeadRow
	err := tx.Where("id = 1").Take(&row).Error
	return tenancy.AuditMark{Number: row.Number, Hash: row.Hash}, err
}

func extend(tx *gorm.DB, head tenancy.AuditMark, events []tenancy.SealedEvent) error {
	rows := make([]auditRow, len(events))
	for i, event := range events {
		link, err := head.Next(event)
		if err != nil {
			return err
		}
		rows[i], head = auditRowOf(link), link.AuditMark
	}
	if err := insertAll(tx, rows); err != nil {
		return err
	}
	return tx.Model(&auditHeadRow{}).Where("id = 1").Updates(map[string]any{"number": head.Number, "hash": head.Hash}).Error
}

type auditHeadRow struct {
	ID     int64 `gorm:"primaryKey"`
	Number int64
	Hash   string
}

func (auditHeadRow) TableName() string { return "audit_head" }

type auditRow struct {
	Number     int64 `gorm:"primaryKey;autoIncrement:false"`
	At         int64
	ActorID    string
	ActorName  string
	BehindID   string
	BehindName string
	TokenID    string
	TenantID   string
	Verb       string
	ObjectKind string
	ObjectID   string
	ObjectName string
	BeforeJSON string `gorm:"column:before_json"`
	AfterJSON  string `gorm:"column:after_json"`
	Address    string
	RequestID  string
	Hash       string
}

func (auditRow) TableName() string { return "audit_events" }

func auditRowOf(l tenancy.AuditLink) auditRow {
	return auditRow{
		Number: l.Number, At: stamp(l.At), ActorID: l.Actor.ID, ActorName: l.Actor.Name, BehindID: l.Behind.ID, BehindName: l.Behind.Name, TokenID: l.TokenID,
		TenantID: l.Tenant, Verb: string(l.Verb), ObjectKind: l.Object.Kind, ObjectID: l.Object.ID, ObjectName: l.Object.Name,
		BeforeJSON: l.Before, AfterJSON: l.After, Address: l.Address, RequestID: l.RequestID, Hash: l.Hash,
	}
}

func (r auditRow) link() tenancy.AuditLink {
	return tenancy.AuditLink{
		SealedEvent: tenancy.SealedEvent{
			AuditEvent: tenancy.AuditEvent{
				At: moment(r.At), Actor: tenancy.AuditPerson{ID: r.ActorID, Name: r.ActorName}, Behind: tenancy.AuditPerson{ID: r.BehindID, Name: r.BehindName},
				TokenID: r.TokenID, Tenant: r.TenantID, Verb: tenancy.AuditVerb(r.Verb),
				Object: tenancy.AuditObject{Kind: r.ObjectKind, ID: r.ObjectID, Name: r.ObjectName}, Address: r.Address, RequestID: r.RequestID,
			},
			Before: r.BeforeJSON, After: r.AfterJSON,
		},
		AuditMark: tenancy.AuditMark{Number: r.Number, Hash: r.Hash},
	}
}
