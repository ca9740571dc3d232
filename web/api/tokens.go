package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/tenancy"
)

// NewToken is a token with its secret, which is shown this once.
type NewToken struct {
	tenancy.Token
	Secret string `json:"secret"`
}

// TokenBody is a token that somebody wants.
type TokenBody struct {
	Name    string             `json:"name" minLength:"1" maxLength:"80" doc:"What the token is for"`
	Scope   tenancy.TokenScope `json:"scope,omitempty" enum:"read,labs,all" doc:"read: look, change nothing. labs: and work with labs. all: everything its person may, and the usual"`
	Expires string             `json:"expires,omitempty" maxLength:"20" doc:"How long it works, such as 12h or 90d, or never; 90d is the usual"`
}

func (b TokenBody) request() (tenancy.TokenRequest, error) {
	request := tenancy.TokenRequest{Name: b.Name, Scope: b.Scope}
	var err error
	request.Life, request.Never, err = tenancy.ParseTokenLife(b.Expires)
	return request, err
}

type createToken struct{ Body TokenBody }

func (a *API) tokenOperations() {
	huma.Register(a.huma, operation("GET", "/tokens", "list-tokens", "List one's API tokens", tenancy.OwnTokens, "account"),
		func(ctx context.Context, _ *struct{}) (*answer[[]tenancy.Token], error) {
			tokens, err := a.Tokens.Tokens(ctx, actorOf(ctx))
			return respond(orEmpty(tokens), err)
		})
	create := operation("POST", "/tokens", "create-token", "Make an API token; its secret is shown this once", tenancy.OwnTokens, "account")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, create, func(ctx context.Context, in *createToken) (*answer[NewToken], error) {
		request, err := in.Body.request()
		if err != nil {
			return nil, public(err)
		}
		token, secret, err := a.Tokens.CreateToken(ctx, actorOf(ctx), request)
		return respond(NewToken{Token: token, Secret: secret}, err)
	})
	type revokeInput struct {
		ID string `path:"id" maxLength:"64"`
	}
	huma.Register(a.huma, silent("DELETE", "/tokens/{id}", "revoke-token", "End an API token, with what it has open", tenancy.OwnTokens, "account"),
		func(ctx context.Context, in *revokeInput) (*struct{}, error) {
			return done(a.Tokens.RevokeToken(ctx, actorOf(ctx), in.ID))
		})
}
