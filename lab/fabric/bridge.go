package fabric

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// mirrorWant copies frames of a bridge to one of its ports. The ports are those of Open vSwitch.
type mirrorWant struct {
	name      string
	all       bool     // whatever port
	into, out []string // frames that come in by these ports, and that leave by them
	vlans     []int    // none: every VLAN
	to        string
}

// bridge notes the segment's bridge, now that its ports are known.
func (p *planner) bridge(s hostapi.SegmentSpec) {
	name := p.names.segment(p.spec.ID, s.Name)
	b := bridgeWant{name: name, object: s.Name, stp: s.STP, transparent: s.STP == "", hub: s.Kind == lab.Hub, settings: settingsOf(s), controller: s.Controller}
	if s.Switch != nil {
		for i, m := range s.Switch.Mirrors {
			if want, ok := p.mirror(s, m, fmt.Sprintf("%s-%02d", name, i)); ok {
				b.mirrors = append(b.mirrors, want)
			}
		}
	}
	p.w.bridges[name] = b
}

// settingsOf are the keys of the bridge's other_config that a switch's settings give. Those that are left out have Open vSwitch's defaults.
func settingsOf(s hostapi.SegmentSpec) map[string]string {
	all := map[string]string{}
	c := s.Switch
	if c == nil {
		return all
	}
	set := func(key string, value int) {
		if value != 0 {
			all[key] = strconv.Itoa(value)
		}
	}
	set("mac-aging-time", c.MACAge)
	set("mac-table-size", c.MACTable)
	if s.STP == "" {
		return all
	}
	set(s.STP+"-max-age", c.MaxAge)
	set(s.STP+"-forward-delay", c.ForwardDelay)
	if s.STP == "stp" {
		set("stp-hello-time", c.Hello)
	}
	if c.Priority != nil {
		all[s.STP+"-priority"] = strconv.Itoa(*c.Priority)
	}
	return all
}

// switchKeys are the keys of a bridge's other_config that are ours to set and to take away.
var switchKeys = []string{"forward-bpdu", "disable-in-band", "hwaddr", "mac-aging-time", "mac-table-size",
	"stp-priority", "stp-hello-time", "stp-max-age", "stp-forward-delay", "stp-system-id", "rstp-address", "rstp-priority", "rstp-max-age", "rstp-forward-delay"}

// portKeys are those of a port.
var portKeys = []string{"stp-path-cost", "stp-port-priority", "rstp-path-cost", "rstp-port-priority", "rstp-port-admin-edge"}

// treeOfPort are the keys of the port's other_config.
func treeOfPort(protocol string, c *lab.PortSTP) map[string]string {
	all := map[string]string{}
	if c == nil || protocol == "" {
		return all
	}
	if c.Cost != 0 {
		all[protocol+"-path-cost"] = strconv.Itoa(c.Cost)
	}
	if c.Priority != nil {
		all[protocol+"-port-priority"] = strconv.Itoa(*c.Priority)
	}
	if c.Edge && protocol == "rstp" {
		all["rstp-port-admin-edge"] = "true"
	}
	return all
}

// mirror resolves a mirror's ports. One whose destination has no cable now is left out.
func (p *planner) mirror(s hostapi.SegmentSpec, m lab.Mirror, name string) (mirrorWant, bool) {
	port := func(name string) (string, bool) {
		inner := p.names.joinSegment(p.spec.ID, s.Name, name)
		_, there := p.w.ports[inner]
		return inner, there
	}
	to, ok := port(m.To)
	if !ok {
		return mirrorWant{}, false
	}
	w := mirrorWant{name: name, to: to, vlans: slices.Compact(slices.Sorted(slices.Values(m.VLANs)))}
	w.all = len(m.Ports) == 0 && m.Direction == ""
	sources := m.Ports
	if len(sources) == 0 && !w.all {
		for _, each := range s.Ports {
			sources = append(sources, each.Name)
		}
	}
	for _, source := range sources {
		inner, there := port(source)
		if !there || inner == to {
			continue
		}
		if m.Direction != "out" {
			w.into = append(w.into, inner)
		}
		if m.Direction != "in" {
			w.out = append(w.out, inner)
		}
	}
	slices.Sort(w.into)
	slices.Sort(w.out)
	return w, true
}

// portNumbers gives the ports of a switch OpenFlow numbers that stay when others come and go: the number that the name ends in where no
// other port's name does, else one that is made of the name.
func portNumbers(s hostapi.SegmentSpec) map[string]int {
	count, numbers, taken := map[int]int{}, map[string]int{}, map[int]bool{}
	for _, p := range s.Ports {
		count[trailing(p.Name)]++
	}
	var rest []string
	for _, p := range s.Ports {
		if n := trailing(p.Name); n > 0 && n < firstMade && count[n] == 1 {
			numbers[p.Name], taken[n] = n, true
		} else {
			rest = append(rest, p.Name)
		}
	}
	slices.Sort(rest)
	for _, name := range rest {
		sum := sha256.Sum256([]byte(name))
		n := firstMade + int(binary.BigEndian.Uint16(sum[:]))%(firstMeshPort-firstMade)
		for taken[n] {
			n = firstMade + (n-firstMade+1)%(firstMeshPort-firstMade)
		}
		numbers[name], taken[n] = n, true
	}
	return numbers
}

// Numbers below firstMade are those that names end in; from firstMeshPort on Open vSwitch gives them to the ways between a lan's parts.
const (
	firstMade     = 1024
	firstMeshPort = 0x8000
)

// trailing is the number that the name ends in; 0 without one.
func trailing(name string) int {
	i := len(name)
	for i > 0 && name[i-1] >= '0' && name[i-1] <= '9' {
		i--
	}
	n, err := strconv.Atoi(name[i:])
	if err != nil {
		return 0
	}
	return n
}

// only is the part of a map under the given keys.
func only(m map[string]string, keys []string) map[string]string {
	part := map[string]string{}
	for _, k := range keys {
		if v, ok := m[k]; ok {
			part[k] = v
		}
	}
	return part
}

// settle makes the ours-to-set keys of a row's map what they shall be: those that differ, and no others.
func (d *differ) settle(table, name, column string, keys []string, have, want map[string]string) {
	have = only(have, keys)
	change := map[string]string{}
	for k, v := range want {
		if have[k] != v {
			change[k] = v
		}
	}
	for _, k := range slices.Sorted(maps.Keys(have)) {
		if _, keep := want[k]; !keep {
			d.do("remove", table, name, column, k)
		}
	}
	if len(change) > 0 {
		d.do(append([]string{"set", table, name}, pairs(column, change)...)...)
	}
}
