package store

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

type observedColumns struct {
	State     string
	Reason    string
	Step      string
	Done      int
	Total     int
	ErrorJSON string `gorm:"column:error_json"`
	Settled   int64
	Seen      int64
}

type hostLabRow struct {
	HostID     string `gorm:"primaryKey"`
	LabID      string `gorm:"primaryKey"`
	StatusJSON string `gorm:"column:status_json"`
	UpdatedAt  int64  `gorm:"autoUpdateTime:false"`
}

func (hostLabRow) TableName() string { return "host_labs" }

func observedRow(o control.Observed) (observedColumns, error) {
	row := observedColumns{
		State: string(o.State), Reason: o.Reason, Step: o.Step, Done: o.Done, Total: o.Total, Settled: o.Settled, Seen: o.Seen,
	}
	var err error
	row.ErrorJSON, err = toJSON(o.Error)
	return row, err
}

func (r observedColumns) observed() (control.Observed, error) {
	o := control.Observed{
		State: control.State(r.State), Reason: r.Reason, Step: r.Step, Done: r.Done, Total: r.Total, Settled: r.Settled, Seen: r.Seen,
	}
	var err error
	o.Error, err = fromJSON[*fault.Error](r.ErrorJSON)
	return o, err
}

// SaveObserved stores a lab's observed state and what each host has of it; hosts that are not given have nothing. Code: not_found.
func (s *Store) SaveObserved(ctx context.Context, scope tenancy.Scope, labID string, observed control.Observed, onHosts map[string]*hostapi.LabStatus) error {
	columns, err := observedRow(observed)
	if err != nil {
		return err
	}
	at := stamp(s.now())
	rows := make([]hostLabRow, 0, len(onHosts))
	hostIDs := []string{""}
	for hostID, status := range onHosts {
		text, err := toJSON(status)
		if err != nil {
			return err
		}
		rows = append(rows, hostLabRow{HostID: hostID, LabID: labID, StatusJSON: text, UpdatedAt: at})
		hostIDs = append(hostIDs, hostID)
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		saved := inScope(tx.Model(&labRow{}), scope).Where("id = ?", labID).Updates(map[string]any{
			"state": columns.State, "reason": columns.Reason, "step": columns.Step, "done": columns.Done, "total": columns.Total,
			"error_json": columns.ErrorJSON, "settled": columns.Settled, "seen": columns.Seen, "updated_at": at,
		})
		if saved.Error == nil && saved.RowsAffected == 0 {
			return missingLab(labID)
		}
		if saved.Error != nil {
			return saved.Error
		}
		if err := tx.Where("lab_id = ? AND host_id NOT IN ?", labID, hostIDs).Delete(&hostLabRow{}).Error; err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		return tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "host_id"}, {Name: "lab_id"}},
			DoUpdates: clause.AssignmentColumns([]string{"status_json", "updated_at"}),
		}).Create(&rows).Error
	})
}

// OnHosts is what each host had of the lab when it was last saved, by host id. Code: not_found.
func (s *Store) OnHosts(ctx context.Context, scope tenancy.Scope, labID string) (map[string]*hostapi.LabStatus, error) {
	var rows []hostLabRow
	err := s.ask(ctx).Transaction(func(tx *gorm.DB) error {
		lab, err := findLab(tx, scope, labID)
		if err != nil {
			return err
		}
		return tx.Where("lab_id = ?", lab.ID).Find(&rows).Error
	})
	if err != nil {
		return nil, translate(err)
	}
	all := map[string]*hostapi.LabStatus{}
	for _, row := range rows {
		status, err := fromJSON[*hostapi.LabStatus](row.StatusJSON)
		if err != nil {
			return nil, err
		}
		if status != nil {
			all[row.HostID] = status
		}
	}
	return all, nil
}

// ToReconcile lists the labs that shall be, or may still be, on a host.
func (s *Store) ToReconcile(ctx context.Context, scope tenancy.Scope) ([]string, error) {
	var ids []string
	err := inScope(s.ask(ctx).Model(&labRow{}), scope).
		Where("want <> '' OR forget = ? OR deployed <> 0 OR EXISTS (SELECT 1 FROM host_labs WHERE host_labs.lab_id = labs.id)", true).
		Order("id").Pluck("id", &ids).Error
	return ids, translate(err)
}

// LabsOn lists the labs that shall be on the host, and those that are placed there though they shall be nowhere.
func (s *Store) LabsOn(ctx context.Context, scope tenancy.Scope, hostID string) (wanted, leaving []string, err error) {
	var labs []labRow
	err = inScope(s.ask(ctx).Model(&labRow{}), scope).Select("id", "want").
		Where("EXISTS (SELECT 1 FROM placements WHERE placements.lab_id = labs.id AND placements.host_id = ?)", hostID).
		Order("id").Find(&labs).Error
	for _, l := range labs {
		if l.Desired.Want == "" {
			leaving = append(leaving, l.ID)
		} else {
			wanted = append(wanted, l.ID)
		}
	}
	return wanted, leaving, translate(err)
}
