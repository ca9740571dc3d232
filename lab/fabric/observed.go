package fabric

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"trunkline/internal/fault"
)

// External identifiers that stamp a row of Open vSwitch.
const (
	idHost       = "trunkline-host"
	idLab        = "trunkline-lab"
	idObject     = "trunkline-object"
	idGeneration = "trunkline-generation" // of the spec that last wrote the row; it isn't compared
	idLink       = "trunkline-ifindex"    // the device the port was opened for: a new container has a new one under the old name
)

// panelObject stamps the panel, tunnelObject the host's VXLAN port. They belong to no lab.
const (
	panelObject  = "panel"
	tunnelObject = "tunnel"
)

// ovsState is what Open vSwitch holds: every bridge, and the ports and interfaces by name.
type ovsState struct {
	bridges map[string]*ovsBridge
	ports   map[string]*ovsPort
}

type ovsBridge struct {
	name     string
	ids      map[string]string
	other    map[string]string
	datapath string
	failMode string
	stp      bool
	rstp     bool
	ports    []string // names
	flooding int      // VLANs in which it learns nothing
	mirrors  []mirrorWant
	targets  []string // of its OpenFlow controllers
	protocol []string // of OpenFlow; none: Open vSwitch's own choice
}

type ovsPort struct {
	name, bridge string
	ids          map[string]string
	tag          int
	trunks       []int
	vlanMode     string
	protected    bool
	kind         string // of its interface: "", patch, vxlan, internal
	options      map[string]string
	ofport       int // 0: none yet, -1: failed
	request      int
	complaint    string
	qos          string // uuid
	other        map[string]string
}

// observe reads the whole state in one command.
func (v *vswitch) observe(ctx context.Context) (*ovsState, error) {
	out, err := v.read(ctx, "--format=json",
		"--", "--columns=name,external_ids,other_config,datapath_type,fail_mode,stp_enable,rstp_enable,ports,flood_vlans,mirrors,controller,protocols", "list", "Bridge",
		"--", "--columns=_uuid,name,external_ids,tag,trunks,vlan_mode,protected,interfaces,qos,other_config", "list", "Port",
		"--", "--columns=_uuid,type,options,ofport,ofport_request,error", "list", "Interface",
		"--", "--columns=_uuid,name,select_all,select_src_port,select_dst_port,select_vlan,output_port", "list", "Mirror",
		"--", "--columns=_uuid,target", "list", "Controller")
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	var tables ovsTables
	for i := range tables {
		if tables[i], err = readTable(decoder); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "Open vSwitch's answer can't be read. The log has the details.")
		}
	}
	return newOVSState(tables), nil
}

// ovsTables are the rows of Bridge, Port, Interface, Mirror and Controller.
type ovsTables [5][]row

func newOVSState(t ovsTables) *ovsState {
	bridges, ports, interfaces := t[0], t[1], t[2]
	s := &ovsState{bridges: map[string]*ovsBridge{}, ports: map[string]*ovsPort{}}
	byUUID := map[string]row{}
	for _, r := range interfaces {
		byUUID[r.text("_uuid")] = r
	}
	nameOf := map[string]string{}
	for _, r := range ports {
		p := &ovsPort{name: r.text("name"), ids: r.pairs("external_ids"), tag: r.number("tag"), vlanMode: r.text("vlan_mode"),
			protected: r.text("protected") == "true", qos: r.text("qos"), other: r.pairs("other_config")}
		for _, t := range r.all("trunks") {
			n, _ := strconv.Atoi(t)
			p.trunks = append(p.trunks, n)
		}
		slices.Sort(p.trunks)
		for _, id := range r.all("interfaces") {
			i := byUUID[id]
			p.kind, p.options = i.text("type"), i.pairs("options")
			p.ofport, p.request, p.complaint = i.number("ofport"), i.number("ofport_request"), i.text("error")
		}
		s.ports[p.name] = p
		nameOf[r.text("_uuid")] = p.name
	}
	mirrors, targets := readMirrors(t[3], nameOf), map[string]string{}
	for _, r := range t[4] {
		targets[r.text("_uuid")] = r.text("target")
	}
	for _, r := range bridges {
		b := &ovsBridge{name: r.text("name"), ids: r.pairs("external_ids"), other: r.pairs("other_config"), datapath: r.text("datapath_type"),
			failMode: r.text("fail_mode"), stp: r.text("stp_enable") == "true", rstp: r.text("rstp_enable") == "true",
			flooding: len(r.all("flood_vlans")), protocol: slices.Sorted(slices.Values(r.all("protocols")))}
		for _, id := range r.all("mirrors") {
			b.mirrors = append(b.mirrors, mirrors[id])
		}
		slices.SortFunc(b.mirrors, func(x, y mirrorWant) int { return strings.Compare(x.name, y.name) })
		for _, id := range r.all("controller") {
			b.targets = append(b.targets, targets[id])
		}
		for _, id := range r.all("ports") {
			name := nameOf[id]
			b.ports = append(b.ports, name)
			if p := s.ports[name]; p != nil {
				p.bridge = b.name
			}
		}
		s.bridges[b.name] = b
	}
	return s
}

// panelOf returns this host's panel, or nil.
func (s *ovsState) panelOf(host string) *ovsBridge {
	for _, name := range slices.Sorted(maps.Keys(s.bridges)) {
		if b := s.bridges[name]; b.ids[idHost] == host && b.ids[idObject] == panelObject {
			return b
		}
	}
	return nil
}

// labs names the labs of which the host has bridges or ports.
func (s *ovsState) labs(host string) map[string]bool {
	labs := map[string]bool{}
	for _, b := range s.bridges {
		if lab := b.ids[idLab]; b.ids[idHost] == host && lab != "" {
			labs[lab] = true
		}
	}
	for _, p := range s.ports {
		if lab := p.ids[idLab]; p.ids[idHost] == host && lab != "" {
			labs[lab] = true
		}
	}
	return labs
}

// row is one row of ovs-vsctl's JSON: column to value in the notation of RFC 7047, section 5.1.
type row map[string]any

func readTable(d *json.Decoder) ([]row, error) {
	var table struct {
		Headings []string `json:"headings"`
		Data     [][]any  `json:"data"`
	}
	if err := d.Decode(&table); err != nil {
		return nil, err
	}
	rows := make([]row, 0, len(table.Data))
	for _, cells := range table.Data {
		if len(cells) != len(table.Headings) {
			return nil, fmt.Errorf("a row of %d cells under %d headings", len(cells), len(table.Headings))
		}
		r := row{}
		for i, h := range table.Headings {
			r[h] = cells[i]
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// all returns the members of a set, or the one value, as text; an empty set is none.
func (r row) all(column string) []string {
	v, ok := r[column]
	if !ok {
		return nil
	}
	if pair, ok := v.([]any); ok && len(pair) == 2 && pair[0] == "set" {
		var list []string
		members, _ := pair[1].([]any)
		for _, m := range members {
			list = append(list, atom(m))
		}
		return list
	}
	return []string{atom(v)}
}

// text returns the one value of a column; "" when the set is empty.
func (r row) text(column string) string {
	if list := r.all(column); len(list) > 0 {
		return list[0]
	}
	return ""
}

func (r row) number(column string) int {
	n, _ := strconv.Atoi(r.text(column))
	return n
}

func (r row) pairs(column string) map[string]string {
	m := map[string]string{}
	pair, ok := r[column].([]any)
	if !ok || len(pair) != 2 || pair[0] != "map" {
		return m
	}
	entries, _ := pair[1].([]any)
	for _, e := range entries {
		if kv, ok := e.([]any); ok && len(kv) == 2 {
			m[atom(kv[0])] = atom(kv[1])
		}
	}
	return m
}

func atom(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case []any: // ["uuid", "…"]
		if len(v) == 2 {
			return atom(v[1])
		}
	}
	return ""
}
