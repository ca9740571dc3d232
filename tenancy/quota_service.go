package tenancy

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
)

// QuotaStore keeps limits, and knows what is used.
type QuotaStore interface {
	// Quota is everything that is said about limits in the scope's tenant, and how much is used there. No tenant is the site.
	Quota(ctx context.Context, scope Scope) (QuotaLimits, QuotaUse, error)
	// ChangeQuota asks decide, and stores what it leaves. Nobody else changes limits of the tenant or reserves anything there meanwhile. Without a tenant it changes the
	// site's defaults. Code: not_found.
	ChangeQuota(ctx context.Context, scope Scope, decide func(*QuotaLimits) error) error
}

// QuotaConfig is what Quotas are made of.
type QuotaConfig struct {
	Store   QuotaStore
	Members MemberStore
	Tenants TenantStore
	Audit   Auditor          // nil: nothing is recorded
	Changed func()           // called after a limit was changed; may be nil
	Now     func() time.Time // nil: time.Now
}

// Quotas is what people see and say of limits.
type Quotas struct{ cfg QuotaConfig }

// NewQuotas makes the service.
func NewQuotas(cfg QuotaConfig) *Quotas {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Quotas{cfg}
}

// QuotaLine is one resource with its limit.
type QuotaLine struct {
	Resource  Resource `json:"resource"`
	Used      int64    `json:"used"`            // in the resource's own unit: see Resource
	Limit     *int64   `json:"limit,omitempty"` // nil: unlimited
	UsedText  string   `json:"usedText"`
	LimitText string   `json:"limitText"`
	Said      string   `json:"said,omitempty"` // what is said here itself, as it may be written again; "": it is as below
}

// QuotaHolder is somebody who has limits: a person in a workspace, or a workspace as a whole.
type QuotaHolder struct {
	ID    string      `json:"id"`
	Name  string      `json:"name"`
	Lines []QuotaLine `json:"lines"`
}

// OwnQuota is what one uses oneself, and what is left of the whole.
type OwnQuota struct {
	Person    QuotaHolder `json:"person"`
	Workspace QuotaHolder `json:"workspace"`
	Begins    time.Time   `json:"begins"` // when running hours begin anew
}

// WorkspaceQuota is what everybody in a workspace uses.
type WorkspaceQuota struct {
	Workspace QuotaHolder   `json:"workspace"`
	Each      []QuotaLine   `json:"each"` // what a person may use of whom nothing else is said; nothing is used by it
	People    []QuotaHolder `json:"people"`
	Begins    time.Time     `json:"begins"`
}

// SiteQuota is the defaults of the site, and what every workspace uses.
type SiteQuota struct {
	ForWorkspaces []QuotaLine   `json:"forWorkspaces"`
	ForPeople     []QuotaLine   `json:"forPeople"`
	Workspaces    []QuotaHolder `json:"workspaces"`
}

// lines are all resources under limits; said is what they say by themselves.
func lines(limits, said Limits, used Amounts) []QuotaLine {
	all := make([]QuotaLine, len(Resources))
	for i, resource := range Resources {
		all[i] = QuotaLine{
			Resource: resource, Used: used[resource], UsedText: Amount(resource, used[resource]), LimitText: "unlimited", Said: LimitText(resource, said),
		}
		if limit, limited := limits.Of(resource); limited {
			all[i].Limit, all[i].LimitText = &limit, Amount(resource, limit)
		}
	}
	return all
}

// Own is what the actor uses in the chosen workspace.
func (q *Quotas) Own(ctx context.Context, actor Actor) (OwnQuota, error) {
	if err := q.allow(actor, SeeLab); err != nil {
		return OwnQuota{}, err
	}
	limits, use, err := q.cfg.Store.Quota(ctx, actor.Scope())
	if err != nil {
		return OwnQuota{}, err
	}
	return OwnQuota{
		Person:    QuotaHolder{actor.UserID, actor.UserName, lines(limits.OfPerson(actor.UserID), limits.People[actor.UserID], use.People[actor.UserID])},
		Workspace: QuotaHolder{ID: actor.TenantID, Lines: lines(limits.OfWorkspace(), limits.Workspace, use.Workspace)},
		Begins:    NextMonth(q.cfg.Now()),
	}, nil
}

// Workspace is what everybody in the chosen workspace uses: its members by their rank, then those who have left and still hold something.
func (q *Quotas) Workspace(ctx context.Context, actor Actor) (WorkspaceQuota, error) {
	if err := q.allow(actor, SeeQuota); err != nil {
		return WorkspaceQuota{}, err
	}
	limits, use, err := q.cfg.Store.Quota(ctx, actor.Scope())
	if err != nil {
		return WorkspaceQuota{}, err
	}
	members, err := q.cfg.Members.Members(ctx, actor.Scope())
	if err != nil {
		return WorkspaceQuota{}, err
	}
	workspace, err := q.aimWorkspace(ctx, actor, "")
	if err != nil {
		return WorkspaceQuota{}, err
	}
	view := WorkspaceQuota{
		Workspace: QuotaHolder{ID: actor.TenantID, Name: workspace.name, Lines: lines(limits.OfWorkspace(), limits.Workspace, use.Workspace)},
		Each:      lines(limits.OfEach(), limits.Person, nil), Begins: NextMonth(q.cfg.Now()),
	}
	add := func(id, name string) {
		view.People = append(view.People, QuotaHolder{id, name, lines(limits.OfPerson(id), limits.People[id], use.People[id])})
		delete(use.People, id)
	}
	for _, m := range members {
		add(m.UserID, m.Name)
	}
	for _, id := range slices.Sorted(maps.Keys(use.People)) {
		add(id, use.Names[id])
	}
	return view, nil
}

// Site is the defaults, and what every workspace uses, for administrators of the site.
func (q *Quotas) Site(ctx context.Context, actor Actor) (SiteQuota, error) {
	if err := Allow(actor, ManageQuota, ObjectRef{}); err != nil {
		return SiteQuota{}, err
	}
	limits, _, err := q.cfg.Store.Quota(ctx, Scope{})
	if err != nil {
		return SiteQuota{}, err
	}
	view := SiteQuota{ForWorkspaces: lines(limits.SiteWorkspace, limits.SiteWorkspace, nil), ForPeople: lines(limits.SitePerson, limits.SitePerson, nil)}
	all, err := q.cfg.Tenants.Workspaces(ctx, "")
	if err != nil {
		return SiteQuota{}, err
	}
	for _, one := range all {
		limits, use, err := q.cfg.Store.Quota(ctx, InTenant(one.ID))
		if err != nil {
			return SiteQuota{}, err
		}
		view.Workspaces = append(view.Workspaces, QuotaHolder{one.ID, one.Name, lines(limits.OfWorkspace(), limits.Workspace, use.Workspace)})
	}
	return view, nil
}

// QuotaTarget is whose limits are said.
type QuotaTarget string

const (
	ForSiteWorkspaces QuotaTarget = "every-workspace" // default of the site
	ForSitePeople     QuotaTarget = "every-person"    // default of the site
	ForWorkspace      QuotaTarget = "workspace"       // one workspace
	ForEach           QuotaTarget = "each"            // default of every person in the chosen workspace
	ForPerson         QuotaTarget = "person"          // one person in it
)

// QuotaChange is what shall be said from now on. A resource that it does not name stays as it is; an empty text or "default" says nothing any more.
type QuotaChange struct {
	Target    QuotaTarget         `json:"target"`
	Workspace string              `json:"workspace,omitempty"` // of ForWorkspace: id or name; "" is the chosen one
	Person    string              `json:"person,omitempty"`    // of ForPerson: user id, name or e-mail address
	Limits    map[Resource]string `json:"limits"`              // as people write them: "8 GiB", "2.5", "unlimited"
}

// QuotaChanged is what a change did, or would do.
type QuotaChanged struct {
	Name   string              `json:"name"` // whose limits they are
	Before map[Resource]string `json:"before"`
	After  map[Resource]string `json:"after"`
	Over   []string            `json:"over,omitempty"` // what is used beyond the new limits, in sentences: nothing is ended, nothing more begins
}

// Set says limits. With dryRun nothing is stored. Codes: invalid with the resource as field, not_found, forbidden.
func (q *Quotas) Set(ctx context.Context, actor Actor, change QuotaChange, dryRun bool) (QuotaChanged, error) {
	target, err := q.aim(ctx, actor, change)
	if err != nil {
		return QuotaChanged{}, err
	}
	said, err := parseLimits(change.Limits)
	if err != nil {
		return QuotaChanged{}, err
	}
	_, use, err := q.cfg.Store.Quota(ctx, target.scope)
	if err != nil {
		return QuotaChanged{}, err
	}
	result := QuotaChanged{Name: target.name}
	dry := fault.New(fault.Conflict, "Nothing was changed.")
	err = q.cfg.Store.ChangeQuota(ctx, target.scope, func(limits *QuotaLimits) error {
		here := target.of(limits)
		before := maps.Clone(*here)
		*here = changed(before, said)
		if change.Target == ForPerson {
			limits.People[target.userID] = *here
		}
		after := *here
		if change.Target == ForEach || change.Target == ForPerson {
			if err := within(after, limits.OfWorkspace(), said); err != nil {
				return err
			}
		}
		result.Before, result.After = texts(before), texts(after)
		result.Over = over(change.Target, target, *limits, use)
		if dryRun || maps.Equal(result.Before, result.After) {
			return dry
		}
		return nil
	})
	if err == dry {
		return result, nil
	}
	if err != nil {
		return QuotaChanged{}, err
	}
	if q.cfg.Changed != nil {
		q.cfg.Changed()
	}
	event := actor.AuditEvent(AuditQuotaChange, target.object).changed(result.Before, result.After)
	tenant, _ := target.scope.Tenant()
	return result, Record(ctx, q.cfg.Audit, event.of(tenant))
}

// aimed is a target that was found and may be changed.
type aimed struct {
	scope  Scope
	name   string
	userID string
	object AuditObject
	of     func(*QuotaLimits) *Limits
}

// aim finds whose limits are meant, and whether the actor may say them.
func (q *Quotas) aim(ctx context.Context, actor Actor, change QuotaChange) (aimed, error) {
	switch change.Target {
	case ForSiteWorkspaces, ForSitePeople, ForWorkspace:
		if err := Allow(actor, ManageQuota, ObjectRef{}); err != nil {
			return aimed{}, err
		}
	case ForEach, ForPerson:
		if err := q.allow(actor, ManageMembers); err != nil {
			return aimed{}, err
		}
	}
	switch change.Target {
	case ForSiteWorkspaces:
		return aimed{name: "every workspace", object: AuditObject{Kind: "site", Name: "every workspace"}, of: func(l *QuotaLimits) *Limits { return &l.SiteWorkspace }}, nil
	case ForSitePeople:
		return aimed{name: "every person", object: AuditObject{Kind: "site", Name: "every person"}, of: func(l *QuotaLimits) *Limits { return &l.SitePerson }}, nil
	case ForEach:
		return aimed{scope: actor.Scope(), name: "each person in this workspace", object: AuditObject{Kind: "workspace", ID: actor.TenantID, Name: "each person"},
			of: func(l *QuotaLimits) *Limits { return &l.Person }}, nil
	case ForWorkspace:
		return q.aimWorkspace(ctx, actor, change.Workspace)
	case ForPerson:
		return q.aimPerson(ctx, actor, change.Person)
	}
	return aimed{}, fault.New(fault.Invalid, "Say whose limits they are: %s, %s, %s, %s or %s.", ForWorkspace, ForEach, ForPerson, ForSiteWorkspaces, ForSitePeople).InField("target")
}

func (q *Quotas) aimWorkspace(ctx context.Context, actor Actor, ref string) (aimed, error) {
	if ref == "" {
		ref = actor.TenantID
	}
	all, err := q.cfg.Tenants.Workspaces(ctx, "")
	if err != nil {
		return aimed{}, err
	}
	one, found := pick(all, ref)
	if !found {
		return aimed{}, fault.New(fault.NotFound, "There is no workspace %q.", ref)
	}
	return aimed{scope: InTenant(one.ID), name: one.Name, object: AuditTenant(one.Tenant), of: func(l *QuotaLimits) *Limits { return &l.Workspace }}, nil
}

func (q *Quotas) aimPerson(ctx context.Context, actor Actor, ref string) (aimed, error) {
	members, err := q.cfg.Members.Members(ctx, actor.Scope())
	if err != nil {
		return aimed{}, err
	}
	i := find(members, ref)
	if i < 0 && ref != "" {
		named := func(m TenantMember) bool { return m.Name == ref || strings.EqualFold(m.Email, ref) }
		if i = slices.IndexFunc(members, named); i >= 0 && slices.ContainsFunc(members[i+1:], named) {
			return aimed{}, fault.New(fault.Conflict, "Several members are called %q. Give the id, which trunkline members lists.", ref).InField("person")
		}
	}
	if i < 0 {
		return aimed{}, noMember
	}
	id := members[i].UserID
	said := func(l *QuotaLimits) *Limits {
		own := l.People[id]
		return &own
	}
	return aimed{scope: actor.Scope(), name: members[i].Name, userID: id, object: AuditUser(id, members[i].Name), of: said}, nil
}

// allow asks for a verb in the workspace that is chosen.
func (q *Quotas) allow(actor Actor, verb Verb) error {
	if !actor.IsNobody() && actor.TenantID == "" {
		return fault.New(fault.Forbidden, "You are in no workspace. Ask an owner for an invitation, or make a workspace of your own.")
	}
	return Allow(actor, verb, ObjectRef{Tenant: actor.TenantID, Name: "workspace"})
}
