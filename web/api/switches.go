package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

func (a *API) switchOperations() {
	huma.Register(a.huma, operation("GET", "/labs/{lab}/switches/{node}", "get-switch", "What a switch, hub or lan has learnt: ports with counters, MAC addresses, VLANs, spanning tree", tenancy.SeeLab, "nodes"),
		func(ctx context.Context, in *NodePath) (*answer[control.SwitchView], error) {
			view, err := a.Switches.Switch(ctx, actorOf(ctx), in.Lab, in.Node)
			return respond(view, err)
		})
	huma.Register(a.huma, of(Stream, operation("GET", "/labs/{lab}/rates", "watch-rates", "Follow what a lab's links carry and its nodes use: one JSON object a line and second, everything first and then what changed", tenancy.SeeLab, "labs")), a.watchRates)
}

func (a *API) watchRates(ctx context.Context, in *labStream) (*huma.StreamResponse, error) {
	actor := actorOf(ctx)
	samples, err := a.Switches.WatchRates(ctx, actor, in.Lab)
	if err != nil {
		return nil, public(err)
	}
	return a.stream(func(w http.ResponseWriter, _ *http.Request) {
		allowed, stop := a.whileAllowed(ctx, actor)
		defer stop()
		w.Header().Set("Content-Type", "application/jsonl")
		w.Header().Set("Cache-Control", "no-store")
		lines, flush := json.NewEncoder(w), http.NewResponseController(w)
		for {
			select {
			case sample, open := <-samples:
				if !open || lines.Encode(sample) != nil || flush.Flush() != nil {
					return
				}
			case <-allowed.Done():
				if why := refusal(allowed); why != nil {
					_ = lines.Encode(errorBody{Fault: fault.Public(why)}) // the last line; who is gone does not read it
				}
				return
			}
		}
	}), nil
}
