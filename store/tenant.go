package store

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// workspaceRow is a tenant as lists show it.
type workspaceRow struct {
	ID        string
	Name      string
	CreatedAt int64
	EndsAt    int64
	EndedBy   string
	Members   int
	Labs      int
}

func (r workspaceRow) tenant() tenancy.Tenant {
	return tenancy.Tenant{ID: r.ID, Name: r.Name, Created: moment(r.CreatedAt), Ends: moment(r.EndsAt), EndedBy: r.EndedBy}
}

const workspaceColumns = `tenants.id, tenants.name, tenants.created_at, tenants.ends_at, tenants.ended_by,
	(SELECT COUNT(DISTINCT m.user_id) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant_id = tenants.id AND u.service_of IS NULL) AS members,
	(SELECT COUNT(*) FROM labs WHERE labs.tenant_id = tenants.id) AS labs`

// Workspaces lists those that the person is in, by name, also those that are being deleted; "" is all there are.
func (s *Store) Workspaces(ctx context.Context, userID string) ([]tenancy.Workspace, error) {
	query := s.ask(ctx).Table("tenants").Select(workspaceColumns).Order("tenants.name, tenants.id")
	roles := map[string]tenancy.Role{}
	if userID != "" {
		query = query.Where("tenants.id IN (SELECT tenant_id FROM memberships WHERE user_id = ?)", userID)
		var held []membershipRow
		if err := s.ask(ctx).Where("user_id = ?", userID).Find(&held).Error; err != nil {
			return nil, translate(err)
		}
		for _, m := range held {
			if role := tenancy.Role(m.Role); role.Includes(roles[m.TenantID]) || roles[m.TenantID] == "" {
				roles[m.TenantID] = role
			}
		}
	}
	var rows []workspaceRow
	if err := query.Scan(&rows).Error; err != nil {
		return nil, translate(err)
	}
	all := make([]tenancy.Workspace, len(rows))
	for i, row := range rows {
		all[i] = tenancy.Workspace{Tenant: row.tenant(), Role: roles[row.ID], Members: row.Members, Labs: row.Labs}
	}
	return all, nil
}

func nameTaken(name string) *fault.Error {
	return fault.New(fault.Conflict, "There is a workspace %q already. Choose another name.", name).InField("name")
}

// CreateTenant makes a tenant with its first member. Code: conflict when another has the name.
func (s *Store) CreateTenant(ctx context.Context, t tenancy.Tenant, first tenancy.Membership) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		row := tenantRow{ID: t.ID, Name: t.Name, CreatedAt: stamp(t.Created), ImagesJSON: "null"}
		if err := orTaken(tx.Create(&row).Error, nameTaken(t.Name)); err != nil {
			return err
		}
		return tx.Create(&membershipRow{UserID: first.UserID, TenantID: t.ID, Role: string(first.Role), CreatedAt: stamp(t.Created)}).Error
	})
}

// ownTenant limits a query on tenants to the scope's.
func ownTenant(tx *gorm.DB, scope tenancy.Scope) *gorm.DB {
	id, _ := scope.Tenant() // a scope of all tenants names none
	return tx.Model(&tenantRow{}).Where("id = ?", id)
}

var noTenant = tenancy.Missing("such workspace")

// RenameTenant renames the scope's tenant. Codes: not_found, conflict when another has the name.
func (s *Store) RenameTenant(ctx context.Context, scope tenancy.Scope, name string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		renamed := ownTenant(tx, scope).Update("name", name)
		if renamed.Error == nil && renamed.RowsAffected == 0 {
			return noTenant
		}
		return orTaken(renamed.Error, nameTaken(name))
	})
}

// EndTenant closes the scope's tenant until then, or with a zero time opens it again. Codes: not_found; conflict when it is that already, or its
// time has run out.
func (s *Store) EndTenant(ctx context.Context, scope tenancy.Scope, ends time.Time, by string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := lockTenant(tx, scope); err != nil {
			return err
		}
		query, refusal := ownTenant(tx, scope).Where("ends_at = 0"), "This workspace is being deleted already."
		if ends.IsZero() {
			query, refusal = ownTenant(tx, scope).Where("ends_at > ?", stamp(s.now())), "This workspace is not being deleted, or its time to be restored is over."
		}
		changed := query.Updates(map[string]any{"ends_at": stamp(ends), "ended_by": by})
		if changed.Error == nil && changed.RowsAffected == 0 {
			return fault.New(fault.Conflict, "%s", refusal)
		}
		return changed.Error
	})
}

// lockTenant holds the scope's tenant until the transaction ends, so that changes of who is in it come one after the other. Code: not_found.
func lockTenant(tx *gorm.DB, scope tenancy.Scope) error {
	var ids []string
	err := ownTenant(tx, scope).Clauses(clause.Locking{Strength: "NO KEY UPDATE"}).Pluck("id", &ids).Error
	if err == nil && len(ids) == 0 {
		return noTenant
	}
	return err
}

// EndedTenants lists the tenants whose grace time has ended.
func (s *Store) EndedTenants(ctx context.Context, now time.Time) ([]tenancy.Tenant, error) {
	var rows []workspaceRow
	err := s.ask(ctx).Table("tenants").Select("id, name, created_at, ends_at, ended_by").Where("ends_at <> 0 AND ends_at <= ?", stamp(now)).Order("ends_at, id").Scan(&rows).Error
	if err != nil {
		return nil, translate(err)
	}
	ended := make([]tenancy.Tenant, len(rows))
	for i, row := range rows {
		ended[i] = row.tenant()
	}
	return ended, nil
}

// RemoveTenant removes all that the scope's tenant has, once its grace time has ended. While labs are left, or identifiers that have to rest, it
// is not gone yet. Codes: not_found, conflict before its time.
func (s *Store) RemoveTenant(ctx context.Context, scope tenancy.Scope) (gone bool, err error) {
	id, _ := scope.Tenant()
	err = s.change(ctx, func(tx *gorm.DB) error {
		if err := lockTenant(tx, scope); err != nil {
			return err
		}
		var due, labs, rest int64
		if err := ownTenant(tx, scope).Where("ends_at <> 0 AND ends_at <= ?", stamp(s.now())).Count(&due).Error; err != nil {
			return err
		}
		if due == 0 {
			return fault.New(fault.Conflict, "This workspace is not to be removed yet.")
		}
		if err := tx.Model(&labRow{}).Where("tenant_id = ?", id).Count(&labs).Error; err != nil || labs > 0 {
			return err
		}
		for _, row := range []any{&invitationRow{}, &tokenRow{}, &membershipRow{}} {
			if err := tx.Where("tenant_id = ?", id).Delete(row).Error; err != nil {
				return err
			}
		}
		if err := tx.Model(&vlanRow{}).Where("tenant_id = ? AND freed_at = 0", id).Update("freed_at", stamp(s.now())).Error; err != nil {
			return err
		}
		for _, row := range []any{&vniBlockRow{}, &vlanRow{}} { // Prune takes them away when they have rested
			if err := tx.Model(row).Where("tenant_id = ?", id).Count(&rest).Error; err != nil || rest > 0 {
				return err
			}
		}
		gone = true
		return ownTenant(tx, scope).Delete(&tenantRow{}).Error
	})
	return gone && err == nil, err
}

const settingOpenTenants = "open_workspaces"

// OpenTenants says whether everybody may make workspaces.
func (s *Store) OpenTenants(ctx context.Context) (bool, error) {
	var rows []settingRow
	if err := s.ask(ctx).Where("key = ?", settingOpenTenants).Limit(1).Find(&rows).Error; err != nil || len(rows) == 0 {
		return false, translate(err)
	}
	return fromJSON[bool](rows[0].ValueJSON)
}

// SetOpenTenants decides it.
func (s *Store) SetOpenTenants(ctx context.Context, open bool) error {
	text, err := toJSON(open)
	if err != nil {
		return err
	}
	row := settingRow{Key: settingOpenTenants, ValueJSON: text, UpdatedAt: stamp(s.now())}
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "key"}}, DoUpdates: clause.AssignmentColumns([]string{"value_json", "updated_at"})}).Create(&row).Error
	})
}
