package format

import (
	"reflect"
	"strconv"

	"go.yaml.in/yaml/v3"

	"trunkline/lab"
)

// readSwitch reads {stp, priority, hello, max-age, forward-delay, mac-age, mac-table, mirrors, openflow}; nil when nothing is set.
func readSwitch(v value) *lab.SwitchConfig {
	s := &lab.SwitchConfig{}
	fields := v.known("stp", "priority", "hello", "max-age", "forward-delay", "mac-age", "mac-table", "mirrors", "openflow")
	if f, ok := fields["stp"]; ok {
		s.STP, _ = f.text()
	}
	if f, ok := fields["priority"]; ok {
		s.Priority = f.wholeOrNone(0, 1<<20)
	}
	for name, to := range map[string]*int{"hello": &s.Hello, "max-age": &s.MaxAge, "forward-delay": &s.ForwardDelay, "mac-age": &s.MACAge, "mac-table": &s.MACTable} {
		if f, ok := fields[name]; ok {
			*to, _ = f.whole(1, 1<<30)
		}
	}
	if f, ok := fields["mirrors"]; ok {
		for _, item := range f.items() {
			s.Mirrors = append(s.Mirrors, readMirror(item))
		}
	}
	if f, ok := fields["openflow"]; ok {
		s.OpenFlow = readOpenFlow(f)
	}
	if reflect.DeepEqual(*s, lab.SwitchConfig{}) {
		return nil
	}
	return s
}

// readMirror reads {ports, vlans, direction, to}.
func readMirror(v value) lab.Mirror {
	var m lab.Mirror
	fields := v.known("ports", "vlans", "direction", "to")
	if f, ok := fields["ports"]; ok {
		m.Ports = f.texts()
	}
	if f, ok := fields["vlans"]; ok {
		m.VLANs = f.wholes()
	}
	if f, ok := fields["direction"]; ok {
		if m.Direction, _ = f.text(); m.Direction == "both" {
			m.Direction = ""
		}
	}
	if f, ok := fields["to"]; ok {
		m.To, _ = f.text()
	}
	return m
}

// readOpenFlow reads {controller, via, fail}, or the controller alone.
func readOpenFlow(v value) *lab.OpenFlow {
	o := &lab.OpenFlow{}
	if v.n.Kind != mappingNode {
		o.Controller, _ = v.text()
		return o
	}
	fields := v.known("controller", "via", "fail")
	for name, to := range map[string]*string{"controller": &o.Controller, "via": &o.Via, "fail": &o.Fail} {
		if f, ok := fields[name]; ok {
			*to, _ = f.text()
		}
	}
	if o.Fail == "secure" {
		o.Fail = ""
	}
	return o
}

// readPortSTP reads {priority, cost, edge}; nil when nothing is set.
func readPortSTP(v value) *lab.PortSTP {
	s := &lab.PortSTP{}
	fields := v.known("priority", "cost", "edge")
	if f, ok := fields["priority"]; ok {
		s.Priority = f.wholeOrNone(0, 1<<20)
	}
	if f, ok := fields["cost"]; ok {
		s.Cost, _ = f.whole(1, 1<<30)
	}
	if f, ok := fields["edge"]; ok {
		s.Edge, _ = f.boolean()
	}
	if *s == (lab.PortSTP{}) {
		return nil
	}
	return s
}

// wholes reads a list of VLANs; what they may be is said when the lab is checked.
func (v value) wholes() []int {
	var list []int
	for _, item := range v.items() {
		if n, ok := item.whole(1, 1<<20); ok {
			list = append(list, n)
		}
	}
	return list
}

// wholeOrNone is for a number that may be zero and may be left out.
func (v value) wholeOrNone(low, high int) *int {
	n, ok := v.whole(low, high)
	if !ok {
		return nil
	}
	return &n
}

func exportSwitch(s *lab.SwitchConfig) mapping {
	m := newMapping()
	m.text("stp", s.STP)
	m.given("priority", s.Priority)
	m.number("hello", int64(s.Hello))
	m.number("max-age", int64(s.MaxAge))
	m.number("forward-delay", int64(s.ForwardDelay))
	m.number("mac-age", int64(s.MACAge))
	m.number("mac-table", int64(s.MACTable))
	if len(s.Mirrors) > 0 {
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, each := range s.Mirrors {
			c := flowMapping()
			c.flowList("ports", each.Ports)
			c.numbers("vlans", each.VLANs)
			c.text("direction", each.Direction)
			c.text("to", each.To)
			list.Content = append(list.Content, c.node)
		}
		m.add("mirrors", list)
	}
	if o := s.OpenFlow; o != nil {
		c := flowMapping()
		c.text("controller", o.Controller)
		c.text("via", o.Via)
		c.text("fail", o.Fail)
		m.child("openflow", c)
	}
	return m
}

func exportPortSTP(s *lab.PortSTP) mapping {
	m := flowMapping()
	m.given("priority", s.Priority)
	m.number("cost", int64(s.Cost))
	m.flag("edge", s.Edge)
	return m
}

// given writes a number that may be zero.
func (m mapping) given(key string, n *int) {
	if n != nil {
		m.add(key, plain(strconv.Itoa(*n)))
	}
}

func (m mapping) numbers(key string, list []int) {
	if len(list) == 0 {
		return
	}
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
	for _, i := range list {
		n.Content = append(n.Content, plain(strconv.Itoa(i)))
	}
	m.add(key, n)
}
