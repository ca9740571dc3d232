package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"trunkline/tenancy"
)

// reachRow is a share with its lab and, where somebody came by it, as whom.
type reachRow struct {
	Share        shareRow `gorm:"embedded"`
	LabOwner     string
	LabOwnerName string
	LabName      string
	GuestID      *string
	GuestName    *string
	GuestUserID  *string
	GuestCame    *int64
	GuestUntil   *int64
}

const reachColumns = `shares.*, labs.owner_id AS lab_owner, labs.owner_name AS lab_owner_name, labs.name AS lab_name`

// openShares are those of tenants that are not being deleted, with their labs.
func openShares(tx *gorm.DB) *gorm.DB {
	return tx.Table("shares").Joins("JOIN labs ON labs.id = shares.lab_id").Joins("JOIN tenants ON tenants.id = shares.tenant_id AND tenants.ends_at = 0")
}

// Reaches implements tenancy.VisitStore. It takes no scope: it decides which tenants a person reaches.
func (s *Store) Reaches(ctx context.Context, who tenancy.Visitor, labID string, now time.Time) ([]tenancy.Reach, error) {
	query := openShares(s.ask(ctx))
	nobody := who.UserID == "" && len(who.Guests) == 0
	switch {
	case nobody && !now.IsZero():
		return nil, nil
	case nobody:
		query = query.Select(reachColumns)
	default:
		guests := append([]string{""}, who.Guests...)
		query = query.Select(reachColumns+`, g.id AS guest_id, g.name AS guest_name, g.user_id AS guest_user_id, g.created_at AS guest_came, g.expires_at AS guest_until`).
			Joins(`LEFT JOIN share_guests g ON g.share_id = shares.id AND g.ended = ? AND (g.expires_at = 0 OR g.expires_at > ?) AND (g.user_id = ? OR g.user_id IS NULL AND g.id IN ?)`,
				false, stamp(now), who.UserID, guests).
			Where(`shares.user_id = ? OR g.id IS NOT NULL OR shares.hash IS NULL AND shares.address <> '' AND EXISTS (
				SELECT 1 FROM identities i WHERE i.user_id = ? AND i.email_verified = ? AND i.gone_at = 0 AND LOWER(i.email) = shares.address)`, who.UserID, who.UserID, true)
	}
	if !now.IsZero() {
		query = query.Where("shares.expires_at > ?", stamp(now))
	}
	if labID != "" {
		query = query.Where("shares.lab_id = ?", labID)
	}
	var rows []reachRow
	if err := query.Order("shares.created_at, shares.id").Scan(&rows).Error; err != nil {
		return nil, translate(err)
	}
	reaches, err := withMakers(s.ask(ctx), rows)
	return reaches, translate(err)
}

// withMakers adds who shares, as he is now.
func withMakers(tx *gorm.DB, rows []reachRow) ([]tenancy.Reach, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	var ids []string
	for _, row := range rows {
		ids = append(ids, row.Share.ByID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	var roles []membershipRow
	var admins []string
	for part := range slices.Chunk(ids, inBatches) {
		var some []membershipRow
		if err := tx.Where("user_id IN ?", part).Find(&some).Error; err != nil {
			return nil, err
		}
		roles = append(roles, some...)
		var those []string
		if err := tx.Model(&userRow{}).Where("id IN ? AND site_admin = ?", part, true).Pluck("id", &those).Error; err != nil {
			return nil, err
		}
		admins = append(admins, those...)
	}
	type place struct{ user, tenant string }
	highest := map[place]tenancy.Role{}
	for _, m := range roles {
		at, role := place{m.UserID, m.TenantID}, tenancy.Role(m.Role)
		if held, there := highest[at]; !there || !held.Includes(role) {
			highest[at] = role
		}
	}
	reaches := make([]tenancy.Reach, len(rows))
	for i, row := range rows {
		reaches[i] = row.reach()
		reaches[i].Maker = tenancy.Actor{
			UserID: row.Share.ByID, UserName: row.Share.ByName, TenantID: row.Share.TenantID, Role: highest[place{row.Share.ByID, row.Share.TenantID}], SiteAdmin: slices.Contains(admins, row.Share.ByID),
		}
	}
	return reaches, nil
}

func (r reachRow) reach() tenancy.Reach {
	reach := tenancy.Reach{Share: r.Share.share(), Object: labObject(r.Share.TenantID, r.LabOwner, r.Share.LabID, r.LabName), Owner: r.LabOwnerName}
	if r.GuestID != nil {
		guest := shareGuestRow{ID: *r.GuestID, ShareID: r.Share.ID, UserID: r.GuestUserID}
		if r.GuestName != nil && r.GuestCame != nil && r.GuestUntil != nil {
			guest.Name, guest.CreatedAt, guest.ExpiresAt = *r.GuestName, *r.GuestCame, *r.GuestUntil
		}
		came := guest.guest()
		reach.Guest = &came
	}
	return reach
}

// ReachByHash implements tenancy.VisitStore. A link that all have come by is found all the same: who came before may come again.
func (s *Store) ReachByHash(ctx context.Context, hash string, now time.Time) (tenancy.Reach, error) {
	var rows []reachRow
	err := openShares(s.ask(ctx)).Select(reachColumns).Where("shares.hash = ? AND shares.expires_at > ?", hash, stamp(now)).Limit(1).Scan(&rows).Error
	if err != nil {
		return tenancy.Reach{}, translate(err)
	}
	if len(rows) == 0 {
		return tenancy.Reach{}, noShare
	}
	reaches, err := withMakers(s.ask(ctx), rows)
	if err != nil {
		return tenancy.Reach{}, translate(err)
	}
	return reaches[0], nil
}

// TakeShare implements tenancy.VisitStore.
func (s *Store) TakeShare(ctx context.Context, t tenancy.ShareTaking) (tenancy.ShareGuest, error) {
	var kept shareGuestRow
	err := s.change(ctx, func(tx *gorm.DB) error {
		var row shareRow
		if err := forUpdate(tx).Where("hash = ? AND expires_at > ?", t.Hash, stamp(t.At)).Take(&row).Error; err != nil {
			return orMissing(err, noShare)
		}
		before, err := cameBefore(tx, row.ID, t.Visitor)
		switch {
		case err != nil:
			return err
		case before != nil && before.Ended:
			return noShare
		case before != nil:
			kept = *before
			if kept.UserID == nil {
				kept.ExpiresAt = stamp(t.Guest.Until)
			}
			return tx.Model(&shareGuestRow{}).Where("id = ?", kept.ID).Update("expires_at", kept.ExpiresAt).Error
		}
		counted := tx.Model(&shareRow{}).Where("id = ? AND (uses = 0 OR used < uses)", row.ID).Update("used", gorm.Expr("used + 1"))
		if counted.Error == nil && counted.RowsAffected == 0 {
			return noShare
		}
		if counted.Error != nil {
			return counted.Error
		}
		kept = shareGuestRow{ID: t.Guest.ID, ShareID: row.ID, Name: t.Guest.Name, CreatedAt: stamp(t.At), ExpiresAt: stamp(t.Guest.Until)}
		if t.Guest.UserID != "" {
			kept.UserID = &t.Guest.UserID
		}
		return tx.Create(&kept).Error
	})
	if err != nil {
		return tenancy.ShareGuest{}, err
	}
	return kept.guest(), nil
}

// cameBefore is as whom the visitor came by the link already; nil: never.
func cameBefore(tx *gorm.DB, shareID string, who tenancy.Visitor) (*shareGuestRow, error) {
	query := tx.Where("share_id = ?", shareID)
	if who.UserID != "" {
		query = query.Where("user_id = ?", who.UserID)
	} else {
		query = query.Where("user_id IS NULL AND id IN ?", append([]string{""}, who.Guests...))
	}
	var rows []shareGuestRow
	if err := query.Order("created_at").Limit(1).Find(&rows).Error; err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// EndShares deletes shares and returns those that were there.
func (s *Store) EndShares(ctx context.Context, ids []string) ([]tenancy.Share, error) {
	var ended []tenancy.Share
	err := s.change(ctx, func(tx *gorm.DB) error {
		ended = nil
		for part := range slices.Chunk(ids, inBatches) {
			var rows []shareRow
			if err := forUpdate(tx).Where("id IN ?", part).Order("id").Find(&rows).Error; err != nil {
				return err
			}
			if len(rows) == 0 {
				continue
			}
			if err := tx.Where("id IN ?", part).Delete(&shareRow{}).Error; err != nil {
				return err
			}
			for _, row := range rows {
				ended = append(ended, row.share())
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}
