package store

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

type revisionRow struct {
	LabID        string `gorm:"primaryKey"`
	Number       int64  `gorm:"primaryKey;autoIncrement:false"`
	File         string
	Source       string
	LabJSON      string `gorm:"column:lab_json"`
	EnvJSON      string `gorm:"column:env_json"`
	ImageMapJSON string `gorm:"column:image_map_json"`
	CreatedAt    int64  `gorm:"autoCreateTime:false"`
	AuthorID     string
	Author       string
	Words        string
	Note         string
	NodeCount    int
	LinkCount    int
	FilesOf      int64
}

func (revisionRow) TableName() string { return "lab_revisions" }

type fileRow struct {
	LabID    string `gorm:"primaryKey"`
	Revision int64  `gorm:"primaryKey;autoIncrement:false"`
	Path     string `gorm:"primaryKey"`
	Size     int64
	SHA256   string `gorm:"column:sha256"`
	Mode     uint32
}

func (fileRow) TableName() string { return "lab_files" }

// externalRow is a node that leads to a physical network.
type externalRow struct {
	LabID    string `gorm:"primaryKey"`
	Revision int64  `gorm:"primaryKey;autoIncrement:false"`
	Node     string `gorm:"primaryKey"`
	Network  string
	VLAN     int `gorm:"column:vlan"`
}

func (externalRow) TableName() string { return "lab_externals" }

// AddRevision stores a new version of the lab's file and sets its number. Code: conflict, when it was made after a version that is not the
// newest any more.
func (s *Store) AddRevision(ctx context.Context, scope tenancy.Scope, labID string, revision *control.Revision) error {
	var number int64
	err := s.change(ctx, func(tx *gorm.DB) error {
		row, err := lockLab(tx, scope, labID)
		if err != nil {
			return err
		}
		if number, err = s.addRevision(tx, row, revision); err != nil {
			return err
		}
		return s.settle(tx, row.ID)
	})
	if err == nil {
		revision.Number = number
	}
	return err
}

// addRevision writes the version as the newest and returns its number. The lab is locked, and has to be settled.
func (s *Store) addRevision(tx *gorm.DB, row labRow, revision *control.Revision) (number int64, err error) {
	if revision.After != 0 && revision.After != row.Revision {
		return 0, fault.New(fault.Conflict, "Somebody else changed lab %s meanwhile. Look at it and try again.", row.Name)
	}
	stored := *revision
	stored.Number = row.Revision + 1
	if err := insertRevision(tx, row.ID, &stored); err != nil {
		return 0, err
	}
	return stored.Number, tx.Model(&labRow{}).Where("id = ?", row.ID).Updates(map[string]any{
		"revision": stored.Number, "node_count": len(revision.Lab.Nodes), "link_count": len(revision.Lab.Links), "updated_at": stamp(s.now()),
	}).Error
}

// Revision returns one version. Code: not_found.
func (s *Store) Revision(ctx context.Context, scope tenancy.Scope, labID string, number int64) (*control.Revision, error) {
	var revision *control.Revision
	err := s.ask(ctx).Transaction(func(tx *gorm.DB) error {
		row, err := findLab(tx, scope, labID)
		if err != nil {
			return err
		}
		revision, err = loadRevision(tx, row.ID, number)
		return err
	})
	return revision, translate(err)
}

func insertRevision(tx *gorm.DB, labID string, revision *control.Revision) error {
	row := revisionRow{
		LabID: labID, Number: revision.Number, File: revision.File, Source: revision.Source, CreatedAt: stamp(revision.CreatedAt),
		AuthorID: revision.AuthorID, Author: revision.Author, Words: revision.Words, Note: revision.Note, FilesOf: revision.FilesOf,
	}
	if revision.Lab != nil {
		row.NodeCount, row.LinkCount = len(revision.Lab.Nodes), len(revision.Lab.Links)
	}
	var err error
	if row.LabJSON, err = toJSON(revision.Lab); err != nil {
		return err
	}
	if row.EnvJSON, err = toJSON(revision.Env); err != nil {
		return err
	}
	if row.ImageMapJSON, err = toJSON(revision.ImageMap); err != nil {
		return err
	}
	if err := tx.Create(&row).Error; err != nil {
		return err
	}
	var files []fileRow
	for _, f := range revision.Files {
		if revision.FilesOf == 0 || f.Path == revision.File {
			files = append(files, fileRow{LabID: labID, Revision: revision.Number, Path: f.Path, Size: f.Size, SHA256: f.SHA256, Mode: f.Mode})
		}
	}
	if err := insertAll(tx, files); err != nil {
		return err
	}
	return insertAll(tx, externalsOf(labID, revision))
}

func externalsOf(labID string, revision *control.Revision) []externalRow {
	var rows []externalRow
	if revision.Lab == nil {
		return nil
	}
	for _, n := range revision.Lab.Nodes {
		if n.External != nil {
			rows = append(rows, externalRow{LabID: labID, Revision: revision.Number, Node: n.Name, Network: n.External.Network, VLAN: n.External.VLAN})
		}
	}
	return rows
}

func loadRevision(tx *gorm.DB, labID string, number int64) (*control.Revision, error) {
	var row revisionRow
	if err := tx.Where("lab_id = ? AND number = ?", labID, number).Take(&row).Error; err != nil {
		return nil, orMissing(err, fault.New(fault.NotFound, "Version %d of the lab is not kept any more.", number))
	}
	var rows []fileRow
	query := tx.Where("lab_id = ? AND revision = ?", labID, number)
	if row.FilesOf != 0 {
		query = tx.Where("lab_id = ? AND (revision = ? OR revision = ? AND path <> ?)", labID, number, row.FilesOf, row.File)
	}
	if err := query.Order("path").Find(&rows).Error; err != nil {
		return nil, err
	}
	revision := row.revision()
	var err error
	if revision.Lab, err = fromJSON[*lab.Lab](row.LabJSON); err != nil {
		return nil, err
	}
	if revision.Env, err = fromJSON[map[string]string](row.EnvJSON); err != nil {
		return nil, err
	}
	if revision.ImageMap, err = fromJSON[map[string]string](row.ImageMapJSON); err != nil {
		return nil, err
	}
	for _, f := range rows {
		revision.Files = append(revision.Files, control.ProjectFile{Path: f.Path, Size: f.Size, SHA256: f.SHA256, Mode: f.Mode})
	}
	return revision, nil
}

// revision is the row's own part: without the lab, the variables, the image map and the files.
func (r revisionRow) revision() *control.Revision {
	return &control.Revision{
		Number: r.Number, File: r.File, Source: r.Source, CreatedAt: moment(r.CreatedAt), AuthorID: r.AuthorID, Author: r.Author,
		Words: r.Words, Note: r.Note, FilesOf: r.FilesOf,
	}
}

// Revisions lists the versions of a lab's file, the newest first, without their content.
func (s *Store) Revisions(ctx context.Context, scope tenancy.Scope, labID string) ([]*control.Revision, error) {
	var list []*control.Revision
	err := s.ask(ctx).Transaction(func(tx *gorm.DB) error {
		row, err := findLab(tx, scope, labID)
		if err != nil {
			return err
		}
		var rows []revisionRow
		if err := tx.Omit("source", "lab_json", "env_json", "image_map_json").Where("lab_id = ?", row.ID).Order("number DESC").Find(&rows).Error; err != nil {
			return err
		}
		for _, r := range rows {
			revision := r.revision()
			revision.NodeCount, revision.LinkCount = r.NodeCount, r.LinkCount
			list = append(list, revision)
		}
		return nil
	})
	return list, translate(err)
}

// trimRevisions keeps of old versions the text alone: what it says is read from it again when somebody asks. The newest, the deployed one and
// the one that a cancelled deploy goes back to are kept as they were understood.
func trimRevisions(tx *gorm.DB, labID string) error {
	var row labRow
	if err := tx.Where("id = ?", labID).Take(&row).Error; err != nil {
		return err
	}
	keep := []int64{row.Revision, row.Desired.Deployed, row.Desired.BackRevision}
	return tx.Model(&revisionRow{}).Where("lab_id = ? AND lab_json <> '' AND number NOT IN ?", labID, keep).Update("lab_json", "").Error
}

// forUpdate locks what is read until the transaction ends. SQLite's writer is alone anyway.
func forUpdate(tx *gorm.DB) *gorm.DB {
	return tx.Session(&gorm.Session{}).Clauses(clause.Locking{Strength: "UPDATE"})
}
