package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/tenancy"
)

// NewShare is a share with its link, where it is one, which is shown this once.
type NewShare struct {
	tenancy.Share
	Address string `json:"address,omitempty" doc:"Of the link"`
}

// SharePath names a share of a lab, or somebody who came by its link.
type SharePath struct {
	LabPath
	Share string `path:"share" doc:"Id of a share, or of one who came by a link" maxLength:"64"`
}

type shareInput struct {
	raw
	LabPath
	Body struct {
		With   string        `json:"with,omitempty" maxLength:"254" doc:"A member's name, or the whole e-mail address or account of anybody; empty makes a link"`
		Level  tenancy.Level `json:"level,omitempty" enum:"view,console,edit" doc:"view: look on; console: and work in nodes; edit: and change and run it; empty is view"`
		Life   string        `json:"life,omitempty" doc:"How long it is shared, such as 90m, 168h or 7d; empty is seven days"`
		Uses   int           `json:"uses,omitempty" minimum:"0" maximum:"1000" doc:"How many people may come by the link; 0 is any number"`
		Guests bool          `json:"guests,omitempty" doc:"People without an account may come by the link, not to edit"`
	}
}

type changeShareInput struct {
	SharePath
	Body struct {
		Level tenancy.Level `json:"level,omitempty" enum:"view,console,edit"`
		Life  string        `json:"life,omitempty" doc:"How long from now, such as 7d; empty leaves its end"`
	}
}

func (a *API) shareOperations() {
	huma.Register(a.huma, operation("GET", "/shared", "list-shared-labs", "List the labs that others share with you, of every workspace", onlySignedIn, "shares"),
		func(ctx context.Context, _ *struct{}) (*answer[[]tenancy.SharedLab], error) {
			labs, err := a.Shares.SharedWithMe(ctx, actorOf(ctx))
			return respond(orEmpty(labs), err)
		})
	huma.Register(a.huma, operation("GET", "/labs/{lab}/shares", "list-shares", "List with whom a lab is shared", tenancy.ShareLab, "shares"),
		func(ctx context.Context, in *LabPath) (*answer[[]tenancy.Share], error) {
			list, err := a.Shares.Shares(ctx, actorOf(ctx), in.Lab)
			return respond(orEmpty(list), err)
		})
	create := operation("POST", "/labs/{lab}/shares", "share-lab", "Share a lab with a person, or by a link, which is shown this once", tenancy.ShareLab, "shares")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, create, a.shareLab)
	huma.Register(a.huma, operation("PATCH", "/labs/{lab}/shares/{share}", "change-share", "Give a share another level or end; it counts at once", tenancy.ShareLab, "shares"),
		func(ctx context.Context, in *changeShareInput) (*answer[tenancy.Share], error) {
			life, err := tenancy.ParseLife(in.Body.Life)
			if err != nil {
				return nil, public(err)
			}
			return respond(a.Shares.ChangeShare(ctx, actorOf(ctx), in.Lab, in.Share, tenancy.ShareChange{Level: in.Body.Level, Life: life}))
		})
	huma.Register(a.huma, silent("DELETE", "/labs/{lab}/shares/{share}", "end-share", "End a share, or send away one who came by a link; what is open closes at once", tenancy.ShareLab, "shares"),
		func(ctx context.Context, in *SharePath) (*struct{}, error) {
			return done(a.Shares.EndShare(ctx, actorOf(ctx), in.Lab, in.Share))
		})
}

func (a *API) shareLab(ctx context.Context, in *shareInput) (*answer[NewShare], error) {
	life, err := tenancy.ParseLife(in.Body.Life)
	if err != nil {
		return nil, public(err)
	}
	request := tenancy.ShareRequest{With: in.Body.With, Level: in.Body.Level, Life: life, Uses: in.Body.Uses, Guests: in.Body.Guests}
	share, secret, err := a.Shares.Share(ctx, actorOf(ctx), in.Lab, request)
	if err != nil {
		return nil, public(err)
	}
	made := NewShare{Share: share}
	if secret != "" {
		base := a.PublicURL
		if r, _ := in.http(); base == "" {
			base = "http://" + r.Host
		}
		made.Address = base + "/s/" + secret
	}
	return respond(made, nil)
}
