package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

type vniBlockRow struct {
	First     uint32 `gorm:"primaryKey;autoIncrement:false"`
	TenantID  string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

func (vniBlockRow) TableName() string { return "vni_blocks" }

type vniRow struct {
	VNI       uint32 `gorm:"column:vni;primaryKey;autoIncrement:false"`
	Block     uint32
	TenantID  string
	LabID     *string // nil: freed
	Name      string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	FreedAt   int64
}

func (vniRow) TableName() string { return "vnis" }

// vniBatch is how many identifiers one statement writes: 7 variables each, of 32,766 that SQLite takes.
const vniBatch = 2500

// VNIs returns an identifier for each name of the lab: the one it has, or a new one. Others that it has are freed: give it the names that
// a host may still use too. It is a transaction of its own: never call it inside ChangeDesired. Codes: not_found, exhausted.
func (s *Store) VNIs(ctx context.Context, scope tenancy.Scope, labID string, names []string) (map[string]uint32, error) {
	given := map[string]uint32{}
	err := s.change(ctx, func(tx *gorm.DB) error {
		lab, err := findLab(forUpdate(tx), scope, labID)
		if err != nil {
			return err
		}
		held, err := heldVNIs(tx, lab.ID)
		if err != nil {
			return err
		}
		for _, name := range names {
			given[name] = held[name]
		}
		var unused []string
		for name := range held {
			if _, wanted := given[name]; !wanted {
				unused = append(unused, name)
			}
		}
		if err := freeVNIs(tx, lab.ID, unused, s.now()); err != nil {
			return err
		}
		return s.giveVNIs(tx, lab, given)
	})
	if err != nil {
		return nil, err
	}
	return given, nil
}

// heldVNIs is what the lab has, by name.
func heldVNIs(tx *gorm.DB, labID string) (map[string]uint32, error) {
	var rows []vniRow
	if err := tx.Select("vni", "name").Where("lab_id = ?", labID).Find(&rows).Error; err != nil {
		return nil, err
	}
	held := make(map[string]uint32, len(rows))
	for _, row := range rows {
		held[row.Name] = row.VNI
	}
	return held, nil
}

// giveVNIs fills in the names that have none. Allocators of one tenant take turns, by the lock on its row.
func (s *Store) giveVNIs(tx *gorm.DB, lab labRow, given map[string]uint32) error {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if given[name] == 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := lockTenants(tx.Where("id = ?", lab.TenantID)); err != nil {
		return err
	}
	picked, err := s.pickVNIs(tx, lab.TenantID, len(missing))
	if err != nil {
		return err
	}
	now := s.now()
	rows := make([]vniRow, len(missing))
	for i, name := range missing {
		given[name] = picked[i]
		rows[i] = vniRow{VNI: picked[i], Block: tenancy.VNIBlockOf(picked[i]), TenantID: lab.TenantID, LabID: &lab.ID, Name: name, CreatedAt: stamp(now)}
	}
	written := tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "vni"}},
		DoUpdates: clause.AssignmentColumns([]string{"lab_id", "name", "created_at", "freed_at"}),
		Where:     clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "vnis.freed_at <> 0 AND vnis.freed_at <= ?", Vars: []any{stamp(now.Add(-s.vnis.Quarantine))}}}},
	}).CreateInBatches(rows, vniBatch)
	if written.Error == nil && written.RowsAffected != int64(len(rows)) {
		return fault.New(fault.Internal, "Network identifiers were given to two at once and are not used. Try again.")
	}
	return written.Error
}

// pickVNIs chooses n numbers of the tenant's blocks, and gives it more blocks where those are used up.
func (s *Store) pickVNIs(tx *gorm.DB, tenantID string, n int) ([]uint32, error) {
	blocks, known, err := roomInBlocks(tx, tenantID)
	if err != nil {
		return nil, err
	}
	now := s.now()
	picked := s.vnis.Pick(blocks, known, n, now)
	if len(picked) == n {
		return picked, nil
	}
	if err := forUpdate(tx).Table("vni_pool").Select("id").Take(new(int)).Error; err != nil {
		return nil, err
	}
	var taken []uint32
	if err := tx.Model(&vniBlockRow{}).Pluck("first", &taken).Error; err != nil {
		return nil, err
	}
	more := s.vnis.NewBlocks(taken, n-len(picked))
	rows := make([]vniBlockRow, len(more))
	for i, first := range more {
		rows[i] = vniBlockRow{First: first, TenantID: tenantID, CreatedAt: stamp(now)}
	}
	if len(rows) > 0 {
		if err := tx.CreateInBatches(rows, vniBatch).Error; err != nil {
			return nil, err
		}
	}
	picked = append(picked, s.vnis.Pick(more, nil, n-len(picked), now)...)
	if len(picked) < n {
		return nil, s.vnis.Exhausted(n-len(picked), known, now)
	}
	return picked, nil
}

// roomInBlocks returns the tenant's blocks that are not wholly in use, and the numbers in them that are, or were lately.
func roomInBlocks(tx *gorm.DB, tenantID string) (blocks []uint32, known []tenancy.VNI, err error) {
	err = tx.Model(&vniBlockRow{}).Where("tenant_id = ? AND (SELECT COUNT(*) FROM vnis WHERE vnis.tenant_id = vni_blocks.tenant_id "+
		"AND vnis.block = vni_blocks.first AND vnis.freed_at = 0) < ?", tenantID, tenancy.VNIBlockSize).Pluck("first", &blocks).Error
	if err != nil || len(blocks) == 0 {
		return nil, nil, err
	}
	for batch := range slices.Chunk(blocks, vniBatch) {
		var rows []vniRow
		if err := tx.Select("vni", "freed_at").Where("tenant_id = ? AND block IN ?", tenantID, batch).Find(&rows).Error; err != nil {
			return nil, nil, err
		}
		for _, row := range rows {
			known = append(known, tenancy.VNI{Number: row.VNI, FreedAt: moment(row.FreedAt)})
		}
	}
	return blocks, known, nil
}

// lockTenants holds the rows of the query until the transaction ends, without keeping others from referring to them.
func lockTenants(query *gorm.DB) error {
	var ids []string
	return query.Session(&gorm.Session{}).Model(&tenantRow{}).Clauses(clause.Locking{Strength: "NO KEY UPDATE"}).Order("id").Pluck("id", &ids).Error
}

// FreeVNIs frees all of the lab's; they rest for a while before anyone gets them again. Code: not_found.
func (s *Store) FreeVNIs(ctx context.Context, scope tenancy.Scope, labID string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		lab, err := findLab(forUpdate(tx), scope, labID)
		if err != nil {
			return err
		}
		return freeAllVNIs(tx, lab.ID, s.now())
	})
}

// LabsWithVNIs lists the labs that hold an identifier.
func (s *Store) LabsWithVNIs(ctx context.Context, scope tenancy.Scope) ([]string, error) {
	var ids []string
	err := inScope(s.ask(ctx).Model(&vniRow{}), scope).Where("lab_id IS NOT NULL").Distinct().Order("lab_id").Pluck("lab_id", &ids).Error
	return ids, translate(err)
}

func freeAllVNIs(tx *gorm.DB, labID string, now time.Time) error {
	return tx.Model(&vniRow{}).Where("lab_id = ?", labID).Updates(freed(now)).Error
}

func freeVNIs(tx *gorm.DB, labID string, names []string, now time.Time) error {
	slices.Sort(names)
	for batch := range slices.Chunk(names, vniBatch) {
		if err := tx.Model(&vniRow{}).Where("lab_id = ? AND name IN ?", labID, batch).Updates(freed(now)).Error; err != nil {
			return err
		}
	}
	return nil
}

func freed(now time.Time) map[string]any {
	return map[string]any{"lab_id": nil, "freed_at": stamp(now)}
}

// identifiersOf is what a lab's deployment uses, and the one that a cancelled deploy goes back to, by name.
func identifiersOf(d control.Desired) map[string]uint32 {
	all := map[string]uint32{}
	if d.Back != nil {
		maps.Copy(all, d.Back.VNIs)
	}
	maps.Copy(all, d.VNIs)
	return all
}

// checkVNIs refuses a change that begins to use what the lab does not have: it was made from what VNIs returned before that was freed.
func checkVNIs(tx *gorm.DB, labID string, before, after map[string]uint32) error {
	var held map[string]uint32
	for name, vni := range after {
		if before[name] == vni {
			continue
		}
		if held == nil {
			var err error
			if held, err = heldVNIs(tx, labID); err != nil {
				return err
			}
		}
		if held[name] != vni {
			return fault.New(fault.Conflict, "The lab's networks were changed by someone else at the same time. Try again.")
		}
	}
	return nil
}

// VNIBlocks lists the blocks of the scope's tenant, the lowest first.
func (s *Store) VNIBlocks(ctx context.Context, scope tenancy.Scope) ([]control.VNIBlock, error) {
	var rows []struct {
		First uint32
		Used  int
		Rests int
	}
	err := inScope(s.ask(ctx).Model(&vniBlockRow{}), scope).
		Select(`first, (SELECT COUNT(*) FROM vnis WHERE vnis.tenant_id = vni_blocks.tenant_id AND vnis.block = vni_blocks.first AND vnis.freed_at = 0) AS used,
			(SELECT COUNT(*) FROM vnis WHERE vnis.tenant_id = vni_blocks.tenant_id AND vnis.block = vni_blocks.first AND vnis.freed_at > ?) AS rests`,
			stamp(s.now().Add(-s.vnis.Quarantine))).
		Order("first").Scan(&rows).Error
	if err != nil {
		return nil, translate(err)
	}
	blocks := make([]control.VNIBlock, len(rows))
	for i, row := range rows {
		blocks[i] = control.VNIBlock{First: row.First, Last: row.First + tenancy.VNIBlockSize - 1, Used: row.Used, Rests: row.Rests}
	}
	return blocks, nil
}

// restKept is how long it is remembered when an identifier was freed, beyond its quarantine.
const restKept = 24 * time.Hour

// pruneVNIs forgets identifiers that were freed long ago, and takes back blocks of which nothing is left.
func (s *Store) pruneVNIs(tx *gorm.DB, now time.Time) error {
	if err := lockTenants(tx.Where("EXISTS (SELECT 1 FROM vni_blocks WHERE vni_blocks.tenant_id = tenants.id)")); err != nil {
		return err
	}
	long := stamp(now.Add(-s.vnis.Quarantine - restKept))
	if err := tx.Where("freed_at <> 0 AND freed_at <= ?", long).Delete(&vniRow{}).Error; err != nil {
		return err
	}
	return tx.Where("NOT EXISTS (SELECT 1 FROM vnis WHERE vnis.tenant_id = vni_blocks.tenant_id AND vnis.block = vni_blocks.first)").Delete(&vniBlockRow{}).Error
}
