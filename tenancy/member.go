package tenancy

import (
	"context"
	"slices"
	"time"

	"trunkline/internal/fault"
)

// TenantMember is a person in a tenant.
type TenantMember struct {
	UserID string    `json:"userId"`
	Name   string    `json:"name"`
	Email  string    `json:"email,omitempty"` // only for those who may invite or manage members
	Role   Role      `json:"role"`            // the highest of all that was given
	Source string    `json:"source"`          // who gave that role: "" by hand, or the id of a provider
	ByHand Role      `json:"byHand,omitempty"`
	Given  []Role    `json:"-"` // by providers
	Joined time.Time `json:"joined"`
}

// MemberChange is what is given to a person by hand from now on. An empty role takes the membership away.
type MemberChange struct {
	UserID  string
	Role    Role
	Invites []Role // the roles that invitations of this person may still give; others end
}

// MemberStore keeps who is in a tenant.
type MemberStore interface {
	// Members lists the scope's members: owners first, then by role and name.
	Members(ctx context.Context, scope Scope) ([]TenantMember, error)
	// ChangeMembers asks decide about the members as they are, and stores what it says, in one transaction that no other change of the tenant's
	// members overlaps. Code: not_found for a scope without tenant.
	ChangeMembers(ctx context.Context, scope Scope, decide func([]TenantMember) ([]MemberChange, error)) error
}

// Members lists the chosen workspace's. Addresses are for those who may invite.
func (w *Workspaces) Members(ctx context.Context, actor Actor) ([]TenantMember, error) {
	if err := w.allow(actor, SeeMembers); err != nil {
		return nil, err
	}
	members, err := w.members.Members(ctx, actor.Scope())
	if err != nil {
		return nil, err
	}
	if w.allow(actor, InviteMembers) != nil {
		for i := range members {
			if members[i].UserID != actor.UserID {
				members[i].Email = ""
			}
		}
	}
	return members, nil
}

var noMember = Missing("such member")

// ChangeRole gives a member another role, by hand. Codes: not_found; conflict for the last owner, and below what a provider gives.
func (w *Workspaces) ChangeRole(ctx context.Context, actor Actor, userID string, role Role) error {
	if err := w.allow(actor, ManageMembers); err != nil {
		return err
	}
	if rank[role] == 0 {
		return fault.New(fault.Invalid, "There is no role %q. Take owner, manager, member or observer.", role).InField("role")
	}
	var was TenantMember
	err := w.members.ChangeMembers(ctx, actor.Scope(), func(members []TenantMember) ([]MemberChange, error) {
		i := find(members, userID)
		switch {
		case i < 0:
			return nil, noMember
		case role != Owner && lastOwner(members, i):
			return nil, errLastOwner("demoted")
		}
		for _, given := range members[i].Given {
			if rank[given] > rank[role] {
				return nil, fault.New(fault.Conflict, "%s is %s by single sign-on, and cannot be less here. Change the provider's rule, or the group there.", members[i].Name, given)
			}
		}
		was = members[i]
		return []MemberChange{{UserID: userID, Role: role, Invites: invites(role)}}, nil
	})
	if err != nil {
		return err
	}
	w.tell(userID, actor.TenantID, "Your role in this workspace was changed to "+string(role)+" by "+actor.UserName+".")
	return Record(ctx, w.audit, actor.AuditEvent(AuditMemberRole, AuditUser(userID, was.Name)).changed(roleDetail{Role: was.Role}, roleDetail{Role: role}))
}

// RemoveMember takes a member out of the chosen workspace. Its labs stay; a manager can end them. Codes: not_found; conflict for the last
// owner, and for somebody whom a provider puts here.
func (w *Workspaces) RemoveMember(ctx context.Context, actor Actor, userID string) error {
	if err := w.allow(actor, ManageMembers); err != nil {
		return err
	}
	return w.remove(ctx, actor, userID, "You were removed from this workspace by "+actor.UserName+".")
}

// LeaveWorkspace takes the actor out of the chosen workspace.
func (w *Workspaces) LeaveWorkspace(ctx context.Context, actor Actor) error {
	if actor.TokenID != "" {
		return fault.New(fault.Forbidden, "An API token cannot leave a workspace. Do this on the page.")
	}
	if err := w.allow(actor, LeaveTenant); err != nil {
		return err
	}
	return w.remove(ctx, actor, actor.UserID, "You have left this workspace.")
}

func (w *Workspaces) remove(ctx context.Context, actor Actor, userID, reason string) error {
	var was TenantMember
	err := w.members.ChangeMembers(ctx, actor.Scope(), func(members []TenantMember) ([]MemberChange, error) {
		i := find(members, userID)
		switch {
		case i < 0:
			return nil, noMember
		case len(members[i].Given) > 0:
			return nil, fault.New(fault.Conflict, "%s is in this workspace by single sign-on. Change the provider's rule, or the group there.", members[i].Name)
		case lastOwner(members, i):
			return nil, errLastOwner("removed")
		}
		was = members[i]
		return []MemberChange{{UserID: userID}}, nil
	})
	if err != nil {
		return err
	}
	w.tell(userID, actor.TenantID, reason)
	return Record(ctx, w.audit, actor.AuditEvent(AuditMemberRemove, AuditUser(userID, was.Name)).changed(roleDetail{Role: was.Role}, nil))
}

// Transfer makes a member an owner in the actor's place, who is a manager from then on.
func (w *Workspaces) Transfer(ctx context.Context, actor Actor, userID string) error {
	if actor.TokenID != "" {
		return fault.New(fault.Forbidden, "An API token cannot give a workspace away. Do this on the page.")
	}
	if err := w.allow(actor, TransferTenant); err != nil {
		return err
	}
	if userID == actor.UserID {
		return fault.New(fault.Invalid, "Choose somebody else: this one is yours already.").InField("user")
	}
	var heir TenantMember
	err := w.members.ChangeMembers(ctx, actor.Scope(), func(members []TenantMember) ([]MemberChange, error) {
		at := find(members, userID)
		if at < 0 {
			return nil, noMember
		}
		heir = members[at]
		me := find(members, actor.UserID)
		switch {
		case me < 0 || members[me].Role != Owner:
			return nil, fault.New(fault.Conflict, "You do not own this workspace, so you cannot give it away. Change the member's role instead.")
		case slices.Contains(members[me].Given, Owner):
			return nil, fault.New(fault.Conflict, "You own this workspace by single sign-on. Make the other one an owner beside you instead.")
		}
		return []MemberChange{{UserID: userID, Role: Owner, Invites: invites(Owner)}, {UserID: actor.UserID, Role: Manager, Invites: invites(Manager)}}, nil
	})
	if err != nil {
		return err
	}
	w.tell(userID, actor.TenantID, actor.UserName+" has made you an owner of this workspace.")
	w.tell(actor.UserID, actor.TenantID, "You have given this workspace away and are a manager now.")
	was, is := AuditUser(actor.UserID, actor.UserName), AuditUser(userID, heir.Name)
	object := AuditObject{Kind: "workspace", ID: actor.TenantID}
	return Record(ctx, w.audit, actor.AuditEvent(AuditTenantTransfer, object).changed(map[string]any{"owner": was}, map[string]any{"owner": is}))
}

// tell rings for one person in one tenant.
func (w *Workspaces) tell(userID, tenantID, reason string) {
	w.bell.Publish(Revocation{UserID: userID, TenantID: tenantID, Reason: reason})
}

func find(members []TenantMember, userID string) int {
	return slices.IndexFunc(members, func(m TenantMember) bool { return m.UserID == userID })
}

func lastOwner(members []TenantMember, at int) bool {
	owners := 0
	for _, m := range members {
		if m.Role == Owner {
			owners++
		}
	}
	return members[at].Role == Owner && owners == 1
}

func errLastOwner(done string) error {
	return fault.New(fault.Conflict, "The last owner of a workspace cannot be %s. Make somebody else an owner first, or delete the workspace.", done)
}

// invites is which roles somebody of that role may invite to.
func invites(role Role) []Role {
	var list []Role
	if !role.Includes(rules[InviteMembers].any) {
		return nil
	}
	for _, one := range []Role{Observer, Member, Manager, Owner} {
		if role.Includes(one) {
			list = append(list, one)
		}
	}
	return list
}
