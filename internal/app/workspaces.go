package app

import (
	"context"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

// labEnder ends the labs of workspaces whose time is over, in the name of the site.
type labEnder struct{ labs *control.Controller }

// EndLabs asks for every lab of the tenant to be destroyed and forgotten, and returns how many are left.
func (e labEnder) EndLabs(ctx context.Context, tenantID string) (left int, err error) {
	site := tenancy.Actor{UserID: "site", UserName: "Trunkline", TenantID: tenantID, SiteAdmin: true}
	labs, err := e.labs.List(ctx, site)
	if err != nil {
		return 0, err
	}
	for _, lab := range labs {
		if err := e.labs.Destroy(ctx, site, lab.ID, true); err != nil && !fault.Is(err, fault.NotFound) {
			return len(labs), err
		}
	}
	return len(labs), nil
}
