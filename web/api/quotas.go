package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/tenancy"
)

// quotaBody is limits as people write them.
type quotaBody struct {
	DryRun bool `query:"dry-run" doc:"Only tell what would change"`
	Body   struct {
		Limits map[tenancy.Resource]string `json:"limits" doc:"By resource: labs, nodes, cpu, memory, disk, uploads, hours, egress. Such as 20, 2.5, 8 GiB, 40 h, 10 Mbit/s, unlimited; default takes a limit back. What is not named stays"`
	}
}

func (b quotaBody) change(target tenancy.QuotaTarget) tenancy.QuotaChange {
	return tenancy.QuotaChange{Target: target, Limits: b.Body.Limits}
}

func (a *API) quotaOperations() {
	huma.Register(a.huma, operation("GET", "/quota", "own-quota", "Tell what one may use in the workspace, and does use", tenancy.SeeLab, "quotas"),
		func(ctx context.Context, _ *struct{}) (*answer[tenancy.OwnQuota], error) {
			return respond(a.Quotas.Own(ctx, actorOf(ctx)))
		})
	huma.Register(a.huma, operation("GET", "/quota/workspace", "workspace-quota", "Tell what everybody in the workspace may use, and does use", tenancy.SeeQuota, "quotas"),
		func(ctx context.Context, _ *struct{}) (*answer[tenancy.WorkspaceQuota], error) {
			return respond(a.Quotas.Workspace(ctx, actorOf(ctx)))
		})
	huma.Register(a.huma, operation("GET", "/quota/site", "site-quota", "Tell the site's defaults and what every workspace uses", tenancy.ManageQuota, "quotas"),
		func(ctx context.Context, _ *struct{}) (*answer[tenancy.SiteQuota], error) {
			return respond(a.Quotas.Site(ctx, actorOf(ctx)))
		})
	a.setQuota("/quota/each", "set-default-quota", "Say what each person in the workspace may use by default", tenancy.ManageMembers, tenancy.ForEach)
	a.setQuota("/quota/site/workspaces", "set-site-workspace-quota", "Say what every workspace of the site may use by default", tenancy.ManageQuota, tenancy.ForSiteWorkspaces)
	a.setQuota("/quota/site/people", "set-site-person-quota", "Say what every person in a workspace may use by default", tenancy.ManageQuota, tenancy.ForSitePeople)
	type personInput struct {
		quotaBody
		Person string `path:"person" maxLength:"200" doc:"User id, name or e-mail address of a member"`
	}
	huma.Register(a.huma, operation("PATCH", "/quota/people/{person}", "set-person-quota", "Say what one member may use", tenancy.ManageMembers, "quotas"),
		func(ctx context.Context, in *personInput) (*answer[tenancy.QuotaChanged], error) {
			change := in.change(tenancy.ForPerson)
			change.Person = in.Person
			return respond(a.Quotas.Set(ctx, actorOf(ctx), change, in.DryRun))
		})
	type workspaceInput struct {
		quotaBody
		Workspace string `path:"workspace" maxLength:"200" doc:"Id or name"`
	}
	huma.Register(a.huma, operation("PATCH", "/quota/workspaces/{workspace}", "set-workspace-quota", "Say what a workspace may use", tenancy.ManageQuota, "quotas"),
		func(ctx context.Context, in *workspaceInput) (*answer[tenancy.QuotaChanged], error) {
			change := in.change(tenancy.ForWorkspace)
			change.Workspace = in.Workspace
			return respond(a.Quotas.Set(ctx, actorOf(ctx), change, in.DryRun))
		})
}

// setQuota registers one that needs no name.
func (a *API) setQuota(path, id, summary string, verb tenancy.Verb, target tenancy.QuotaTarget) {
	huma.Register(a.huma, operation("PATCH", path, id, summary, verb, "quotas"),
		func(ctx context.Context, in *quotaBody) (*answer[tenancy.QuotaChanged], error) {
			return respond(a.Quotas.Set(ctx, actorOf(ctx), in.change(target), in.DryRun))
		})
}
