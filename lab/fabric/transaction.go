package fabric

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"trunkline/internal/fault"
)

// maxOFPort is the highest number an OpenFlow 1.0 port may have (OFPP_MAX).
const maxOFPort = 0xfeff

// transaction is the change that turns what Open vSwitch holds into what is wanted: ovs-vsctl commands, removals first.
// A device that came anew under its old name needs its port gone before it is added: those go before, in a transaction of their own.
type transaction struct {
	before  [][]string
	change  [][]string
	numbers map[string]int // panel port to its OpenFlow number once the transaction is done
	made    []string       // ports it makes: their numbers are to be verified
	purge   bool           // a mirror changes or goes: Open vSwitch 3.1.0 goes on copying what it has seen until it is told to look anew
}

func (t *transaction) empty() bool { return len(t.before) == 0 && len(t.change) == 0 }

// differ compares. devices gives the index of a device of the host by name; busy are the numbers that flows still mention.
type differ struct {
	names    namer
	state    *ovsState
	panel    string
	datapath string
	devices  map[string]int
	busy     map[int]bool
	underlay netip.Addr // where this host's tunnels end; zero: not known
	t        *transaction
}

func (d *differ) diff(w *wanted) (*transaction, error) {
	d.t = &transaction{numbers: map[string]int{}}
	d.removeUnwanted(w)
	if err := d.panelBridge(); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(w.bridges)) {
		if err := d.segmentBridge(w, w.bridges[name]); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.outside)) {
		if err := d.outsideBridge(name, w.outside[name]); err != nil {
			return nil, err
		}
	}
	if w.tunnel {
		if err := d.tunnelPort(); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.ports)) {
		if err := d.port(w, w.ports[name]); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.bridges)) {
		d.mirrors(w.bridges[name])
	}
	return d.t, nil
}

func (d *differ) do(args ...string) { d.t.change = append(d.t.change, args) }

func (d *differ) removeUnwanted(w *wanted) {
	for _, name := range slices.Sorted(maps.Keys(d.state.ports)) {
		p := d.state.ports[name]
		if _, keep := w.ports[name]; !keep && d.ofLab(p.ids, w.lab) && p.bridge != name {
			d.do("--if-exists", "del-port", p.bridge, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.state.bridges)) {
		if _, keep := w.bridges[name]; !keep && d.ofLab(d.state.bridges[name].ids, w.lab) {
			d.do("--if-exists", "del-br", name)
		}
	}
	d.removeOutside(w)
}

func (d *differ) ofLab(ids map[string]string, lab string) bool {
	return ids[idHost] == d.names.host && ids[idLab] == lab
}

// panelBridge makes the panel or corrects its settings. Secure: what no flow cables is dropped, also while no agent runs.
func (d *differ) panelBridge() error {
	return d.bridge(d.panel, failSecure, map[string]string{"forward-bpdu": "true", "disable-in-band": "true"}, "", d.ids(nil, panelObject))
}

func (d *differ) segmentBridge(w *wanted, b bridgeWant) error {
	other := map[string]string{"forward-bpdu": strconv.FormatBool(b.transparent), "disable-in-band": "true", "hwaddr": d.names.mac("bridge", b.name).String()}
	maps.Copy(other, b.settings)
	switch b.stp { // the address that tells bridges apart stays when the bridge is made anew
	case "stp":
		other["stp-system-id"] = other["hwaddr"]
	case "rstp":
		other["rstp-address"] = other["hwaddr"]
	}
	mode := failStandalone
	if b.controller != nil && b.controller.Fail != failStandalone {
		mode = failSecure
	}
	if err := d.bridge(b.name, mode, other, b.stp, d.ids(w, b.object)); err != nil {
		return err
	}
	d.mute(b.name)
	d.flooding(b.name, b.hub)
	d.controller(b)
	return nil
}

// bridge makes a bridge or corrects it: of one that is there only what differs is touched.
func (d *differ) bridge(name, failMode string, other map[string]string, stp string, ids map[string]string) error {
	have := d.state.bridges[name]
	if have != nil && have.ids[idHost] != d.names.host {
		return fault.New(fault.Conflict, "The Open vSwitch bridge %s belongs to someone else. Remove or rename it: Trunkline needs that name.", name)
	}
	if have == nil {
		d.do("add-br", name)
		set := []string{"set", "Bridge", name, "datapath_type=" + d.datapath, "fail_mode=" + failMode,
			fmt.Sprintf("stp_enable=%t", stp == "stp"), fmt.Sprintf("rstp_enable=%t", stp == "rstp")}
		set = append(set, pairs("other_config", other)...)
		d.do(append(set, pairs("external_ids", ids)...)...)
		return nil
	}
	set := []string{"set", "Bridge", name}
	for _, column := range []struct {
		differs bool
		text    string
	}{
		{have.datapath != d.datapath, "datapath_type=" + d.datapath},
		{have.failMode != failMode, "fail_mode=" + failMode},
		{have.stp != (stp == "stp"), fmt.Sprintf("stp_enable=%t", stp == "stp")},
		{have.rstp != (stp == "rstp"), fmt.Sprintf("rstp_enable=%t", stp == "rstp")},
	} {
		if column.differs {
			set = append(set, column.text)
		}
	}
	if have.ids[idObject] != ids[idObject] {
		set = append(set, pairs("external_ids", ids)...)
	}
	if len(set) > 3 {
		d.do(set...)
	}
	d.settle("Bridge", name, "other_config", switchKeys, have.other, other)
	return nil
}

// nobodysVLAN is reserved (IEEE 802.1Q, table 9-2). A bridge's own port carries only this one, so that nothing a node sends comes out of it as
// it was sent: in the userspace datapath the switch takes a tunnel's frames off the own port of any bridge that has an address, and a node
// could forge them.
const nobodysVLAN = 4095

// mute lets a bridge's own port carry nothing of a lab.
func (d *differ) mute(bridge string) {
	if own := d.state.ports[bridge]; own == nil || own.vlanMode != "trunk" || !slices.Equal(own.trunks, []int{nobodysVLAN}) {
		d.do("set", "Port", bridge, "vlan_mode=trunk", "trunks="+strconv.Itoa(nobodysVLAN))
	}
}

// flooding lets a hub learn in no VLAN.
func (d *differ) flooding(bridge string, hub bool) {
	have := d.state.bridges[bridge]
	switch {
	case hub && (have == nil || have.flooding != everyVLAN):
		d.do("set", "Bridge", bridge, fmt.Sprintf("flood_vlans=0-%d", everyVLAN-1))
	case !hub && have != nil && have.flooding > 0:
		d.do("clear", "Bridge", bridge, "flood_vlans")
	}
}

// everyVLAN is how many VLANs there are, frames without one and the reserved ones included.
const everyVLAN = 4096

const (
	failSecure     = "secure"     // what no flow takes is dropped
	failStandalone = "standalone" // it learns and forwards by itself
)

// tunnelNumber is the OpenFlow number of the VXLAN port: always the same, since the flows of every lab name it.
const tunnelNumber = 0xfe00

// tunnelPort makes the host's one VXLAN port: flows say where a frame goes and under which identifier. Outer packets may be fragmented. They
// leave from the address that peers know: their flows take no other.
func (d *differ) tunnelPort() error {
	name := d.names.tunnel()
	options := map[string]string{"remote_ip": "flow", "key": "flow", "df_default": "false"}
	if d.underlay.IsValid() {
		options["local_ip"] = d.underlay.String()
	}
	ids := d.ids(nil, tunnelObject)
	return d.place(portWant{name: name, bridge: d.panel, panel: true, kind: "vxlan", options: options, number: tunnelNumber}, ids)
}

func (d *differ) port(w *wanted, p portWant) error {
	if p.bridge == "" {
		p.bridge = d.panel
	}
	ids := d.ids(w, p.object)
	if p.device {
		index, ok := d.devices[p.name]
		if !ok {
			return fault.New(fault.Conflict, "The host's end of %s vanished while it was cabled: its node ended. Start it again.", p.object)
		}
		ids[idLink] = strconv.Itoa(index)
	}
	return d.place(p, ids)
}

func (d *differ) place(p portWant, ids map[string]string) error {
	have := d.state.ports[p.name]
	if have != nil && have.ids[idHost] != d.names.host {
		return fault.New(fault.Conflict, "The Open vSwitch port %s belongs to someone else. Remove it: Trunkline needs that name.", p.name)
	}
	fresh := have == nil
	if have != nil && p.kind == "vxlan" && have.kind == p.kind && !maps.Equal(have.options, p.options) {
		// Changed in place: it keeps its number, which flows name.
		d.do("clear", "Interface", p.name, "options")
		d.do(append([]string{"set", "Interface", p.name}, pairs("options", p.options)...)...)
		have.options = p.options
	}
	if have != nil && (have.bridge != p.bridge || have.kind != p.kind || !maps.Equal(have.options, p.options) ||
		have.ids[idLink] != ids[idLink] || have.ofport <= 0 || have.complaint != "") {
		d.t.before = append(d.t.before, []string{"--if-exists", "del-port", have.bridge, p.name})
		fresh = true
	}
	vlan := portColumns(p.vlan)
	if fresh {
		d.add(p, ids, vlan)
		return nil
	}
	if p.panel {
		d.t.numbers[p.name] = have.ofport
	}
	if have.protected != p.protected {
		d.do("set", "Port", p.name, fmt.Sprintf("protected=%t", p.protected))
	}
	if !p.panel && p.number > 0 && have.request != p.number {
		d.do("set", "Interface", p.name, fmt.Sprintf("ofport_request=%d", p.number))
	}
	d.settle("Port", p.name, "other_config", portKeys, have.other, p.settings)
	if have.vlanMode != p.vlan.mode || have.tag != p.vlan.tag || !slices.Equal(have.trunks, p.vlan.trunks) {
		d.do("clear", "Port", p.name, "tag", "trunks", "vlan_mode")
		if len(vlan) > 0 {
			d.do(append([]string{"set", "Port", p.name}, vlan...)...)
		}
	}
	return nil
}

func (d *differ) add(p portWant, ids map[string]string, vlan []string) {
	add := append([]string{"add-port", p.bridge, p.name}, vlan...)
	if p.protected {
		add = append(add, "protected=true")
	}
	add = append(add, pairs("other_config", p.settings)...)
	d.do(append(add, pairs("external_ids", ids)...)...)
	set := append([]string{"set", "Interface", p.name}, pairs("external_ids", ids)...)
	if p.kind != "" {
		set = append(append(set, "type="+p.kind), pairs("options", p.options)...)
	}
	if p.panel {
		number := p.number
		if number == 0 {
			number = d.free()
		}
		d.t.numbers[p.name] = number
		set = append(set, fmt.Sprintf("ofport_request=%d", number))
	} else if p.number > 0 {
		set = append(set, fmt.Sprintf("ofport_request=%d", p.number))
	}
	d.do(set...)
	d.t.made = append(d.t.made, p.name)
}

// free takes the lowest number that no port has or asks for and that no flow mentions.
func (d *differ) free() int {
	for n := 1; n <= maxOFPort; n++ {
		if !d.busy[n] {
			d.busy[n] = true
			return n
		}
	}
	return maxOFPort
}

func (d *differ) ids(w *wanted, object string) map[string]string {
	ids := map[string]string{idHost: d.names.host, idObject: object}
	if w != nil {
		ids[idLab], ids[idGeneration] = w.lab, strconv.FormatInt(w.generation, 10)
	}
	return ids
}

func portColumns(v vlanWant) []string {
	var columns []string
	if v.mode != "" {
		columns = append(columns, "vlan_mode="+v.mode)
	}
	if v.tag > 0 {
		columns = append(columns, fmt.Sprintf("tag=%d", v.tag))
	}
	if len(v.trunks) > 0 {
		list := make([]string, len(v.trunks))
		for i, t := range v.trunks {
			list[i] = strconv.Itoa(t)
		}
		columns = append(columns, "trunks=["+strings.Join(list, ",")+"]")
	}
	return columns
}

// pairs writes a map as column:key="value" arguments in the order of the keys.
func pairs(column string, m map[string]string) []string {
	var args []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		quoted, _ := json.Marshal(m[k])
		args = append(args, column+":"+k+"="+string(quoted))
	}
	return args
}

func includes(have, want map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}

// busyNumbers are the OpenFlow numbers of the panel that can't be given to a new port.
func busyNumbers(s *ovsState, panel string, flows []observedFlow) map[int]bool {
	busy := map[int]bool{}
	for _, p := range s.ports {
		if p.bridge == panel {
			busy[p.ofport], busy[p.request] = true, true
		}
	}
	for _, f := range flows {
		for _, n := range f.mentions() {
			busy[n] = true
		}
	}
	return busy
}
