package store

import (
	"context"
	"crypto/ed25519"
	"errors"
	"time"

	"gorm.io/gorm"

	"trunkline/hostlink"
	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

type hostRow struct {
	ID         string `gorm:"primaryKey"`
	Name       string
	PublicKey  []byte
	LabelsJSON string `gorm:"column:labels_json"`
	InfoJSON   string `gorm:"column:info_json"`
	Agent      string
	Address    string
	Epoch      int64
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
	LastSeenAt int64
	RevokedAt  int64
}

func (hostRow) TableName() string { return "hosts" }

type joinTokenRow struct {
	Hash       string `gorm:"primaryKey"`
	HostName   string
	LabelsJSON string `gorm:"column:labels_json"`
	CreatedAt  int64  `gorm:"autoCreateTime:false"`
	ExpiresAt  int64
	UsedAt     int64
}

func (joinTokenRow) TableName() string { return "join_tokens" }

// joinPrefix starts every join token, so that secret scanners know one when they see it.
const joinPrefix = "tlj_"

// CreateJoinToken makes a token that enrols one host within its life. hostName "" lets the host choose. The secret is not kept.
func (s *Store) CreateJoinToken(ctx context.Context, hostName string, labels map[string]string, life time.Duration) (string, error) {
	secret := joinPrefix + ident.Long(40)
	row := joinTokenRow{Hash: tenancy.HashSecret(secret), HostName: hostName, CreatedAt: stamp(s.now()), ExpiresAt: stamp(s.now().Add(life))}
	var err error
	if row.LabelsJSON, err = toJSON(labels); err != nil {
		return "", err
	}
	return secret, s.change(ctx, func(tx *gorm.DB) error { return tx.Create(&row).Error })
}

// Enrol uses up a join token and records a new host with its key, under a name that is free. It is hostlink.Authority's.
func (s *Store) Enrol(ctx context.Context, e hostlink.Enrolment) (string, error) {
	id := ident.New()
	err := s.change(ctx, func(tx *gorm.DB) error {
		token, err := s.useJoinToken(tx, e.Token)
		if err != nil {
			return err
		}
		row := hostRow{ID: id, PublicKey: e.PublicKey, InfoJSON: "null", CreatedAt: stamp(s.now())}
		wanted := e.Name
		if token.HostName != "" {
			wanted = token.HostName
		}
		if row.Name, err = freeHostName(tx, wanted); err != nil {
			return err
		}
		row.LabelsJSON = token.LabelsJSON
		if token.LabelsJSON == "null" && len(e.Labels) > 0 {
			if row.LabelsJSON, err = toJSON(e.Labels); err != nil {
				return err
			}
		}
		return orTaken(tx.Create(&row).Error, fault.New(fault.Conflict, "A host with this key is enrolled already. Let the agent make a new identity."))
	})
	return id, err
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

// freeHostName adds letters to a name that another host has.
func freeHostName(tx *gorm.DB, wanted string) (string, error) {
	name := wanted
	for {
		var taken int64
		if err := tx.Model(&hostRow{}).Where("name = ?", name).Count(&taken).Error; err != nil || taken == 0 {
			return name, err
		}
		name = wanted + "-" + ident.Long(4)
	}
}

// HostKey is the public key of a host that may link. It is hostlink.Authority's.
func (s *Store) HostKey(ctx context.Context, hostID string) (ed25519.PublicKey, error) {
	var row hostRow
	err := s.ask(ctx).Where("id = ?", hostID).Take(&row).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, hostlink.ErrHostUnknown
	case err != nil:
		return nil, translate(err)
	case row.RevokedAt != 0:
		return nil, hostlink.ErrHostRevoked
	}
	return row.PublicKey, nil
}

// Seen records that a host is linked now. It is hostlink.Authority's.
func (s *Store) Seen(ctx context.Context, hostID string, at hostlink.Sighting) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Model(&hostRow{}).Where("id = ?", hostID).Updates(map[string]any{
			"last_seen_at": stamp(at.At), "address": at.Addr, "agent": at.Agent, "epoch": at.Epoch,
		}).Error
	})
}

// Hosts lists the enrolled hosts by name, those that were revoked left out.
func (s *Store) Hosts(ctx context.Context) ([]control.HostRecord, error) {
	var rows []hostRow
	if err := s.ask(ctx).Where("revoked_at = 0").Order("name").Find(&rows).Error; err != nil {
		return nil, translate(err)
	}
	hosts := make([]control.HostRecord, len(rows))
	for i, row := range rows {
		info, err := fromJSON[hostapi.HostInfo](row.InfoJSON)
		if err != nil {
			return nil, err
		}
		hosts[i] = control.HostRecord{ID: row.ID, Name: row.Name, Created: moment(row.CreatedAt), LastSeen: moment(row.LastSeenAt), Info: info}
	}
	return hosts, nil
}

// SaveHostInfo keeps what a host said of itself.
func (s *Store) SaveHostInfo(ctx context.Context, hostID string, info hostapi.HostInfo) error {
	text, err := toJSON(info)
	if err != nil {
		return err
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Model(&hostRow{}).Where("id = ?", hostID).Updates(map[string]any{"info_json": text, "last_seen_at": stamp(s.now())}).Error
	})
}

// LabsPerHost counts the labs that are placed on each host.
func (s *Store) LabsPerHost(ctx context.Context) (map[string]int, error) {
	var rows []struct {
		HostID string
		Labs   int
	}
	err := s.ask(ctx).Model(&placementRow{}).Select("host_id, COUNT(DISTINCT lab_id) AS labs").Group("host_id").Scan(&rows).Error
	if err != nil {
		return nil, translate(err)
	}
	load := map[string]int{}
	for _, row := range rows {
		load[row.HostID] = row.Labs
	}
	return load, nil
}
