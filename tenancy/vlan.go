package tenancy

import (
	"cmp"
	"slices"
	"time"

	"trunkline/internal/fault"
)

// Provider VLANs are the 802.1Q tags of a physical network: 1 to LastVLAN, and Untagged for frames without one. Each is one tenant's at a
// time. One that is taken back rests for the quarantine before another tenant gets it; the tenant that had it may have it back at once.
const (
	Untagged = 0
	LastVLAN = 4094
)

// VLAN is a tag of one physical network that a tenant has or had.
type VLAN struct {
	Tag     int
	Tenant  string
	FreedAt time.Time // zero: it is in use
}

// VLANChange is what has to be stored so that the tenants have what was wanted. Both are by tag.
type VLANChange struct {
	Give []VLAN
	Free []VLAN // in use until now
}

// ChangeVLANs compares what the tenants of a physical network shall have, by tag, with the tags that somebody has or had.
// Codes: invalid (no tag of a VLAN, no tenant), conflict (another tenant has the tag, or it rests).
func ChangeVLANs(network string, wanted map[int]string, known []VLAN, quarantine time.Duration, now time.Time) (VLANChange, error) {
	var change VLANChange
	has := make(map[int]bool, len(known))
	for _, v := range known {
		tenant, keep := wanted[v.Tag]
		switch free := v.FreedAt.Add(quarantine); {
		case v.FreedAt.IsZero() && !keep:
			change.Free = append(change.Free, v)
		case v.FreedAt.IsZero() && tenant == v.Tenant:
			has[v.Tag] = true
		case v.FreedAt.IsZero():
			return change, fault.New(fault.Conflict, "VLAN %d of %s belongs to another workspace. Take it back there first; %s later it can be given to this one.", v.Tag, network, roughly(quarantine))
		case keep && tenant != v.Tenant && now.Before(free):
			return change, fault.New(fault.Conflict, "VLAN %d of %s was another workspace's until now and rests. It is free in %s.", v.Tag, network, roughly(free.Sub(now)))
		}
	}
	for tag, tenant := range wanted {
		switch {
		case tag < Untagged || tag > LastVLAN:
			return change, fault.New(fault.Invalid, "%d is no VLAN. Give one of 1 to %d, or 0 for untagged frames.", tag, LastVLAN).InField("vlans")
		case tenant == "":
			return change, fault.New(fault.Invalid, "Say which workspace VLAN %d is for.", tag).InField("vlans")
		case !has[tag]:
			change.Give = append(change.Give, VLAN{Tag: tag, Tenant: tenant})
		}
	}
	byTag := func(a, b VLAN) int { return cmp.Compare(a.Tag, b.Tag) }
	slices.SortFunc(change.Give, byTag)
	slices.SortFunc(change.Free, byTag)
	return change, nil
}
