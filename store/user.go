package store

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

type userRow struct {
	ID           string `gorm:"primaryKey"`
	Email        *string
	Name         string
	PasswordHash string
	SiteAdmin    bool
	CreatedAt    int64 `gorm:"autoCreateTime:false"`

	ServiceOf *string // the workspace whose service account it is; nil: a person
	ServiceBy string
}

func (userRow) TableName() string { return "users" }

func (r userRow) user() tenancy.User {
	u := tenancy.User{ID: r.ID, Name: r.Name, PasswordHash: r.PasswordHash, SiteAdmin: r.SiteAdmin, Created: moment(r.CreatedAt)}
	if r.Email != nil {
		u.Email = *r.Email
	}
	u.Service = r.ServiceOf != nil
	return u
}

type tenantRow struct {
	ID        string `gorm:"primaryKey"`
	Name      string
	CreatedAt int64 `gorm:"autoCreateTime:false"`

	ImagesJSON string `gorm:"column:images_json"`
}

func (tenantRow) TableName() string { return "tenants" }

// membershipRow is what one source gives: a tenant may be given by hand, and by each provider.
type membershipRow struct {
	UserID    string `gorm:"primaryKey"`
	TenantID  string `gorm:"primaryKey"`
	Source    string `gorm:"primaryKey"`
	Role      string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

func (membershipRow) TableName() string { return "memberships" }

var noUser = fault.New(fault.NotFound, "There is no such user.")

// User returns one person. Code: not_found.
func (s *Store) User(ctx context.Context, id string) (tenancy.User, error) {
	var row userRow
	err := s.ask(ctx).Where("id = ?", id).Take(&row).Error
	return row.user(), orMissing(err, noUser)
}

// UserByEmail returns the person with the account name. Code: not_found.
func (s *Store) UserByEmail(ctx context.Context, email string) (tenancy.User, error) {
	var row userRow
	err := s.ask(ctx).Where("email = ?", email).Take(&row).Error
	return row.user(), orMissing(err, noUser)
}

// SaveUser makes or replaces a user. Code: conflict when someone else has the address.
func (s *Store) SaveUser(ctx context.Context, u tenancy.User) error {
	row := userRow{ID: u.ID, Name: u.Name, PasswordHash: u.PasswordHash, SiteAdmin: u.SiteAdmin, CreatedAt: stamp(u.Created)}
	if u.Email != "" {
		row.Email = &u.Email
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		err := tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"email", "name", "password_hash", "site_admin"}),
		}).Create(&row).Error
		return orTaken(err, fault.New(fault.Conflict, "Someone else signs in as %s already. Choose another name.", u.Email).InField("email"))
	})
}

// Administrators lists the administrators of the site, the first one first.
func (s *Store) Administrators(ctx context.Context) ([]tenancy.User, error) {
	var rows []userRow
	if err := s.ask(ctx).Where("site_admin = ?", true).Order("created_at, id").Find(&rows).Error; err != nil {
		return nil, translate(err)
	}
	users := make([]tenancy.User, len(rows))
	for i, row := range rows {
		users[i] = row.user()
	}
	return users, nil
}

// Memberships lists a user's tenants in the order they were joined, each with its highest role and who gives it. Of two who give the same, it is
// given by hand.
func (s *Store) Memberships(ctx context.Context, userID string) ([]tenancy.Membership, error) {
	var rows []membershipRow
	open := s.ask(ctx).Where("user_id = ? AND tenant_id IN (SELECT id FROM tenants WHERE ends_at = 0)", userID) // one being deleted is closed
	if err := open.Order("created_at, tenant_id, source").Find(&rows).Error; err != nil {
		return nil, translate(err)
	}
	return merged(rows), nil
}

// merged joins what several sources give, in the order of the first of each tenant.
func merged(rows []membershipRow) []tenancy.Membership {
	memberships := make([]tenancy.Membership, 0, len(rows))
	at := map[string]int{}
	for _, row := range rows {
		given := tenancy.Membership{UserID: row.UserID, TenantID: row.TenantID, Role: tenancy.Role(row.Role), Source: row.Source}
		i, there := at[row.TenantID]
		switch {
		case !there:
			at[row.TenantID] = len(memberships)
			memberships = append(memberships, given)
		case !memberships[i].Role.Includes(given.Role), memberships[i].Role == given.Role && given.Source == tenancy.ByHand:
			memberships[i] = given
		}
	}
	return memberships
}

// EnsureTenant makes the tenant when it is not there, and gives the user the role in it, by hand.
func (s *Store) EnsureTenant(ctx context.Context, tenantID, name string, m tenancy.Membership) error {
	at := stamp(s.now())
	return s.change(ctx, func(tx *gorm.DB) error {
		tenant := tenantRow{ID: tenantID, Name: name, CreatedAt: at, ImagesJSON: "null"}
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&tenant).Error; err != nil {
			return err
		}
		member := membershipRow{UserID: m.UserID, TenantID: tenantID, Role: string(m.Role), CreatedAt: at}
		return tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "user_id"}, {Name: "tenant_id"}, {Name: "source"}},
			DoUpdates: clause.AssignmentColumns([]string{"role"}),
		}).Create(&member).Error
	})
}
