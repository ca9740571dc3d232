package store

import (
	"context"
	"encoding/json"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

type shareRow struct {
	ID        string `gorm:"primaryKey"`
	TenantID  string
	LabID     string
	Level     string
	UserID    *string
	Address   string
	Name      string
	Hash      *string
	Uses      int
	Used      int
	Guests    bool
	ByID      string
	ByName    string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	ExpiresAt int64
}

func (shareRow) TableName() string { return "shares" }

func (r shareRow) share() tenancy.Share {
	share := tenancy.Share{
		ID: r.ID, Tenant: r.TenantID, Lab: r.LabID, Level: tenancy.Level(r.Level), With: r.Address, Name: r.Name, By: r.ByID, ByName: r.ByName,
		Created: moment(r.CreatedAt), Expires: moment(r.ExpiresAt),
	}
	if r.UserID != nil {
		share.UserID = *r.UserID
	}
	if r.Hash != nil {
		share.Link = &tenancy.ShareLink{Uses: r.Uses, Used: r.Used, Guests: r.Guests}
	}
	return share
}

func newShareRow(s tenancy.Share, hash string) shareRow {
	row := shareRow{
		ID: s.ID, TenantID: s.Tenant, LabID: s.Lab, Level: string(s.Level), Address: s.With, Name: s.Name, ByID: s.By, ByName: s.ByName,
		CreatedAt: stamp(s.Created), ExpiresAt: stamp(s.Expires),
	}
	if s.UserID != "" {
		row.UserID = &s.UserID
	}
	if s.Link != nil {
		row.Hash, row.Uses, row.Used, row.Guests = &hash, s.Link.Uses, s.Link.Used, s.Link.Guests
	}
	return row
}

type shareGuestRow struct {
	ID        string `gorm:"primaryKey"`
	ShareID   string
	UserID    *string
	Name      string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	ExpiresAt int64
	Ended     bool
}

func (shareGuestRow) TableName() string { return "share_guests" }

func (r shareGuestRow) guest() tenancy.ShareGuest {
	guest := tenancy.ShareGuest{ID: r.ID, Name: r.Name, Account: r.UserID != nil, Came: moment(r.CreatedAt), Until: moment(r.ExpiresAt)}
	if r.UserID != nil {
		guest.UserID = *r.UserID
	}
	return guest
}

var noShare = fault.New(fault.NotFound, "This lab is not shared that way.")

// LabObject says what a lab is to tenancy.Allow, by id or by name in the scope's tenant. Code: not_found.
func (s *Store) LabObject(ctx context.Context, scope tenancy.Scope, ref string) (tenancy.ObjectRef, error) {
	row, err := findLab(s.ask(ctx).Omit("vnis_json"), scope, ref)
	if err != nil {
		return tenancy.ObjectRef{}, translate(err)
	}
	return labObject(row.TenantID, row.OwnerID, row.ID, row.Name), nil
}

func labObject(tenant, owner, id, name string) tenancy.ObjectRef {
	return tenancy.ObjectRef{Tenant: tenant, Owner: owner, Lab: id, Name: "lab " + name}
}

// SaveShare stores a new share, or gives what is shared with the same person already its level, its end and its maker. Codes: not_found for a lab
// out of scope, exhausted when the lab has most.
func (s *Store) SaveShare(ctx context.Context, scope tenancy.Scope, share tenancy.Share, hash string, most int) (tenancy.Share, error) {
	err := s.change(ctx, func(tx *gorm.DB) error {
		if _, err := heldLab(tx, scope, share.Lab); err != nil {
			return err
		}
		if share.Link == nil {
			same := tx.Where("lab_id = ? AND hash IS NULL", share.Lab)
			if share.Name != "" {
				same = same.Where("user_id = ?", share.UserID)
			} else {
				same = same.Where("address = ? AND name = ''", share.With)
			}
			var rows []shareRow
			if err := same.Limit(1).Find(&rows).Error; err != nil {
				return err
			}
			if len(rows) > 0 {
				share.ID, share.Created = rows[0].ID, moment(rows[0].CreatedAt)
				row := newShareRow(share, hash)
				return tx.Save(&row).Error
			}
		}
		var held int64
		if err := tx.Model(&shareRow{}).Where("lab_id = ?", share.Lab).Count(&held).Error; err != nil {
			return err
		}
		if held >= int64(most) {
			return fault.New(fault.Exhausted, "This lab is shared %d times already. End some of them, or send one link to many.", held)
		}
		row := newShareRow(share, hash)
		return tx.Create(&row).Error
	})
	if err != nil {
		return tenancy.Share{}, err
	}
	return share, nil
}

// heldLab holds the lab's tenant until the transaction ends, so that shares of its labs change one after the other, and returns the lab.
func heldLab(tx *gorm.DB, scope tenancy.Scope, labID string) (labRow, error) {
	var row labRow
	if err := inScope(tx, scope).Select("id, tenant_id, owner_id, name").Where("id = ?", labID).Take(&row).Error; err != nil {
		return row, orMissing(err, missingLab(labID))
	}
	return row, lockTenant(tx, tenancy.InTenant(row.TenantID))
}

// Shares lists those of a lab that work at now, with who came by them: people first, by name, then links, the newest first.
func (s *Store) Shares(ctx context.Context, scope tenancy.Scope, labID string, now time.Time) ([]tenancy.Share, error) {
	var rows []shareRow
	var guests []shareGuestRow
	if err := inScope(s.ask(ctx), scope).Where("lab_id = ? AND expires_at > ?", labID, stamp(now)).
		Order("CASE WHEN hash IS NULL THEN 0 ELSE 1 END, CASE WHEN hash IS NULL THEN LOWER(CASE WHEN name = '' THEN address ELSE name END) END, created_at DESC, id").
		Find(&rows).Error; err != nil {
		return nil, translate(err)
	}
	at := map[string]int{}
	ids := make([]string, len(rows))
	shares := make([]tenancy.Share, len(rows))
	for i, row := range rows {
		shares[i], ids[i], at[row.ID] = row.share(), row.ID, i
	}
	if len(ids) == 0 {
		return shares, nil
	}
	err := s.ask(ctx).Where("share_id IN ? AND ended = ? AND (expires_at = 0 OR expires_at > ?)", ids, false, stamp(now)).Order("created_at, id").Find(&guests).Error
	for _, guest := range guests {
		one := &shares[at[guest.ShareID]]
		one.People = append(one.People, guest.guest())
	}
	return shares, translate(err)
}

// ChangeShare lets change decide about one share of the scope's lab, and stores its level and end. Code: not_found.
func (s *Store) ChangeShare(ctx context.Context, scope tenancy.Scope, labID, id string, change func(*tenancy.Share) error) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		row, err := heldShare(tx, scope, labID, id)
		if err != nil {
			return err
		}
		share := row.share()
		if err := change(&share); err != nil {
			return err
		}
		return tx.Model(&shareRow{}).Where("id = ?", id).Updates(map[string]any{"level": string(share.Level), "expires_at": stamp(share.Expires)}).Error
	})
}

// heldShare is one share of the scope's lab, and nobody else changes it until the transaction ends.
func heldShare(tx *gorm.DB, scope tenancy.Scope, labID, id string) (shareRow, error) {
	var row shareRow
	err := inScope(forUpdate(tx), scope).Where("id = ? AND lab_id = ?", id, labID).Take(&row).Error
	return row, orMissing(err, noShare)
}

// DeleteShare takes one share of the scope's lab away, with who came by it. Code: not_found.
func (s *Store) DeleteShare(ctx context.Context, scope tenancy.Scope, labID, id string) (share tenancy.Share, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		row, err := heldShare(tx, scope, labID, id)
		if err != nil {
			return err
		}
		share = row.share()
		return tx.Delete(&row).Error
	})
	if err != nil {
		return tenancy.Share{}, err
	}
	return share, nil
}

// SendAway ends what one guest of a link has, and keeps that the link does not let him in again. Code: not_found.
func (s *Store) SendAway(ctx context.Context, scope tenancy.Scope, labID, guest string) (tenancy.ShareGuest, error) {
	var row shareGuestRow
	err := s.change(ctx, func(tx *gorm.DB) error {
		theirs := inScope(tx.Model(&shareRow{}), scope).Where("lab_id = ?", labID).Select("id")
		if err := tx.Where("id = ? AND ended = ? AND share_id IN (?)", guest, false, theirs).Take(&row).Error; err != nil {
			return orMissing(err, noShare)
		}
		return tx.Model(&shareGuestRow{}).Where("id = ?", row.ID).Update("ended", true).Error
	})
	if err != nil {
		return tenancy.ShareGuest{}, err
	}
	return row.guest(), nil
}

const settingLongestShare = "longest_share"

// LongestShare is how long a share may work; 0 when nobody has decided.
func (s *Store) LongestShare(ctx context.Context) (time.Duration, error) {
	var rows []settingRow
	if err := s.ask(ctx).Where("key = ?", settingLongestShare).Limit(1).Find(&rows).Error; err != nil || len(rows) == 0 {
		return 0, translate(err)
	}
	return fromJSON[time.Duration](rows[0].ValueJSON)
}

// SetLongestShare decides it.
func (s *Store) SetLongestShare(ctx context.Context, longest time.Duration) error {
	text, err := json.Marshal(longest)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "A value cannot be stored.")
	}
	row := settingRow{Key: settingLongestShare, ValueJSON: string(text), UpdatedAt: stamp(s.now())}
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "key"}}, DoUpdates: clause.AssignmentColumns([]string{"value_json", "updated_at"})}).Create(&row).Error
	})
}
