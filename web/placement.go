package web

import (
	"net/http"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/templates"
)

// placementList says which host each node is on and why, host by host, and which cables cross hosts.
func (s *Server) placementList(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	if r.Actor.OnlyGuest() {
		return fault.New(fault.Forbidden, "Where its nodes are is shown to members of the lab's workspace.")
	}
	return r.Fragment(http.StatusOK, placementView(detail))
}

func placementView(d *control.LabDetail) templates.Placement {
	var view templates.Placement
	on := map[string][]string{}
	for _, n := range d.Nodes {
		on[n.Name] = hostsOf(n.Host)
		node := templates.PlacedNode{Name: n.Name, Kind: string(n.Kind), State: templates.State(n.State), Why: n.Placed}
		switch len(on[n.Name]) {
		case 0:
			view.Nowhere = append(view.Nowhere, node)
			continue
		case 1:
		default:
			node.Why = n.Host
			view.Several = append(view.Several, node)
			continue
		}
		i := slices.IndexFunc(view.Hosts, func(h templates.PlacedHost) bool { return h.Name == n.Host })
		if i < 0 {
			i = len(view.Hosts)
			view.Hosts = append(view.Hosts, templates.PlacedHost{Name: n.Host})
		}
		view.Hosts[i].Nodes = append(view.Hosts[i].Nodes, node)
	}
	slices.SortFunc(view.Hosts, func(a, b templates.PlacedHost) int { return strings.Compare(a.Name, b.Name) })
	if d.Lab == nil {
		return view
	}
	for _, k := range d.Lab.Links {
		a, b := on[k.A.Node], on[k.B.Node]
		shared := slices.ContainsFunc(a, func(h string) bool { return slices.Contains(b, h) })
		if len(a) > 0 && len(b) > 0 && !shared {
			view.Crossing = append(view.Crossing, k.A.String()+" – "+k.B.String())
		}
	}
	return view
}

// hostsOf are the hosts that a node is on: one, or several for a segment that has a part on each.
func hostsOf(host string) []string {
	if host == "" {
		return nil
	}
	return strings.Split(host, ", ")
}
