package format

import (
	"math"
	"net/netip"
	"strconv"
	"strings"

	"trunkline/lab"
)

// ownFields reads the fields that containerlab does not have.
func (b *nodeBuilder) ownFields() {
	if v, ok := b.first("interfaces"); ok {
		for _, f := range v.fields() {
			b.n.Interfaces = append(b.n.Interfaces, readInterface(f))
		}
	}
	if v, ok := b.first("routing"); ok {
		b.n.Routing = readRouting(v)
	}
	if v, ok := b.first("egress"); ok {
		b.n.Egress, _ = v.boolean()
	}
	if v, ok := b.first("switch"); ok {
		b.n.Switch = readSwitch(v)
	}
	if v, ok := b.first("internet"); ok {
		b.n.Internet = &lab.InternetConfig{}
		fields := v.known("subnet", "dhcp")
		if f, ok := fields["subnet"]; ok {
			b.n.Internet.Subnet, _ = f.prefix()
		}
		if f, ok := fields["dhcp"]; ok {
			on, ok := f.boolean()
			b.n.Internet.NoDHCP = ok && !on
		}
		if *b.n.Internet == (lab.InternetConfig{}) {
			b.n.Internet = nil
		}
	}
	if v, ok := b.first("external"); ok {
		b.n.External = readExternal(v)
	}
}

// readExternal reads {network, vlan}.
func readExternal(v value) *lab.ExternalConfig {
	e := &lab.ExternalConfig{}
	fields := v.known("network", "vlan")
	if f, ok := fields["network"]; ok {
		e.Network, _ = f.text()
	}
	if f, ok := fields["vlan"]; ok {
		e.VLAN, _ = f.whole(1, lab.MaxVLAN)
	}
	return e
}

// readInterface reads name: {addresses, mac, mtu, access, trunk, native, stp, down}, or the addresses alone.
func readInterface(f field) lab.Interface {
	i := lab.Interface{Name: f.key}
	if f.n.Kind != mappingNode {
		i.Addresses = f.prefixes()
		return i
	}
	fields := f.known("addresses", "mac", "mtu", "access", "trunk", "native", "stp", "down")
	if v, ok := fields["addresses"]; ok {
		i.Addresses = v.prefixes()
	}
	if v, ok := fields["mac"]; ok {
		i.MAC, _ = v.mac()
	}
	if v, ok := fields["mtu"]; ok {
		i.MTU, _ = v.whole(1, 1<<20)
	}
	if v, ok := fields["access"]; ok {
		i.Access, _ = v.whole(1, 1<<20)
	}
	if v, ok := fields["native"]; ok {
		i.Native, _ = v.whole(1, 1<<20)
	}
	if v, ok := fields["trunk"]; ok {
		i.Trunk = v.wholes()
	}
	if v, ok := fields["stp"]; ok {
		i.STP = readPortSTP(v)
	}
	if v, ok := fields["down"]; ok {
		i.Down, _ = v.boolean()
	}
	return i
}

func readRouting(v value) *lab.Routing {
	r := &lab.Routing{}
	fields := v.known("router-id", "static", "ospf", "bgp")
	if f, ok := fields["router-id"]; ok {
		r.RouterID, _ = f.address()
	}
	if f, ok := fields["static"]; ok {
		for _, item := range f.items() {
			if s, ok := readStatic(item); ok {
				r.Static = append(r.Static, s)
			}
		}
	}
	if f, ok := fields["ospf"]; ok {
		r.OSPF = readOSPF(f)
	}
	if f, ok := fields["bgp"]; ok {
		r.BGP = readBGP(f)
	}
	if !r.RouterID.IsValid() && r.Static == nil && r.OSPF == nil && r.BGP == nil {
		return nil
	}
	return r
}

// readStatic reads {to, via, dev}; "default" is 0.0.0.0/0, or ::/0 when via is IPv6.
func readStatic(v value) (lab.StaticRoute, bool) {
	var s lab.StaticRoute
	fields := v.known("to", "via", "dev")
	if f, ok := fields["via"]; ok {
		if s.Via, ok = f.address(); !ok {
			return s, false
		}
	}
	if f, ok := fields["dev"]; ok {
		s.Dev, _ = f.text()
	}
	to, ok := fields["to"]
	if !ok {
		v.refuse("A static route needs to: the network it leads to, or default.")
		return s, false
	}
	if text, _ := to.text(); text == "default" {
		s.To = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if s.Via.Is6() {
			s.To = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		return s, true
	}
	p, ok := to.prefix()
	s.To = p.Masked()
	return s, ok
}

func readOSPF(v value) *lab.OSPF {
	o := &lab.OSPF{}
	fields := v.known("areas", "redistribute", "passive", "point-to-point", "hello", "dead")
	if f, ok := fields["areas"]; ok {
		for _, area := range f.fields() {
			if o.Areas == nil {
				o.Areas = map[string][]string{}
			}
			o.Areas[area.key] = area.texts()
		}
	}
	if f, ok := fields["redistribute"]; ok {
		o.Redistribute = f.texts()
	}
	if f, ok := fields["passive"]; ok {
		o.Passive = f.texts()
	}
	if f, ok := fields["point-to-point"]; ok {
		o.PointToPoint = f.texts()
	}
	if f, ok := fields["hello"]; ok {
		o.HelloSeconds, _ = f.whole(1, 65535)
	}
	if f, ok := fields["dead"]; ok {
		o.DeadSeconds, _ = f.whole(1, 65535)
	}
	return o
}

func readBGP(v value) *lab.BGP {
	b := &lab.BGP{}
	fields := v.known("as", "neighbors", "networks", "redistribute")
	if f, ok := fields["as"]; ok {
		b.AS = f.asNumber()
	}
	if f, ok := fields["neighbors"]; ok {
		for _, item := range f.items() {
			b.Neighbors = append(b.Neighbors, readNeighbor(item))
		}
	}
	if f, ok := fields["networks"]; ok {
		for _, p := range f.prefixes() {
			b.Networks = append(b.Networks, p.Masked())
		}
	}
	if f, ok := fields["redistribute"]; ok {
		b.Redistribute = f.texts()
	}
	return b
}

func readNeighbor(v value) lab.BGPNeighbor {
	var n lab.BGPNeighbor
	fields := v.known("address", "as", "next-hop-self", "route-reflector-client", "update-source")
	if f, ok := fields["address"]; ok {
		n.Address, _ = f.address()
	}
	if f, ok := fields["as"]; ok {
		n.AS = f.asNumber()
	}
	if f, ok := fields["next-hop-self"]; ok {
		n.NextHopSelf, _ = f.boolean()
	}
	if f, ok := fields["route-reflector-client"]; ok {
		n.RouteReflectorClient, _ = f.boolean()
	}
	if f, ok := fields["update-source"]; ok {
		n.UpdateSource, _ = f.text()
	}
	return n
}

func (v value) asNumber() uint32 {
	s, ok := v.text()
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		v.refuse("An AS number is a whole number from 1 to %d, not %s.", uint32(math.MaxUint32), quote(s))
		return 0
	}
	return uint32(n)
}

var rateUnits = map[string]float64{"": 1, "bit": 1, "kbit": 1e3, "mbit": 1e6, "gbit": 1e9, "tbit": 1e12}

// impairment reads {rate: 10mbit, delay: 20ms, jitter: 2ms, loss: 1%, duplicate, reorder, corrupt}.
func (v value) impairment() lab.Impairment {
	var i lab.Impairment
	fields := v.known("rate", "delay", "jitter", "loss", "duplicate", "reorder", "corrupt")
	if f, ok := fields["rate"]; ok {
		i.RateBits = f.rate()
	}
	if f, ok := fields["delay"]; ok {
		i.Delay, _ = f.duration()
	}
	if f, ok := fields["jitter"]; ok {
		i.Jitter, _ = f.duration()
	}
	for name, to := range map[string]*float64{"loss": &i.Loss, "duplicate": &i.Duplicate, "reorder": &i.Reorder, "corrupt": &i.Corrupt} {
		if f, ok := fields[name]; ok {
			*to = f.percent()
		}
	}
	return i
}

func (v value) rate() int64 {
	s, ok := v.text()
	if !ok {
		return 0
	}
	number, unit := splitUnit(s)
	n, err := strconv.ParseFloat(number, 64)
	factor, known := rateUnits[strings.TrimSuffix(unit, "/s")]
	if err != nil || !known || n*factor < 1 || n*factor > 1e15 {
		v.refuse("rate should be bits a second with a unit, such as 10mbit or 1gbit, not %s.", quote(s))
		return 0
	}
	return int64(math.Round(n * factor))
}

func (v value) percent() float64 {
	s, ok := v.text()
	if !ok {
		return 0
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(s), "%")), 64)
	if err != nil || !(n >= 0 && n <= 100) {
		v.refuse("%s should be a share from 0%% to 100%%, such as 1%%, not %s.", v.name(), quote(s))
		return 0
	}
	return n
}
