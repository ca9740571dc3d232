package store

import (
	"context"
	"math"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/lab/hostapi"
)

// Samples of what hosts have in use come every 10 s. What is kept is their mean over useSlot, for useKept: 480 a host. The slot that is
// under way is in memory only: a thousand hosts then cost a handful of writes a second, and a restart loses a few minutes of a chart.
const (
	useSlot = 3 * time.Minute
	useKept = 24 * time.Hour
)

type hostUseRow struct {
	HostID string `gorm:"primaryKey"`
	Slot   int64  `gorm:"primaryKey;autoIncrement:false"`
	At     int64
	CPU    float64
	Memory int64
	Disk   int64
	Nodes  int
}

func (hostUseRow) TableName() string { return "host_use" }

func (r hostUseRow) use() hostapi.Use {
	return hostapi.Use{At: moment(r.At), CPU: r.CPU, MemoryBytes: r.Memory, DiskBytes: r.Disk, Nodes: r.Nodes}
}

// openUse is the slot of each host that is under way.
type openUse struct {
	mu     sync.Mutex
	byHost map[string]*slot
}

// slot sums the samples of a few minutes.
type slot struct {
	start             time.Time
	last              time.Time
	n                 int
	cpu, memory, disk float64
	nodes             int // the newest
}

func (u *slot) add(use hostapi.Use) {
	u.n++
	u.cpu += use.CPU
	u.memory += float64(use.MemoryBytes)
	u.disk += float64(use.DiskBytes)
	if !use.At.Before(u.last) {
		u.last, u.nodes = use.At, use.Nodes
	}
}

func (u *slot) row(hostID string) hostUseRow {
	mean := func(sum float64) int64 { return int64(math.Round(sum / float64(u.n))) }
	return hostUseRow{
		HostID: hostID, Slot: stamp(u.start), At: stamp(u.last), CPU: u.cpu / float64(u.n), Memory: mean(u.memory), Disk: mean(u.disk), Nodes: u.nodes,
	}
}

// add takes a sample, and returns the slot that ended with it, if one did. A sample that is older than the slot under way counts to that.
func (o *openUse) add(hostID string, use hostapi.Use) (ended hostUseRow, did bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	start := use.At.Truncate(useSlot)
	open := o.byHost[hostID]
	if open != nil && start.After(open.start) {
		ended, did = open.row(hostID), true
		open = nil
	}
	if open == nil {
		if o.byHost == nil {
			o.byHost = map[string]*slot{}
		}
		open = &slot{start: start}
		o.byHost[hostID] = open
	}
	open.add(use)
	return ended, did
}

func (o *openUse) underWay(hostID string) (hostapi.Use, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	open := o.byHost[hostID]
	if open == nil {
		return hostapi.Use{}, false
	}
	return open.row(hostID).use(), true
}

func (o *openUse) forget(hostID string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.byHost, hostID)
}

// AddUse takes a sample of what a host has in use. A host that is not there any more is no error.
func (s *Store) AddUse(ctx context.Context, hostID string, use hostapi.Use) error {
	if use.At.IsZero() {
		use.At = s.now()
	}
	row, ended := s.use.add(hostID, use)
	if !ended {
		return nil
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		var hosts int64
		if err := tx.Model(&hostRow{}).Where("id = ?", hostID).Count(&hosts).Error; err != nil || hosts == 0 {
			return err
		}
		return tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "host_id"}, {Name: "slot"}},
			DoUpdates: clause.AssignmentColumns([]string{"at", "cpu", "memory", "disk", "nodes"}),
		}).Create(&row).Error
	})
}

// UseSince lists what a host had in use: means of three minutes, the oldest first, the last one still under way.
func (s *Store) UseSince(ctx context.Context, hostID string, since time.Time) ([]hostapi.Use, error) {
	var rows []hostUseRow
	if err := s.ask(ctx).Where("host_id = ? AND at >= ?", hostID, stamp(since)).Order("slot").Find(&rows).Error; err != nil {
		return nil, translate(err)
	}
	all := make([]hostapi.Use, 0, len(rows)+1)
	for _, row := range rows {
		all = append(all, row.use())
	}
	if now, open := s.use.underWay(hostID); open && !now.At.Before(since) {
		all = append(all, now)
	}
	return all, nil
}
