package store

import (
	"context"

	"gorm.io/gorm"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

type signInLinkRow struct {
	Hash      string `gorm:"primaryKey"`
	UserID    string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	ExpiresAt int64
}

func (signInLinkRow) TableName() string { return "signin_links" }

// ReplaceSignInLinks stores the link and takes back the user's earlier ones.
func (s *Store) ReplaceSignInLinks(ctx context.Context, link tenancy.SignInLink) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := tx.Where("user_id = ?", link.UserID).Delete(&signInLinkRow{}).Error; err != nil {
			return err
		}
		return tx.Create(&signInLinkRow{Hash: link.Hash, UserID: link.UserID, CreatedAt: stamp(link.Created), ExpiresAt: stamp(link.Expires)}).Error
	})
}

// UseSignInLink takes the link away and returns it; of two who come at once one wins. Code: not_found.
func (s *Store) UseSignInLink(ctx context.Context, hash string) (tenancy.SignInLink, error) {
	unknown := fault.New(fault.NotFound, "There is no such sign-in link.")
	var row signInLinkRow
	err := s.change(ctx, func(tx *gorm.DB) error {
		if err := tx.Where("hash = ?", hash).Take(&row).Error; err != nil {
			return orMissing(err, unknown)
		}
		gone := tx.Where("hash = ?", hash).Delete(&signInLinkRow{})
		if gone.Error == nil && gone.RowsAffected == 0 {
			return unknown
		}
		return gone.Error
	})
	if err != nil {
		return tenancy.SignInLink{}, err
	}
	return tenancy.SignInLink{Hash: row.Hash, UserID: row.UserID, Created: moment(row.CreatedAt), Expires: moment(row.ExpiresAt)}, nil
}
