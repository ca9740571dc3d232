package store

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/lab/control"
	"trunkline/tenancy"
)

type positionRow struct {
	LabID string `gorm:"primaryKey"`
	Node  string `gorm:"primaryKey"`
	X     float64
	Y     float64
}

func (positionRow) TableName() string { return "positions" }

// SavePositions keeps where nodes are drawn; nodes that are not given stay where they are. Code: not_found.
func (s *Store) SavePositions(ctx context.Context, scope tenancy.Scope, labID string, positions map[string]control.Position) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		row, err := findLab(tx, scope, labID)
		if err != nil {
			return err
		}
		return savePositions(tx, row.ID, positions)
	})
}

func savePositions(tx *gorm.DB, labID string, positions map[string]control.Position) error {
	rows := make([]positionRow, 0, len(positions))
	for name, at := range positions {
		rows = append(rows, positionRow{LabID: labID, Node: name, X: at.X, Y: at.Y})
	}
	return insertAll(tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "lab_id"}, {Name: "node"}}, DoUpdates: clause.AssignmentColumns([]string{"x", "y"}),
	}), rows)
}

func loadPositions(tx *gorm.DB, labID string) (map[string]control.Position, error) {
	var rows []positionRow
	if err := tx.Where("lab_id = ?", labID).Find(&rows).Error; err != nil {
		return nil, err
	}
	positions := map[string]control.Position{}
	for _, row := range rows {
		positions[row.Node] = control.Position{X: row.X, Y: row.Y}
	}
	return positions, nil
}
