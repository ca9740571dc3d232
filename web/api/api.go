// Package api is the REST API under /api/v1, described by the OpenAPI document it generates from its own types.
//
// It knows requests, responses, streams and tokens. It refuses to know pages, the database and hosts: it asks the same
// services as the pages do.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"trunkline/lab/edit"
	"trunkline/tenancy"
	"trunkline/web"
)

// Prefix is where the API is mounted.
const Prefix = "/api/v1"

// Config is what the API is made of.
type Config struct {
	Shares   web.Shares
	Labs     web.Labs
	Intents  web.Intents
	Watching web.Watching
	NodeIO   web.NodeIO
	Hosts    web.Hosts
	Fleet    web.Fleet
	Switches web.Switches
	Links    web.LinkChanges
	Editing  web.Editing
	Policies web.ImagePolicies
	Tokens   web.Tokens

	Workspaces web.Workspaces
	Quotas     web.Quotas
	Services   web.Services
	Bell       web.Bell     // rung when rights may have ended; nil: streams end by themselves
	Accounts   web.Accounts // asked anew then
	SignedIn   web.Sessions // asked anew then; nil: nobody comes with a browser session

	Providers web.Providers // by which people sign in

	Audit tenancy.Auditor // nil: nothing is recorded
	Trail web.Trail       // what was recorded
	// Authenticate tells who sends the request, by bearer token or session; fault.Unauthenticated when nobody does.
	Authenticate func(*http.Request) (tenancy.Actor, error)
	PublicURL    string // for join commands; "" takes the address by which a request came
	Version      string
	Log          *slog.Logger
}

// API is the handler and its description.
type API struct {
	Config
	mux  *http.ServeMux
	huma huma.API
}

// New registers every operation.
func New(c Config) *API {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	a := &API{Config: c, mux: http.NewServeMux()}
	config := huma.DefaultConfig("Trunkline", c.Version)
	config.Info.Description = "Network labs: import, deploy, watch, reach into nodes."
	config.DocsPath = "" // the page that shows the description is the web app's
	config.CreateHooks = nil
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "An API token, made on the account page or by trunkline token create."},
	}
	config.Security = []map[string][]string{{"token": {}}}
	a.huma = humago.NewWithPrefix(a.mux, Prefix, config)
	a.huma.OpenAPI().Components.Schemas.RegisterTypeAlias(reflect.TypeFor[edit.Value](), reflect.TypeFor[any]()) // it is written as what it holds
	a.huma.UseMiddleware(a.authenticate)
	a.labOperations()
	a.shareOperations()
	a.intentOperations()
	a.nodeOperations()
	a.switchOperations()
	a.linkOperations()
	a.editOperations()
	a.revisionOperations()
	a.siteOperations()
	a.imageOperations()
	a.hostOperations()
	a.networkOperations()
	a.workspaceOperations()
	a.memberOperations()
	a.invitationOperations()
	a.auditOperations()
	a.providerOperations()
	a.quotaOperations()
	a.tokenOperations()
	a.sessionOperations()
	a.serviceOperations()
	return a
}

func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// OpenAPI returns the description as JSON.
func (a *API) OpenAPI() ([]byte, error) { return a.huma.OpenAPI().MarshalJSON() }

type actorKey struct{}

func (a *API) authenticate(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	actor, err := a.Authenticate(r)
	if err != nil {
		a.writeError(w, r, err)
		return
	}
	next(huma.WithValue(ctx, actorKey{}, actor))
}

func actorOf(ctx context.Context) tenancy.Actor {
	actor, _ := ctx.Value(actorKey{}).(tenancy.Actor)
	return actor
}

// raw carries the request to operations that stream. Nothing of the body has been read.
type raw struct{ ctx huma.Context }

func (s *raw) Resolve(ctx huma.Context) []error { s.ctx = ctx; return nil }

func (s *raw) http() (*http.Request, http.ResponseWriter) { return humago.Unwrap(s.ctx) }

// answer adapts a service's result to huma's.
type answer[T any] struct{ Body T }

func respond[T any](body T, err error) (*answer[T], error) {
	if err != nil {
		return nil, public(err)
	}
	return &answer[T]{Body: body}, nil
}
