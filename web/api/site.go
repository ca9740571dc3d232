package api

import (
	"context"
	"net/http"

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

// NewToken is a token with its secret, which is shown this once.
type NewToken struct {
	tenancy.Token
	Secret string `json:"secret"`
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
	huma.Register(a.huma, operation("GET", "/tokens", "list-tokens", "List one's API tokens", tenancy.OwnTokens, "account"),
		func(ctx context.Context, _ *struct{}) (*answer[[]tenancy.Token], error) {
			return respond(a.Tokens.Tokens(ctx, actorOf(ctx)))
		})
	type createInput struct {
		Body struct {
			Name string `json:"name" minLength:"1" maxLength:"64" doc:"What the token is for"`
		}
	}
	create := operation("POST", "/tokens", "create-token", "Make an API token; its secret is shown this once", tenancy.OwnTokens, "account")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, create, func(ctx context.Context, in *createInput) (*answer[NewToken], error) {
		token, secret, err := a.Tokens.CreateToken(ctx, actorOf(ctx), in.Body.Name)
		return respond(NewToken{Token: token, Secret: secret}, err)
	})
	type revokeInput struct {
		ID string `path:"id"`
	}
	huma.Register(a.huma, operation("DELETE", "/tokens/{id}", "revoke-token", "End an API token", tenancy.OwnTokens, "account"),
		func(ctx context.Context, in *revokeInput) (*struct{}, error) {
			if err := a.Tokens.RevokeToken(ctx, actorOf(ctx), in.ID); err != nil {
				return nil, public(err)
			}
			return nil, nil
		})
}
