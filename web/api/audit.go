package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/tenancy"
	"trunkline/web"
)

// AuditEntry is one thing that was done.
type AuditEntry struct {
	Number  int64               `json:"number" doc:"Of the whole site: the numbers between are of events that one does not see"`
	At      time.Time           `json:"at"`
	Actor   tenancy.AuditPerson `json:"actor"`
	Behind  tenancy.AuditPerson `json:"behind,omitzero" doc:"The real person, where one acted as another"`
	Token   string              `json:"token,omitempty" doc:"Id of the API token that was used"`
	Tenant  string              `json:"tenant,omitempty" doc:"Id of the workspace; absent is the site"`
	Verb    tenancy.AuditVerb   `json:"verb"`
	Object  tenancy.AuditObject `json:"object"`
	Before  json.RawMessage     `json:"before,omitempty"`
	After   json.RawMessage     `json:"after,omitempty"`
	Address string              `json:"address,omitempty"`
	Request string              `json:"request,omitempty"`
	Words   string              `json:"words" doc:"Who did what, as a sentence"`
}

// AuditPage is some events, the newest first.
type AuditPage struct {
	Events []AuditEntry       `json:"events"`
	Next   int64              `json:"next,omitempty" doc:"Give it as before for the page after; absent: there is none"`
	Chain  tenancy.AuditChain `json:"chain" doc:"How far the chain of events is unbroken"`
}

// AuditChoice is which events somebody asks for. It is exported because huma reads embedded structs only when they are.
type AuditChoice struct {
	Of     string `query:"of" enum:"workspace,site,all" default:"workspace" doc:"Whose audit: of the token's workspace, of what belongs to no workspace, or all"`
	Person string `query:"person" maxLength:"120" doc:"Id of the person, or a part of the name; the real person behind another counts too"`
	What   string `query:"what" maxLength:"40" doc:"A group such as labs, or a verb such as sign-in"`
	About  string `query:"about" maxLength:"256" doc:"Id or kind of the object, or a part of its name; a lab's id finds its nodes too"`
	Text   string `query:"text" maxLength:"120" doc:"A part of any name, address, request or detail"`
	From   string `query:"from" maxLength:"40" doc:"A day such as 2026-11-21, or a time such as 2026-11-21T09:30:00Z"`
	Until  string `query:"until" maxLength:"40" doc:"The same; a last day is within, a time is not"`
}

func (c AuditChoice) query() (tenancy.AuditView, tenancy.AuditFilter, error) {
	return web.AuditQuery(url.Values{
		"of": {c.Of}, "person": {c.Person}, "what": {c.What}, "about": {c.About}, "text": {c.Text}, "from": {c.From}, "until": {c.Until},
	})
}

// Values are the choice as an address has it, for clients.
func (c AuditChoice) Values() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"of": c.Of, "person": c.Person, "what": c.What, "about": c.About, "text": c.Text, "from": c.From, "until": c.Until} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

type auditInput struct {
	AuditChoice
	Before int64 `query:"before" minimum:"0" doc:"Only events of lower numbers: next of the page before"`
	Limit  int   `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many"`
}

type auditExportInput struct {
	raw
	AuditChoice
}

func (a *API) auditOperations() {
	see := func(path, id, summary string) huma.Operation {
		o := operation("GET", path, id, summary, tenancy.SeeAudit, "audit")
		return when("of=site", tenancy.SeeSiteAudit, when("of=all", tenancy.SeeSiteAudit, o))
	}
	huma.Register(a.huma, see("/audit", "list-audit", "List what was done, the newest first"), a.listAudit)
	export := see("/audit/export", "export-audit", "Write what was done as JSON lines, the oldest first; trunkline audit verify checks them. That somebody does so is recorded")
	export.Responses = map[string]*huma.Response{"200": {Description: "One event a line", Content: map[string]*huma.MediaType{"application/x-ndjson": {}}}}
	huma.Register(a.huma, export, a.exportAudit)
}

func (a *API) listAudit(ctx context.Context, in *auditInput) (*answer[AuditPage], error) {
	view, filter, err := in.query()
	if err != nil {
		return nil, public(err)
	}
	filter.Before, filter.Limit = in.Before, in.Limit
	found, err := a.Trail.Events(ctx, actorOf(ctx), view, filter)
	if err != nil {
		return nil, public(err)
	}
	page := AuditPage{Events: make([]AuditEntry, len(found.Events)), Next: found.Next}
	for i, e := range found.Events {
		page.Events[i] = AuditEntry{
			Number: e.Number, At: e.At, Actor: e.Actor, Behind: e.Behind, Token: e.TokenID, Tenant: e.Tenant, Verb: e.Verb, Object: e.Object,
			Before: json.RawMessage(e.Before), After: json.RawMessage(e.After), Address: e.Address, Request: e.RequestID, Words: e.Who() + " " + e.Did(),
		}
	}
	page.Chain, err = a.Trail.Chain(ctx, actorOf(ctx), view)
	return respond(page, err)
}

func (a *API) exportAudit(ctx context.Context, in *auditExportInput) (*huma.StreamResponse, error) {
	view, filter, err := in.query()
	if err != nil {
		return nil, public(err)
	}
	return a.stream(func(w http.ResponseWriter, r *http.Request) {
		if err := web.WriteAudit(ctx, w, a.Trail, actorOf(ctx), view, filter); err != nil {
			a.writeError(w, r, err)
		}
	}), nil
}
