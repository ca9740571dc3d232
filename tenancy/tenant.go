package tenancy

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
)

// Tenant is one workspace: people, their labs and what those may use. People read "workspace".
type Tenant struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Ends    time.Time `json:"ends,omitzero"`    // when what was deleted is gone for good; zero: nobody has deleted it
	EndedBy string    `json:"endedBy,omitzero"` // name of who did
}

// Workspace is a tenant as somebody sees it who may know of it.
type Workspace struct {
	Tenant
	Role    Role `json:"role,omitempty"` // of the person who asks; "": an administrator of the site, who is no member
	Members int  `json:"members"`
	Labs    int  `json:"labs"`
}

// TenantStore keeps tenants. A name that another tenant has is fault.Conflict.
type TenantStore interface {
	// Workspaces lists those that the person is in, by name, also those that are being deleted; "" is all there are.
	Workspaces(ctx context.Context, userID string) ([]Workspace, error)
	CreateTenant(ctx context.Context, tenant Tenant, first Membership) error
	RenameTenant(ctx context.Context, scope Scope, name string) error
	// EndTenant closes the tenant until then, or with a zero time opens it again. Code: conflict when it is that already.
	EndTenant(ctx context.Context, scope Scope, ends time.Time, by string) error
	// OpenTenants says whether everybody may make workspaces; SetOpenTenants decides it.
	OpenTenants(ctx context.Context) (bool, error)
	SetOpenTenants(ctx context.Context, open bool) error
}

// Workspaces is what people do about workspaces, their members and invitations to them.
type Workspaces struct {
	tenants     TenantStore
	members     MemberStore
	invitations InvitationStore
	accounts    *Accounts
	bell        *Revocations
	audit       Auditor // nil: nothing is recorded
	now         func() time.Time

	strangers *limiter // wrong invitation links, by address
	newcomers *limiter // new accounts, by address
}

// WorkspaceStore is all that Workspaces keeps.
type WorkspaceStore interface {
	TenantStore
	MemberStore
	InvitationStore
}

// NewWorkspaces uses the store given, makes accounts by accounts, and rings the bell when somebody's rights change. now nil is time.Now.
func NewWorkspaces(store WorkspaceStore, accounts *Accounts, bell *Revocations, now func() time.Time) *Workspaces {
	if now == nil {
		now = time.Now
	}
	return &Workspaces{
		tenants: store, members: store, invitations: store, accounts: accounts, bell: bell, now: now,
		strangers: newLimiter(6*time.Second, 20, 10_000),
		newcomers: newLimiter(5*time.Second, 60, 10_000), // a class behind one address
	}
}

// WithAudit records what is done about workspaces.
func (w *Workspaces) WithAudit(audit Auditor) *Workspaces {
	w.audit = audit
	return w
}

// Workspaces lists those that the actor is in, by name. Those being deleted are there for their owners, who can restore them.
func (w *Workspaces) Workspaces(ctx context.Context, actor Actor) ([]Workspace, error) {
	if actor.IsNobody() {
		return nil, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	all, err := w.tenants.Workspaces(ctx, actor.UserID)
	if err != nil {
		return nil, err
	}
	mine := all[:0]
	for _, one := range all {
		if one.Ends.IsZero() || one.Role == Owner {
			mine = append(mine, one)
		}
	}
	return mine, nil
}

// EveryWorkspace lists all of the site, for its administrators.
func (w *Workspaces) EveryWorkspace(ctx context.Context, actor Actor) ([]Workspace, error) {
	if err := Allow(actor, ManageTenants, ObjectRef{}); err != nil {
		return nil, err
	}
	return w.tenants.Workspaces(ctx, "")
}

// FindWorkspace returns the workspace of that id or name among those that the actor is in and that are not being deleted.
func (w *Workspaces) FindWorkspace(ctx context.Context, actor Actor, ref string) (Workspace, error) {
	mine, err := w.Workspaces(ctx, actor)
	if err != nil {
		return Workspace{}, err
	}
	one, found := pick(mine, ref)
	if !found || !one.Ends.IsZero() {
		return Workspace{}, missingWorkspace(ref)
	}
	return one, nil
}

// pick takes an id before a name: a workspace cannot hide another by its name.
func pick(all []Workspace, ref string) (Workspace, bool) {
	for _, one := range all {
		if one.ID == ref {
			return one, true
		}
	}
	for _, one := range all {
		if one.Name == ref {
			return one, true
		}
	}
	return Workspace{}, false
}

func missingWorkspace(ref string) error {
	if utf8.RuneCountInString(ref) > 80 {
		ref = string([]rune(ref)[:80]) + "…"
	}
	return fault.New(fault.NotFound, "You are in no workspace %q.", ref)
}

// MayCreateWorkspace says by its error whether the actor may make workspaces.
func (w *Workspaces) MayCreateWorkspace(ctx context.Context, actor Actor) error {
	if err := actor.within(CreateTenant); err != nil {
		return err
	}
	refused := Allow(actor, CreateTenant, ObjectRef{})
	if refused == nil || actor.IsNobody() {
		return refused
	}
	open, err := w.tenants.OpenTenants(ctx)
	switch {
	case err != nil:
		return err
	case !open:
		return refused
	}
	return nil
}

// CreateWorkspace makes a workspace that the actor owns.
func (w *Workspaces) CreateWorkspace(ctx context.Context, actor Actor, name string) (Workspace, error) {
	if actor.TokenID != "" && !actor.SiteAdmin {
		return Workspace{}, fault.New(fault.Forbidden, "An API token is bound to its workspace and cannot make another. Do this on the page.")
	}
	if err := w.MayCreateWorkspace(ctx, actor); err != nil {
		return Workspace{}, err
	}
	name, err := CleanTenantName(name)
	if err != nil {
		return Workspace{}, err
	}
	tenant := Tenant{ID: ident.New(), Name: name, Created: w.now()}
	if err := w.tenants.CreateTenant(ctx, tenant, Membership{UserID: actor.UserID, TenantID: tenant.ID, Role: Owner}); err != nil {
		return Workspace{}, err
	}
	event := actor.AuditEvent(AuditTenantCreate, AuditTenant(tenant)).of(tenant.ID)
	return Workspace{Tenant: tenant, Role: Owner, Members: 1}, Record(ctx, w.audit, event.changed(nil, map[string]string{"name": tenant.Name, "owner": actor.UserName}))
}

// RenameWorkspace renames the one that is chosen.
func (w *Workspaces) RenameWorkspace(ctx context.Context, actor Actor, name string) error {
	if err := w.allow(actor, ManageTenant); err != nil {
		return err
	}
	name, err := CleanTenantName(name)
	if err != nil {
		return err
	}
	was, err := w.tenantName(ctx, actor.TenantID)
	if err != nil {
		return err
	}
	if err := w.tenants.RenameTenant(ctx, actor.Scope(), name); err != nil {
		return err
	}
	event := actor.AuditEvent(AuditTenantChange, AuditTenant(Tenant{ID: actor.TenantID, Name: name}))
	return Record(ctx, w.audit, event.changed(map[string]string{"name": was}, map[string]string{"name": name}))
}

// tenantName is for the audit alone; without one nothing is asked.
func (w *Workspaces) tenantName(ctx context.Context, id string) (string, error) {
	if w.audit == nil {
		return "", nil
	}
	all, err := w.tenants.Workspaces(ctx, "")
	if err != nil {
		return "", err
	}
	one, _ := pick(all, id)
	return one.Name, nil
}

// OpenToEveryone says whether everybody who is signed in may make workspaces.
func (w *Workspaces) OpenToEveryone(ctx context.Context, actor Actor) (bool, error) {
	if actor.IsNobody() {
		return false, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	return w.tenants.OpenTenants(ctx)
}

// SetOpenToEveryone decides it, for administrators of the site.
func (w *Workspaces) SetOpenToEveryone(ctx context.Context, actor Actor, open bool) error {
	if err := Allow(actor, ManageSite, ObjectRef{}); err != nil {
		return err
	}
	was, err := w.tenants.OpenTenants(ctx)
	if err != nil {
		return err
	}
	if err := w.tenants.SetOpenTenants(ctx, open); err != nil || was == open {
		return err
	}
	event := actor.AuditEvent(AuditSiteChange, AuditObject{Kind: "site"}).of("")
	return Record(ctx, w.audit, event.changed(map[string]bool{"everybodyMakesWorkspaces": was}, map[string]bool{"everybodyMakesWorkspaces": open}))
}

// allow asks for a verb in the workspace that is chosen.
func (w *Workspaces) allow(actor Actor, verb Verb) error {
	if !actor.IsNobody() && actor.TenantID == "" {
		return fault.New(fault.Forbidden, "You are in no workspace. Ask an owner for an invitation, or make a workspace of your own.")
	}
	return Allow(actor, verb, ObjectRef{Tenant: actor.TenantID, Name: "workspace"})
}

// CleanTenantName checks a workspace's name.
func CleanTenantName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if n := utf8.RuneCountInString(name); n < 1 || n > 60 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", fault.New(fault.Invalid, "Give the workspace a name of 1 to 60 characters, such as the course or the team.").InField("name")
	}
	return name, nil
}
