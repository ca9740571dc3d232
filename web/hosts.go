package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/templates"
)

// hostsPage shows the compute hosts, the ways between them, and the ways in for new ones.
func (s *Server) hostsPage(r *Request) error {
	view, err := s.hostsView(r, newJoin())
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, view)
}

func (s *Server) hostsView(r *Request, join templates.Join) (templates.Hosts, error) {
	fleet, err := s.fleetView(r.Context(), r)
	return templates.Hosts{Fleet: fleet, Join: join}, err
}

// fleetView is all of the page that changes by itself.
func (s *Server) fleetView(ctx context.Context, r *Request) (templates.Fleet, error) {
	hosts, err := s.Hosts.Hosts(ctx, r.Actor)
	if err != nil {
		return templates.Fleet{}, err
	}
	ways, err := s.Fleet.Matrix(ctx, r.Actor)
	if err != nil {
		return templates.Fleet{}, err
	}
	tokens, err := s.Fleet.JoinTokens(ctx, r.Actor)
	if err != nil {
		return templates.Fleet{}, err
	}
	view := templates.Fleet{Matrix: matrixView(hosts, ways), Tokens: tokensView(tokens)}
	for _, h := range hosts {
		one := hostView(h)
		view.List.Hosts = append(view.List.Hosts, one)
		count(&view.Summary, h)
	}
	return view, nil
}

func count(sum *templates.FleetSummary, h control.HostView) {
	sum.Hosts++
	sum.Nodes += h.Nodes
	switch {
	case h.Revoked:
		sum.Revoked++
	case h.Lost:
		sum.Lost++
	case !h.Connected:
		sum.Away++
	default:
		sum.Connected++
	}
	if h.Drained && !h.Revoked {
		sum.Drained++
	}
}

// hostsEvents streams the parts of the page that changed: "parts" with each one's id and HTML.
func (s *Server) hostsEvents(r *Request) error {
	return s.streamParts(r, func(ctx context.Context) ([]part, error) {
		view, err := s.fleetView(ctx, r)
		if err != nil {
			return nil, err
		}
		parts := []part{{id: "fleet-summary", view: view.Summary}}
		// The list goes as a whole when hosts come or go, else row by row.
		ids := make([]string, len(view.List.Hosts))
		rows := make([]part, len(ids))
		for i, h := range view.List.Hosts {
			ids[i] = h.ID
			rows[i] = part{id: "host-" + h.ID, view: h}
		}
		parts = append(parts, part{id: "host-list", view: view.List, key: strings.Join(ids, " "), rows: rows})
		return append(parts, part{id: "join-tokens", view: view.Tokens}, part{id: "matrix", view: view.Matrix}), nil
	})
}

func hostView(h control.HostView) templates.Host {
	v := templates.Host{
		ID: h.ID, Name: h.Name, State: hostState(h), Connected: h.Connected, LastSeen: h.LastSeen, Version: h.Info.Version,
		Labels: labelViews(h.Labels), Bars: bars(h), Nodes: h.Nodes, Labs: h.Given.Labs, Problems: h.Info.Problems, Error: h.Error, Only: len(h.Tenants),
	}
	if h.RTT > 0 && h.Connected {
		v.RTT = roundTrip(h.RTT)
	}
	if h.Info.Version != "" {
		for _, c := range capabilities(h.Info.Capabilities) {
			if !c.Has {
				v.Lacks = append(v.Lacks, strings.ToLower(c.Name[:1])+c.Name[1:])
			}
		}
	}
	return v
}

// hostState is the one word that matters most now.
func hostState(h control.HostView) templates.HostState {
	switch {
	case h.Revoked:
		return templates.HostState{Word: "revoked", Look: "stopped", Icon: "ban"}
	case !h.Connected && h.LastSeen.IsZero():
		return templates.HostState{Word: "not here yet", Look: "stopped", Icon: "minus"}
	case h.Lost:
		return templates.HostState{Word: "lost", Look: "failed", Icon: "plug-connected-x"}
	case !h.Connected:
		return templates.HostState{Word: "disconnected", Look: "degraded", Icon: "plug-connected-x"}
	case h.Drained && h.Nodes > 0:
		return templates.HostState{Word: "being drained", Look: "planning", Icon: "loader-2"}
	case h.Drained:
		return templates.HostState{Word: "drained", Look: "paused", Icon: "player-pause"}
	case len(h.Info.Problems) > 0:
		return templates.HostState{Word: "connected", Look: "degraded", Icon: "alert-triangle"}
	}
	return templates.HostState{Word: "connected", Look: "running", Icon: "plug-connected"}
}

// bars are the promises and the use of cores and memory.
func bars(h control.HostView) []templates.Bar {
	if h.Info.CPUs == 0 || h.Info.MemoryBytes == 0 {
		return nil
	}
	cpu := share("CPU", h.Given.CPU, float64(h.Info.CPUs), h.OverCommit.CPU)
	cpu.Promised = promised(number(h.Given.CPU), number(float64(h.Info.CPUs)*h.OverCommit.CPU), number(float64(h.Info.CPUs)), " cores")
	memory := share("Memory", float64(h.Given.Memory), float64(h.Info.MemoryBytes), h.OverCommit.Memory)
	memory.Promised = promised(templates.Bytes(h.Given.Memory), templates.Bytes(int64(float64(h.Info.MemoryBytes)*h.OverCommit.Memory)), templates.Bytes(h.Info.MemoryBytes), "")
	if h.Use != nil && h.Connected {
		cpu.Used, cpu.Use = number(h.Use.CPU)+" in use", percentOf(h.Use.CPU, cpu, float64(h.Info.CPUs))
		memory.Used, memory.Use = templates.Bytes(h.Use.MemoryBytes)+" in use", percentOf(float64(h.Use.MemoryBytes), memory, float64(h.Info.MemoryBytes))
	}
	return []templates.Bar{cpu, memory}
}

// promised says how much of what may be promised is, and what there is when that is another amount.
func promised(given, limit, has, unit string) string {
	text := fmt.Sprintf("%s of %s%s promised", given, limit, unit)
	if limit != has {
		text += ", " + has + " there"
	}
	return text
}

// share scales a bar to what may be promised, so that a full bar is a host that takes nothing more.
func share(name string, given, has, factor float64) templates.Bar {
	limit := has * factor
	b := templates.Bar{Name: name, Share: bounded(100 * given / limit), Full: given >= limit}
	if limit > has {
		b.Has = bounded(100 * has / limit)
	}
	return b
}

// percentOf is a use on the scale of a bar, whose end may lie beyond what the machine has.
func percentOf(use float64, b templates.Bar, has float64) float64 {
	if b.Has > 0 {
		return bounded(use / has * b.Has)
	}
	return bounded(100 * use / has)
}

// bounded keeps a share on its bar, with two digits behind the point.
func bounded(percent float64) float64 {
	return float64(int(100*max(0, min(100, percent)))) / 100
}

// number is a count of cores: one digit behind the point where it says anything.
func number(n float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0")
}

func roundTrip(d time.Duration) string { return milliseconds(d) + " ms" }

// capabilities say what follows when one is missing.
func capabilities(c hostapi.Capabilities) []templates.Capability {
	list := []templates.Capability{
		{Name: "Kernel datapath", Has: c.KernelDatapath, Meaning: "Frames are switched in user space: labs work, with less throughput."},
		{Name: "Delay and loss", Has: c.Netem, Meaning: "Nodes whose links have delay, jitter or loss are not placed here."},
		{Name: "Rate limits", Has: c.RateLimit, Meaning: "Nodes whose links have a rate are not placed here."},
		{Name: "Way out", Has: c.Egress, Meaning: "Internet nodes are not placed here until the administrator of the host lets them out."},
		{Name: "User namespaces", Has: c.UserNamespaces, Meaning: "Root in a node is root on the host, held by capabilities and seccomp."},
	}
	if c.CgroupVersion > 0 {
		list = append(list, templates.Capability{Name: fmt.Sprintf("cgroup v%d", c.CgroupVersion), Has: true})
	}
	return list
}
