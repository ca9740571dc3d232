package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

type settingRow struct {
	Key       string `gorm:"primaryKey"`
	ValueJSON string `gorm:"column:value_json"`
	UpdatedAt int64  `gorm:"autoUpdateTime:false"`
}

func (settingRow) TableName() string { return "settings" }

// usedTokensKept is how long a join token that was used or has expired stays, so that its host is told "expired" or "used" and not "unknown".
const usedTokensKept = 30 * 24 * time.Hour

// Prune deletes what has expired: sessions, sign-in links, API tokens, invitations, join tokens, what hosts had in use, identifiers that have rested.
func (s *Store) Prune(ctx context.Context, now time.Time) error {
	at, long := stamp(now), stamp(now.Add(-usedTokensKept))
	return s.change(ctx, func(tx *gorm.DB) error {
		return errors.Join(
			tx.Where("expires_at <= ?", at).Delete(&sessionRow{}).Error,
			tx.Where("expires_at <= ?", at).Delete(&signInLinkRow{}).Error,
			tx.Where("expires_at <> 0 AND expires_at <= ?", at).Delete(&tokenRow{}).Error,
			tx.Where("expires_at <= ?", at).Delete(&invitationRow{}).Error,
			tx.Where("expires_at <= ? OR used_at <> 0 AND used_at <= ?", long, long).Delete(&joinTokenRow{}).Error,
			tx.Where("at <= ?", stamp(now.Add(-useKept))).Delete(&hostUseRow{}).Error,
			tx.Where("freed_at <> 0 AND freed_at <= ?", stamp(now.Add(-s.vnis.Quarantine))).Delete(&vlanRow{}).Error,
			s.pruneVNIs(tx, now),
			pruneUse(tx, now),
		)
	})
}

// BlobsInUse lists the sha256 of every project file that a lab holds.
func (s *Store) BlobsInUse(ctx context.Context) (map[string]bool, error) {
	var hashes []string
	if err := s.ask(ctx).Model(&fileRow{}).Distinct("sha256").Pluck("sha256", &hashes).Error; err != nil {
		return nil, translate(err)
	}
	inUse := make(map[string]bool, len(hashes))
	for _, hash := range hashes {
		inUse[hash] = true
	}
	return inUse, nil
}
