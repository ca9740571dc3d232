package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

// reservationRow is what a stored lab holds. It always follows from what else is stored of the lab, and is written in the same transaction.
type reservationRow struct {
	LabID     string `gorm:"primaryKey"`
	Nodes     int64
	CPU       int64 `gorm:"column:cpu"`
	Memory    int64
	Disk      int64
	CountedAt int64
	Formula   string
}

func (reservationRow) TableName() string { return "lab_reservations" }

func (r reservationRow) amounts() tenancy.Amounts {
	if r.LabID == "" {
		return nil
	}
	return tenancy.Amounts{
		tenancy.QuotaLabs: 1, tenancy.QuotaNodes: r.Nodes, tenancy.QuotaCPU: r.CPU, tenancy.QuotaMemory: r.Memory, tenancy.QuotaDisk: r.Disk,
	}
}

// formula names how reservations are made: with another one they are made anew when the store opens.
func (s *Store) formula() string {
	return fmt.Sprintf("1 %g %d %d", s.nodes.CPU, s.nodes.MemoryBytes, control.DiskOfNode)
}

// reserve makes the lab's reservation what follows from the rows as this transaction leaves them. What grows has to fit into the limits; what shrinks always
// does. The lab's tenant is locked. Code: exhausted.
func (s *Store) reserve(tx *gorm.DB, labID string) error {
	var row labRow
	if err := tx.Where("id = ?", labID).Take(&row).Error; err != nil {
		return err
	}
	had, err := reservationOf(tx, labID)
	if err != nil {
		return err
	}
	holds, err := s.derive(tx, row)
	if err != nil {
		return err
	}
	if had, err = s.countHours(tx, row.TenantID, row.OwnerID, had); err != nil {
		return err
	}
	grows := holds.amounts().Minus(had.amounts())
	if control.Want(row.Desired.Want) == control.WantRun {
		if holds.CountedAt = had.CountedAt; holds.CountedAt == 0 {
			holds.CountedAt = stamp(s.now())
			grows[tenancy.QuotaHours] = 1
		}
	}
	if err := s.admit(tx, row.TenantID, tenancy.Whose{UserID: row.OwnerID, Name: row.OwnerName}, grows); err != nil {
		return err
	}
	if holds == had {
		return nil
	}
	return tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "lab_id"}}, UpdateAll: true}).Create(&holds).Error
}

// reservationOf reads it; a lab without one has the zero row.
func reservationOf(tx *gorm.DB, labID string) (reservationRow, error) {
	var rows []reservationRow
	err := tx.Where("lab_id = ?", labID).Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return reservationRow{}, err
	}
	return rows[0], nil
}

// derive adds up what the lab holds by what is stored of it.
func (s *Store) derive(tx *gorm.DB, row labRow) (reservationRow, error) {
	holds := reservationRow{LabID: row.ID, Formula: s.formula()}
	d := control.Deployment{Want: control.Want(row.Desired.Want), Revision: row.Desired.Deployed}
	var deployed *lab.Lab
	if d.Want != control.WantNothing && d.Revision != 0 {
		revision, err := loadRevision(tx, row.ID, d.Revision)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return holds, err
		}
		if revision != nil {
			deployed = revision.Lab
		}
		if err := loadDeployment(tx, row.ID, &d); err != nil {
			return holds, err
		}
	}
	// A file that several versions have is kept once.
	files := tx.Model(&fileRow{}).Select("sha256, MAX(size) AS size").Where("lab_id = ?", row.ID).Group("sha256")
	var kept int64
	if err := tx.Table("(?) AS kept", files).Select("CAST(COALESCE(SUM(size), 0) AS BIGINT)").Scan(&kept).Error; err != nil {
		return holds, err
	}
	amounts := control.Reserved(d, deployed, s.nodes)
	holds.Nodes, holds.CPU, holds.Memory = amounts[tenancy.QuotaNodes], amounts[tenancy.QuotaCPU], amounts[tenancy.QuotaMemory]
	holds.Disk = amounts[tenancy.QuotaDisk] + kept
	return holds, nil
}

// admit refuses what does not fit. Without limits nothing is added up.
func (s *Store) admit(tx *gorm.DB, tenantID string, person tenancy.Whose, wanted tenancy.Amounts) error {
	grows := false
	for _, amount := range wanted {
		grows = grows || amount > 0
	}
	if !grows {
		return nil
	}
	limits, err := quotaLimits(tx, tenantID)
	if err != nil {
		return err
	}
	if len(limits.OfWorkspace()) == 0 && len(limits.OfPerson(person.UserID)) == 0 {
		return nil
	}
	use, err := quotaUse(tx, tenantID, s.now())
	if err != nil {
		return err
	}
	return tenancy.CheckQuota(limits, use, person, wanted, s.now())
}

// countHours adds what a lab has run since it was last counted to what its owner has used up.
func (s *Store) countHours(tx *gorm.DB, tenantID, userID string, had reservationRow) (reservationRow, error) {
	if had.CountedAt == 0 {
		return had, nil
	}
	months, counted := tenancy.MonthSeconds(moment(had.CountedAt), s.now())
	for month, seconds := range months {
		if err := addUse(tx, useRow{TenantID: tenantID, UserID: userID, Resource: string(tenancy.QuotaHours), Period: month, Amount: seconds}); err != nil {
			return had, err
		}
	}
	had.CountedAt = stamp(counted)
	return had, nil
}

// lockLab locks the tenant of a lab, and then the lab: in this order everywhere. Code: not_found.
func lockLab(tx *gorm.DB, scope tenancy.Scope, ref string) (labRow, error) {
	row, err := findLab(tx, scope, ref)
	if err != nil {
		return row, err
	}
	if err := lockTenant(tx, tenancy.InTenant(row.TenantID)); err != nil {
		return row, err
	}
	return findLab(forUpdate(tx), scope, row.ID)
}

// reserveAnew makes the reservations of labs that have none, or one of another formula: those of a database of an earlier build. Nothing is refused: what runs
// goes on. A lab that cannot be read counts as a stored one and nothing more: it keeps nobody from his other labs.
func (s *Store) reserveAnew(ctx context.Context) error {
	var ids []string
	err := s.ask(ctx).Model(&labRow{}).Joins("LEFT JOIN lab_reservations ON lab_reservations.lab_id = labs.id").
		Where("lab_reservations.lab_id IS NULL OR lab_reservations.formula <> ?", s.formula()).Order("labs.id").Pluck("labs.id", &ids).Error
	if err != nil {
		return translate(err)
	}
	for _, id := range ids {
		err := s.change(ctx, func(tx *gorm.DB) error {
			row, err := lockLab(tx, tenancy.Everywhere(), id)
			if err != nil {
				return err
			}
			had, err := reservationOf(tx, id)
			if err != nil {
				return err
			}
			holds, err := s.derive(tx, row)
			if fault.Is(err, fault.Internal) && errors.As(err, new(*fault.Error)) {
				holds, err = reservationRow{LabID: id, Formula: s.formula()}, nil
			}
			if err != nil {
				return err
			}
			if holds.CountedAt = had.CountedAt; control.Want(row.Desired.Want) == control.WantRun && holds.CountedAt == 0 {
				holds.CountedAt = stamp(s.now()) // when it was deployed nobody noted: its hours begin now
			}
			return tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "lab_id"}}, UpdateAll: true}).Create(&holds).Error
		})
		if err != nil && !fault.Is(err, fault.NotFound) {
			return errors.Join(fault.New(fault.CodeOf(err), "What lab %s holds could not be added up.", id), err)
		}
	}
	return nil
}
