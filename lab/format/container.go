package format

import (
	"math"
	"net/netip"
	"strconv"
	"strings"

	"trunkline/lab"
)

// management maps mgmt-ipv4 and mgmt-ipv6, which mean something only with a management segment.
func (b *nodeBuilder) management() {
	b.n.MgmtIPv4 = b.mgmtAddress("mgmt-ipv4", func(m *lab.Mgmt) netip.Prefix { return m.IPv4 })
	b.n.MgmtIPv6 = b.mgmtAddress("mgmt-ipv6", func(m *lab.Mgmt) netip.Prefix { return m.IPv6 })
}

func (b *nodeBuilder) mgmtAddress(name string, subnet func(*lab.Mgmt) netip.Prefix) netip.Addr {
	v, ok := b.first(name)
	if !ok {
		return netip.Addr{}
	}
	a, ok := v.address()
	if !ok {
		return netip.Addr{}
	}
	if b.p.lab.Mgmt == nil {
		b.p.report.drop(v, "%s is left out: the lab has no mgmt section, so its nodes have no eth0. Add mgmt: with ipv4-subnet to have one.", name)
		return netip.Addr{}
	}
	if net := subnet(b.p.lab.Mgmt); !net.Contains(a) {
		v.refuse("%s %s of node %s is not in the management subnet %s.", name, a, b.n.Name, net)
		return netip.Addr{}
	}
	return a
}

// networkMode knows none; the modes that share a namespace are left out, for every node has its own.
func (b *nodeBuilder) networkMode() {
	v, ok := b.first("network-mode")
	if !ok {
		return
	}
	mode, ok := v.text()
	if !ok {
		return
	}
	switch {
	case mode == "none":
		b.n.NoMgmt = true
	case mode == "bridge":
	case mode == kindHost:
		b.p.report.drop(v, "network-mode: host is left out: a lab never joins its host's network. The node has a network of its own; for a way out take a node of kind internet.")
	case strings.HasPrefix(mode, "container:"):
		b.p.report.drop(v, "network-mode: %s is left out: nodes share no network namespace. The node has its own; join the two with a link.", mode)
	default:
		v.refuse("network-mode should be none, or be left out, not %s.", quote(mode))
	}
}

func (b *nodeBuilder) resolver() {
	v, ok := b.first("dns")
	if !ok {
		return
	}
	b.n.DNS = &lab.Resolver{}
	fields := v.known("servers", "search", "options")
	if f, ok := fields["servers"]; ok {
		for _, item := range f.items() {
			if a, ok := item.address(); ok {
				b.n.DNS.Servers = append(b.n.DNS.Servers, a)
			}
		}
	}
	if f, ok := fields["search"]; ok {
		b.n.DNS.Search = f.texts()
	}
	if f, ok := fields["options"]; ok {
		b.n.DNS.Options = f.texts()
	}
	if b.n.DNS.Servers == nil && b.n.DNS.Search == nil && b.n.DNS.Options == nil {
		b.n.DNS = nil
	}
}

func (b *nodeBuilder) healthcheck() {
	v, ok := b.first("healthcheck")
	if !ok {
		return
	}
	h := &lab.Healthcheck{}
	fields := v.known("test", "interval", "timeout", "start-period", "retries")
	if f, ok := fields["test"]; ok {
		for _, s := range f.texts() {
			h.Test = append(h.Test, b.magic(s))
		}
		if f.n.Value != "" && len(h.Test) == 1 {
			h.Test = []string{"CMD-SHELL", h.Test[0]}
		}
	}
	if f, ok := fields["interval"]; ok {
		h.Interval, _ = f.seconds()
	}
	if f, ok := fields["timeout"]; ok {
		h.Timeout, _ = f.seconds()
	}
	if f, ok := fields["start-period"]; ok {
		h.StartPeriod, _ = f.seconds()
	}
	if f, ok := fields["retries"]; ok {
		h.Retries, _ = f.whole(0, 1000)
	}
	if len(h.Test) == 0 {
		v.refuse("A healthcheck needs a test, such as [CMD-SHELL, \"curl -f http://localhost\"].")
		return
	}
	b.n.Healthcheck = h
}

// byteUnits are containerlab's (go-humanize): kb is 1000, kib 1024, letter case and blanks do not matter.
var byteUnits = map[string]float64{
	"": 1, "b": 1,
	"k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
	"ki": 1 << 10, "kib": 1 << 10, "mi": 1 << 20, "mib": 1 << 20, "gi": 1 << 30, "gib": 1 << 30, "ti": 1 << 40, "tib": 1 << 40,
}

// bytes reads a size such as 512mb or 1Gib.
func (v value) bytes() (int64, bool) {
	s, ok := v.text()
	if !ok {
		return 0, false
	}
	number, unit := splitUnit(s)
	n, err := strconv.ParseFloat(number, 64)
	factor, known := byteUnits[unit]
	if err != nil || !known || n < 0 || n*factor >= 1<<50 {
		v.refuse("%s should be a size such as 512mb or 1Gib, not %s.", v.name(), quote(s))
		return 0, false
	}
	return int64(math.Round(n * factor)), true
}

// splitUnit cuts "1.5 Gbit" into "1.5" and "gbit".
func splitUnit(s string) (number, unit string) {
	s = strings.TrimSpace(s)
	end := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		return s, ""
	}
	return s[:end], strings.ToLower(strings.TrimSpace(s[end:]))
}
