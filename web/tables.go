package web

import (
	"net/http"
	"strconv"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
	"trunkline/templates"
)

// switchTables is what a switch, hub or lan has learnt by now. While it does not run, the reason stands in their place.
func (s *Server) switchTables(r *Request) error {
	if s.Switches == nil {
		return fault.New(fault.NotFound, "There is no such page.")
	}
	view, err := s.Switches.Switch(r.Context(), r.Actor, r.Param("lab"), r.Param("node"))
	switch fault.CodeOf(err) {
	case "":
		return r.Fragment(http.StatusOK, tablesOf(view))
	case fault.Conflict, fault.Unavailable, fault.Unsupported:
		return r.Fragment(http.StatusOK, templates.Tables{Why: fault.Public(err).Sentence})
	}
	return err
}

func tablesOf(view hostapi.SwitchView) templates.Tables {
	var t templates.Tables
	for _, p := range view.Ports {
		t.Ports = append(t.Ports, templates.TablePort{
			Name: p.Name, Peer: p.Peer, Mode: portMode(p), Tree: strings.TrimSpace(p.Role + " " + p.State), Up: p.Admin && p.Oper,
			In: counted(p.In), Out: counted(p.Out), Lost: p.In.Dropped + p.In.Errors + p.Out.Dropped + p.Out.Errors,
		})
	}
	for _, m := range view.MACs {
		t.MACs = append(t.MACs, templates.TableMAC{MAC: m.MAC, Port: m.Port, Owner: m.Owner, VLAN: m.VLAN, Age: m.Age})
	}
	for _, v := range view.VLANs {
		t.VLANs = append(t.VLANs, templates.TableVLAN{VLAN: v.VLAN, Untagged: strings.Join(v.Untagged, ", "), Tagged: strings.Join(v.Tagged, ", ")})
	}
	if tree := view.Tree; tree != nil {
		root := tree.Root + " by " + tree.RootPort
		if tree.IsRoot {
			root = "this switch"
		}
		t.Tree = []templates.TablePair{{Name: "Protocol", Value: tree.Protocol}, {Name: "Bridge", Value: tree.Bridge}, {Name: "Root", Value: root}, {Name: "Cost", Value: strconv.Itoa(tree.RootCost)}}
	}
	if c := view.Controller; c != nil {
		state := "connected"
		if !c.Connected {
			state = "not connected. " + c.Problem
		}
		t.Tree = append(t.Tree, templates.TablePair{Name: "Controller", Value: state})
	}
	return t
}

// portMode is a port's VLANs in a few words.
func portMode(p hostapi.SwitchPort) string {
	switch {
	case p.Access > 0:
		return strconv.Itoa(p.Access)
	case len(p.Trunk) > 0 && p.Native > 0:
		return numbers(p.Trunk) + ", native " + strconv.Itoa(p.Native)
	case len(p.Trunk) > 0:
		return numbers(p.Trunk)
	}
	return p.Mode
}

// counted is what passed a port, for people.
func counted(c hostapi.Counter) string {
	return strconv.FormatUint(c.Frames, 10) + " / " + templates.Bytes(int64(min(c.Bytes, 1<<62)))
}
