package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/internal/fault"
	"trunkline/internal/seal"
	"trunkline/tenancy"
)

// Identities keeps who has which identity at which provider. Tokens rest sealed.
type Identities struct {
	store *Store
	keys  *seal.Ring
}

// Identities returns the store of identities; keys seal the tokens.
func (s *Store) Identities(keys *seal.Ring) *Identities { return &Identities{store: s, keys: keys} }

type identityRow struct {
	Issuer       string `gorm:"primaryKey"`
	Subject      string `gorm:"primaryKey"`
	UserID       string
	Provider     string
	Email        string
	Name         string
	AccessToken  string
	RefreshToken string
	ExpiresAt    int64
	CreatedAt    int64 `gorm:"autoCreateTime:false"`
	UsedAt       int64
	CheckedAt    int64
	GoneAt       int64
}

func (identityRow) TableName() string { return "identities" }

// Purposes of what is sealed. What it is about is the identity, so that no row opens another's.
const (
	accessPurpose  = "access token"
	refreshPurpose = "refresh token"
)

func aboutIdentity(issuer, subject string) string { return issuer + "\x00" + subject }

var noIdentity = fault.New(fault.NotFound, "Nobody here signs in that way.")

// errLost is when somebody else made the same identity at the same time: then it is there, and the whole is done again.
var errLost = errors.New("another one made this identity first")

// Admit implements tenancy.IdentityStore. Codes: not_found when nobody has the identity and there is no newcomer.
func (s *Identities) Admit(ctx context.Context, a tenancy.Admission) (tenancy.Admitted, error) {
	for {
		var admitted tenancy.Admitted
		err := s.store.change(ctx, func(tx *gorm.DB) (err error) {
			admitted, err = s.admit(tx, a)
			return err
		})
		// The store gives what it does not know a code, and keeps it as the cause.
		if !errors.Is(err, errLost) {
			return admitted, err
		}
	}
}

func (s *Identities) admit(tx *gorm.DB, a tenancy.Admission) (admitted tenancy.Admitted, err error) {
	row, err := findIdentity(forUpdate(tx), a.Identity.Issuer, a.Identity.Subject)
	switch {
	case err == nil:
		var user userRow
		if err := tx.Where("id = ?", row.UserID).Take(&user).Error; err != nil {
			return admitted, err
		}
		admitted.User = user.user()
	case fault.Is(err, fault.NotFound) && a.Newcomer.ID != "":
		if admitted.User, err = newcomer(tx, a.Newcomer); err != nil {
			return admitted, err
		}
		admitted.New = true
		row = identityRow{Issuer: a.Identity.Issuer, Subject: a.Identity.Subject, UserID: admitted.User.ID, CreatedAt: stamp(a.At)}
	default:
		return admitted, err
	}
	if err := s.fill(&row, a); err != nil {
		return admitted, err
	}
	if err := saveIdentity(tx, row, admitted.New); err != nil {
		return admitted, err
	}
	admitted.Changes, admitted.Skipped, err = settleMemberships(tx, row.UserID, a.Identity.Provider, stamp(a.At), a.Settle)
	return admitted, err
}

// findIdentity returns the row. Code: not_found.
func findIdentity(tx *gorm.DB, issuer, subject string) (identityRow, error) {
	var row identityRow
	err := tx.Where("issuer = ? AND subject = ?", issuer, subject).Take(&row).Error
	return row, orMissing(err, noIdentity)
}

// newcomer makes the user, without the address where somebody has it: the two may be different people.
func newcomer(tx *gorm.DB, u tenancy.User) (tenancy.User, error) {
	row := userRow{ID: u.ID, Name: u.Name, CreatedAt: stamp(u.Created)}
	if u.Email != "" {
		row.Email = &u.Email
	}
	made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
	if made.Error == nil && made.RowsAffected == 0 {
		row.Email = nil
		made = tx.Create(&row)
	}
	return row.user(), made.Error
}

// fill takes over what the provider said.
func (s *Identities) fill(row *identityRow, a tenancy.Admission) (err error) {
	id, about := a.Identity, aboutIdentity(a.Identity.Issuer, a.Identity.Subject)
	row.Provider, row.Email, row.Name, row.ExpiresAt = id.Provider, id.Email, id.Name, stamp(id.Expiry)
	row.CheckedAt = stamp(a.At)
	if a.SignIn {
		row.UsedAt, row.GoneAt = stamp(a.At), 0
	}
	if row.AccessToken, err = s.sealed(accessPurpose, about, id.AccessToken); err != nil {
		return err
	}
	row.RefreshToken, err = s.sealed(refreshPurpose, about, id.RefreshToken)
	return err
}

func (s *Identities) sealed(purpose, about, plain string) (string, error) {
	if plain == "" {
		return "", nil
	}
	return s.keys.Seal(purpose, about, []byte(plain))
}

func saveIdentity(tx *gorm.DB, row identityRow, fresh bool) error {
	if !fresh {
		return tx.Save(&row).Error
	}
	made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
	if made.Error == nil && made.RowsAffected == 0 {
		return errLost
	}
	return made.Error
}

// settleMemberships gives and takes the memberships of one provider.
func settleMemberships(tx *gorm.DB, userID, provider string, at int64, decide func([]tenancy.Membership) []tenancy.Grant) (changes []tenancy.MembershipChange, skipped []tenancy.Grant, err error) {
	if decide == nil {
		return nil, nil, nil
	}
	var rows []membershipRow
	if err := tx.Where("user_id = ? AND source = ?", userID, provider).Find(&rows).Error; err != nil {
		return nil, nil, err
	}
	held := make([]tenancy.Membership, len(rows))
	for i, row := range rows {
		held[i] = tenancy.Membership{UserID: row.UserID, TenantID: row.TenantID, Role: tenancy.Role(row.Role), Source: row.Source}
	}
	grants, skipped, err := withTenants(tx, decide(held), at)
	if err != nil {
		return nil, nil, err
	}
	changes = tenancy.Compare(held, grants)
	var gone []string
	var given []membershipRow
	for _, c := range changes {
		if c.Is == "" {
			gone = append(gone, c.TenantID)
			continue
		}
		given = append(given, membershipRow{UserID: userID, TenantID: c.TenantID, Source: provider, Role: string(c.Is), CreatedAt: at})
	}
	for batch := range chunks(gone) {
		if err := tx.Where("user_id = ? AND source = ? AND tenant_id IN ?", userID, provider, batch).Delete(&membershipRow{}).Error; err != nil {
			return nil, nil, err
		}
	}
	return changes, skipped, insertAll(tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "user_id"}, {Name: "tenant_id"}, {Name: "source"}},
		DoUpdates: clause.AssignmentColumns([]string{"role"}),
	}), given)
}

// withTenants makes the tenants that are to be made, and leaves out grants whose tenant is not there then.
func withTenants(tx *gorm.DB, grants []tenancy.Grant, at int64) (there, skipped []tenancy.Grant, err error) {
	var fresh []tenantRow
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.TenantID
		if g.Create {
			fresh = append(fresh, tenantRow{ID: g.TenantID, Name: g.TenantID, CreatedAt: at, ImagesJSON: "null"})
		}
	}
	// One whose name another tenant has is not made: its id is free, but people could not tell the two apart.
	if err := insertAll(tx.Clauses(clause.OnConflict{DoNothing: true}), fresh); err != nil {
		return nil, nil, err
	}
	known := map[string]bool{}
	for batch := range chunks(ids) {
		var found []string
		if err := tx.Model(&tenantRow{}).Where("id IN ?", batch).Pluck("id", &found).Error; err != nil {
			return nil, nil, err
		}
		for _, id := range found {
			known[id] = true
		}
	}
	for _, g := range grants {
		if known[g.TenantID] {
			there = append(there, g)
		} else {
			skipped = append(skipped, g)
		}
	}
	return there, skipped, nil
}

// Attach implements tenancy.IdentityStore. Code: conflict when somebody has the identity.
func (s *Identities) Attach(ctx context.Context, userID string, id tenancy.Identity, at time.Time) error {
	return s.store.change(ctx, func(tx *gorm.DB) error {
		row := identityRow{Issuer: id.Issuer, Subject: id.Subject, UserID: userID, CreatedAt: stamp(at)}
		if err := s.fill(&row, tenancy.Admission{Identity: id, At: at}); err != nil {
			return err
		}
		made := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if made.Error != nil || made.RowsAffected > 0 {
			return made.Error
		}
		has, err := findIdentity(tx, id.Issuer, id.Subject)
		if err == nil && has.UserID == userID {
			return fault.New(fault.Conflict, "You can sign in that way already.")
		}
		return fault.New(fault.Conflict, "Somebody signs in here that way already. If it is you, sign in so and take that way from the other account first.")
	})
}

// Detach implements tenancy.IdentityStore. Code: not_found, also for somebody else's.
func (s *Identities) Detach(ctx context.Context, userID, issuer, subject string) (changes []tenancy.MembershipChange, err error) {
	err = s.store.change(ctx, func(tx *gorm.DB) error {
		row, err := findIdentity(forUpdate(tx).Where("user_id = ?", userID), issuer, subject)
		if err != nil {
			return err
		}
		if err := tx.Delete(&row).Error; err != nil {
			return err
		}
		var others int64
		if err := tx.Model(&identityRow{}).Where("user_id = ? AND provider = ?", userID, row.Provider).Count(&others).Error; err != nil || others > 0 {
			return err
		}
		changes, _, err = settleMemberships(tx, userID, row.Provider, 0, nothing)
		return err
	})
	return changes, err
}

// nothing is what a provider gives that is not asked any more.
func nothing([]tenancy.Membership) []tenancy.Grant { return nil }

// Withdraw implements tenancy.IdentityStore. Code: not_found.
func (s *Identities) Withdraw(ctx context.Context, provider, issuer, subject string, at time.Time) (admitted tenancy.Admitted, err error) {
	err = s.store.change(ctx, func(tx *gorm.DB) error {
		row, err := findIdentity(forUpdate(tx), issuer, subject)
		if err != nil {
			return err
		}
		var user userRow
		if err := tx.Where("id = ?", row.UserID).Take(&user).Error; err != nil {
			return err
		}
		admitted.User = user.user()
		gone := tx.Model(&row).Updates(map[string]any{"access_token": "", "refresh_token": "", "gone_at": stamp(at), "checked_at": stamp(at)})
		if gone.Error != nil {
			return gone.Error
		}
		admitted.Changes, _, err = settleMemberships(tx, row.UserID, provider, stamp(at), nothing)
		return err
	})
	return admitted, err
}
