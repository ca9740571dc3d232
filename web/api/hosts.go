package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
	"trunkline/web"
)

// Host is a compute host with what it has promised.
type Host struct {
	control.HostView
	Promised Promised `json:"promised"`
}

// HostDetail is a compute host with all that there is to know.
type HostDetail struct {
	control.HostDetail
	Promised Promised `json:"promised"`
}

// Promised is what a host has promised to nodes.
type Promised struct {
	CPU         float64 `json:"cpu"` // cores
	MemoryBytes int64   `json:"memoryBytes"`
	PIDs        int     `json:"pids"`
	Interfaces  int     `json:"interfaces"`
	Labs        int     `json:"labs"` // that have something on it
}

func promised(g control.Given) Promised {
	return Promised{CPU: g.CPU, MemoryBytes: g.Memory, PIDs: g.PIDs, Interfaces: g.Interfaces, Labs: g.Labs}
}

// NewJoinToken is a join token with its secret and the command that uses it, which are shown this once.
type NewJoinToken struct {
	control.JoinToken
	Controller string `json:"controller" doc:"The address in the command"`
	Command    string `json:"command" doc:"What to run as root on the new machine"`
	Local      bool   `json:"local,omitempty" doc:"The address leads to the controller's own machine alone"`
}

// HostPath names a host in an address. It is exported because huma reads embedded structs only when they are.
type HostPath struct {
	Host string `path:"host" doc:"Name or id of the host" maxLength:"128"`
}

type joinInput struct {
	raw
	Body struct {
		Name   string            `json:"name,omitempty" doc:"What people call the host; empty takes the machine's own name" maxLength:"63"`
		Labels map[string]string `json:"labels,omitempty" doc:"Labels that labs can ask for"`
		Life   string            `json:"life,omitempty" doc:"How long the token works, such as 90m or 168h; empty is one hour, 30 days are the most"`
	}
}

func (a *API) hostOperations() {
	huma.Register(a.huma, operation("GET", "/hosts", "list-hosts", "List the compute hosts", tenancy.SeeHosts, "hosts"),
		func(ctx context.Context, _ *struct{}) (*answer[[]Host], error) {
			views, err := a.Hosts.Hosts(ctx, actorOf(ctx))
			hosts := make([]Host, len(views))
			for i, v := range views {
				hosts[i] = Host{HostView: v, Promised: promised(v.Given)}
			}
			return respond(hosts, err)
		})
	huma.Register(a.huma, operation("GET", "/hosts/matrix", "show-underlay", "Show how the compute hosts reach each other", tenancy.SeeHosts, "hosts"),
		func(ctx context.Context, _ *struct{}) (*answer[[]control.HostReach], error) {
			ways, err := a.Fleet.Matrix(ctx, actorOf(ctx))
			return respond(orEmpty(ways), err)
		})
	huma.Register(a.huma, operation("GET", "/hosts/{host}", "show-host", "Show a compute host with its labs, its use over a day and its ways to others", tenancy.SeeHosts, "hosts"),
		func(ctx context.Context, in *HostPath) (*answer[HostDetail], error) {
			d, err := a.Fleet.Host(ctx, actorOf(ctx), in.Host)
			return respond(HostDetail{HostDetail: d, Promised: promised(d.Given)}, err)
		})
	type changeInput struct {
		HostPath
		Body control.HostChange
	}
	huma.Register(a.huma, operation("PATCH", "/hosts/{host}", "change-host", "Rename, label, drain or limit a compute host; what is left out stays", tenancy.ManageHosts, "hosts"),
		func(ctx context.Context, in *changeInput) (*answer[Host], error) {
			v, err := a.Fleet.ChangeHost(ctx, actorOf(ctx), in.Host, in.Body)
			return respond(Host{HostView: v, Promised: promised(v.Given)}, err)
		})
	a.hostAct("POST", "/rotate", "rotate-host-key", "Give a host a new key; its link goes on", tenancy.ManageHosts, web.HostAdmin.RotateHostKey)
	a.hostAct("POST", "/revoke", "revoke-host", "Refuse a host's key from now on and cut its link at once", tenancy.ManageHosts, web.HostAdmin.RevokeHost)
	a.hostAct("DELETE", "", "remove-host", "Forget a host on which no lab is placed", tenancy.ManageHosts, web.HostAdmin.RemoveHost)
	type logInput struct {
		HostPath
		Lines int `query:"lines" default:"100" minimum:"1" maximum:"1000" doc:"How many of the last lines"`
	}
	huma.Register(a.huma, operation("GET", "/hosts/{host}/log", "read-host-log", "Read the last lines of the agent's log", tenancy.SeeHosts, "hosts"),
		func(ctx context.Context, in *logInput) (*answer[[]string], error) {
			lines, err := a.Fleet.HostLog(ctx, actorOf(ctx), in.Host, in.Lines)
			return respond(orEmpty(lines), err)
		})
	a.joinOperations()
}

// hostAct registers something that is done to a host and answers nothing.
func (a *API) hostAct(method, path, id, summary string, verb tenancy.Verb, do func(web.HostAdmin, context.Context, tenancy.Actor, string) error) {
	o := operation(method, "/hosts/{host}"+path, id, summary, verb, "hosts")
	o.DefaultStatus = http.StatusNoContent
	huma.Register(a.huma, o, func(ctx context.Context, in *HostPath) (*struct{}, error) {
		if err := do(a.Fleet, ctx, actorOf(ctx), in.Host); err != nil {
			return nil, public(err)
		}
		return nil, nil
	})
}

func (a *API) joinOperations() {
	create := operation("POST", "/hosts/join-tokens", "create-join-token", "Make a join token; its secret and its command are shown this once", tenancy.ManageHosts, "hosts")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, create, func(ctx context.Context, in *joinInput) (*answer[NewJoinToken], error) {
		request := control.JoinRequest{Name: in.Body.Name, Labels: in.Body.Labels}
		if in.Body.Life != "" {
			life, err := time.ParseDuration(in.Body.Life)
			if err != nil || life <= 0 {
				return nil, public(fault.New(fault.Invalid, "%q is no length of time. Give one like 90m or 168h.", in.Body.Life).InField("life"))
			}
			request.Life = life
		}
		token, err := a.Fleet.CreateJoinToken(ctx, actorOf(ctx), request)
		if err != nil {
			return nil, public(err)
		}
		r, _ := in.http()
		address := web.ControllerAddress(a.PublicURL, r)
		return respond(NewJoinToken{JoinToken: token, Controller: address, Command: web.JoinCommand(address, token.Secret), Local: web.IsLoopback(address)}, nil)
	})
	huma.Register(a.huma, operation("GET", "/hosts/join-tokens", "list-join-tokens", "List the join tokens that nobody has used yet", tenancy.ManageHosts, "hosts"),
		func(ctx context.Context, _ *struct{}) (*answer[[]control.JoinToken], error) {
			tokens, err := a.Fleet.JoinTokens(ctx, actorOf(ctx))
			return respond(orEmpty(tokens), err)
		})
	type deleteInput struct {
		ID string `path:"id"`
	}
	remove := operation("DELETE", "/hosts/join-tokens/{id}", "delete-join-token", "Revoke a join token", tenancy.ManageHosts, "hosts")
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(a.huma, remove, func(ctx context.Context, in *deleteInput) (*struct{}, error) {
		if err := a.Fleet.DeleteJoinToken(ctx, actorOf(ctx), in.ID); err != nil {
			return nil, public(err)
		}
		return nil, nil
	})
}

// orEmpty keeps null out of lists.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
