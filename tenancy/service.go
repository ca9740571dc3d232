package tenancy

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
)

// ServiceAccount is a member of one workspace that is no person: programs work in its name, by its API tokens. It has no password and no browser session, and
// ends with its workspace; people come and go without it.
type ServiceAccount struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	By      string    `json:"by"` // name of who made it
	Created time.Time `json:"created"`
	Tokens  []Token   `json:"tokens,omitempty"` // only for those who may manage service accounts
}

// ServiceStore keeps service accounts.
type ServiceStore interface {
	// Services lists the scope's, by name, without their tokens.
	Services(ctx context.Context, scope Scope) ([]ServiceAccount, error)
	// CreateService makes one, with its role. Codes: conflict (a name that another one of the workspace has), not_found (no workspace).
	CreateService(ctx context.Context, scope Scope, service ServiceAccount) error
	// ChangeService gives one another role. Codes: not_found, also for one of another workspace; conflict when its role is not was any more.
	ChangeService(ctx context.Context, scope Scope, id string, was, role Role) error
	// EndService deletes one with its role and tokens. Code: not_found.
	EndService(ctx context.Context, scope Scope, id string) error
}

// servicesOfOne is how many a workspace may have.
const servicesOfOne = 100

// Services is what people do about the service accounts of their workspaces.
type Services struct {
	store    ServiceStore
	accounts *Accounts
	bell     *Revocations
}

// NewServices makes their tokens by accounts, records where that does, and rings the bell when one ends.
func NewServices(store ServiceStore, accounts *Accounts, bell *Revocations) *Services {
	return &Services{store: store, accounts: accounts, bell: bell}
}

var noService = Missing("such service account")

// Services lists the workspace's, by name; their tokens only for those who may manage them.
func (s *Services) Services(ctx context.Context, actor Actor) ([]ServiceAccount, error) {
	if err := inWorkspace(actor, SeeMembers); err != nil {
		return nil, err
	}
	list, err := s.store.Services(ctx, actor.Scope())
	if err != nil || inWorkspace(actor, ManageServices) != nil {
		return list, err
	}
	for i := range list {
		if list[i].Tokens, err = s.accounts.tokens.TokensOf(ctx, list[i].ID); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// CreateService makes one whose role is the actor's own at most. Codes: invalid (with its field), forbidden, conflict (name), exhausted (too many).
func (s *Services) CreateService(ctx context.Context, actor Actor, name string, role Role) (ServiceAccount, error) {
	if err := inWorkspace(actor, ManageServices); err != nil {
		return ServiceAccount{}, err
	}
	name = strings.TrimSpace(name)
	switch {
	case name == "" || utf8.RuneCountInString(name) > 60 || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return ServiceAccount{}, fault.New(fault.Invalid, "Give the service account a name of 1 to 60 characters, such as the program that it is for.").InField("name")
	}
	if err := serviceRole(actor, role); err != nil {
		return ServiceAccount{}, err
	}
	before, err := s.store.Services(ctx, actor.Scope())
	if err != nil {
		return ServiceAccount{}, err
	}
	if len(before) >= servicesOfOne {
		return ServiceAccount{}, fault.New(fault.Exhausted, "This workspace has %d service accounts already. End those that nothing uses.", len(before))
	}
	service := ServiceAccount{ID: ident.New(), Name: name, Role: role, By: actor.UserName, Created: s.accounts.now()}
	if err := s.store.CreateService(ctx, actor.Scope(), service); err != nil {
		return ServiceAccount{}, err
	}
	event := actor.AuditEvent(AuditUserCreate, service.auditObject())
	event.After = map[string]any{"role": role}
	return service, Record(ctx, s.accounts.audit, event)
}

// serviceRole refuses a role that is none, and one above the actor's own.
func serviceRole(actor Actor, role Role) error {
	switch {
	case rank[role] == 0:
		return fault.New(fault.Invalid, "There is no role %q. Take owner, manager, member or observer.", role).InField("role")
	case !actor.SiteAdmin && !actor.Role.Includes(role):
		return fault.New(fault.Forbidden, "You are %s here, so a service account of yours can be %s at most.", actor.Role, actor.Role).InField("role")
	}
	return nil
}

// ChangeServiceRole gives one another role, the actor's own at most. It counts for its tokens at once, and what they have open is looked at again. Codes: invalid
// (with its field), forbidden (also when it may more than the actor), not_found, conflict (somebody else changed its role meanwhile).
func (s *Services) ChangeServiceRole(ctx context.Context, actor Actor, id string, role Role) error {
	service, err := s.managed(ctx, actor, id)
	if err != nil {
		return err
	}
	if err := serviceRole(actor, role); err != nil || role == service.Role {
		return err
	}
	if err := s.store.ChangeService(ctx, actor.Scope(), service.ID, service.Role, role); err != nil {
		return err
	}
	s.bell.Publish(Revocation{UserID: service.ID, TenantID: actor.TenantID, Reason: "The role of the service account " + service.Name + " was changed to " + string(role) + " by " + actor.UserName + "."})
	event := actor.AuditEvent(AuditMemberRole, service.auditObject())
	return Record(ctx, s.accounts.audit, event.changed(roleDetail{Role: service.Role}, roleDetail{Role: role}))
}

// RemoveService ends one with its tokens, and what they have open. Its labs stay; a manager can end them. Codes: not_found, forbidden (it may more than the actor).
func (s *Services) RemoveService(ctx context.Context, actor Actor, id string) error {
	service, err := s.managed(ctx, actor, id)
	if err != nil {
		return err
	}
	if err := s.store.EndService(ctx, actor.Scope(), service.ID); err != nil {
		return err
	}
	s.bell.Publish(Revocation{UserID: service.ID, TenantID: actor.TenantID, Reason: "The service account " + service.Name + " was ended by " + actor.UserName + "."})
	return Record(ctx, s.accounts.audit, actor.AuditEvent(AuditUserDelete, service.auditObject()))
}

// CreateServiceToken makes a token for a service account. The secret is returned once and not kept.
func (s *Services) CreateServiceToken(ctx context.Context, actor Actor, id string, request TokenRequest) (Token, string, error) {
	service, err := s.managed(ctx, actor, id)
	if err != nil {
		return Token{}, "", err
	}
	return s.accounts.grant(ctx, actor, service.ID, AuditObject{Kind: "service token"}, request)
}

// RevokeServiceToken ends one of its tokens at once.
func (s *Services) RevokeServiceToken(ctx context.Context, actor Actor, id, token string) error {
	service, err := s.managed(ctx, actor, id)
	if err != nil {
		return err
	}
	return s.accounts.revoke(ctx, actor, service.ID, token)
}

// managed finds one of the actor's workspace, by id or name, that may no more than the actor: otherwise its tokens would give what the actor has not.
func (s *Services) managed(ctx context.Context, actor Actor, ref string) (ServiceAccount, error) {
	if err := inWorkspace(actor, ManageServices); err != nil {
		return ServiceAccount{}, err
	}
	list, err := s.store.Services(ctx, actor.Scope())
	if err != nil {
		return ServiceAccount{}, err
	}
	for _, one := range list {
		if one.ID != ref && one.Name != ref {
			continue
		}
		if !actor.SiteAdmin && !actor.Role.Includes(one.Role) {
			return ServiceAccount{}, fault.New(fault.Forbidden, "%s may do more here than you. Ask an owner of this workspace.", one.Name)
		}
		return one, nil
	}
	return ServiceAccount{}, noService
}

func (s ServiceAccount) auditObject() AuditObject {
	return AuditObject{Kind: "service account", ID: s.ID, Name: s.Name}
}

func inWorkspace(actor Actor, verb Verb) error {
	return Allow(actor, verb, ObjectRef{Tenant: actor.TenantID, Name: "workspace"})
}

// refuseService keeps service accounts from what only people do.
func refuseService(actor Actor) error {
	if actor.Service {
		return fault.New(fault.Forbidden, "A service account has API tokens and nothing else. Sign in as a person for this.")
	}
	return nil
}

// auditName tells a service account from a person.
func (a Actor) auditName() string {
	if a.Service {
		return a.UserName + " (service account)"
	}
	return a.UserName
}
