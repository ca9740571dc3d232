package store

import (
	"context"

	"gorm.io/gorm"

	"trunkline/hostlink"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/place"
)

// What the store is to the controller and to the host link.
var (
	_ control.HostStore   = (*Store)(nil)
	_ control.Identifiers = (*Store)(nil)
	_ hostlink.Authority  = (*Store)(nil)
	_ hostlink.KeyKeeper  = (*Store)(nil)
)

func missingHost(ref string) error {
	return fault.New(fault.NotFound, "There is no compute host %q. The list of hosts shows those there are.", ref)
}

// HostRecord finds a host by id or name, revoked ones included. An id wins over a name. Code: not_found.
func (s *Store) HostRecord(ctx context.Context, ref string) (control.HostRecord, error) {
	var rows []hostRow
	if err := s.ask(ctx).Where("id = ? OR name = ?", ref, ref).Limit(2).Find(&rows).Error; err != nil {
		return control.HostRecord{}, translate(err)
	}
	if len(rows) == 0 {
		return control.HostRecord{}, missingHost(ref)
	}
	row := rows[0]
	if len(rows) == 2 && rows[1].ID == ref {
		row = rows[1]
	}
	return row.record()
}

// ChangeHost runs change on the host's record inside one transaction and stores what it leaves of Name, Labels, Drained, Tenants and
// OverCommit. Tenants may be named by id or name. Codes: not_found (the host), conflict (its new name), invalid (a tenant).
func (s *Store) ChangeHost(ctx context.Context, id string, change func(*control.HostRecord) error) (control.HostRecord, error) {
	var h control.HostRecord
	err := s.change(ctx, func(tx *gorm.DB) error {
		var row hostRow
		if err := forUpdate(tx).Where("id = ?", id).Take(&row).Error; err != nil {
			return orMissing(err, missingHost(id))
		}
		var err error
		if h, err = row.record(); err != nil {
			return err
		}
		if err := change(&h); err != nil {
			return err
		}
		if h.Tenants, err = tenantIDs(tx, h.Tenants); err != nil {
			return err
		}
		labels, err := toJSON(h.Labels)
		if err != nil {
			return err
		}
		tenants, err := toJSON(h.Tenants)
		if err != nil {
			return err
		}
		err = tx.Model(&hostRow{}).Where("id = ?", id).Updates(map[string]any{
			"name": h.Name, "labels_json": labels, "drained": h.Drained, "tenants_json": tenants,
			"overcommit_cpu": h.OverCommit.CPU, "overcommit_memory": h.OverCommit.Memory,
		}).Error
		return orTaken(err, fault.New(fault.Conflict, "There is a host named %s already. Choose another name.", h.Name).InField("name"))
	})
	if err != nil {
		return control.HostRecord{}, err
	}
	return h, nil
}

// tenantIDs finds tenants by id or name; an id wins. Code: invalid.
func tenantIDs(tx *gorm.DB, refs []string) ([]string, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	var rows []tenantRow
	if err := tx.Where("id IN ? OR name IN ?", refs, refs).Find(&rows).Error; err != nil {
		return nil, err
	}
	byRef := map[string]string{}
	for _, row := range rows {
		byRef[row.Name] = row.ID
	}
	for _, row := range rows {
		byRef[row.ID] = row.ID
	}
	ids := make([]string, len(refs))
	for i, ref := range refs {
		if ids[i] = byRef[ref]; ids[i] == "" {
			return nil, fault.New(fault.Invalid, "There is no workspace %q. Check its name.", ref).InField("tenants")
		}
	}
	return ids, nil
}

// RevokeHost refuses the host's keys from now on. Revoking twice is no error. Code: not_found.
func (s *Store) RevokeHost(ctx context.Context, id string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		var row hostRow
		if err := forUpdate(tx).Where("id = ?", id).Take(&row).Error; err != nil {
			return orMissing(err, missingHost(id))
		}
		if row.RevokedAt != 0 {
			return nil
		}
		if err := tx.Where("host_id = ?", id).Delete(&hostKeyRow{}).Error; err != nil {
			return err
		}
		return tx.Model(&hostRow{}).Where("id = ?", id).Update("revoked_at", stamp(s.now())).Error
	})
}

// mayGoBack holds for labs whose deploy is under way: cancelled, it goes back to what back_json says. It is Record.UnderWay in SQL.
const mayGoBack = "(labs.want = 'run' AND labs.settled < labs.deploy)"

// RemoveHost forgets the host and what was known of it. Codes: not_found, conflict (a lab is placed on it, or goes back there when its
// deploy is cancelled).
func (s *Store) RemoveHost(ctx context.Context, id string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		var row hostRow
		if err := forUpdate(tx).Where("id = ?", id).Take(&row).Error; err != nil {
			return orMissing(err, missingHost(id))
		}
		var labs int64
		err := tx.Model(&labRow{}).
			Where("EXISTS (SELECT 1 FROM placements WHERE placements.lab_id = labs.id AND placements.host_id = ?) OR "+mayGoBack+" AND labs.back_json LIKE ?",
				id, `%"host":"`+id+`"%`).
			Count(&labs).Error
		switch {
		case err != nil:
			return err
		case labs == 1:
			return fault.New(fault.Conflict, "A lab is placed on host %s. Drain the host, or destroy that lab, and then remove it.", row.Name)
		case labs > 1:
			return fault.New(fault.Conflict, "%d labs are placed on host %s. Drain the host, or destroy those labs, and then remove it.", labs, row.Name)
		}
		if err := tx.Where("id = ?", id).Delete(&hostRow{}).Error; err != nil {
			return err
		}
		s.use.forget(id)
		return nil
	})
}

// PlacedOn lists the labs of all tenants that are placed on the host, by tenant and name; State as last saved.
func (s *Store) PlacedOn(ctx context.Context, hostID string) ([]control.HostLab, error) {
	var labs []control.HostLab
	err := s.ask(ctx).Table("placements").
		Select("labs.id AS id, labs.name AS name, tenants.name AS tenant, labs.state AS state, COUNT(*) AS nodes").
		Joins("JOIN labs ON labs.id = placements.lab_id").Joins("JOIN tenants ON tenants.id = labs.tenant_id").
		Where("placements.host_id = ?", hostID).Group("labs.id, labs.name, tenants.name, labs.state").Order("tenants.name, labs.name").
		Scan(&labs).Error
	return labs, translate(err)
}

// givenRow is what one host has promised to the labs of one tenant.
type givenRow struct {
	HostID     string
	TenantID   string
	CPU        float64
	Memory     int64
	PIDs       int `gorm:"column:pids"`
	Interfaces int
	Nodes      int
	Labs       int
}

// Given is what each host has promised to nodes of labs other than the one given, by host id. A host that is not in it has promised nothing.
func (s *Store) Given(ctx context.Context, exceptLab string) (map[string]control.Given, error) {
	var rows []givenRow
	err := s.ask(ctx).Table("placements").
		Select(`placements.host_id, labs.tenant_id, SUM(placements.cpu) AS cpu, CAST(SUM(placements.memory) AS BIGINT) AS memory,
			CAST(SUM(placements.pids) AS BIGINT) AS pids, CAST(SUM(placements.interfaces) AS BIGINT) AS interfaces,
			COUNT(*) AS nodes, COUNT(DISTINCT placements.lab_id) AS labs`).
		Joins("JOIN labs ON labs.id = placements.lab_id").Where("placements.lab_id <> ?", exceptLab).
		Group("placements.host_id, labs.tenant_id").Scan(&rows).Error
	if err != nil {
		return nil, translate(err)
	}
	all := map[string]control.Given{}
	for _, row := range rows {
		g, known := all[row.HostID]
		if !known {
			g.TenantLabs = map[string]int{}
		}
		g.Amount = place.Amount{
			CPU: g.CPU + row.CPU, Memory: g.Memory + row.Memory, PIDs: g.PIDs + row.PIDs, Interfaces: g.Interfaces + row.Interfaces,
		}
		g.Nodes, g.Labs = g.Nodes+row.Nodes, g.Labs+row.Labs
		g.TenantLabs[row.TenantID] += row.Labs
		all[row.HostID] = g
	}
	return all, nil
}
