package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// switchChanges says what changes at a switch, hub or lan while it runs, a few words for each port and setting: "port p3 to VLAN 20 live".
func switchChanges(a, b *Node) []string {
	var words []string
	for _, i := range b.Interfaces {
		words = append(words, portChanges(a.Interface(i.Name), i)...)
	}
	for _, i := range a.Interfaces {
		if !slices.ContainsFunc(b.Interfaces, func(now Interface) bool { return now.Name == i.Name }) {
			words = append(words, portChanges(i, Interface{Name: i.Name})...)
		}
	}
	s, t := orZero(a.Switch), orZero(b.Switch)
	if s.STP != t.STP {
		words = append(words, "spanning tree to "+orNone(t.STP)+" live")
	}
	if !same(s.Priority, t.Priority) {
		words = append(words, "bridge priority to "+orDefault(t.Priority, 32768)+" live")
	}
	for _, timer := range []struct {
		name          string
		before, after int
		otherwise     int
	}{{"hello", s.Hello, t.Hello, 2}, {"max-age", s.MaxAge, t.MaxAge, 20}, {"forward-delay", s.ForwardDelay, t.ForwardDelay, 15}, {"mac-age", s.MACAge, t.MACAge, 300}} {
		if timer.before != timer.after {
			words = append(words, fmt.Sprintf("%s to %d s live", timer.name, orInt(timer.after, timer.otherwise)))
		}
	}
	if s.MACTable != t.MACTable {
		words = append(words, fmt.Sprintf("MAC table to %d addresses live", orInt(t.MACTable, 8192)))
	}
	if !same(s.Mirrors, t.Mirrors) {
		words = append(words, mirrorWords(t.Mirrors))
	}
	if !same(s.OpenFlow, t.OpenFlow) {
		controller := "none"
		if t.OpenFlow != nil {
			controller = t.OpenFlow.Controller
		}
		words = append(words, "OpenFlow controller to "+controller+" live")
	}
	return words
}

// portChanges says how a port differs; its addresses, which it has none of, are not looked at.
func portChanges(a, b Interface) []string {
	var words []string
	name := "port " + b.Name
	if before, after := vlanWords(a), vlanWords(b); before != after {
		words = append(words, name+" to "+after+" live")
	}
	if a.Down != b.Down {
		state := "on"
		if b.Down {
			state = "off"
		}
		words = append(words, name+" switched "+state+" live")
	}
	s, t := orZero(a.STP), orZero(b.STP)
	if s.Cost != t.Cost {
		cost := "automatic"
		if t.Cost > 0 {
			cost = strconv.Itoa(t.Cost)
		}
		words = append(words, name+" to path cost "+cost+" live")
	}
	if !same(s.Priority, t.Priority) {
		words = append(words, name+" to priority "+orDefault(t.Priority, 128)+" live")
	}
	if s.Edge != t.Edge {
		kind := "no edge"
		if t.Edge {
			kind = "an edge"
		}
		words = append(words, name+" is "+kind+" live")
	}
	if a.MTU != b.MTU || a.MAC != b.MAC || !same(a.Addresses, b.Addresses) {
		words = append(words, name)
	}
	return words
}

// vlanWords says what a port does with VLANs: "VLAN 10", "VLANs 10, 20 tagged and 1 untagged", "every VLAN".
func vlanWords(i Interface) string {
	switch {
	case i.Access > 0:
		return "VLAN " + strconv.Itoa(i.Access)
	case len(i.Trunk) == 0 && i.Native == 0:
		return "every VLAN"
	}
	words := "every VLAN tagged"
	if len(i.Trunk) > 0 {
		list := slices.Clone(i.Trunk)
		slices.Sort(list)
		texts := make([]string, 0, len(list))
		for _, v := range slices.Compact(list) {
			texts = append(texts, strconv.Itoa(v))
		}
		words = "VLANs " + strings.Join(texts, ", ") + " tagged"
	}
	if i.Native > 0 {
		words += " and " + strconv.Itoa(i.Native) + " untagged"
	}
	return words
}

func mirrorWords(list []Mirror) string {
	if len(list) == 0 {
		return "no mirror any more"
	}
	var words []string
	for _, m := range list {
		words = append(words, "to "+m.To)
	}
	return "mirrors " + strings.Join(words, ", ") + " set live"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func orDefault(p *int, otherwise int) string {
	if p == nil {
		return strconv.Itoa(otherwise)
	}
	return strconv.Itoa(*p)
}
