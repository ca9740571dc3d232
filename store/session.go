package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Sessions keeps browser sessions for alexedwards/scs: it is an scs.CtxStore.
type Sessions struct{ store *Store }

// Sessions returns the store of browser sessions.
func (s *Store) Sessions() *Sessions { return &Sessions{store: s} }

type sessionRow struct {
	Token     string `gorm:"primaryKey"`
	Data      []byte
	ExpiresAt int64
}

func (sessionRow) TableName() string { return "sessions" }

// FindCtx returns a session's data; one that has expired is not found.
func (s *Sessions) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var rows []sessionRow
	err := s.store.ask(ctx).Where("token = ? AND expires_at > ?", token, stamp(s.store.now())).Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return nil, false, translate(err)
	}
	return rows[0].Data, true, nil
}

// CommitCtx stores a session in the place of what its token had.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	row := sessionRow{Token: token, Data: data, ExpiresAt: stamp(expiry)}
	return s.store.change(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "token"}}, DoUpdates: clause.AssignmentColumns([]string{"data", "expires_at"}),
		}).Create(&row).Error
	})
}

// DeleteCtx ends a session; one that is not there is no error.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	return s.store.change(ctx, func(tx *gorm.DB) error {
		return tx.Where("token = ?", token).Delete(&sessionRow{}).Error
	})
}

// Find, Commit and Delete are what scs calls where it has no context.

func (s *Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

func (s *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

func (s *Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
