package store

import (
	"context"
	"iter"
	"slices"
	"time"

	"gorm.io/gorm"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// IdentitiesOf implements tenancy.IdentityStore: the oldest first. Tokens that the keys do not open are left out.
func (s *Identities) IdentitiesOf(ctx context.Context, userID string) ([]tenancy.LinkedIdentity, error) {
	var rows []identityRow
	if err := s.store.ask(ctx).Where("user_id = ?", userID).Order("created_at, issuer, subject").Find(&rows).Error; err != nil {
		return nil, translate(err)
	}
	return s.linked(rows)
}

// ToCheck lists people of a provider to ask it about: those who have a session or an API token here, are not known to be gone, were not asked about
// since, and of whom there is a token to ask with. The longest ago first, most at once.
func (s *Identities) ToCheck(ctx context.Context, provider string, since time.Time, most int) ([]tenancy.LinkedIdentity, error) {
	now := stamp(s.store.now())
	var rows []identityRow
	err := s.store.ask(ctx).Where("provider = ? AND gone_at = 0 AND checked_at < ?", provider, stamp(since)).
		Where("refresh_token <> '' OR access_token <> '' AND (expires_at = 0 OR expires_at > ?)", now).
		Where(`EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = identities.user_id AND s.expires_at > ?)
			OR EXISTS (SELECT 1 FROM api_tokens t WHERE t.user_id = identities.user_id AND (t.expires_at = 0 OR t.expires_at > ?))`, now, now).
		Order("checked_at, issuer, subject").Limit(most).Find(&rows).Error
	if err != nil {
		return nil, translate(err)
	}
	return s.linked(rows)
}

// Unheard lists the identities with browser sessions that a provider has not vouched for since then, or that it has said are gone.
func (s *Identities) Unheard(ctx context.Context, provider string, since time.Time) ([]tenancy.Identity, error) {
	var rows []identityRow
	err := s.store.ask(ctx).Table("sessions s").Distinct("s.provider, s.issuer, s.subject, s.user_id").
		Joins("LEFT JOIN identities i ON i.issuer = s.issuer AND i.subject = s.subject").
		Where("s.provider = ? AND s.expires_at > ?", provider, stamp(s.store.now())).
		Where("i.issuer IS NULL OR i.gone_at <> 0 OR i.checked_at < ?", stamp(since)).Scan(&rows).Error
	identities := make([]tenancy.Identity, len(rows))
	for i, row := range rows {
		identities[i] = tenancy.Identity{Provider: row.Provider, Issuer: row.Issuer, Subject: row.Subject}
	}
	return identities, translate(err)
}

// ProvidersOfSessions lists the providers by which sessions began that are not over, also those that are not there any more.
func (s *Identities) ProvidersOfSessions(ctx context.Context) ([]string, error) {
	var ids []string
	err := s.store.ask(ctx).Table("sessions").Distinct("provider").Where("provider <> '' AND expires_at > ?", stamp(s.store.now())).Order("provider").Pluck("provider", &ids).Error
	return ids, translate(err)
}

// Held says who has an identity, and which memberships its provider gives. Code: not_found.
func (s *Identities) Held(ctx context.Context, provider, issuer, subject string) (tenancy.User, []tenancy.Membership, error) {
	tx := s.store.ask(ctx)
	row, err := findIdentity(tx, issuer, subject)
	if err != nil {
		return tenancy.User{}, nil, translate(err)
	}
	var user userRow
	if err := tx.Where("id = ?", row.UserID).Take(&user).Error; err != nil {
		return tenancy.User{}, nil, translate(err)
	}
	held, err := heldBy(tx, row.UserID, provider)
	return user.user(), held, translate(err)
}

// KeepTokens stores the tokens of an identity alone: what a refresh brought that could not ask to the end. Code: not_found.
func (s *Identities) KeepTokens(ctx context.Context, id tenancy.Identity) error {
	about := aboutIdentity(id.Issuer, id.Subject)
	access, err := s.sealed(accessPurpose, about, id.AccessToken)
	if err != nil {
		return err
	}
	refresh, err := s.sealed(refreshPurpose, about, id.RefreshToken)
	if err != nil {
		return err
	}
	return s.store.change(ctx, func(tx *gorm.DB) error {
		kept := tx.Model(&identityRow{}).Where("issuer = ? AND subject = ?", id.Issuer, id.Subject).
			Updates(map[string]any{"access_token": access, "refresh_token": refresh, "expires_at": stamp(id.Expiry)})
		if kept.Error == nil && kept.RowsAffected == 0 {
			return noIdentity
		}
		return kept.Error
	})
}

func (s *Identities) linked(rows []identityRow) ([]tenancy.LinkedIdentity, error) {
	list := make([]tenancy.LinkedIdentity, len(rows))
	for i, row := range rows {
		list[i] = tenancy.LinkedIdentity{
			UserID: row.UserID, Provider: row.Provider, Issuer: row.Issuer, Subject: row.Subject, Email: row.Email, Name: row.Name,
			Created: moment(row.CreatedAt), LastUsed: moment(row.UsedAt), Checked: moment(row.CheckedAt), Expiry: moment(row.ExpiresAt),
		}
		var err error
		about := aboutIdentity(row.Issuer, row.Subject)
		if list[i].AccessToken, err = s.opened(accessPurpose, about, row.AccessToken); err != nil {
			return nil, err
		}
		if list[i].RefreshToken, err = s.opened(refreshPurpose, about, row.RefreshToken); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// opened returns a token; "" for one whose key is gone: then the person has to sign in again, and nothing else is lost.
func (s *Identities) opened(purpose, about, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	plain, err := s.keys.Open(purpose, about, sealed)
	if err != nil && !fault.Is(err, fault.Invalid) {
		return "", err
	}
	return string(plain), nil
}

// chunks gives lists of a length that the databases take in one statement.
func chunks(ids []string) iter.Seq[[]string] { return slices.Chunk(ids, inBatches) }
