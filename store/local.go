package store

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

const settingPasswordsOn = "local_accounts"

// PasswordsOn implements tenancy.LocalStore.
func (s *Store) PasswordsOn(ctx context.Context) (bool, error) {
	var rows []settingRow
	if err := s.ask(ctx).Where("key = ?", settingPasswordsOn).Limit(1).Find(&rows).Error; err != nil {
		return false, translate(err)
	}
	if len(rows) == 0 {
		return true, nil
	}
	return fromJSON[bool](rows[0].ValueJSON)
}

// SetPasswordsOn implements tenancy.LocalStore.
func (s *Store) SetPasswordsOn(ctx context.Context, on bool) error {
	text, err := toJSON(on)
	if err != nil {
		return err
	}
	row := settingRow{Key: settingPasswordsOn, ValueJSON: text, UpdatedAt: stamp(s.now())}
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "key"}}, DoUpdates: clause.AssignmentColumns([]string{"value_json", "updated_at"})}).Create(&row).Error
	})
}

// AdministratorsBy implements tenancy.LocalStore: in the order of the buttons, without identities that are known to be gone.
func (s *Store) AdministratorsBy(ctx context.Context) ([]string, error) {
	var ids []string
	err := s.ask(ctx).Table("login_providers").Where(`EXISTS (SELECT 1 FROM identities i JOIN users u ON u.id = i.user_id
		WHERE i.provider = login_providers.id AND i.gone_at = 0 AND u.site_admin)`).Order("place, id").Pluck("id", &ids).Error
	return ids, translate(err)
}
