package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/templates"
	"trunkline/tenancy"
)

// nodePanel is what the page shows beside the map about one node.
func (s *Server) nodePanel(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	view, err := nodeView(detail, r.Param("node"))
	if err != nil {
		return err
	}
	view.Learns = s.Switches != nil && view.State == "running" && (view.Kind == string(lab.Switch) || view.Kind == string(lab.Hub) || view.Kind == string(lab.LAN))
	marks := marksOf(detail.Lab)
	for i := range view.Interfaces {
		view.Interfaces[i].Marks = marksAt(marks, view.Name, view.Interfaces[i].Name)
	}
	view.CanEdit = s.Editing != nil && mayOn(r.Actor, tenancy.EditLab, detail.LabView)
	if n := detail.Lab.Node(view.Name); view.CanEdit && n != nil {
		view.Design = designFields(n)
		addWritten(detail.Lab, n, view.Interfaces)
	}
	view.CanRun, view.CanUse = mayOn(r.Actor, tenancy.RunLab, detail.LabView), mayOn(r.Actor, tenancy.UseNode, detail.LabView)
	return r.Fragment(http.StatusOK, view)
}

func nodeView(d *control.LabDetail, name string) (templates.Node, error) {
	n := d.Lab.Node(name)
	i := slices.IndexFunc(d.Nodes, func(n control.NodeView) bool { return n.Name == name })
	if n == nil && i < 0 {
		return templates.Node{}, fault.New(fault.NotFound, "There is no node %s in this lab.", name)
	}
	var seen control.NodeView
	if i >= 0 {
		seen = d.Nodes[i]
	}
	if seen.State == "" {
		seen.State = hostapi.NodeAbsent
	}
	if n == nil {
		n = &lab.Node{Name: name, Kind: seen.Kind}
	}
	view := templates.Node{
		LabID: d.ID, Name: name, Kind: string(n.Kind), KindWord: kindWord(n.Kind), State: templates.State(seen.State), Reason: seen.Reason,
		Health: seen.Health, Image: seen.Image, Host: seen.Host, Placed: seen.Placed, Want: string(seen.Want), StartedAt: seen.StartedAt,
		ExitCode: seen.ExitCode, Restarts: seen.Restarts, Container: n.Kind.IsContainer(), Env: len(n.Env),
	}
	if view.Image == "" {
		view.Image = n.Image
	}
	if view.Image == "" {
		view.Image = n.Kind.DefaultImage()
	}
	if n.CPU > 0 {
		view.CPU = strconv.FormatFloat(n.CPU, 'f', -1, 64)
	}
	if n.MemoryBytes > 0 {
		view.Memory = templates.Bytes(n.MemoryBytes)
	}
	for _, b := range n.Binds {
		view.Binds = append(view.Binds, b.Source+" → "+b.Target)
	}
	for _, e := range seen.Execs {
		view.Execs = append(view.Execs, templates.NodeExec{Command: e.Command, Code: e.ExitCode, Output: e.Output})
	}
	if n.External != nil {
		view.Outside = n.External.Network + ", untagged"
		if n.External.VLAN > 0 {
			view.Outside = n.External.Network + ", VLAN " + strconv.Itoa(n.External.VLAN)
		}
	}
	view.Interfaces = nodeInterfaces(d.Lab, n, seen)
	return view, nil
}

// nodeInterfaces joins what the file says with what the kernel shows: first the cabled ones in file order, then the others.
func nodeInterfaces(l *lab.Lab, n *lab.Node, seen control.NodeView) []templates.NodeInterface {
	var list []templates.NodeInterface
	add := func(i templates.NodeInterface) {
		settings := n.Interface(i.Name)
		i.VLAN = vlanText(settings)
		i.MAC, i.MTU = settings.MAC, settings.MTU
		if k := slices.IndexFunc(seen.Interfaces, func(s hostapi.InterfaceStatus) bool { return s.Name == i.Name }); k >= 0 {
			s := seen.Interfaces[k]
			i.Known, i.Up, i.MAC, i.MTU = true, s.Up, s.MAC, s.MTU
		}
		list = append(list, i)
	}
	for _, k := range l.LinksOf(n.Name) {
		here, there := k.A, k.B
		if there.Node == n.Name && here.Node != n.Name {
			here, there = there, here
		}
		i := templates.NodeInterface{Name: here.Interface, Addresses: addressesOf(l, here), Peer: there.Node, PeerIf: there.Interface, Note: linkNote(k)}
		switch k.Type {
		case lab.Dummy:
			i.Note = "leads nowhere (dummy)"
		case lab.MgmtNet:
			i.Note = "management segment"
		}
		add(i)
		if k.A.Node == k.B.Node {
			add(templates.NodeInterface{Name: there.Interface, Addresses: addressesOf(l, there), Peer: here.Node, PeerIf: here.Interface})
		}
	}
	known := func(name string) bool {
		return slices.ContainsFunc(list, func(i templates.NodeInterface) bool { return i.Name == name })
	}
	for _, i := range n.Interfaces {
		if !known(i.Name) {
			add(templates.NodeInterface{Name: i.Name, Addresses: addressesOf(l, lab.Endpoint{Node: n.Name, Interface: i.Name})})
		}
	}
	for _, i := range seen.Interfaces {
		if !known(i.Name) {
			add(templates.NodeInterface{Name: i.Name})
		}
	}
	return list
}

// vlanText is a switch port's membership in a few words.
func vlanText(i lab.Interface) string {
	var parts []string
	if i.Access > 0 {
		parts = append(parts, "access "+strconv.Itoa(i.Access))
	}
	if len(i.Trunk) > 0 {
		tags := make([]string, len(i.Trunk))
		for k, tag := range i.Trunk {
			tags[k] = strconv.Itoa(tag)
		}
		parts = append(parts, "trunk "+strings.Join(tags, ","))
	}
	if i.Native > 0 {
		parts = append(parts, "native "+strconv.Itoa(i.Native))
	}
	return strings.Join(parts, ", ")
}

// nodeActions are what one may do with a node, and what is said then.
var nodeActions = map[string]string{"start": "is starting", "stop": "is stopping", "restart": "is restarting", "pause": "is being paused", "resume": "goes on", "recreate": "is made anew"}

func (s *Server) nodeAction(r *Request) error {
	said, known := nodeActions[r.Param("action")]
	if !known {
		return fault.New(fault.NotFound, "There is no such page.")
	}
	if err := s.Intents.NodeAction(r.Context(), r.Actor, r.Param("lab"), r.Param("node"), r.Param("action")); err != nil {
		return err
	}
	return r.Done("/labs/"+r.Param("lab"), r.Param("node")+" "+said+".")
}
