package store

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"

	"gorm.io/gorm"

	"trunkline/hostlink"
	"trunkline/internal/fault"
)

// hostKeyRow is a key that a host may link with beside the one in its own row.
type hostKeyRow struct {
	PublicKey []byte `gorm:"primaryKey"`
	HostID    string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

func (hostKeyRow) TableName() string { return "host_keys" }

// HostKey is the public key of a host that may link: the one in use. It is hostlink.Authority's.
func (s *Store) HostKey(ctx context.Context, hostID string) (ed25519.PublicKey, error) {
	row, err := linkable(s.ask(ctx), hostID)
	return row.PublicKey, translate(err)
}

// linkable finds a host that may link.
func linkable(db *gorm.DB, hostID string) (hostRow, error) {
	var row hostRow
	err := db.Where("id = ?", hostID).Take(&row).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return hostRow{}, hostlink.ErrHostUnknown
	case err != nil:
		return hostRow{}, err
	case row.RevokedAt != 0:
		return hostRow{}, hostlink.ErrHostRevoked
	}
	return row, nil
}

// HostKeys are all public keys of a host that may link, the one in use first. It is hostlink.KeyKeeper's, as AddKey and KeepOnly are.
func (s *Store) HostKeys(ctx context.Context, hostID string) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	err := s.ask(ctx).Transaction(func(tx *gorm.DB) (err error) {
		_, keys, err = hostKeys(tx, hostID)
		return err
	})
	return keys, translate(err)
}

func hostKeys(tx *gorm.DB, hostID string) (hostRow, []ed25519.PublicKey, error) {
	row, err := linkable(tx, hostID)
	if err != nil {
		return row, nil, err
	}
	keys := []ed25519.PublicKey{row.PublicKey}
	var more []hostKeyRow
	if err := tx.Where("host_id = ?", hostID).Order("created_at, public_key").Find(&more).Error; err != nil {
		return row, nil, err
	}
	for _, key := range more {
		keys = append(keys, key.PublicKey)
	}
	return row, keys, nil
}

// AddKey lets the host link with key too. Code: conflict (another host's key).
func (s *Store) AddKey(ctx context.Context, hostID string, key ed25519.PublicKey) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		if _, err := linkable(forUpdate(tx), hostID); err != nil {
			return err
		}
		_, keys, err := hostKeys(tx, hostID)
		if err != nil || holds(keys, key) {
			return err
		}
		taken := fault.New(fault.Conflict, "This key is another host's. Let the agent make a new one.")
		var others int64
		if err := tx.Model(&hostRow{}).Where("public_key = ?", []byte(key)).Count(&others).Error; err != nil {
			return err
		}
		if others > 0 {
			return taken
		}
		return orTaken(tx.Create(&hostKeyRow{PublicKey: key, HostID: hostID, CreatedAt: stamp(s.now())}).Error, taken)
	})
	if err != nil {
		return err
	}
	return s.harden(ctx)
}

// KeepOnly makes key the host's only one. Code: conflict (AddKey was not told of it).
func (s *Store) KeepOnly(ctx context.Context, hostID string, key ed25519.PublicKey) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if _, err := linkable(forUpdate(tx), hostID); err != nil {
			return err
		}
		row, keys, err := hostKeys(tx, hostID)
		switch {
		case err != nil:
			return err
		case !holds(keys, key):
			return fault.New(fault.Conflict, "This is none of the host's keys. Change the host's key again.")
		case len(keys) == 1:
			return nil
		}
		if err := tx.Where("host_id = ?", hostID).Delete(&hostKeyRow{}).Error; err != nil || bytes.Equal(row.PublicKey, key) {
			return err
		}
		return tx.Model(&hostRow{}).Where("id = ?", hostID).Updates(map[string]any{"public_key": []byte(key), "rotated_at": stamp(s.now())}).Error
	})
}

func holds(keys []ed25519.PublicKey, key ed25519.PublicKey) bool {
	for _, has := range keys {
		if has.Equal(key) {
			return true
		}
	}
	return false
}
