package fetch

import "net/netip"

// Reach says what kind of place an address leads to.
type Reach string

// The kinds, as a sentence needs them: "its address 10.0.0.1 is private".
const (
	Public    Reach = "public"
	Private   Reach = "private"
	Loopback  Reach = "of the machine itself"
	LinkLocal Reach = "link-local"
	Special   Reach = "reserved"
)

// Kind tells public addresses from all others. IPv6 addresses that hold an IPv4 address are what that one is.
// The special ones: https://www.iana.org/assignments/iana-ipv4-special-registry and https://www.iana.org/assignments/iana-ipv6-special-registry
func Kind(a netip.Addr) Reach {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid(), a.IsUnspecified(), a.IsMulticast():
		return Special
	case a.IsLoopback():
		return Loopback
	case a.IsPrivate(), within(a, shared):
		return Private
	case a.IsLinkLocalUnicast():
		return LinkLocal
	case within(a, special):
		return Special
	}
	if inner, held := embedded(a); held {
		return Kind(inner)
	}
	if a.Is6() && !globalUnicast.Contains(a) {
		return Special
	}
	return Public
}

var (
	shared  = prefixes("100.64.0.0/10", "fec0::/10") // RFC 6598; site-local, RFC 3879
	special = prefixes("0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"2001:db8::/32", "3fff::/20", "2001:2::/48", "2001:10::/28", "2001::/32", "100::/64", "64:ff9b:1::/48")
	nat64         = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixToFour     = netip.MustParsePrefix("2002::/16")    // RFC 3056
	compatible    = netip.MustParsePrefix("::/96")
	globalUnicast = netip.MustParsePrefix("2000::/3")
)

// embedded returns the IPv4 address that a NAT64, 6to4 or IPv4-compatible address leads to.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return a, false
	}
	b := a.As16()
	switch {
	case nat64.Contains(a), compatible.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return a, false
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
