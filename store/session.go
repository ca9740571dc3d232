package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/internal/fault"
	"trunkline/internal/seal"
	"trunkline/tenancy"
)

// Sessions keeps browser sessions. What pages remember in them goes through alexedwards/scs, for which it is an scs.CtxStore; whose they are and
// how long they last is tenancy's, for which it is a tenancy.SessionStore. Tokens come as their hashes.
type Sessions struct {
	store *Store
	keys  *seal.Ring // nil: ID tokens are not kept
}

// Sessions returns the store of browser sessions.
func (s *Store) Sessions() *Sessions { return &Sessions{store: s} }

// WithKeys keeps the ID tokens of providers, sealed: without keys they are forgotten, and nobody is signed out at the provider as well.
func (s *Sessions) WithKeys(keys *seal.Ring) *Sessions { return &Sessions{store: s.store, keys: keys} }

type sessionRow struct {
	Token     string `gorm:"primaryKey"`
	Data      []byte
	ExpiresAt int64

	ID        string
	UserID    *string
	Provider  string
	Issuer    string
	Subject   string
	SID       string `gorm:"column:sid"`
	IDToken   string `gorm:"column:id_token"`
	CreatedAt int64  `gorm:"autoCreateTime:false"`
	SeenAt    int64
	Address   string
	Agent     string
}

func (sessionRow) TableName() string { return "sessions" }

const idTokenPurpose = "id token"

var noSession = fault.New(fault.NotFound, "There is no such session.")

// FindCtx returns what pages remember in a session; one that has expired is not found.
func (s *Sessions) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	var rows []sessionRow
	err := s.store.ask(ctx).Select("data").Where("token = ? AND expires_at > ?", token, stamp(s.store.now())).Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 || len(rows[0].Data) == 0 {
		return nil, false, translate(err)
	}
	return rows[0].Data, true, nil
}

// CommitCtx stores what pages remember. When a session ends is settled as it begins, and by TouchSession.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	row := sessionRow{Token: token, Data: data, ExpiresAt: stamp(expiry)}
	return s.store.change(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "token"}}, DoUpdates: clause.AssignmentColumns([]string{"data"}),
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

// BeginSession implements tenancy.SessionStore.
func (s *Sessions) BeginSession(ctx context.Context, tokenHash string, session tenancy.Session) error {
	row := sessionRow{
		Token: tokenHash, Data: []byte{}, ExpiresAt: stamp(session.Expires), ID: session.ID, UserID: &session.UserID,
		Provider: session.By.Provider, Issuer: session.By.Issuer, Subject: session.By.Subject, SID: session.By.SID,
		CreatedAt: stamp(session.Created), SeenAt: stamp(session.Seen), Address: session.Address, Agent: session.Agent,
	}
	if s.keys != nil && session.By.IDToken != "" {
		sealed, err := s.keys.Seal(idTokenPurpose, session.ID, []byte(session.By.IDToken))
		if err != nil {
			return err
		}
		row.IDToken = sealed
	}
	return s.store.change(ctx, func(tx *gorm.DB) error { return tx.Create(&row).Error })
}

// RenameSession implements tenancy.SessionStore. Code: not_found.
func (s *Sessions) RenameSession(ctx context.Context, id, tokenHash string) error {
	return s.update(ctx, id, map[string]any{"token": tokenHash})
}

// TouchSession implements tenancy.SessionStore. Code: not_found.
func (s *Sessions) TouchSession(ctx context.Context, id string, seen, expires time.Time, address string) error {
	return s.update(ctx, id, map[string]any{"seen_at": stamp(seen), "expires_at": stamp(expires), "address": address})
}

func (s *Sessions) update(ctx context.Context, id string, columns map[string]any) error {
	return s.store.change(ctx, func(tx *gorm.DB) error {
		done := tx.Model(&sessionRow{}).Where("id = ? AND user_id IS NOT NULL", id).Updates(columns)
		if done.Error == nil && done.RowsAffected == 0 {
			return noSession
		}
		return done.Error
	})
}

// Session implements tenancy.SessionStore. Code: not_found.
func (s *Sessions) Session(ctx context.Context, key tenancy.SessionKey) (tenancy.Session, error) {
	column, value := "id", key.ID
	if key.TokenHash != "" {
		column, value = "token", key.TokenHash
	}
	var row sessionRow
	if err := s.store.ask(ctx).Omit("data").Where(column+" = ? AND user_id IS NOT NULL", value).Take(&row).Error; err != nil {
		return tenancy.Session{}, orMissing(err, noSession)
	}
	session := row.session()
	if s.keys == nil || row.IDToken == "" {
		return session, nil
	}
	plain, err := s.keys.Open(idTokenPurpose, row.ID, row.IDToken)
	if err != nil && !fault.Is(err, fault.Invalid) { // one whose key is gone: the provider then asks whom to sign out
		return tenancy.Session{}, err
	}
	session.By.IDToken = string(plain)
	return session, nil
}

// SessionsOf implements tenancy.SessionStore.
func (s *Sessions) SessionsOf(ctx context.Context, userID string) ([]tenancy.Session, error) {
	var rows []sessionRow
	err := s.store.ask(ctx).Omit("data").Where("user_id = ? AND expires_at > ?", userID, stamp(s.store.now())).Order("seen_at DESC, id").Find(&rows).Error
	return sessionsOf(rows), translate(err)
}

// EndSessions implements tenancy.SessionStore.
func (s *Sessions) EndSessions(ctx context.Context, where tenancy.SessionsWhere) ([]tenancy.Session, error) {
	var rows []sessionRow
	err := s.store.change(ctx, func(tx *gorm.DB) error {
		chosen := forUpdate(tx).Omit("data").Where("user_id IS NOT NULL")
		for column, value := range map[string]string{
			"id": where.ID, "user_id": where.UserID, "provider": where.Provider, "issuer": where.Issuer, "subject": where.Subject, "sid": where.SID,
		} {
			if value != "" {
				chosen = chosen.Where(column+" = ?", value)
			}
		}
		if where.Except != "" {
			chosen = chosen.Where("id <> ?", where.Except)
		}
		if err := chosen.Find(&rows).Error; err != nil {
			return err
		}
		tokens := make([]string, len(rows))
		for i, row := range rows {
			tokens[i] = row.Token
		}
		for batch := range chunks(tokens) {
			if err := tx.Where("token IN ?", batch).Delete(&sessionRow{}).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sessionsOf(rows), nil
}

func sessionsOf(rows []sessionRow) []tenancy.Session {
	sessions := make([]tenancy.Session, len(rows))
	for i, row := range rows {
		sessions[i] = row.session()
	}
	return sessions
}

// session is the row without its ID token.
func (r sessionRow) session() tenancy.Session {
	session := tenancy.Session{
		ID: r.ID, By: tenancy.SignedInBy{Provider: r.Provider, Issuer: r.Issuer, Subject: r.Subject, SID: r.SID},
		Created: moment(r.CreatedAt), Seen: moment(r.SeenAt), Expires: moment(r.ExpiresAt), Address: r.Address, Agent: r.Agent,
	}
	if r.UserID != nil {
		session.UserID = *r.UserID
	}
	return session
}
