package store

import (
	"context"

	"gorm.io/gorm"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

type labRow struct {
	ID        string `gorm:"primaryKey"`
	TenantID  string
	OwnerID   string
	OwnerName string
	Name      string
	NodeCount int
	LinkCount int
	Revision  int64
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	UpdatedAt int64 `gorm:"autoUpdateTime:false"`

	Desired  desiredColumns  `gorm:"embedded"`
	Observed observedColumns `gorm:"embedded"`
}

func (labRow) TableName() string { return "labs" }

// record is the row's own part: without the revision's content, positions, nodes and places.
func (r labRow) record() (*control.Record, error) {
	desired, err := r.Desired.desired()
	if err != nil {
		return nil, err
	}
	observed, err := r.Observed.observed()
	if err != nil {
		return nil, err
	}
	return &control.Record{
		ID: r.ID, Tenant: r.TenantID, Name: r.Name, OwnerID: r.OwnerID, Owner: r.OwnerName,
		NodeCount: r.NodeCount, LinkCount: r.LinkCount, CreatedAt: moment(r.CreatedAt), UpdatedAt: moment(r.UpdatedAt),
		Revision: control.Revision{Number: r.Revision}, Desired: desired, Observed: observed,
	}, nil
}

// CreateLab stores a new lab with its first revision. Codes: conflict (the name is taken), not_found (out of scope), exhausted (a quota).
func (s *Store) CreateLab(ctx context.Context, scope tenancy.Scope, r *control.Record) error {
	if tenant, all := scope.Tenant(); !all && tenant != r.Tenant || r.Tenant == "" {
		return missingLab(r.ID)
	}
	row := labRow{
		ID: r.ID, TenantID: r.Tenant, OwnerID: r.OwnerID, OwnerName: r.Owner, Name: r.Name, NodeCount: r.NodeCount, LinkCount: r.LinkCount,
		Revision: r.Revision.Number, CreatedAt: stamp(r.CreatedAt), UpdatedAt: stamp(r.UpdatedAt),
	}
	var err error
	if row.Desired, err = desiredRow(r.Desired); err != nil {
		return err
	}
	if row.Observed, err = observedRow(r.Observed); err != nil {
		return err
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := lockTenant(tx, tenancy.InTenant(r.Tenant)); err != nil {
			return err
		}
		taken := fault.New(fault.Conflict, "There is a lab named %s already. Give this one another name, or replace that one's file.", r.Name).InField("name")
		if err := orTaken(tx.Create(&row).Error, taken); err != nil {
			return err
		}
		if err := insertRevision(tx, r.ID, &r.Revision); err != nil {
			return err
		}
		if err := savePositions(tx, r.ID, r.Positions); err != nil {
			return err
		}
		return s.reserve(tx, r.ID)
	})
}

// Lab finds by id or, in the scope's tenant, by name. Code: not_found.
func (s *Store) Lab(ctx context.Context, scope tenancy.Scope, ref string) (*control.Record, error) {
	var r *control.Record
	err := s.ask(ctx).Transaction(func(tx *gorm.DB) (err error) {
		r, err = loadLab(tx, scope, ref)
		return err
	})
	return r, translate(err)
}

// loadLab reads the whole record in the transaction given.
func loadLab(tx *gorm.DB, scope tenancy.Scope, ref string) (*control.Record, error) {
	row, err := findLab(tx, scope, ref)
	if err != nil {
		return nil, err
	}
	r, err := row.record()
	if err != nil {
		return nil, err
	}
	revision, err := loadRevision(tx, row.ID, row.Revision)
	if err != nil {
		return nil, err
	}
	r.Revision = *revision
	if r.Positions, err = loadPositions(tx, row.ID); err != nil {
		return nil, err
	}
	return r, loadDeployment(tx, row.ID, &r.Desired.Deployment)
}

// findLab finds the row. A name counts within one tenant only; an id wins over a name.
func findLab(tx *gorm.DB, scope tenancy.Scope, ref string) (labRow, error) {
	var rows []labRow
	query := inScope(tx, scope)
	if _, all := scope.Tenant(); all {
		query = query.Where("id = ?", ref)
	} else {
		query = query.Where("(id = ? OR name = ?)", ref, ref)
	}
	if err := query.Limit(2).Find(&rows).Error; err != nil {
		return labRow{}, err
	}
	for _, row := range rows {
		if row.ID == ref {
			return row, nil
		}
	}
	if len(rows) == 0 {
		return labRow{}, missingLab(ref)
	}
	return rows[0], nil
}

// Labs lists the scope's labs by name, without the content of their revisions, positions, nodes, places and identifiers.
func (s *Store) Labs(ctx context.Context, scope tenancy.Scope) ([]*control.Record, error) {
	var rows []labRow
	if err := inScope(s.ask(ctx), scope).Omit("vnis_json").Order("name, id").Find(&rows).Error; err != nil {
		return nil, translate(err)
	}
	records := make([]*control.Record, len(rows))
	for i, row := range rows {
		r, err := row.record()
		if err != nil {
			return nil, err
		}
		records[i] = r
	}
	return records, nil
}

// DeleteLab deletes a lab with all that belongs to it. Its identifiers rest. Code: not_found.
func (s *Store) DeleteLab(ctx context.Context, scope tenancy.Scope, labID string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		row, err := lockLab(tx, scope, labID)
		if err != nil {
			return err
		}
		if row.ID != labID {
			return missingLab(labID) // a name names no lab to delete
		}
		had, err := reservationOf(tx, labID)
		if err != nil {
			return err
		}
		if _, err := s.countHours(tx, row.TenantID, row.OwnerID, had); err != nil {
			return err
		}
		if err := freeAllVNIs(tx, labID, s.now()); err != nil {
			return err
		}
		return tx.Where("id = ?", labID).Delete(&labRow{}).Error
	})
}
