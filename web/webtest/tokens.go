package webtest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// Tokens lists the actor's tokens. All about tokens is what it is in earnest, on a store in memory.
func (w *World) Tokens(ctx context.Context, actor tenancy.Actor) ([]tenancy.Token, error) {
	return w.accounts.Tokens(ctx, actor)
}

// CreateToken makes one.
func (w *World) CreateToken(ctx context.Context, actor tenancy.Actor, request tenancy.TokenRequest) (tenancy.Token, string, error) {
	return w.accounts.CreateToken(ctx, actor, request)
}

// RevokeToken takes one away.
func (w *World) RevokeToken(ctx context.Context, actor tenancy.Actor, id string) error {
	return w.accounts.RevokeToken(ctx, actor, id)
}

// ActorOfToken knows who a token is.
func (w *World) ActorOfToken(ctx context.Context, token string) (tenancy.Actor, error) {
	return w.accounts.ActorOfToken(ctx, token)
}

// Again loads an actor anew.
func (w *World) Again(ctx context.Context, actor tenancy.Actor) (tenancy.Actor, error) {
	if actor.TokenID == "" {
		return w.ActorOf(ctx, actor.UserID, actor.TenantID)
	}
	return w.accounts.Again(ctx, actor)
}

// Services lists the workspace's service accounts.
func (w *World) Services(ctx context.Context, actor tenancy.Actor) ([]tenancy.ServiceAccount, error) {
	return w.services.Services(ctx, actor)
}

// CreateService makes one.
func (w *World) CreateService(ctx context.Context, actor tenancy.Actor, name string, role tenancy.Role) (tenancy.ServiceAccount, error) {
	return w.services.CreateService(ctx, actor, name, role)
}

// ChangeServiceRole gives one another role.
func (w *World) ChangeServiceRole(ctx context.Context, actor tenancy.Actor, service string, role tenancy.Role) error {
	return w.services.ChangeServiceRole(ctx, actor, service, role)
}

// RemoveService ends one.
func (w *World) RemoveService(ctx context.Context, actor tenancy.Actor, id string) error {
	return w.services.RemoveService(ctx, actor, id)
}

// CreateServiceToken makes a token for one.
func (w *World) CreateServiceToken(ctx context.Context, actor tenancy.Actor, service string, request tenancy.TokenRequest) (tenancy.Token, string, error) {
	return w.services.CreateServiceToken(ctx, actor, service, request)
}

// RevokeServiceToken ends a token of one.
func (w *World) RevokeServiceToken(ctx context.Context, actor tenancy.Actor, service, token string) error {
	return w.services.RevokeServiceToken(ctx, actor, service, token)
}

// book keeps tokens and service accounts, and knows the world's people for whoever asks about those.
type book struct {
	world *World

	mu       sync.Mutex
	grants   []tenancy.TokenGrant
	services map[string][]tenancy.ServiceAccount // by tenant
}

func newBook(w *World) *book {
	return &book{world: w, services: map[string][]tenancy.ServiceAccount{}}
}

// User is one of the world's people, or a service account.
func (b *book) User(_ context.Context, id string) (tenancy.User, error) {
	if actor, ok := b.service(id); ok {
		return tenancy.User{ID: id, Name: actor.UserName, Service: true}, nil
	}
	b.world.mu.Lock()
	defer b.world.mu.Unlock()
	u := b.world.users[id]
	if u == nil {
		return tenancy.User{}, fault.New(fault.NotFound, "There is no such user.")
	}
	return tenancy.User{ID: id, Email: u.email, Name: u.actor.UserName, SiteAdmin: u.actor.SiteAdmin}, nil
}

// Memberships is the one that everybody has.
func (b *book) Memberships(_ context.Context, id string) ([]tenancy.Membership, error) {
	actor, ok := b.service(id)
	if !ok {
		b.world.mu.Lock()
		defer b.world.mu.Unlock()
		u := b.world.users[id]
		if u == nil {
			return nil, nil
		}
		actor = u.actor
	}
	return []tenancy.Membership{{UserID: id, TenantID: actor.TenantID, Role: actor.Role}}, nil
}

func (b *book) service(id string) (tenancy.Actor, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for tenant, list := range b.services {
		for _, s := range list {
			if s.ID == id {
				return tenancy.Actor{UserID: id, UserName: s.Name, TenantID: tenant, Role: s.Role, Service: true}, true
			}
		}
	}
	return tenancy.Actor{}, false
}

// SaveToken keeps a token.
func (b *book) SaveToken(_ context.Context, g tenancy.TokenGrant) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, other := range b.grants {
		if other.UserID == g.UserID && other.Name == g.Name {
			return fault.New(fault.Conflict, "You have a token named %q already. Choose another name, or revoke that one.", g.Name).InField("name")
		}
	}
	g.Workspace = g.TenantID
	b.grants = append(b.grants, g)
	return nil
}

var noToken = fault.New(fault.NotFound, "There is no such token.")

// TokenGrant finds one.
func (b *book) TokenGrant(_ context.Context, key tenancy.TokenKey) (tenancy.TokenGrant, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range b.grants {
		if key.Hash != "" && g.Hash == key.Hash || key.Hash == "" && g.ID == key.ID {
			return g, nil
		}
	}
	return tenancy.TokenGrant{}, noToken
}

// TokensOf lists somebody's.
func (b *book) TokensOf(_ context.Context, userID string) ([]tenancy.Token, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []tenancy.Token
	for _, g := range b.grants {
		if g.UserID == userID {
			list = append(list, g.Token)
		}
	}
	return list, nil
}

// DeleteToken forgets one.
func (b *book) DeleteToken(_ context.Context, userID, id string) (tenancy.Token, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, g := range b.grants {
		if g.UserID == userID && g.ID == id {
			b.grants = slices.Delete(b.grants, i, i+1)
			return g.Token, nil
		}
	}
	return tenancy.Token{}, noToken
}

// TouchToken notes a use.
func (b *book) TouchToken(_ context.Context, id string, at time.Time, address string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.grants {
		if b.grants[i].ID == id {
			b.grants[i].LastUsed, b.grants[i].LastAddress = at, address
		}
	}
	return nil
}

// bookOfServices is the book as a tenancy.ServiceStore.
type bookOfServices struct{ *book }

// Services lists the scope's.
func (b bookOfServices) Services(_ context.Context, scope tenancy.Scope) ([]tenancy.ServiceAccount, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id, _ := scope.Tenant()
	list := slices.Clone(b.services[id])
	slices.SortFunc(list, func(a, b tenancy.ServiceAccount) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// CreateService keeps one.
func (b bookOfServices) CreateService(_ context.Context, scope tenancy.Scope, service tenancy.ServiceAccount) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	id, _ := scope.Tenant()
	for _, other := range b.services[id] {
		if other.Name == service.Name {
			return fault.New(fault.Conflict, "There is a service account %q in this workspace already. Choose another name.", service.Name).InField("name")
		}
	}
	b.services[id] = append(b.services[id], service)
	return nil
}

// ChangeService gives one another role.
func (b bookOfServices) ChangeService(_ context.Context, scope tenancy.Scope, id string, was, role tenancy.Role) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	tenant, _ := scope.Tenant()
	for i, s := range b.services[tenant] {
		if s.ID == id && s.Role == was {
			b.services[tenant][i].Role = role
			return nil
		}
	}
	return tenancy.Missing("such service account")
}

// EndService forgets one and its tokens.
func (b bookOfServices) EndService(_ context.Context, scope tenancy.Scope, id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	tenant, _ := scope.Tenant()
	before := len(b.services[tenant])
	b.services[tenant] = slices.DeleteFunc(b.services[tenant], func(s tenancy.ServiceAccount) bool { return s.ID == id })
	if len(b.services[tenant]) == before {
		return tenancy.Missing("such service account")
	}
	b.grants = slices.DeleteFunc(b.grants, func(g tenancy.TokenGrant) bool { return g.UserID == id })
	return nil
}

// people is the book as a tenancy.UserStore, as far as tokens need one.
type people struct{ *book }

// UserByEmail finds nobody: the world signs people in by itself.
func (people) UserByEmail(context.Context, string) (tenancy.User, error) {
	return tenancy.User{}, errElsewhere
}

// SaveUser is done by the world itself.
func (people) SaveUser(context.Context, tenancy.User) error { return errElsewhere }

// Administrators are known to the world itself.
func (people) Administrators(context.Context) ([]tenancy.User, error) { return nil, errElsewhere }

// EnsureTenant is done by the world itself.
func (people) EnsureTenant(context.Context, string, string, tenancy.Membership) error {
	return errElsewhere
}

var errElsewhere = fault.New(fault.Unsupported, "The world in memory does this without a store of users.")
