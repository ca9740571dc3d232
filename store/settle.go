package store

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"trunkline/tenancy"
)

// holdUser returns a user whose memberships nobody else settles meanwhile. Members may still be added by hand: they come after, by the tenant's lock.
func holdUser(tx *gorm.DB, id string) (tenancy.User, error) {
	var row userRow
	err := tx.Session(&gorm.Session{}).Clauses(clause.Locking{Strength: "NO KEY UPDATE"}).Where("id = ?", id).Take(&row).Error
	return row.user(), err
}

// settle gives and takes the memberships of one provider. It holds each tenant that changes, in the order of their ids, so that nobody else changes who
// is in it; the last owner of a tenant stays.
func settle(tx *gorm.DB, userID, provider string, at int64, decide func([]tenancy.Membership) []tenancy.Grant) (s tenancy.Settled, err error) {
	if decide == nil {
		return s, nil
	}
	held, err := heldBy(tx, userID, provider)
	if err != nil {
		return s, err
	}
	grants, skipped, err := withTenants(tx, decide(held), at)
	if err != nil {
		return s, err
	}
	s.Skipped = skipped
	var gone []string
	var given []membershipRow
	for _, c := range tenancy.Compare(held, grants) {
		if err := lockTenant(tx, tenancy.InTenant(c.TenantID)); err != nil {
			return s, err
		}
		if c.Was == tenancy.Owner && c.Is != tenancy.Owner {
			others, err := otherOwners(tx, c.TenantID, userID, provider)
			if err != nil {
				return s, err
			}
			if !others {
				s.Kept = append(s.Kept, c.TenantID)
				continue
			}
		}
		s.Changes = append(s.Changes, c)
		if c.Is == "" {
			gone = append(gone, c.TenantID)
			continue
		}
		given = append(given, membershipRow{UserID: userID, TenantID: c.TenantID, Source: provider, Role: string(c.Is), CreatedAt: at})
	}
	for batch := range chunks(gone) {
		if err := tx.Where("user_id = ? AND source = ? AND tenant_id IN ?", userID, provider, batch).Delete(&membershipRow{}).Error; err != nil {
			return s, err
		}
	}
	return s, insertAll(tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "user_id"}, {Name: "tenant_id"}, {Name: "source"}},
		DoUpdates: clause.AssignmentColumns([]string{"role"}),
	}), given)
}

// heldBy lists what a provider gives to a user.
func heldBy(tx *gorm.DB, userID, provider string) ([]tenancy.Membership, error) {
	var rows []membershipRow
	if err := tx.Where("user_id = ? AND source = ?", userID, provider).Order("tenant_id").Find(&rows).Error; err != nil {
		return nil, err
	}
	held := make([]tenancy.Membership, len(rows))
	for i, row := range rows {
		held[i] = tenancy.Membership{UserID: row.UserID, TenantID: row.TenantID, Role: tenancy.Role(row.Role), Source: row.Source}
	}
	return held, nil
}

// otherOwners says that the tenant has an owner beside what that source gives to the user.
func otherOwners(tx *gorm.DB, tenantID, userID, source string) (bool, error) {
	var n int64
	err := tx.Model(&membershipRow{}).Where("tenant_id = ? AND role = ? AND NOT (user_id = ? AND source = ?)", tenantID, string(tenancy.Owner), userID, source).Count(&n).Error
	return n > 0, err
}

// withTenants makes the tenants that are to be made, and leaves out grants whose tenant is not there then.
func withTenants(tx *gorm.DB, grants []tenancy.Grant, at int64) (there, skipped []tenancy.Grant, err error) {
	var fresh []tenantRow
	ids := make([]string, len(grants))
	for i, g := range grants {
		ids[i] = g.TenantID
		if g.Create {
			fresh = append(fresh, tenantRow{ID: g.TenantID, Name: g.TenantID, CreatedAt: at, ImagesJSON: "null"})
		}
	}
	// One whose name another tenant has is not made: its id is free, but people could not tell the two apart.
	if err := insertAll(tx.Clauses(clause.OnConflict{DoNothing: true}), fresh); err != nil {
		return nil, nil, err
	}
	known := map[string]bool{}
	for batch := range chunks(ids) {
		var found []string
		if err := tx.Model(&tenantRow{}).Where("id IN ?", batch).Pluck("id", &found).Error; err != nil {
			return nil, nil, err
		}
		for _, id := range found {
			known[id] = true
		}
	}
	for _, g := range grants {
		if known[g.TenantID] {
			there = append(there, g)
		} else {
			skipped = append(skipped, g)
		}
	}
	return there, skipped, nil
}

// dropSource takes away all that a provider gave. Who owns a tenant by it alone owns it by hand from then on: no tenant is left without an owner.
func (s *Store) dropSource(tx *gorm.DB, provider string) error {
	var owned []membershipRow
	if err := tx.Where("source = ? AND role = ?", provider, string(tenancy.Owner)).Order("tenant_id, user_id").Find(&owned).Error; err != nil {
		return err
	}
	tenants := map[string][]string{}
	var ids []string
	for _, row := range owned {
		if tenants[row.TenantID] == nil {
			ids = append(ids, row.TenantID)
		}
		tenants[row.TenantID] = append(tenants[row.TenantID], row.UserID)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := lockTenant(tx, tenancy.InTenant(id)); err != nil {
			return err
		}
		var others int64
		err := tx.Model(&membershipRow{}).Where("tenant_id = ? AND role = ? AND source <> ?", id, string(tenancy.Owner), provider).Count(&others).Error
		if err != nil {
			return err
		}
		for _, user := range tenants[id] {
			if others > 0 {
				break
			}
			if err := s.giveRole(tx, id, user, tenancy.Owner); err != nil {
				return err
			}
		}
	}
	return tx.Where("source = ?", provider).Delete(&membershipRow{}).Error
}
