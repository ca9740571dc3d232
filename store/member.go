package store

import (
	"cmp"
	"context"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/tenancy"
)

// memberRow is what one source gives to a person.
type memberRow struct {
	UserID    string
	Name      string
	Email     string
	Role      string
	Source    string
	CreatedAt int64
}

// Members lists the scope's members: owners first, then by role and name.
func (s *Store) Members(ctx context.Context, scope tenancy.Scope) ([]tenancy.TenantMember, error) {
	members, err := membersOf(s.ask(ctx), scope)
	return members, translate(err)
}

// membersOf reads them; tx may be limited to some people.
func membersOf(tx *gorm.DB, scope tenancy.Scope) ([]tenancy.TenantMember, error) {
	id, _ := scope.Tenant()
	var rows []memberRow
	err := tx.Table("memberships").Joins("JOIN users ON users.id = memberships.user_id").
		Select("memberships.user_id, users.name, COALESCE(users.email, '') AS email, memberships.role, memberships.source, memberships.created_at").
		Where("memberships.tenant_id = ? AND users.service_of IS NULL", id).Order("memberships.created_at, memberships.source").Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	var members []tenancy.TenantMember
	at := map[string]int{}
	for _, row := range rows {
		i, there := at[row.UserID]
		if !there {
			i = len(members)
			at[row.UserID] = i
			name := cmp.Or(row.Name, row.Email, "administrator")
			members = append(members, tenancy.TenantMember{UserID: row.UserID, Name: name, Email: row.Email, Joined: moment(row.CreatedAt)})
		}
		addGrant(&members[i], tenancy.Role(row.Role), row.Source)
	}
	slices.SortFunc(members, byRank)
	return members, nil
}

// addGrant adds what one source gives. Of two who give the same, it is given by hand.
func addGrant(m *tenancy.TenantMember, role tenancy.Role, source string) {
	if source == tenancy.ByHand {
		m.ByHand = role
	} else {
		m.Given = append(m.Given, role)
	}
	if !m.Role.Includes(role) || m.Role == role && source == tenancy.ByHand {
		m.Role, m.Source = role, source
	}
}

func byRank(a, b tenancy.TenantMember) int {
	switch {
	case a.Role != b.Role && a.Role.Includes(b.Role):
		return -1
	case a.Role != b.Role:
		return 1
	}
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.UserID, b.UserID))
}

// ChangeMembers asks decide about the scope's members as they are, and stores what it says. Nobody else changes them meanwhile. Code: not_found.
func (s *Store) ChangeMembers(ctx context.Context, scope tenancy.Scope, decide func([]tenancy.TenantMember) ([]tenancy.MemberChange, error)) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		if err := lockTenant(tx, scope); err != nil {
			return err
		}
		members, err := membersOf(tx, scope)
		if err != nil {
			return err
		}
		changes, err := decide(members)
		if err != nil {
			return err
		}
		id, _ := scope.Tenant()
		for _, change := range changes {
			if err := s.changeMember(tx, id, change); err != nil {
				return err
			}
		}
		return nil
	})
}

// changeMember stores one change, with what it ends: invitations that the person may no longer give, and tokens of who is no member any more.
// What providers give is theirs to take away.
func (s *Store) changeMember(tx *gorm.DB, tenantID string, change tenancy.MemberChange) error {
	if change.Role == "" {
		byHand := tx.Where("tenant_id = ? AND user_id = ? AND source = ?", tenantID, change.UserID, tenancy.ByHand)
		if err := byHand.Delete(&membershipRow{}).Error; err != nil {
			return err
		}
		if err := tx.Where("tenant_id = ? AND user_id = ?", tenantID, change.UserID).Delete(&tokenRow{}).Error; err != nil {
			return err
		}
	} else if err := s.giveRole(tx, tenantID, change.UserID, change.Role); err != nil {
		return err
	}
	invitations := tx.Where("tenant_id = ? AND by_id = ?", tenantID, change.UserID)
	if len(change.Invites) > 0 {
		invitations = invitations.Where("role NOT IN ?", change.Invites)
	}
	return invitations.Delete(&invitationRow{}).Error
}

// giveRole gives a role by hand; whoever calls it holds the tenant.
func (s *Store) giveRole(tx *gorm.DB, tenantID, userID string, role tenancy.Role) error {
	row := membershipRow{UserID: userID, TenantID: tenantID, Source: tenancy.ByHand, Role: string(role), CreatedAt: stamp(s.now())}
	return tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "user_id"}, {Name: "tenant_id"}, {Name: "source"}}, DoUpdates: clause.AssignmentColumns([]string{"role"}),
	}).Create(&row).Error
}
