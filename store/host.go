package store

import (
	"context"
	"gorm.io/gorm"

	"trunkline/hostlink"
	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
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

	Drained          bool
	TenantsJSON      string `gorm:"column:tenants_json"`
	OvercommitCPU    float64
	OvercommitMemory float64
	RotatedAt        int64
}

func (hostRow) TableName() string { return "hosts" }

// Enrol uses up a join token and records a new host with its key, under a name that is free. It is hostlink.Authority's.
func (s *Store) Enrol(ctx context.Context, e hostlink.Enrolment) (string, error) {
	id := ident.New()
	err := s.change(ctx, func(tx *gorm.DB) error {
		token, err := s.useJoinToken(tx, e.Token)
		if err != nil {
			return err
		}
		row := hostRow{ID: id, PublicKey: e.PublicKey, InfoJSON: "null", TenantsJSON: "null", CreatedAt: stamp(s.now())}
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
	if err != nil {
		return "", err
	}
	return id, s.harden(ctx)
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
	return hostRecords(s.ask(ctx).Where("revoked_at = 0"))
}

// RevokedHosts lists those that were revoked, by name.
func (s *Store) RevokedHosts(ctx context.Context) ([]control.HostRecord, error) {
	return hostRecords(s.ask(ctx).Where("revoked_at <> 0"))
}

func hostRecords(query *gorm.DB) ([]control.HostRecord, error) {
	var rows []hostRow
	if err := query.Order("name").Find(&rows).Error; err != nil {
		return nil, translate(err)
	}
	hosts := make([]control.HostRecord, len(rows))
	for i, row := range rows {
		var err error
		if hosts[i], err = row.record(); err != nil {
			return nil, err
		}
	}
	return hosts, nil
}

func (r hostRow) record() (control.HostRecord, error) {
	h := control.HostRecord{
		ID: r.ID, Name: r.Name, Created: moment(r.CreatedAt), LastSeen: moment(r.LastSeenAt), Drained: r.Drained, Address: r.Address,
		OverCommit: control.OverCommit{CPU: r.OvercommitCPU, Memory: r.OvercommitMemory},
		RotatedAt:  moment(r.RotatedAt), RevokedAt: moment(r.RevokedAt),
	}
	var err error
	if h.Info, err = fromJSON[hostapi.HostInfo](r.InfoJSON); err != nil {
		return h, err
	}
	if h.Labels, err = fromJSON[map[string]string](r.LabelsJSON); err != nil {
		return h, err
	}
	h.Tenants, err = fromJSON[[]string](r.TenantsJSON)
	return h, err
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
