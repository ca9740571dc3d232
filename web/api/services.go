package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/tenancy"
)

// ServicePath names a service account of the token's workspace.
type ServicePath struct {
	Service string `path:"service" maxLength:"200" doc:"Id or name"`
}

func (a *API) serviceOperations() {
	huma.Register(a.huma, operation("GET", "/services", "list-services", "List the service accounts of the workspace; their tokens only for those who may manage them", tenancy.SeeMembers, "services"),
		func(ctx context.Context, _ *struct{}) (*answer[[]tenancy.ServiceAccount], error) {
			services, err := a.Services.Services(ctx, actorOf(ctx))
			return respond(orEmpty(services), err)
		})
	type createInput struct {
		Body struct {
			Name string       `json:"name" minLength:"1" maxLength:"200" doc:"The program that it is for"`
			Role tenancy.Role `json:"role" enum:"owner,manager,member,observer" doc:"At most one's own"`
		}
	}
	create := operation("POST", "/services", "create-service", "Make a service account: a member that is no person, with API tokens and nothing else", tenancy.ManageServices, "services")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, create, func(ctx context.Context, in *createInput) (*answer[tenancy.ServiceAccount], error) {
		return respond(a.Services.CreateService(ctx, actorOf(ctx), in.Body.Name, in.Body.Role))
	})
	type serviceRoleInput struct {
		ServicePath
		Body struct {
			Role tenancy.Role `json:"role" enum:"owner,manager,member,observer" doc:"At most one's own"`
		}
	}
	huma.Register(a.huma, silent("PATCH", "/services/{service}", "change-service-role", "Change the role of a service account; it counts for its tokens at once, and for what they have open", tenancy.ManageServices, "services"),
		func(ctx context.Context, in *serviceRoleInput) (*struct{}, error) {
			return done(a.Services.ChangeServiceRole(ctx, actorOf(ctx), in.Service, in.Body.Role))
		})
	huma.Register(a.huma, silent("DELETE", "/services/{service}", "remove-service", "End a service account with its tokens and what they have open; its labs stay", tenancy.ManageServices, "services"),
		func(ctx context.Context, in *ServicePath) (*struct{}, error) {
			return done(a.Services.RemoveService(ctx, actorOf(ctx), in.Service))
		})
	type tokenInput struct {
		ServicePath
		Body TokenBody
	}
	token := operation("POST", "/services/{service}/tokens", "create-service-token", "Make a token for a service account; its secret is shown this once", tenancy.ManageServices, "services")
	token.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, token, func(ctx context.Context, in *tokenInput) (*answer[NewToken], error) {
		request, err := in.Body.request()
		if err != nil {
			return nil, public(err)
		}
		made, secret, err := a.Services.CreateServiceToken(ctx, actorOf(ctx), in.Service, request)
		return respond(NewToken{Token: made, Secret: secret}, err)
	})
	type revokeInput struct {
		ServicePath
		ID string `path:"id" maxLength:"64"`
	}
	huma.Register(a.huma, silent("DELETE", "/services/{service}/tokens/{id}", "revoke-service-token", "End a token of a service account", tenancy.ManageServices, "services"),
		func(ctx context.Context, in *revokeInput) (*struct{}, error) {
			return done(a.Services.RevokeServiceToken(ctx, actorOf(ctx), in.Service, in.ID))
		})
}
