package store

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

// imagesJSON is an image policy as it is stored.
type imagesJSON struct {
	Map   map[string]string `json:"map,omitempty"`
	Allow []string          `json:"allow,omitempty"`
}

func imagePolicy(text string) (control.ImagePolicy, error) {
	stored, err := fromJSON[imagesJSON](text)
	return control.ImagePolicy{Map: stored.Map, Allow: stored.Allow}, err
}

// imagesKey is the setting that holds the site's image policy.
const imagesKey = "images"

// SiteImages is what the site says of images.
func (s *Store) SiteImages(ctx context.Context) (control.ImagePolicy, error) {
	return siteImages(s.ask(ctx))
}

func siteImages(db *gorm.DB) (control.ImagePolicy, error) {
	var row settingRow
	err := db.Where("key = ?", imagesKey).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return control.ImagePolicy{}, nil
	}
	if err != nil {
		return control.ImagePolicy{}, translate(err)
	}
	return imagePolicy(row.ValueJSON)
}

// ChangeSiteImages runs change inside one transaction and stores what it leaves. Deployed labs keep the images they were deployed with.
func (s *Store) ChangeSiteImages(ctx context.Context, change func(*control.ImagePolicy) error) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return changeImages(siteImages, change, forUpdate(tx), func(text string) error {
			row := settingRow{Key: imagesKey, ValueJSON: text, UpdatedAt: stamp(s.now())}
			return tx.Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "key"}}, DoUpdates: clause.AssignmentColumns([]string{"value_json", "updated_at"}),
			}).Create(&row).Error
		})
	})
}

// TenantImages is what the scope's tenant says of images. Code: not_found when there is no such tenant, or the scope has none.
func (s *Store) TenantImages(ctx context.Context, scope tenancy.Scope) (control.ImagePolicy, error) {
	return tenantImages(scope)(s.ask(ctx))
}

var noWorkspace = tenancy.Missing("such workspace")

func tenantImages(scope tenancy.Scope) func(*gorm.DB) (control.ImagePolicy, error) {
	return func(db *gorm.DB) (control.ImagePolicy, error) {
		id, all := scope.Tenant()
		if all {
			return control.ImagePolicy{}, fault.New(fault.Internal, "The images of all workspaces were asked for at once.")
		}
		var row tenantRow
		if err := db.Where("id = ?", id).Take(&row).Error; err != nil {
			return control.ImagePolicy{}, orMissing(err, noWorkspace)
		}
		return imagePolicy(row.ImagesJSON)
	}
}

// ChangeTenantImages is ChangeSiteImages for the scope's tenant. Code: not_found.
func (s *Store) ChangeTenantImages(ctx context.Context, scope tenancy.Scope, change func(*control.ImagePolicy) error) error {
	id, _ := scope.Tenant()
	return s.change(ctx, func(tx *gorm.DB) error {
		return changeImages(tenantImages(scope), change, forUpdate(tx), func(text string) error {
			return tx.Model(&tenantRow{}).Where("id = ?", id).Update("images_json", text).Error
		})
	})
}

// changeImages reads by the locking session, changes and saves.
func changeImages(read func(*gorm.DB) (control.ImagePolicy, error), change func(*control.ImagePolicy) error, locking *gorm.DB, save func(text string) error) error {
	policy, err := read(locking)
	if err != nil {
		return err
	}
	if err := change(&policy); err != nil {
		return err
	}
	text, err := toJSON(imagesJSON{Map: policy.Map, Allow: policy.Allow})
	if err != nil {
		return err
	}
	return save(text)
}
