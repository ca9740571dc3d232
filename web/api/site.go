package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// Me is who a token or session belongs to.
type Me struct {
	tenancy.Actor
	Workspace string `json:"workspace,omitempty"` // name of the one that the token is bound to
	Version   string `json:"version"`
}

func (a *API) siteOperations() {
	huma.Register(a.huma, operation("GET", "/me", "who-am-i", "Show whose token this is", onlySignedIn, "account"),
		func(ctx context.Context, _ *struct{}) (*answer[Me], error) {
			me := Me{Actor: actorOf(ctx), Version: a.Version}
			if me.TenantID == "" {
				return respond(me, nil)
			}
			one, err := a.Workspaces.FindWorkspace(ctx, me.Actor, me.TenantID)
			me.Workspace = one.Name
			return respond(me, err)
		})
	huma.Register(a.huma, operation("GET", "/images", "list-images", "List the images that nodes can use", tenancy.SeeImages, "site"),
		func(ctx context.Context, _ *struct{}) (*answer[[]hostapi.Image], error) {
			return respond(a.Hosts.Images(ctx, actorOf(ctx)))
		})
}
