package web

import (
	"encoding/json"
	"net/http"
	"slices"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/templates"
	"trunkline/tenancy"
)

// impairRows are the properties of a cable in the order in which people think of them.
var impairRows = []templates.ImpairRow{
	{Name: "rate", Word: "Rate", Hint: "10mbit"}, {Name: "delay", Word: "Delay", Hint: "20ms"}, {Name: "jitter", Word: "Jitter", Hint: "2ms"},
	{Name: "loss", Word: "Loss", Hint: "1%"}, {Name: "duplicate", Word: "Duplicate", Hint: "0.1%"}, {Name: "reorder", Word: "Reorder", Hint: "5%"}, {Name: "corrupt", Word: "Corrupt", Hint: "0.1%"},
}

// linkPanel is what the page shows beside the map about one cable: ?id=r1:eth1 r2:eth1.
func (s *Server) linkPanel(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	id := r.Query("id")
	i := slices.IndexFunc(detail.Lab.Links, func(k *lab.Link) bool { return k.ID() == id && k.B.Node != "" })
	if i < 0 {
		return fault.New(fault.NotFound, "There is no such cable in this lab any more.")
	}
	k := detail.Lab.Links[i]
	view := templates.Link{
		LabID: detail.ID, ID: id, A: linkEnd(detail.Lab, k.A), B: linkEnd(detail.Lab, k.B), MTU: k.MTU, Cut: k.Cut, State: linkState(detail, k),
		CanEdit: s.Editing != nil && mayOn(r.Actor, tenancy.EditLab, detail.LabView),
	}
	marks := marksOf(detail.Lab)
	view.A.Marks, view.B.Marks = marksAt(marks, k.A.Node, k.A.Interface), marksAt(marks, k.B.Node, k.B.Interface)
	if k.Flap != nil {
		view.Every, view.Down = k.Flap.Every.String(), k.Flap.Down.String()
	}
	there, back := k.AtoB.Texts(), k.BtoA.Texts()
	for _, row := range impairRows {
		row.AtoB, row.BtoA = there[row.Name], back[row.Name]
		view.Rows = append(view.Rows, row)
	}
	for _, p := range lab.Presets {
		view.Presets = append(view.Presets, templates.LinkPreset{Name: p.Name, Word: p.Title, Down: jsonText(p.Down.Texts()), Up: jsonText(p.Up.Texts())})
	}
	return r.Fragment(http.StatusOK, view)
}

func jsonText(texts map[string]string) string {
	text, _ := json.Marshal(texts) // texts are always written
	return string(text)
}

func linkEnd(l *lab.Lab, e lab.Endpoint) templates.LinkEnd {
	end := templates.LinkEnd{Node: e.Node, Interface: e.Interface, Addresses: addressesOf(l, e)}
	if n := l.Node(e.Node); n != nil {
		end.KindWord = kindWord(n.Kind)
	}
	return end
}

// linkState is "up", "down" (cut, or an end without carrier) or "off" (a node of it does not run).
func linkState(d *control.LabDetail, k *lab.Link) string {
	for _, e := range []lab.Endpoint{k.A, k.B} {
		i := slices.IndexFunc(d.Nodes, func(n control.NodeView) bool { return n.Name == e.Node })
		if i < 0 || d.Nodes[i].State != hostapi.NodeRunning && d.Nodes[i].State != hostapi.NodePaused {
			return "off"
		}
		for _, s := range d.Nodes[i].Interfaces {
			if s.Name == e.Interface && !s.Up {
				return "down"
			}
		}
	}
	if k.Cut {
		return "down"
	}
	return "up"
}
