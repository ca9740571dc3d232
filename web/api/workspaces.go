package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/tenancy"
)

// workspaceBody names a workspace that is made or renamed.
type workspaceBody struct {
	Body struct {
		Name string `json:"name" maxLength:"200" doc:"1 to 60 characters"`
	}
}

func (a *API) workspaceOperations() {
	type listInput struct {
		All bool `query:"all" doc:"Every workspace of the site, for its administrators"`
	}
	huma.Register(a.huma, when("all=true", tenancy.ManageTenants, operation("GET", "/workspaces", "list-workspaces", "List the workspaces that one is in", onlySignedIn, "workspaces")),
		func(ctx context.Context, in *listInput) (*answer[[]tenancy.Workspace], error) {
			list := a.Workspaces.Workspaces
			if in.All {
				list = a.Workspaces.EveryWorkspace
			}
			found, err := list(ctx, actorOf(ctx))
			return respond(orEmpty(found), err)
		})
	create := operation("POST", "/workspaces", "create-workspace", "Make a workspace that one owns", tenancy.CreateTenant, "workspaces")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, create, func(ctx context.Context, in *workspaceBody) (*answer[tenancy.Workspace], error) {
		return respond(a.Workspaces.CreateWorkspace(ctx, actorOf(ctx), in.Body.Name))
	})
	huma.Register(a.huma, silent("PATCH", "/workspace", "rename-workspace", "Rename the workspace of the token", tenancy.ManageTenant, "workspaces"),
		func(ctx context.Context, in *workspaceBody) (*struct{}, error) {
			return done(a.Workspaces.RenameWorkspace(ctx, actorOf(ctx), in.Body.Name))
		})
	type deleteInput struct {
		Confirm string `query:"confirm" required:"true" doc:"The workspace's name, so that nobody deletes the wrong one"`
	}
	huma.Register(a.huma, operation("DELETE", "/workspace", "delete-workspace", "Delete the workspace of the token: closed at once, gone after seven days unless it is restored", tenancy.DeleteTenant, "workspaces"),
		func(ctx context.Context, in *deleteInput) (*answer[tenancy.Tenant], error) {
			return respond(a.Workspaces.DeleteWorkspace(ctx, actorOf(ctx), in.Confirm))
		})
	type workspacePath struct {
		Workspace string `path:"workspace" maxLength:"200" doc:"Id or name"`
	}
	huma.Register(a.huma, operation("POST", "/workspaces/{workspace}/restore", "restore-workspace", "Open a deleted workspace again, as it was", tenancy.DeleteTenant, "workspaces"),
		func(ctx context.Context, in *workspacePath) (*answer[tenancy.Workspace], error) {
			return respond(a.Workspaces.RestoreWorkspace(ctx, actorOf(ctx), in.Workspace))
		})
}
