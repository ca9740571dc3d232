package tenancy

import (
	"context"
	"log/slog"
	"time"

	"trunkline/internal/fault"
)

// GraceTime is how long a deleted workspace can be restored.
const GraceTime = 7 * 24 * time.Hour

// DeleteWorkspace closes the chosen workspace at once and for everybody. Until the grace time ends its labs stay as they are, running ones too,
// and its owners or an administrator of the site can restore it. name repeats the workspace's name, so that nobody deletes the wrong one. The
// workspace of the first start cannot be deleted: fault.Conflict.
func (w *Workspaces) DeleteWorkspace(ctx context.Context, actor Actor, name string) (Tenant, error) {
	if err := w.allow(actor, DeleteTenant); err != nil {
		return Tenant{}, err
	}
	if actor.TenantID == DefaultTenant {
		return Tenant{}, fault.New(fault.Conflict, "The workspace of the first start stays. Rename it, or remove its members and labs.")
	}
	one, err := w.FindWorkspace(ctx, actor, actor.TenantID)
	if err != nil {
		return Tenant{}, err
	}
	if clean, err := CleanTenantName(name); err != nil || clean != one.Name {
		return Tenant{}, fault.New(fault.Invalid, "Type the workspace's name, %s, to delete it.", one.Name).InField("name")
	}
	one.Ends, one.EndedBy = w.now().Add(GraceTime).UTC().Truncate(time.Microsecond), actor.UserName
	if err := w.tenants.EndTenant(ctx, actor.Scope(), one.Ends, actor.UserName); err != nil {
		return Tenant{}, err
	}
	w.bell.Publish(Revocation{TenantID: one.ID, Reason: "The workspace " + one.Name + " was deleted by " + actor.UserName + ". Its owners can restore it for seven days."})
	return one.Tenant, Record(ctx, w.audit, actor.AuditEvent(AuditTenantDelete, AuditTenant(one.Tenant)).changed(nil, map[string]any{"ends": one.Ends}))
}

// RestoreWorkspace opens a workspace again that is being deleted: for its owners, and for administrators of the site. ref is its id or name;
// one of others is fault.NotFound as a missing one.
func (w *Workspaces) RestoreWorkspace(ctx context.Context, actor Actor, ref string) (Workspace, error) {
	one, err := w.reach(ctx, actor, ref, func(one Workspace) bool { return one.Role == Owner })
	if err != nil {
		return Workspace{}, err
	}
	if err := w.tenants.EndTenant(ctx, InTenant(one.ID), time.Time{}, ""); err != nil {
		return Workspace{}, err
	}
	event := actor.AuditEvent(AuditTenantRestore, AuditTenant(one.Tenant)).of(one.ID).changed(map[string]any{"ends": one.Ends, "by": one.EndedBy}, nil)
	one.Ends, one.EndedBy = time.Time{}, ""
	return one, Record(ctx, w.audit, event)
}

// AdoptWorkspace makes an administrator of the site an owner of a workspace, for instance when its last owner has left the house. The members
// see it in their list.
func (w *Workspaces) AdoptWorkspace(ctx context.Context, actor Actor, ref string) (Workspace, error) {
	if err := Allow(actor, ManageTenants, ObjectRef{}); err != nil {
		return Workspace{}, err
	}
	one, err := w.reach(ctx, actor, ref, func(Workspace) bool { return false })
	if err != nil {
		return Workspace{}, err
	}
	err = w.members.ChangeMembers(ctx, InTenant(one.ID), func([]TenantMember) ([]MemberChange, error) {
		return []MemberChange{{UserID: actor.UserID, Role: Owner, Invites: invites(Owner)}}, nil
	})
	if err != nil {
		return Workspace{}, err
	}
	w.tell(actor.UserID, one.ID, "Your role in the workspace "+one.Name+" has changed to owner.")
	one.Role = Owner
	event := actor.AuditEvent(AuditTenantAdopt, AuditTenant(one.Tenant)).of(one.ID)
	return one, Record(ctx, w.audit, event.changed(nil, map[string]string{"owner": actor.UserName}))
}

// reach finds a workspace that need not be the chosen one, being deleted or not: one's own where may says so, any for administrators. A token
// stays in its workspace.
func (w *Workspaces) reach(ctx context.Context, actor Actor, ref string, may func(Workspace) bool) (Workspace, error) {
	mine, err := w.Workspaces(ctx, actor)
	if err != nil {
		return Workspace{}, err
	}
	one, found := pick(mine, ref)
	if found && may(one) && (actor.TokenID == "" || one.ID == actor.TenantID) {
		return one, nil
	}
	if Allow(actor, ManageTenants, ObjectRef{}) == nil {
		all, err := w.tenants.Workspaces(ctx, "")
		if err != nil {
			return Workspace{}, err
		}
		if one, found = pick(all, ref); found {
			one.Role = ""
			return one, nil
		}
		return Workspace{}, fault.New(fault.NotFound, "There is no workspace %q.", ref)
	}
	if found {
		return Workspace{}, fault.New(fault.Forbidden, "Only an owner of %s, or an administrator of the site, may do this.", one.Name)
	}
	return Workspace{}, missingWorkspace(ref)
}

// TenantRemover removes what is left of tenants whose grace time has ended.
type TenantRemover interface {
	// EndedTenants lists the tenants whose grace time has ended.
	EndedTenants(ctx context.Context, now time.Time) ([]Tenant, error)
	// RemoveTenant removes all that tenant has. While labs or identifiers that must rest are left it is not gone yet, and is to be asked again.
	RemoveTenant(ctx context.Context, scope Scope) (gone bool, err error)
}

// LabEnder destroys and forgets labs.
type LabEnder interface {
	// EndLabs asks for every lab of the tenant to be destroyed and forgotten, and returns how many are left.
	EndLabs(ctx context.Context, tenantID string) (left int, err error)
}

// Reaper ends workspaces whose grace time has ended.
type Reaper struct {
	Tenants TenantRemover
	Labs    LabEnder
	Now     func() time.Time // nil: time.Now
	Every   time.Duration    // 0: a minute
	Audit   Auditor          // nil: nothing is recorded
	Log     *slog.Logger
}

// Run looks at once and then regularly, until ctx ends. What cannot be done now is done later.
func (r *Reaper) Run(ctx context.Context) error {
	every := r.Every
	if every <= 0 {
		every = time.Minute
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := r.Reap(ctx); err != nil && ctx.Err() == nil {
			r.Log.Warn("a deleted workspace could not be removed yet", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Reap looks once.
func (r *Reaper) Reap(ctx context.Context) error {
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	ended, err := r.Tenants.EndedTenants(ctx, now())
	if err != nil {
		return err
	}
	for _, tenant := range ended {
		left, err := r.Labs.EndLabs(ctx, tenant.ID)
		if err != nil {
			return err
		}
		if left > 0 {
			continue // their hosts are at it, or away
		}
		gone, err := r.Tenants.RemoveTenant(ctx, InTenant(tenant.ID))
		if err != nil {
			return err
		}
		if gone {
			r.Log.Info("a deleted workspace is gone", "tenant", tenant.ID, "name", tenant.Name, "deleted by", tenant.EndedBy)
			event := siteItself(AuditTenantDelete, AuditTenant(tenant)).of(tenant.ID).changed(tenant, map[string]bool{"gone": true})
			if err := Record(ctx, r.Audit, event); err != nil {
				return err
			}
		}
	}
	return nil
}
