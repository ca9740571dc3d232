package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/tenancy"
)

// MemberPath names a member of the token's workspace.
type MemberPath struct {
	User string `path:"user" doc:"User id of the member" maxLength:"64"`
}

func (a *API) memberOperations() {
	huma.Register(a.huma, operation("GET", "/members", "list-members", "List who is in the workspace; addresses only for those who may invite", tenancy.SeeMembers, "members"),
		func(ctx context.Context, _ *struct{}) (*answer[[]tenancy.TenantMember], error) {
			members, err := a.Workspaces.Members(ctx, actorOf(ctx))
			return respond(orEmpty(members), err)
		})
	type roleInput struct {
		MemberPath
		Body struct {
			Role tenancy.Role `json:"role" enum:"owner,manager,member,observer"`
		}
	}
	huma.Register(a.huma, silent("PATCH", "/members/{user}", "change-role", "Change a member's role; the last owner stays", tenancy.ManageMembers, "members"),
		func(ctx context.Context, in *roleInput) (*struct{}, error) {
			return done(a.Workspaces.ChangeRole(ctx, actorOf(ctx), in.User, in.Body.Role))
		})
	huma.Register(a.huma, silent("DELETE", "/members/{user}", "remove-member", "Remove a member; open streams and shells end, tokens end, labs stay", tenancy.ManageMembers, "members"),
		func(ctx context.Context, in *MemberPath) (*struct{}, error) {
			return done(a.Workspaces.RemoveMember(ctx, actorOf(ctx), in.User))
		})
}

// silent describes an operation that answers with nothing when it is done.
func silent(method, path, id, summary string, verb tenancy.Verb, tags ...string) huma.Operation {
	o := operation(method, path, id, summary, verb, tags...)
	o.DefaultStatus = http.StatusNoContent
	return o
}

func done(err error) (*struct{}, error) {
	if err != nil {
		return nil, public(err)
	}
	return nil, nil
}
