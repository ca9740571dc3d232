package web

import (
	"net/http"
	"slices"
	"strings"

	"trunkline/lab/control"
	"trunkline/templates"
)

// placementList says which host each node is on and why, host by host, and which cables cross hosts.
func (s *Server) placementList(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	return r.Fragment(http.StatusOK, placementView(detail))
}

func placementView(d *control.LabDetail) templates.Placement {
	var view templates.Placement
	on := map[string]string{}
	for _, n := range d.Nodes {
		on[n.Name] = n.Host
		node := templates.PlacedNode{Name: n.Name, Kind: string(n.Kind), State: templates.State(n.State), Why: n.Placed}
		if n.Host == "" {
			view.Nowhere = append(view.Nowhere, node)
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
		if a, b := on[k.A.Node], on[k.B.Node]; a != "" && b != "" && a != b {
			view.Crossing = append(view.Crossing, k.A.String()+" – "+k.B.String())
		}
	}
	return view
}
