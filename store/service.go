package store

import (
	"context"

	"gorm.io/gorm"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// serviceRow is a user that is no person, with its role in its workspace.
type serviceRow struct {
	ID        string
	Name      string
	Role      string
	ServiceBy string
	CreatedAt int64
}

// Services lists the scope's service accounts, by name.
func (s *Store) Services(ctx context.Context, scope tenancy.Scope) ([]tenancy.ServiceAccount, error) {
	id, _ := scope.Tenant()
	var rows []serviceRow
	err := s.ask(ctx).Table("users").Joins("JOIN memberships ON memberships.user_id = users.id AND memberships.tenant_id = users.service_of").
		Select("users.id, users.name, memberships.role, users.service_by, users.created_at").
		Where("users.service_of = ?", id).Order("users.name, users.id").Scan(&rows).Error
	if err != nil {
		return nil, translate(err)
	}
	list := make([]tenancy.ServiceAccount, len(rows))
	for i, row := range rows {
		list[i] = tenancy.ServiceAccount{ID: row.ID, Name: row.Name, Role: tenancy.Role(row.Role), By: row.ServiceBy, Created: moment(row.CreatedAt)}
	}
	return list, nil
}

// CreateService makes a service account with its role. Codes: conflict (name), not_found (no workspace).
func (s *Store) CreateService(ctx context.Context, scope tenancy.Scope, service tenancy.ServiceAccount) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := lockTenant(tx, scope); err != nil {
			return err
		}
		tenant, _ := scope.Tenant()
		row := userRow{ID: service.ID, Name: service.Name, CreatedAt: stamp(service.Created), ServiceOf: &tenant, ServiceBy: service.By}
		taken := fault.New(fault.Conflict, "There is a service account %q in this workspace already. Choose another name.", service.Name).InField("name")
		if err := orTaken(tx.Create(&row).Error, taken); err != nil {
			return err
		}
		return s.giveRole(tx, tenant, service.ID, service.Role)
	})
}

// ChangeService gives a service account another role. Codes: not_found; conflict when its role is not was any more.
func (s *Store) ChangeService(ctx context.Context, scope tenancy.Scope, id string, was, role tenancy.Role) error {
	tenant, _ := scope.Tenant()
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := lockTenant(tx, scope); err != nil {
			return err
		}
		var found []membershipRow
		of := tx.Model(&userRow{}).Select("id").Where("id = ? AND service_of = ?", id, tenant)
		if err := tx.Where("tenant_id = ? AND user_id IN (?)", tenant, of).Find(&found).Error; err != nil {
			return err
		}
		switch {
		case len(found) == 0:
			return noService
		case found[0].Role != string(was):
			return fault.New(fault.Conflict, "Its role was changed to %s meanwhile. Look again, and change it then.", found[0].Role).InField("role")
		}
		return s.giveRole(tx, tenant, id, role)
	})
}

var noService = fault.New(fault.NotFound, "There is no such service account here.")

// EndService deletes a service account; its role and tokens go with it. Code: not_found.
func (s *Store) EndService(ctx context.Context, scope tenancy.Scope, id string) error {
	tenant, _ := scope.Tenant()
	return s.change(ctx, func(tx *gorm.DB) error {
		gone := tx.Where("id = ? AND service_of = ?", id, tenant).Delete(&userRow{})
		if gone.Error == nil && gone.RowsAffected == 0 {
			return noService
		}
		return gone.Error
	})
}
