package rights_test

import (
	"fmt"
	"time"

	"trunkline/internal/ident"
	"trunkline/tenancy"
)

// scoped is somebody's API token that may do less than he.
func (s *site) scoped(of *actor, scope tenancy.TokenScope) *actor {
	s.t.Helper()
	var made struct{ Secret string }
	s.ask(of.cookie, "POST", "/api/v1/tokens", fmt.Sprintf(`{"name":%q,"scope":%q}`, s.name("scope"), scope), &made)
	a := &actor{name: fmt.Sprintf("a token (%s) of the %s", scope, of.name), home: of.home, who: of.who, token: made.Secret, scope: scope}
	a.remake = func() *actor {
		again := *a
		again.who, again.token = of.who, a.token
		return &again
	}
	return a
}

// service makes a service account with a token.
func (s *site) service(t *tenant, role tenancy.Role) (id, secret, token string) {
	s.t.Helper()
	var made struct{ ID, Secret string }
	owner := t.people["owner"].token
	s.ask(owner, "POST", "/api/v1/services", fmt.Sprintf(`{"name":%q,"role":%q}`, s.name("service"), role), &made)
	id = made.ID
	s.ask(owner, "POST", "/api/v1/services/"+id+"/tokens", `{"name":"matrix","scope":"all"}`, &made)
	return id, made.Secret, made.ID
}

// serviceOf is an account of programs that is a member.
func (s *site) serviceOf(t *tenant) *actor {
	s.t.Helper()
	id, secret, _ := s.service(t, tenancy.Member)
	a := &actor{name: "service account of " + t.name, home: t, token: secret}
	a.who = tenancy.Actor{UserID: id, UserName: "service", TenantID: t.id, Role: tenancy.Member, Service: true}
	a.remake = func() *actor { return s.serviceOf(t) }
	return a
}

// guest is somebody of another workspace with whom the tenant's lab is shared.
func (s *site) guest(t *tenant, level tenancy.Level) *actor {
	s.t.Helper()
	abroad := &tenant{id: ident.New(), name: s.name("abroad")}
	founder := tenancy.User{ID: ident.New(), Email: "founder-" + abroad.name, Name: "Founder", Created: time.Now()}
	must(s.t, s.store.SaveUser(s.t.Context(), founder))
	must(s.t, s.store.CreateTenant(s.t.Context(), tenancy.Tenant{ID: abroad.id, Name: abroad.name, Created: time.Now()},
		tenancy.Membership{UserID: founder.ID, TenantID: abroad.id, Role: tenancy.Owner}))
	a := s.person("guest ("+string(level)+")", abroad, tenancy.Member, false)
	a.name, a.home = "guest ("+string(level)+") of "+t.name, t
	a.who.TenantID, a.who.Role, a.who.Guest = t.id, "", &tenancy.GuestOf{Lab: t.lab.ID, Level: level}
	s.share(t, t.lab.ID, a)
	a.remake = func() *actor { return s.guest(t, level) }
	return a
}

// share lets a guest at a lab of the tenant; anybody else needs nothing for it.
func (s *site) share(t *tenant, lab string, caller *actor) {
	s.t.Helper()
	if caller.who.Guest == nil || caller.home != t {
		return
	}
	s.ask(t.people[labOwner].token, "POST", "/api/v1/labs/"+lab+"/shares", fmt.Sprintf(`{"with":%q,"level":%q}`, caller.who.UserName, caller.who.Guest.Level), nil)
}
