package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
	"trunkline/web"
)

func (a *API) intentOperations() {
	huma.Register(a.huma, operation("GET", "/labs/{lab}/plan", "plan-lab", "List what a deploy would do", tenancy.RunLab, "labs"),
		func(ctx context.Context, in *LabPath) (*answer[[]control.PlanStep], error) {
			steps, err := a.Intents.Plan(ctx, actorOf(ctx), in.Lab)
			if steps == nil {
				steps = []control.PlanStep{}
			}
			return respond(steps, err)
		})
	a.intent("deploy", "Deploy the lab", web.Intents.Deploy)
	a.intent("cancel", "Cancel the deploy under way", web.Intents.Cancel)
	a.intent("stop", "Stop the lab, keeping its containers and their files", web.Intents.Stop)

	type destroyInput struct {
		LabPath
		Forget bool `query:"forget" doc:"Remove the stored lab as well"`
	}
	huma.Register(a.huma, accepted("POST", "/labs/{lab}/destroy", "destroy-lab", "Remove everything the lab has on compute hosts", tenancy.RunLab),
		func(ctx context.Context, in *destroyInput) (*answer[*control.LabView], error) {
			before, err := a.Labs.Get(ctx, actorOf(ctx), in.Lab)
			if err != nil {
				return nil, public(err)
			}
			now, err := a.after(ctx, before.ID, a.Intents.Destroy(ctx, actorOf(ctx), before.ID, in.Forget))
			if in.Forget && isGone(err) {
				return respond(&before.LabView, nil)
			}
			return now, err
		})

	type nodeInput struct {
		NodePath
		Action string `path:"action" enum:"start,stop,restart,pause,resume,recreate"`
	}
	huma.Register(a.huma, accepted("POST", "/labs/{lab}/nodes/{node}/{action}", "act-on-node", "Start, stop, restart, pause or resume a node, or make its container anew: its files and processes are lost, its names, MACs and cables stay", tenancy.RunLab),
		func(ctx context.Context, in *nodeInput) (*answer[*control.LabView], error) {
			return a.after(ctx, in.Lab, a.Intents.NodeAction(ctx, actorOf(ctx), in.Lab, in.Node, in.Action))
		})
}

func accepted(method, path, id, summary string, verb tenancy.Verb) huma.Operation {
	o := operation(method, path, id, summary, verb, "labs")
	o.DefaultStatus = http.StatusAccepted
	return o
}

// NodePath names a node of a lab.
type NodePath struct {
	LabPath
	Node string `path:"node" doc:"Name of the node" maxLength:"128"`
}

func (a *API) intent(verb, summary string, do intentFunc) {
	huma.Register(a.huma, accepted("POST", "/labs/{lab}/"+verb, verb+"-lab", summary+". It is stored at once and carried out in the background: follow /labs/{lab}/events", tenancy.RunLab),
		func(ctx context.Context, in *LabPath) (*answer[*control.LabView], error) {
			return a.after(ctx, in.Lab, do(a.Intents, ctx, actorOf(ctx), in.Lab))
		})
}

// after answers an intent with the lab as it is now.
func (a *API) after(ctx context.Context, lab string, err error) (*answer[*control.LabView], error) {
	if err != nil {
		return nil, public(err)
	}
	detail, err := a.Labs.Get(ctx, actorOf(ctx), lab)
	if err != nil {
		return nil, public(err)
	}
	return respond(&detail.LabView, nil)
}

// isGone reports that a lab was removed before it could be shown once more.
func isGone(err error) bool {
	var body *errorBody
	return errors.As(err, &body) && body.Fault.Code == fault.NotFound
}

type intentFunc func(intents web.Intents, ctx context.Context, actor tenancy.Actor, lab string) error
