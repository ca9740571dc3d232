package fabric

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// mirrors makes a bridge's mirrors what they shall be: all of them anew when one differs, in the transaction that makes their ports. Frames
// pass meanwhile as they did.
func (d *differ) mirrors(b bridgeWant) {
	var have []mirrorWant
	if bridge := d.state.bridges[b.name]; bridge != nil {
		have = bridge.mirrors
	}
	if len(have) == 0 && len(b.mirrors) == 0 || reflect.DeepEqual(have, b.mirrors) && !d.anew(b.mirrors) {
		return
	}
	d.t.purge = d.t.purge || len(have) > 0
	if len(b.mirrors) == 0 {
		d.do("clear", "Bridge", b.name, "mirrors")
		return
	}
	refs, commands := map[string]string{}, []string{}
	ref := func(port string) string {
		if refs[port] == "" {
			refs[port] = fmt.Sprintf("@port%d", len(refs))
			commands = append(commands, "--id="+refs[port], "get", "Port", port, "--")
		}
		return refs[port]
	}
	list := func(ports []string) string {
		texts := make([]string, len(ports))
		for i, p := range ports {
			texts[i] = ref(p)
		}
		return strings.Join(texts, ",")
	}
	var all, creates []string
	for i, m := range b.mirrors {
		id := fmt.Sprintf("@mirror%d", i)
		all = append(all, id)
		create := []string{"--id=" + id, "create", "Mirror", "name=" + m.name, fmt.Sprintf("select_all=%t", m.all), "output_port=" + ref(m.to)}
		if len(m.into) > 0 {
			create = append(create, "select_src_port="+list(m.into))
		}
		if len(m.out) > 0 {
			create = append(create, "select_dst_port="+list(m.out))
		}
		if len(m.vlans) > 0 {
			texts := make([]string, len(m.vlans))
			for i, v := range m.vlans {
				texts[i] = strconv.Itoa(v)
			}
			create = append(create, "select_vlan="+strings.Join(texts, ","))
		}
		creates = append(append(creates, create...), "--")
	}
	// One command: names with an @ hold within one transaction only.
	d.do(slices.Concat(commands, creates, []string{"set", "Bridge", b.name, "mirrors=" + strings.Join(all, ",")})...)
}

// anew reports that a port of the mirrors is made anew: a mirror refers to the row that goes.
func (d *differ) anew(list []mirrorWant) bool {
	for _, m := range list {
		for _, port := range slices.Concat(m.into, m.out, []string{m.to}) {
			if slices.Contains(d.t.made, port) {
				return true
			}
		}
	}
	return false
}

// readMirrors puts each bridge's mirrors into the form of what is wanted.
func readMirrors(rows []row, portNames map[string]string) map[string]mirrorWant {
	byUUID := map[string]mirrorWant{}
	for _, r := range rows {
		m := mirrorWant{name: r.text("name"), all: r.text("select_all") == "true", to: portNames[r.text("output_port")]}
		for _, id := range r.all("select_src_port") {
			m.into = append(m.into, portNames[id])
		}
		for _, id := range r.all("select_dst_port") {
			m.out = append(m.out, portNames[id])
		}
		for _, v := range r.all("select_vlan") {
			n, _ := strconv.Atoi(v)
			m.vlans = append(m.vlans, n)
		}
		slices.Sort(m.into)
		slices.Sort(m.out)
		slices.Sort(m.vlans)
		byUUID[r.text("_uuid")] = m
	}
	return byUUID
}
