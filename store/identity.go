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

	EmailVerified bool // the provider vouches for the address
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
		if admitted.User, err = holdUser(tx, row.UserID); err != nil {
			return admitted, err
		}
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
	admitted.Settled, err = settle(tx, row.UserID, a.Identity.Provider, stamp(a.At), a.Settle)
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
	row.CheckedAt, row.EmailVerified = stamp(a.At), id.EmailVerified
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
func (s *Identities) Detach(ctx context.Context, userID, issuer, subject string) (settled tenancy.Settled, err error) {
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
		if _, err := holdUser(tx, userID); err != nil {
			return err
		}
		settled, err = settle(tx, userID, row.Provider, 0, nothing)
		return err
	})
	return settled, err
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
		if admitted.User, err = holdUser(tx, row.UserID); err != nil {
			return err
		}
		gone := tx.Model(&row).Updates(map[string]any{"access_token": "", "refresh_token": "", "gone_at": stamp(at), "checked_at": stamp(at)})
		if gone.Error != nil {
			return gone.Error
		}
		if admitted.Settled, err = settle(tx, row.UserID, provider, stamp(at), nothing); err != nil || len(admitted.Kept) == 0 {
			return err
		}
		// Where the person stays the last owner, no token of theirs opens it.
		return tx.Where("user_id = ? AND tenant_id IN ?", row.UserID, admitted.Kept).Delete(&tokenRow{}).Error
	})
	return admitted, err
}
