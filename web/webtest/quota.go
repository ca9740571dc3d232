package webtest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline/tenancy"
)

// Quota is limits in memory, with what each person is said to use.
type Quota struct {
	world *World

	mu     sync.Mutex
	limits map[string]tenancy.QuotaLimits
	use    map[string]tenancy.QuotaUse
	site   tenancy.QuotaLimits
}

// NewQuotas is the real service on limits in memory: nobody uses anything.
func NewQuotas(w *World) (*tenancy.Quotas, *Quota) {
	q := &Quota{world: w, limits: map[string]tenancy.QuotaLimits{}, use: map[string]tenancy.QuotaUse{}}
	return tenancy.NewQuotas(tenancy.QuotaConfig{Store: q, Members: q, Tenants: q}), q
}

// Use says what a person in the tenant uses.
func (q *Quota) Use(tenant, userID string, amounts tenancy.Amounts) {
	q.mu.Lock()
	defer q.mu.Unlock()
	use := q.use[tenant]
	if use.People == nil {
		use.People = map[string]tenancy.Amounts{}
	}
	use.People[userID] = use.People[userID].Plus(amounts)
	use.Workspace = use.Workspace.Plus(amounts)
	q.use[tenant] = use
}

// Quota is what is said and used.
func (q *Quota) Quota(_ context.Context, scope tenancy.Scope) (tenancy.QuotaLimits, tenancy.QuotaUse, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	id, _ := scope.Tenant()
	use := q.use[id]
	use.People = maps.Clone(use.People)
	return q.limitsLocked(id), use, nil
}

func (q *Quota) limitsLocked(id string) tenancy.QuotaLimits {
	limits := q.limits[id]
	limits.SiteWorkspace, limits.SitePerson = maps.Clone(q.site.SiteWorkspace), maps.Clone(q.site.SitePerson)
	if limits.People = maps.Clone(limits.People); limits.People == nil {
		limits.People = map[string]tenancy.Limits{}
	}
	return limits
}

// ChangeQuota changes what is said.
func (q *Quota) ChangeQuota(_ context.Context, scope tenancy.Scope, decide func(*tenancy.QuotaLimits) error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	id, _ := scope.Tenant()
	limits := q.limitsLocked(id)
	if err := decide(&limits); err != nil {
		return err
	}
	if id == "" {
		q.site = limits
	} else {
		q.limits[id] = limits
	}
	return nil
}

// Members lists the world's people of the tenant.
func (q *Quota) Members(_ context.Context, scope tenancy.Scope) ([]tenancy.TenantMember, error) {
	id, _ := scope.Tenant()
	q.world.mu.Lock()
	defer q.world.mu.Unlock()
	var list []tenancy.TenantMember
	for userID, u := range q.world.users {
		if u.actor.TenantID == id {
			list = append(list, tenancy.TenantMember{UserID: userID, Name: u.actor.UserName, Role: u.actor.Role, ByHand: u.actor.Role})
		}
	}
	slices.SortFunc(list, func(a, b tenancy.TenantMember) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// ChangeMembers is not done here.
func (q *Quota) ChangeMembers(context.Context, tenancy.Scope, func([]tenancy.TenantMember) ([]tenancy.MemberChange, error)) error {
	return tenancy.Missing("such member")
}

// Workspaces are the world's two.
func (q *Quota) Workspaces(context.Context, string) ([]tenancy.Workspace, error) {
	return []tenancy.Workspace{{Tenant: tenancy.Tenant{ID: "campus", Name: "Campus"}}, {Tenant: tenancy.Tenant{ID: "other", Name: "Other"}}}, nil
}

// CreateTenant is not done here.
func (q *Quota) CreateTenant(context.Context, tenancy.Tenant, tenancy.Membership) error {
	return tenancy.Missing("such workspace")
}

// RenameTenant is not done here.
func (q *Quota) RenameTenant(context.Context, tenancy.Scope, string) error {
	return tenancy.Missing("such workspace")
}

// EndTenant is not done here.
func (q *Quota) EndTenant(context.Context, tenancy.Scope, time.Time, string) error {
	return tenancy.Missing("such workspace")
}

// OpenTenants is no.
func (q *Quota) OpenTenants(context.Context) (bool, error) { return false, nil }

// SetOpenTenants is not done here.
func (q *Quota) SetOpenTenants(context.Context, bool) error { return tenancy.Missing("such workspace") }
