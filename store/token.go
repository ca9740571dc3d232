package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

type tokenRow struct {
	ID         string `gorm:"primaryKey"`
	UserID     string
	TenantID   string
	Name       string
	Prefix     string
	Hash       string
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
	LastUsedAt int64
	ExpiresAt  int64
}

func (tokenRow) TableName() string { return "api_tokens" }

func (r tokenRow) token() tenancy.Token {
	return tenancy.Token{
		ID: r.ID, Name: r.Name, Prefix: r.Prefix, Created: moment(r.CreatedAt), LastUsed: moment(r.LastUsedAt), Expires: moment(r.ExpiresAt),
	}
}

var noToken = fault.New(fault.NotFound, "There is no such token.")

// SaveToken stores a token. Code: conflict when its user has one of that name.
func (s *Store) SaveToken(ctx context.Context, g tenancy.TokenGrant) error {
	row := tokenRow{
		ID: g.ID, UserID: g.UserID, TenantID: g.TenantID, Name: g.Name, Prefix: g.Prefix, Hash: g.Hash,
		CreatedAt: stamp(g.Created), LastUsedAt: stamp(g.LastUsed), ExpiresAt: stamp(g.Expires),
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		return orTaken(tx.Create(&row).Error, fault.New(fault.Conflict, "You have a token named %q already. Choose another name, or revoke that one.", g.Name).InField("name"))
	})
}

// TokenByHash finds a token by the hash of its secret. Code: not_found.
func (s *Store) TokenByHash(ctx context.Context, hash string) (tenancy.TokenGrant, error) {
	var row tokenRow
	err := s.ask(ctx).Where("hash = ?", hash).Take(&row).Error
	return tenancy.TokenGrant{Token: row.token(), Hash: row.Hash, UserID: row.UserID, TenantID: row.TenantID}, orMissing(err, noToken)
}

// TokensOf lists a user's tokens, the oldest first.
func (s *Store) TokensOf(ctx context.Context, userID string) ([]tenancy.Token, error) {
	var rows []tokenRow
	if err := s.ask(ctx).Where("user_id = ?", userID).Order("created_at, id").Find(&rows).Error; err != nil {
		return nil, translate(err)
	}
	tokens := make([]tenancy.Token, len(rows))
	for i, row := range rows {
		tokens[i] = row.token()
	}
	return tokens, nil
}

// DeleteToken removes a user's token. Code: not_found, also for somebody else's.
func (s *Store) DeleteToken(ctx context.Context, userID, id string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		gone := tx.Where("user_id = ? AND id = ?", userID, id).Delete(&tokenRow{})
		if gone.Error == nil && gone.RowsAffected == 0 {
			return noToken
		}
		return gone.Error
	})
}

// TouchToken notes when a token was last used.
func (s *Store) TouchToken(ctx context.Context, id string, at time.Time) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Model(&tokenRow{}).Where("id = ?", id).Update("last_used_at", stamp(at)).Error
	})
}
