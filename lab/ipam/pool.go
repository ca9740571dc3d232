package ipam

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"trunkline/lab"
)

// The pools of a lab that names none. They keep clear of containerlab's management network (172.20.20.0/24, 3fff:172:20:20::/64) and of an
// internet node's inside (10.255.0.0/24).
var (
	defaultLoopbacks = []netip.Prefix{netip.MustParsePrefix("10.254.0.0/16"), netip.MustParsePrefix("fd00:0:0:254::/64")}
	defaultLinks     = []netip.Prefix{netip.MustParsePrefix("10.96.0.0/14"), netip.MustParsePrefix("fd00:0:0:96::/64")}
	defaultLANs      = []netip.Prefix{netip.MustParsePrefix("10.64.0.0/12"), netip.MustParsePrefix("fd00:64::/48")}
)

// Sizes of what is given out, by family: IPv4 and IPv6.
var (
	loopbackBits = [2]int{32, 128}
	linkBits     = [2]int{31, 127} // RFC 3021, RFC 6164
	lanBits      = [2]int{24, 64}
)

// family is IPv4 or IPv6.
type family int

const (
	v4 family = iota
	v6
)

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return v4
	}
	return v6
}

// pool gives subnets of one size out of one prefix.
type pool struct {
	from  netip.Prefix
	bits  int
	taken *taken
	next  uint64
}

// pools are the pools of one use, in the order of the file.
type pools struct {
	all []*pool
}

func poolsOf(given, otherwise []netip.Prefix, size [2]int, a *lab.Addressing, t *taken) pools {
	var ps pools
	for _, f := range []family{v4, v6} {
		if a != nil && (f == v4 && a.NoIPv4 || f == v6 && a.NoIPv6) {
			continue
		}
		list := ofFamily(given, f)
		if len(given) == 0 {
			list = ofFamily(otherwise, f)
		}
		for _, from := range list {
			bits := max(size[f], from.Bits())
			ps.all = append(ps.all, &pool{from: from, bits: bits, taken: t})
		}
	}
	return ps
}

func ofFamily(list []netip.Prefix, f family) []netip.Prefix {
	var of []netip.Prefix
	for _, p := range list {
		if familyOf(p.Addr()) == f {
			of = append(of, p)
		}
	}
	return of
}

// has reports whether there is a pool of the family.
func (ps pools) has(f family) bool {
	for _, p := range ps.all {
		if familyOf(p.from.Addr()) == f {
			return true
		}
	}
	return false
}

// take gives the subnet with the number hint if it is free, else the lowest free one. ok is false when the pools of the family are used up.
func (ps pools) take(f family, hint int) (netip.Prefix, bool) {
	for _, p := range ps.all {
		if familyOf(p.from.Addr()) != f {
			continue
		}
		if hint > 0 && uint64(hint) < p.count() {
			if s := p.nth(uint64(hint)); p.taken.add(s) {
				return s, true
			}
		}
		for ; p.next < min(p.count(), 1<<20); p.next++ {
			if s := p.nth(p.next); p.usable(p.next) && p.taken.add(s) {
				return s, true
			}
		}
	}
	return netip.Prefix{}, false
}

// usable leaves the first subnet alone where it would look like the pool itself.
func (p *pool) usable(n uint64) bool {
	return n > 0 || p.count() == 1 || p.bits != p.from.Addr().BitLen()
}

func (p *pool) count() uint64 {
	if free := p.bits - p.from.Bits(); free < 40 {
		return 1 << free
	}
	return 1 << 40
}

// nth is the pool's subnet with a number.
func (p *pool) nth(n uint64) netip.Prefix {
	return netip.PrefixFrom(add(p.from.Masked().Addr(), n, p.from.Addr().BitLen()-p.bits), p.bits)
}

// add is an address n steps of 2^shift further.
func add(a netip.Addr, n uint64, shift int) netip.Addr {
	if a.Is4() {
		b := a.As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n<<shift))
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	switch {
	case shift >= 64:
		high += n << (shift - 64)
	default:
		sum, carry := bits.Add64(low, n<<shift, 0)
		over := uint64(0)
		if shift > 0 {
			over = n >> (64 - shift)
		}
		low, high = sum, high+over+carry
	}
	binary.BigEndian.PutUint64(b[:8], high)
	binary.BigEndian.PutUint64(b[8:], low)
	return netip.AddrFrom16(b)
}

// taken knows the subnets and addresses that are in use anywhere in the lab.
type taken struct{ by map[int]map[netip.Prefix]bool }

func newTaken() *taken { return &taken{by: map[int]map[netip.Prefix]bool{}} }

// add takes a subnet; false when something overlaps it.
func (t *taken) add(p netip.Prefix) bool {
	p = p.Masked()
	if t.overlaps(p) {
		return false
	}
	t.put(p)
	return true
}

func (t *taken) put(p netip.Prefix) {
	p = p.Masked()
	size := p.Bits()
	if p.Addr().Is6() {
		size += 1000
	}
	if t.by[size] == nil {
		t.by[size] = map[netip.Prefix]bool{}
	}
	t.by[size][p] = true
}

// overlaps looks for a larger or equal one by its masks, and for smaller ones one by one.
func (t *taken) overlaps(p netip.Prefix) bool {
	for size, set := range t.by {
		six := size >= 1000
		if six != p.Addr().Is6() {
			continue
		}
		if six {
			size -= 1000
		}
		if size <= p.Bits() {
			if set[netip.PrefixFrom(p.Addr(), size).Masked()] {
				return true
			}
			continue
		}
		for other := range set {
			if p.Contains(other.Addr()) {
				return true
			}
		}
	}
	return false
}
