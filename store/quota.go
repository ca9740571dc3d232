package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/tenancy"
)

const (
	ofWorkspace = "workspace"
	ofPerson    = "person"
)

type quotaDefaultRow struct {
	Whose    string `gorm:"primaryKey"`
	Resource string `gorm:"primaryKey"`
	Amount   int64
}

func (quotaDefaultRow) TableName() string { return "quota_defaults" }

type tenantQuotaRow struct {
	TenantID string `gorm:"primaryKey"`
	Whose    string `gorm:"primaryKey"`
	Resource string `gorm:"primaryKey"`
	Amount   int64
}

func (tenantQuotaRow) TableName() string { return "tenant_quotas" }

type personQuotaRow struct {
	TenantID string `gorm:"primaryKey"`
	UserID   string `gorm:"primaryKey"`
	Resource string `gorm:"primaryKey"`
	Amount   int64
}

func (personQuotaRow) TableName() string { return "person_quotas" }

type useRow struct {
	TenantID string `gorm:"primaryKey"`
	UserID   string `gorm:"primaryKey"`
	Resource string `gorm:"primaryKey"`
	Period   int64  `gorm:"primaryKey;autoIncrement:false"`
	Amount   int64
}

func (useRow) TableName() string { return "quota_use" }

// Quota is everything that is said about limits in the scope's tenant, and how much is used there.
func (s *Store) Quota(ctx context.Context, scope tenancy.Scope) (limits tenancy.QuotaLimits, use tenancy.QuotaUse, err error) {
	id, _ := scope.Tenant()
	err = s.ask(ctx).Transaction(func(tx *gorm.DB) error {
		if limits, err = quotaLimits(tx, id); err != nil {
			return err
		}
		use, err = quotaUse(tx, id, s.now())
		return err
	})
	return limits, use, translate(err)
}

// ChangeQuota asks decide about what is said, and how much is used, and stores what it leaves of the limits. Nobody else changes or reserves anything in the tenant meanwhile. A scope
// without tenant is the site: only its defaults can be changed, and nothing is used there.
func (s *Store) ChangeQuota(ctx context.Context, scope tenancy.Scope, decide func(*tenancy.QuotaLimits) error) error {
	id, _ := scope.Tenant()
	return s.change(ctx, func(tx *gorm.DB) error {
		if id != "" {
			if err := lockTenant(tx, scope); err != nil {
				return err
			}
		}
		limits, err := quotaLimits(tx, id)
		if err != nil {
			return err
		}
		if err := decide(&limits); err != nil {
			return err
		}
		if id == "" {
			return saveDefaults(tx, limits)
		}
		return saveLimits(tx, id, limits)
	})
}

func saveDefaults(tx *gorm.DB, limits tenancy.QuotaLimits) error {
	var rows []quotaDefaultRow
	for whose, said := range map[string]tenancy.Limits{ofWorkspace: limits.SiteWorkspace, ofPerson: limits.SitePerson} {
		for resource, amount := range said {
			rows = append(rows, quotaDefaultRow{Whose: whose, Resource: string(resource), Amount: amount})
		}
	}
	if err := tx.Where("1 = 1").Delete(&quotaDefaultRow{}).Error; err != nil {
		return err
	}
	return insertAll(tx, rows)
}

func saveLimits(tx *gorm.DB, id string, limits tenancy.QuotaLimits) error {
	var tenant []tenantQuotaRow
	for whose, said := range map[string]tenancy.Limits{ofWorkspace: limits.Workspace, ofPerson: limits.Person} {
		for resource, amount := range said {
			tenant = append(tenant, tenantQuotaRow{TenantID: id, Whose: whose, Resource: string(resource), Amount: amount})
		}
	}
	var people []personQuotaRow
	for userID, said := range limits.People {
		for resource, amount := range said {
			people = append(people, personQuotaRow{TenantID: id, UserID: userID, Resource: string(resource), Amount: amount})
		}
	}
	for _, row := range []any{&tenantQuotaRow{}, &personQuotaRow{}} {
		if err := tx.Where("tenant_id = ?", id).Delete(row).Error; err != nil {
			return err
		}
	}
	if err := insertAll(tx, tenant); err != nil {
		return err
	}
	return insertAll(tx, people)
}

// quotaLimits reads what is said; "" is the site alone.
func quotaLimits(tx *gorm.DB, tenantID string) (tenancy.QuotaLimits, error) {
	limits := tenancy.QuotaLimits{SiteWorkspace: tenancy.Limits{}, SitePerson: tenancy.Limits{}, Workspace: tenancy.Limits{}, Person: tenancy.Limits{}, People: map[string]tenancy.Limits{}}
	var site []quotaDefaultRow
	if err := tx.Find(&site).Error; err != nil {
		return limits, err
	}
	for _, row := range site {
		pick(row.Whose, limits.SiteWorkspace, limits.SitePerson)[tenancy.Resource(row.Resource)] = row.Amount
	}
	if tenantID == "" {
		return limits, nil
	}
	var tenant []tenantQuotaRow
	if err := tx.Where("tenant_id = ?", tenantID).Find(&tenant).Error; err != nil {
		return limits, err
	}
	for _, row := range tenant {
		pick(row.Whose, limits.Workspace, limits.Person)[tenancy.Resource(row.Resource)] = row.Amount
	}
	var people []personQuotaRow
	if err := tx.Where("tenant_id = ?", tenantID).Find(&people).Error; err != nil {
		return limits, err
	}
	for _, row := range people {
		if limits.People[row.UserID] == nil {
			limits.People[row.UserID] = tenancy.Limits{}
		}
		limits.People[row.UserID][tenancy.Resource(row.Resource)] = row.Amount
	}
	return limits, nil
}

func pick(whose string, workspace, person tenancy.Limits) tenancy.Limits {
	if whose == ofWorkspace {
		return workspace
	}
	return person
}

// heldRow is what the labs of one person hold.
type heldRow struct {
	OwnerID, OwnerName             string
	Labs, Nodes, CPU, Memory, Disk int64
}

// quotaUse adds up what the tenant's labs hold, and what was used up on this day and in this month.
func quotaUse(tx *gorm.DB, tenantID string, now time.Time) (tenancy.QuotaUse, error) {
	use := tenancy.QuotaUse{Workspace: tenancy.Amounts{}, People: map[string]tenancy.Amounts{}, Names: map[string]string{}}
	add := func(userID string, amounts tenancy.Amounts) {
		use.Workspace = use.Workspace.Plus(amounts)
		use.People[userID] = use.People[userID].Plus(amounts)
	}
	held := func() *gorm.DB {
		return tx.Table("labs").Joins("JOIN lab_reservations ON lab_reservations.lab_id = labs.id").Where("labs.tenant_id = ?", tenantID)
	}
	var rows []heldRow
	err := held().Select(`labs.owner_id, MAX(labs.owner_name) AS owner_name, COUNT(*) AS labs, CAST(SUM(nodes) AS BIGINT) AS nodes, CAST(SUM(cpu) AS BIGINT) AS cpu,
		CAST(SUM(memory) AS BIGINT) AS memory, CAST(SUM(disk) AS BIGINT) AS disk`).Group("labs.owner_id").Scan(&rows).Error
	if err != nil {
		return use, err
	}
	for _, r := range rows {
		use.Names[r.OwnerID] = r.OwnerName
		add(r.OwnerID, tenancy.Amounts{tenancy.QuotaLabs: r.Labs, tenancy.QuotaNodes: r.Nodes, tenancy.QuotaCPU: r.CPU, tenancy.QuotaMemory: r.Memory, tenancy.QuotaDisk: r.Disk})
	}
	var running []struct {
		OwnerID   string
		CountedAt int64
	}
	if err := held().Select("labs.owner_id, counted_at").Where("counted_at <> 0").Scan(&running).Error; err != nil {
		return use, err
	}
	for _, r := range running {
		months, _ := tenancy.MonthSeconds(moment(r.CountedAt), now)
		add(r.OwnerID, tenancy.Amounts{tenancy.QuotaHours: months[tenancy.Month(now)]})
	}
	var used []useRow
	err = tx.Where("tenant_id = ? AND (resource = ? AND period = ? OR resource = ? AND period = ?)",
		tenantID, tenancy.QuotaHours, tenancy.Month(now), tenancy.QuotaUploads, tenancy.Day(now)).Find(&used).Error
	for _, r := range used {
		add(r.UserID, tenancy.Amounts{tenancy.Resource(r.Resource): r.Amount})
	}
	return use, err
}

// addUse adds to a counter, which never falls below nothing.
func addUse(tx *gorm.DB, row useRow) error {
	change := clause.Assignments(map[string]any{"amount": gorm.Expr("CASE WHEN quota_use.amount + ? < 0 THEN 0 ELSE quota_use.amount + ? END", row.Amount, row.Amount)})
	first := row
	first.Amount = max(0, row.Amount)
	return tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "tenant_id"}, {Name: "user_id"}, {Name: "resource"}, {Name: "period"}}, DoUpdates: change,
	}).Create(&first).Error
}

// TakeUpload charges a person in the scope's tenant for bytes before they come: so many as may come of most, and least at least. What does not come after all is
// given back. Codes: not_found, exhausted.
func (s *Store) TakeUpload(ctx context.Context, scope tenancy.Scope, person tenancy.Whose, least, most int64) (tenancy.UploadLease, error) {
	id, _ := scope.Tenant()
	lease := tenancy.UploadLease{Day: tenancy.Day(s.now())}
	err := s.change(ctx, func(tx *gorm.DB) error {
		if err := lockTenant(tx, scope); err != nil {
			return err
		}
		limits, err := quotaLimits(tx, id)
		if err != nil {
			return err
		}
		use, err := quotaUse(tx, id, s.now())
		if err != nil {
			return err
		}
		lease.Bytes = most
		for _, of := range []struct {
			limits tenancy.Limits
			used   tenancy.Amounts
		}{{limits.OfPerson(person.UserID), use.People[person.UserID]}, {limits.OfWorkspace(), use.Workspace}} {
			if limit, limited := of.limits.Of(tenancy.QuotaUploads); limited {
				lease.Bytes = min(lease.Bytes, limit-of.used[tenancy.QuotaUploads])
			}
		}
		if lease.Bytes < least {
			return tenancy.CheckQuota(limits, use, person, tenancy.Amounts{tenancy.QuotaUploads: least}, s.now())
		}
		return addUse(tx, useRow{TenantID: id, UserID: person.UserID, Resource: string(tenancy.QuotaUploads), Period: lease.Day, Amount: lease.Bytes})
	})
	return lease, err
}

// GiveBackUpload takes back what a person was charged for and did not send, or what was not kept.
func (s *Store) GiveBackUpload(ctx context.Context, scope tenancy.Scope, userID string, lease tenancy.UploadLease) error {
	id, _ := scope.Tenant()
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := lockTenant(tx, scope); err != nil {
			return err
		}
		return addUse(tx, useRow{TenantID: id, UserID: userID, Resource: string(tenancy.QuotaUploads), Period: lease.Day, Amount: -lease.Bytes})
	})
}

// hoursKept is how long what was used up in a month stays, for people to look at.
const hoursKept = 400 * 24 * time.Hour

// pruneUse deletes what was used up in days and months that are over.
func pruneUse(tx *gorm.DB, now time.Time) error {
	return tx.Where("resource = ? AND period < ? OR resource = ? AND period < ?", tenancy.QuotaUploads, tenancy.Day(now.Add(-48*time.Hour)),
		tenancy.QuotaHours, tenancy.Month(now.Add(-hoursKept))).Delete(&useRow{}).Error
}
