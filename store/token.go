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

	Scope       string
	LastAddress string
	Workspace   string `gorm:"->"` // its name, where it is asked for
}

func (tokenRow) TableName() string { return "api_tokens" }

func (r tokenRow) token() tenancy.Token {
	return tenancy.Token{
		ID: r.ID, Name: r.Name, Prefix: r.Prefix, Created: moment(r.CreatedAt), LastUsed: moment(r.LastUsedAt), Expires: moment(r.ExpiresAt),
		Scope: tenancy.TokenScope(r.Scope), LastAddress: r.LastAddress, Workspace: r.Workspace,
	}
}

var noToken = fault.New(fault.NotFound, "There is no such token.")

// SaveToken stores a token. Code: conflict when its user has one of that name.
func (s *Store) SaveToken(ctx context.Context, g tenancy.TokenGrant) error {
	row := tokenRow{
		ID: g.ID, UserID: g.UserID, TenantID: g.TenantID, Name: g.Name, Prefix: g.Prefix, Hash: g.Hash,
		CreatedAt: stamp(g.Created), LastUsedAt: stamp(g.LastUsed), ExpiresAt: stamp(g.Expires),
		Scope: string(g.Scope), LastAddress: g.LastAddress,
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		return orTaken(tx.Create(&row).Error, fault.New(fault.Conflict, "You have a token named %q already. Choose another name, or revoke that one.", g.Name).InField("name"))
	})
}

// tokens reads them with the names of their workspaces.
func (s *Store) tokens(ctx context.Context) *gorm.DB {
	return s.ask(ctx).Table("api_tokens").Joins("JOIN tenants ON tenants.id = api_tokens.tenant_id").Select("api_tokens.*, tenants.name AS workspace")
}

// TokenGrant finds a token by its id or the hash of its secret. Code: not_found.
func (s *Store) TokenGrant(ctx context.Context, key tenancy.TokenKey) (tenancy.TokenGrant, error) {
	column, value := "api_tokens.id", key.ID
	if key.Hash != "" {
		column, value = "api_tokens.hash", key.Hash
	}
	var row tokenRow
	err := s.tokens(ctx).Where(column+" = ?", value).Take(&row).Error
	return tenancy.TokenGrant{Token: row.token(), Hash: row.Hash, UserID: row.UserID, TenantID: row.TenantID}, orMissing(err, noToken)
}

// TokensOf lists a user's tokens, the oldest first.
func (s *Store) TokensOf(ctx context.Context, userID string) ([]tenancy.Token, error) {
	var rows []tokenRow
	if err := s.tokens(ctx).Where("api_tokens.user_id = ?", userID).Order("api_tokens.created_at, api_tokens.id").Scan(&rows).Error; err != nil {
		return nil, translate(err)
	}
	tokens := make([]tenancy.Token, len(rows))
	for i, row := range rows {
		tokens[i] = row.token()
	}
	return tokens, nil
}

// DeleteToken removes a user's token and returns it. Code: not_found, also for somebody else's.
func (s *Store) DeleteToken(ctx context.Context, userID, id string) (tenancy.Token, error) {
	var row tokenRow
	err := s.change(ctx, func(tx *gorm.DB) error {
		if err := tx.Omit("workspace").Where("user_id = ? AND id = ?", userID, id).Take(&row).Error; err != nil {
			return orMissing(err, noToken)
		}
		gone := tx.Where("user_id = ? AND id = ?", userID, id).Delete(&tokenRow{})
		if gone.Error == nil && gone.RowsAffected == 0 {
			return noToken
		}
		return gone.Error
	})
	return row.token(), err
}

// TouchToken notes when and from where a token was last used.
func (s *Store) TouchToken(ctx context.Context, id string, at time.Time, address string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Model(&tokenRow{}).Where("id = ?", id).Updates(map[string]any{"last_used_at": stamp(at), "last_address": address}).Error
	})
}
