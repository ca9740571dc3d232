package store

import (
	"cmp"
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"trunkline/hostlink"
	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

type joinTokenRow struct {
	Hash       string `gorm:"primaryKey"`
	ID         string
	HostName   string
	LabelsJSON string `gorm:"column:labels_json"`
	CreatedAt  int64  `gorm:"autoCreateTime:false"`
	ExpiresAt  int64
	UsedAt     int64
}

func (joinTokenRow) TableName() string { return "join_tokens" }

// joinPrefix starts every join token, so that secret scanners know one when they see it.
const joinPrefix = "tlj_"

// The life of a join token.
const (
	joinLife        = time.Hour
	longestJoinLife = 30 * 24 * time.Hour
)

// CreateJoinToken makes a token that enrols one host within its life. The secret is returned once and not kept. Code: invalid (its life).
func (s *Store) CreateJoinToken(ctx context.Context, request control.JoinRequest) (control.JoinToken, error) {
	life := cmp.Or(request.Life, joinLife)
	if life < 0 || life > longestJoinLife {
		return control.JoinToken{}, fault.New(fault.Invalid, "A join token lives for at most 30 days. Choose a shorter life.").InField("life")
	}
	secret := joinPrefix + ident.Long(40)
	row := joinTokenRow{
		Hash: tenancy.HashSecret(secret), ID: ident.New(), HostName: request.Name, CreatedAt: stamp(s.now()), ExpiresAt: stamp(s.now().Add(life)),
	}
	labels := request.Labels
	if len(labels) == 0 {
		labels = nil // the host brings its own
	}
	var err error
	if row.LabelsJSON, err = toJSON(labels); err != nil {
		return control.JoinToken{}, err
	}
	if err := s.change(ctx, func(tx *gorm.DB) error { return tx.Create(&row).Error }); err != nil {
		return control.JoinToken{}, err
	}
	token, err := row.token()
	token.Secret = secret
	return token, err
}

func (r joinTokenRow) token() (control.JoinToken, error) {
	labels, err := fromJSON[map[string]string](r.LabelsJSON)
	return control.JoinToken{ID: r.ID, Name: r.HostName, Labels: labels, CreatedAt: moment(r.CreatedAt), ExpiresAt: moment(r.ExpiresAt)}, err
}

// JoinTokens lists those that can still be used, the oldest first.
func (s *Store) JoinTokens(ctx context.Context) ([]control.JoinToken, error) {
	var rows []joinTokenRow
	err := s.ask(ctx).Where("used_at = 0 AND expires_at > ?", stamp(s.now())).Order("created_at, id").Find(&rows).Error
	if err != nil {
		return nil, translate(err)
	}
	tokens := make([]control.JoinToken, len(rows))
	for i, row := range rows {
		if tokens[i], err = row.token(); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// DeleteJoinToken lets nobody join with the token. Code: not_found, also for one that was used.
func (s *Store) DeleteJoinToken(ctx context.Context, id string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		gone := tx.Where("id = ? AND used_at = 0", id).Delete(&joinTokenRow{})
		if gone.Error == nil && gone.RowsAffected == 0 {
			return fault.New(fault.NotFound, "There is no unused join token %q. The list shows those that can be used.", id)
		}
		return gone.Error
	})
}

func (s *Store) useJoinToken(tx *gorm.DB, secret string) (joinTokenRow, error) {
	var token joinTokenRow
	hash := tenancy.HashSecret(secret)
	err := forUpdate(tx).Where("hash = ?", hash).Take(&token).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return token, hostlink.ErrTokenUnknown
	case err != nil:
		return token, err
	case token.UsedAt != 0:
		return token, hostlink.ErrTokenUsed
	case stamp(s.now()) >= token.ExpiresAt:
		return token, hostlink.ErrTokenExpired
	}
	used := tx.Model(&joinTokenRow{}).Where("hash = ? AND used_at = 0", hash).Update("used_at", stamp(s.now()))
	if used.Error == nil && used.RowsAffected == 0 {
		return token, hostlink.ErrTokenUsed
	}
	return token, used.Error
}
