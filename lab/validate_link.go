package lab

import (
	"fmt"
	"net/netip"
	"time"
)

const (
	maxLinkDelay = time.Minute
	maxRate      = int64(1e12)
)

func (v *validator) links() {
	v.ends = map[string]map[string]int{}
	for i, k := range v.lab.Links {
		at := linkPath(i)
		switch k.Type {
		case VEth:
			if v.end(i, k, k.A, at+".endpoints[0]") && v.end(i, k, k.B, at+".endpoints[1]") && k.A.Node == k.B.Node && k.A.Interface == k.B.Interface {
				v.say(k.Line, at, "The link joins %s to itself.", k.A)
			}
		case Dummy, MgmtNet:
			v.end(i, k, k.A, at+".endpoint")
			v.single(k, at)
		default:
			v.say(k.Line, at+".type", "There is no link type %q.", k.Type)
		}
		v.mtu(k.Line, at+".mtu", k.MTU)
		v.linkLabels(k, at)
		v.impairment(k, at+".impair.a-to-b", k.AtoB)
		v.impairment(k, at+".impair.b-to-a", k.BtoA)
		v.flap(k, at+".flap")
	}
}

func (v *validator) single(k *Link, at string) {
	if k.B.Node != "" || k.B.Interface != "" {
		v.say(k.Line, at, "A %s link has one end only.", k.Type)
	}
	if k.Type == MgmtNet && v.lab.Mgmt == nil {
		v.say(k.Line, at, "A mgmt-net link needs the management segment. Add mgmt: with ipv4-subnet to the lab.")
	}
	if n := v.nodes[k.A.Node]; n != nil && !n.Kind.IsContainer() && k.Type == Dummy {
		v.say(k.Line, at, "A dummy interface needs a container; %s is a %s.", n.Name, n.Kind)
	}
}

// end checks one end of a link; false when its node is not there.
func (v *validator) end(i int, k *Link, e Endpoint, at string) bool {
	n := v.nodes[e.Node]
	if n == nil {
		v.say(k.Line, at, "There is no node %q.%s", e.Node, v.near(e.Node, v.names))
		return false
	}
	if err := CheckInterfaceName(e.Interface); err != nil {
		v.say(k.Line, at, "%s", err)
	}
	switch {
	case e.Interface == "lo":
		v.say(k.Line, at, "lo is the loopback of %s and cannot be cabled. Take eth1 or another name.", e.Node)
	case e.Interface == "eth0" && v.lab.Mgmt != nil && n.Kind.IsContainer() && !n.NoMgmt:
		v.say(k.Line, at, "eth0 of %s is its management interface. Take eth1 or another name, or write network-mode: none for the node.", e.Node)
	case e.Interface == "egress0" && n.Egress:
		v.say(k.Line, at, "egress0 of %s is its own way out. Take eth1 or another name.", e.Node)
	}
	if v.ends[e.Node] == nil {
		v.ends[e.Node] = map[string]int{}
	}
	if first, used := v.ends[e.Node][e.Interface]; used {
		v.say(k.Line, at, "The interface %s is used by two links%s. An interface takes one cable.", e, onLine(v.lab.Links[first].Line))
	} else {
		v.ends[e.Node][e.Interface] = i
	}
	if len(e.Addresses) > 0 && !n.Kind.IsContainer() {
		v.say(k.Line, at, "%s is a %s, and its ports have no addresses. Take the address away.", e.Node, n.Kind)
	}
	for _, p := range e.Addresses {
		v.hostAddress(k.Line, at, e.String(), p)
	}
	v.hardware(k.Line, at, e.MAC)
	return true
}

func onLine(line int) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf("; the other is on line %d", line)
}

// hostAddress refuses what no interface can have.
func (v *validator) hostAddress(line int, at, whose string, p netip.Prefix) {
	a := p.Addr()
	switch {
	case !p.IsValid():
		v.say(line, at, "An address of %s cannot be read.", whose)
	case a.IsMulticast() || a.IsUnspecified():
		v.say(line, at, "%s cannot have the address %s.", whose, p)
	case a.Is4() && p.Bits() < 31 && p.Masked().Addr() == a:
		v.say(line, at, "%s is the network itself; give %s an address inside it, such as %s.", p, whose, netip.PrefixFrom(a.Next(), p.Bits()))
	case a.Is4() && p.Bits() < 31 && p.Bits() > 0 && lastOf(p) == a:
		v.say(line, at, "%s is the broadcast address of its network; give %s another.", p, whose)
	}
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	return netip.AddrFrom4(b)
}

func (v *validator) hardware(line int, at, mac string) {
	if mac == "" {
		return
	}
	var b [6]byte
	_, err := fmt.Sscanf(mac, "%02x:%02x:%02x:%02x:%02x:%02x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5])
	switch {
	case err != nil || len(mac) != 17:
		v.say(line, at, "%q is no MAC address; one looks like 02:00:00:00:00:01.", mac)
	case b[0]&1 == 1:
		v.say(line, at, "%s is a group address and no interface's own. Let the first byte be even, such as 02.", mac)
	case b == [6]byte{}:
		v.say(line, at, "The MAC address 00:00:00:00:00:00 is nobody's. Take another.")
	}
}

// The fastest and the slowest that a cable flaps: a node sees its carrier come or go within 50 ms.
const (
	leastFlap = 50 * time.Millisecond
	mostFlap  = time.Hour
)

func (v *validator) flap(k *Link, at string) {
	switch f := k.Flap; {
	case f == nil:
	case k.Type != VEth:
		v.say(k.Line, at, "A %s link has no carrier to lose.", k.Type)
	case f.Every < 4*leastFlap || f.Every > mostFlap:
		v.say(k.Line, at+".every", "every should be from %s to %s, such as 5s.", 4*leastFlap, mostFlap)
	case f.Down < leastFlap || f.Down > f.Every-leastFlap:
		v.say(k.Line, at+".down", "down should be from %s to %s: shorter than every.", leastFlap, f.Every-leastFlap)
	}
}

func (v *validator) impairment(k *Link, at string, i Impairment) {
	if i.IsZero() {
		return
	}
	if k.Type != VEth {
		v.say(k.Line, at, "A %s link cannot be impaired.", k.Type)
	}
	for _, p := range []struct {
		name    string
		percent float64
	}{{"loss", i.Loss}, {"duplicate", i.Duplicate}, {"reorder", i.Reorder}, {"corrupt", i.Corrupt}} {
		if !(p.percent >= 0 && p.percent <= 100) {
			v.say(k.Line, at, "%s should be from 0%% to 100%%, not %v%%.", p.name, p.percent)
		}
	}
	if i.Delay < 0 || i.Delay > maxLinkDelay || i.Jitter < 0 || i.Jitter > maxLinkDelay {
		v.say(k.Line, at, "delay and jitter should be from 0 to %s.", maxLinkDelay)
	}
	if i.RateBits < 0 || i.RateBits > maxRate {
		v.say(k.Line, at, "rate should be from 1 bit/s to 1 Tbit/s.")
	}
	if i.Jitter > 0 && i.Delay == 0 {
		v.say(k.Line, at, "jitter needs a delay to vary. Add delay.")
	}
	if i.Reorder > 0 && i.Delay == 0 {
		v.say(k.Line, at, "reorder needs a delay: the others wait while some frames go ahead. Add delay.")
	}
}
