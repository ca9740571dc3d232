package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/lab/control"
	"trunkline/tenancy"
)

// PolicyQuery says whose image policy. It is exported because huma reads embedded structs only when they are.
type PolicyQuery struct {
	Scope control.PolicyScope `query:"scope" enum:"workspace,site" default:"workspace" doc:"Of the token's workspace, or of the whole site"`
}

func (a *API) imageOperations() {
	huma.Register(a.huma, operation("GET", "/image-policy", "show-image-policy", "Show the image map and which images are allowed", tenancy.SeeImages, "site"),
		func(ctx context.Context, in *PolicyQuery) (*answer[control.ImagePolicy], error) {
			return respond(a.Policies.ImagePolicy(ctx, actorOf(ctx), in.Scope))
		})
	type setInput struct {
		PolicyQuery
		Body struct {
			Map      map[string]string `json:"map" doc:"Pattern to the image that takes the place of what it fits, such as frrouting/* to trunkline/router"`
			Allow    []string          `json:"allow" doc:"Patterns of the images that nodes may have; empty is any (site) or what the site allows (workspace)"`
			Revision string            `json:"revision,omitempty" doc:"Of what was read; when it is no longer the newest, nothing is changed"`
		}
	}
	huma.Register(a.huma, when("scope=site", tenancy.ManageSite, operation("PUT", "/image-policy", "set-image-policy", "Replace the image map and which images are allowed", tenancy.ManageTenant, "site")),
		func(ctx context.Context, in *setInput) (*answer[control.ImagePolicy], error) {
			policy := control.ImagePolicy{Map: in.Body.Map, Allow: in.Body.Allow, Revision: in.Body.Revision}
			return respond(a.Policies.SetImagePolicy(ctx, actorOf(ctx), in.Scope, policy))
		})
}
