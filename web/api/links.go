package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

type linkInput struct {
	LabPath
	Link string `path:"link" doc:"The link: its id (r1:eth1 r2:eth1), one of its ends, or the two nodes that it joins" maxLength:"300"`
	Body control.LinkChange
}

func (a *API) linkOperations() {
	huma.Register(a.huma, operation("PATCH", "/labs/{lab}/links/{link}", "set-link", "Change a link: what it does to frames, cut, flap, MTU. The lab gets a new version, and what runs is changed at once", tenancy.EditLab, "labs"),
		func(ctx context.Context, in *linkInput) (*answer[*control.EditResult], error) {
			result, err := a.Links.SetLink(ctx, actorOf(ctx), in.Lab, in.Link, in.Body)
			return respond(result, err)
		})
	huma.Register(a.huma, operation("GET", "/presets", "list-presets", "The kinds of lines that a link can be made", onlySignedIn, "site"),
		func(context.Context, *struct{}) (*answer[[]lab.Preset], error) { return respond(lab.Presets, nil) })
}
