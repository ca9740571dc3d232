package fabric

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	leaseTime   = time.Hour
	offerTime   = time.Minute      // how long an address is held for a client that was offered it
	declineTime = 10 * time.Minute // how long an address rests that a client found in use
)

// lease is one address held for one client.
type lease struct {
	Client  string     `json:"client"` // client identifier or hardware address; "" while the address rests
	Address netip.Addr `json:"address"`
	Until   time.Time  `json:"until"`
}

// leasePool hands out the upper half of a subnet, so that the lower half is free for addresses set by hand. It knows no packets.
type leasePool struct {
	save func([]lease) error

	mu          sync.Mutex
	first, last uint32
	held        map[netip.Addr]lease
}

func newLeasePool(subnet netip.Prefix, save func([]lease) error) *leasePool {
	network := binary.BigEndian.Uint32(subnet.Masked().Addr().AsSlice())
	size := uint32(1) << (32 - subnet.Bits())
	p := &leasePool{save: save, first: network + size/2, last: network + size - 2, held: map[netip.Addr]lease{}}
	gateway := binary.BigEndian.Uint32(subnet.Addr().AsSlice())
	if size <= 16 {
		p.first = network + 1
	}
	if p.first <= gateway && gateway <= p.last {
		p.held[subnet.Addr()] = lease{Address: subnet.Addr(), Until: time.Unix(1<<40, 0)}
	}
	return p
}

// restore takes leases of an earlier run that still lie in the pool.
func (p *leasePool) restore(kept []lease) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range kept {
		if _, taken := p.held[l.Address]; !taken && p.contains(l.Address) {
			p.held[l.Address] = l
		}
	}
}

func (p *leasePool) contains(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	n := binary.BigEndian.Uint32(a.AsSlice())
	return p.first <= n && n <= p.last
}

// offer finds an address for a client: the one it has or had, the one it asks for, or one that is free. It is held for offerTime.
func (p *leasePool) offer(client string, asked netip.Addr, now time.Time) (netip.Addr, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.held {
		if l.Client == client && client != "" {
			return l.Address, true
		}
	}
	if p.contains(asked) && p.freeLocked(asked, now, true) {
		return p.holdLocked(client, asked, now.Add(offerTime)), true
	}
	for _, expired := range []bool{false, true} { // addresses nobody ever had go first
		for n := p.first; n <= p.last; n++ {
			if a := addressAt(n); p.freeLocked(a, now, expired) {
				return p.holdLocked(client, a, now.Add(offerTime)), true
			}
		}
	}
	return netip.Addr{}, false
}

// take leases the address to the client for leaseTime. ok is false when it isn't the client's to have.
func (p *leasePool) take(client string, a netip.Addr, now time.Time) (ok bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, taken := p.held[a]
	if !p.contains(a) || taken && l.Client != client && now.Before(l.Until) {
		return false, nil
	}
	for other, l := range p.held {
		if l.Client == client && other != a {
			delete(p.held, other)
		}
	}
	p.holdLocked(client, a, now.Add(leaseTime))
	return true, p.saveLocked()
}

// release gives an address back; decline lets it rest, since a client found it in use.
func (p *leasePool) release(client string, a netip.Addr) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[a].Client == client && client != "" {
		delete(p.held, a)
	}
	return p.saveLocked()
}

func (p *leasePool) decline(client string, a netip.Addr, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[a].Client == client && client != "" {
		p.holdLocked("", a, now.Add(declineTime))
	}
	return p.saveLocked()
}

func (p *leasePool) freeLocked(a netip.Addr, now time.Time, expired bool) bool {
	l, taken := p.held[a]
	return !taken || expired && !now.Before(l.Until)
}

func (p *leasePool) holdLocked(client string, a netip.Addr, until time.Time) netip.Addr {
	p.held[a] = lease{Client: client, Address: a, Until: until}
	return a
}

func (p *leasePool) saveLocked() error {
	var list []lease
	for _, l := range p.held {
		if l.Client != "" {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b lease) int { return strings.Compare(a.Address.StringExpanded(), b.Address.StringExpanded()) })
	return p.save(list)
}

func addressAt(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}
