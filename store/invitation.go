package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

type invitationRow struct {
	ID        string `gorm:"primaryKey"`
	TenantID  string
	Hash      string
	Role      string
	Domain    string
	Uses      int
	Used      int
	ByID      string
	ByName    string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	ExpiresAt int64
}

func (invitationRow) TableName() string { return "invitations" }

func (r invitationRow) invitation() tenancy.Invitation {
	return tenancy.Invitation{
		ID: r.ID, TenantID: r.TenantID, Role: tenancy.Role(r.Role), Uses: r.Uses, Used: r.Used, Domain: r.Domain,
		By: r.ByID, ByName: r.ByName, Created: moment(r.CreatedAt), Expires: moment(r.ExpiresAt),
	}
}

var noInvitation = fault.New(fault.NotFound, "There is no such invitation here.")

// usable limits a query to invitations that somebody can still come by.
func usable(tx *gorm.DB, now time.Time) *gorm.DB {
	return tx.Where("used < uses AND expires_at > ? AND EXISTS (SELECT 1 FROM tenants WHERE tenants.id = invitations.tenant_id AND tenants.ends_at = 0)", stamp(now))
}

// SaveInvitation stores a new one of the scope's tenant. Code: not_found for another's.
func (s *Store) SaveInvitation(ctx context.Context, scope tenancy.Scope, i tenancy.Invitation, hash string) error {
	if id, _ := scope.Tenant(); id == "" || id != i.TenantID {
		return noTenant
	}
	return s.change(ctx, func(tx *gorm.DB) error {
		return tx.Create(&invitationRow{
			ID: i.ID, TenantID: i.TenantID, Hash: hash, Role: string(i.Role), Domain: i.Domain, Uses: i.Uses, Used: i.Used,
			ByID: i.By, ByName: i.ByName, CreatedAt: stamp(i.Created), ExpiresAt: stamp(i.Expires),
		}).Error
	})
}

// Invitations lists the scope's that can still be used, the newest first.
func (s *Store) Invitations(ctx context.Context, scope tenancy.Scope, now time.Time) ([]tenancy.Invitation, error) {
	var rows []invitationRow
	if err := inScope(usable(s.ask(ctx), now), scope).Order("created_at DESC, id").Find(&rows).Error; err != nil {
		return nil, translate(err)
	}
	list := make([]tenancy.Invitation, len(rows))
	for i, row := range rows {
		list[i] = row.invitation()
	}
	return list, nil
}

// DeleteInvitation ends one of the scope's. Code: not_found.
func (s *Store) DeleteInvitation(ctx context.Context, scope tenancy.Scope, id string) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		gone := inScope(tx, scope).Where("id = ?", id).Delete(&invitationRow{})
		if gone.Error == nil && gone.RowsAffected == 0 {
			return noInvitation
		}
		return gone.Error
	})
}

// InvitationByHash returns one that can still be used, with its tenant. Code: not_found.
func (s *Store) InvitationByHash(ctx context.Context, hash string, now time.Time) (tenancy.Invitation, tenancy.Tenant, error) {
	var row invitationRow
	var tenant tenantRow
	if err := usable(s.ask(ctx), now).Where("hash = ?", hash).Take(&row).Error; err != nil {
		return tenancy.Invitation{}, tenancy.Tenant{}, orMissing(err, noInvitation)
	}
	if err := s.ask(ctx).Where("id = ?", row.TenantID).Take(&tenant).Error; err != nil {
		return tenancy.Invitation{}, tenancy.Tenant{}, orMissing(err, noInvitation)
	}
	return row.invitation(), tenancy.Tenant{ID: tenant.ID, Name: tenant.Name, Created: moment(tenant.CreatedAt)}, nil
}

// errAlready rolls a transaction back that would have given nothing.
var errAlready = fault.New(fault.Conflict, "You are in this workspace already.")

// Accept takes one use and makes the user a member, in one transaction. Codes: not_found for an invitation that cannot be used; conflict when
// the newcomer's address is taken; what admit says.
func (s *Store) Accept(ctx context.Context, a tenancy.Acceptance, admit func(tenancy.Invitation, tenancy.User) error) (tenancy.Accepted, error) {
	var accepted tenancy.Accepted
	err := s.change(ctx, func(tx *gorm.DB) error {
		invitation, tenant, err := takeUse(tx, a)
		if err != nil {
			return err
		}
		accepted = tenancy.Accepted{Workspace: tenancy.Tenant{ID: tenant.ID, Name: tenant.Name, Created: moment(tenant.CreatedAt)}, Role: invitation.Role}
		user, err := accepting(tx, a)
		if err != nil {
			return err
		}
		if err := admit(invitation, user); err != nil {
			return err
		}
		held, err := membersOf(tx.Where("memberships.user_id = ?", user.ID), tenancy.InTenant(tenant.ID))
		if err != nil {
			return err
		}
		if len(held) > 0 && held[0].Role.Includes(invitation.Role) {
			accepted.Role, accepted.Already = held[0].Role, true
			return errAlready
		}
		return s.giveRole(tx, tenant.ID, user.ID, invitation.Role)
	})
	if accepted.Already {
		return accepted, nil
	}
	if err != nil {
		return tenancy.Accepted{}, err
	}
	return accepted, nil
}

// takeUse holds the tenant, then counts. The order is that of ChangeMembers, which ends invitations: neither waits for the other in a circle.
func takeUse(tx *gorm.DB, a tenancy.Acceptance) (tenancy.Invitation, tenantRow, error) {
	var row invitationRow
	var tenant tenantRow
	if err := tx.Where("hash = ?", a.Hash).Take(&row).Error; err != nil {
		return tenancy.Invitation{}, tenant, orMissing(err, noInvitation)
	}
	if err := lockTenant(tx, tenancy.InTenant(row.TenantID)); err != nil {
		return tenancy.Invitation{}, tenant, orMissing(err, noInvitation)
	}
	counted := usable(tx.Model(&invitationRow{}), a.At).Where("id = ?", row.ID).Update("used", gorm.Expr("used + 1"))
	switch {
	case counted.Error != nil:
		return tenancy.Invitation{}, tenant, counted.Error
	case counted.RowsAffected == 0:
		return tenancy.Invitation{}, tenant, noInvitation
	}
	return row.invitation(), tenant, tx.Where("id = ?", row.TenantID).Take(&tenant).Error
}

// accepting is who accepts, made here when they are new.
func accepting(tx *gorm.DB, a tenancy.Acceptance) (tenancy.User, error) {
	if a.Newcomer == nil {
		var row userRow
		err := tx.Where("id = ?", a.UserID).Take(&row).Error
		return row.user(), orMissing(err, noUser)
	}
	u := *a.Newcomer
	row := userRow{ID: u.ID, Email: &u.Email, Name: u.Name, PasswordHash: u.PasswordHash, CreatedAt: stamp(u.Created)}
	taken := fault.New(fault.Conflict, "Someone signs in as %s already. If that is you, sign in and open the link again; if not, choose another name.", u.Email)
	return u, orTaken(tx.Create(&row).Error, taken.InField("email"))
}
