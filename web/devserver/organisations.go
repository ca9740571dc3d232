package main

import (
	"fmt"

	"trunkline/tenancy"
	"trunkline/tenancy/login"
	"trunkline/web"
	"trunkline/web/webtest"
)

// organisations are two providers to be looked at. There is nobody behind them.
func organisations(c *web.Config) (web.SSO, error) {
	world, ok := c.Accounts.(*webtest.World)
	if !ok {
		return web.SSO{}, fmt.Errorf("the accounts are %T and no world", c.Accounts)
	}
	o := webtest.NewOrganisations(world)
	o.Add(login.Provider{ID: "school", Name: "School of Networks", Issuer: "https://id.example.org/realms/school", ClientID: "trunkline", ClientSecret: "a secret"}, true,
		tenancy.Rule{Claim: "groups", Match: "staff", Tenant: "default", Role: tenancy.Manager})
	o.Add(login.Provider{ID: "campus", Name: "Campus", Issuer: "https://login.example.edu", ClientID: "trunkline", ClientSecret: "a secret", Scopes: []string{"profile", "email", "groups"}}, false,
		tenancy.Rule{Claim: "groups", Match: "net-teachers", Tenant: "net", Role: tenancy.Manager, Create: true},
		tenancy.Rule{Claim: "groups", Match: `/course-(\d+)/`, Tenant: "course-$1", Role: tenancy.Member, Create: true},
		tenancy.Rule{Domain: "example.edu", Tenant: "campus", Role: tenancy.Observer})
	return o.SSO(c.PublicURL)
}
