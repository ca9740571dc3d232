package fabric

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// A cable's carrier is the same at both ends: when a node switches its interface off, when it ends, or when the cable is cut, the other end
// loses carrier too, on this host or another.
//
// What an end says of itself is whether its node has the interface up, seen as the carrier of the device on our side. What the far end says
// takes that device down. A device that is down shows nothing: an end held down by the far end goes on saying "up", so that two ends never
// keep each other down; and an end that is down of itself isn't held, so that its return is seen.

// endKey names an end: a cable of a lab, and which side of it.
type endKey struct {
	lab, cable string
	b          bool
}

// labPort is an interface of a node of a lab.
type labPort struct {
	lab  string
	port hostapi.PortRef
}

func (k endKey) far() endKey { return endKey{k.lab, k.cable, !k.b} }

// carrierEnd is one end on this host of a cable that is wired, or was.
type carrierEnd struct {
	key     endKey
	port    hostapi.PortRef
	device  string // whose carrier follows the far end; "": none
	watched bool   // the device leads into a node: its carrier tells of the node's side
	wanted  bool   // the cable is there, not cut, and both nodes run as far as this host knows
	remote  netip.Addr
	vni     uint32

	flap   *lab.Flap // the cable loses its carrier again and again, by this end
	dipped bool      // it is without now

	index int  // of the device; 0: gone
	up    bool // the device is switched on
	own   bool // the node has its interface up, as last seen
	said  bool // as last told to the far end
	known bool // its node was there before, and may have asked for neighbours in vain
	moved bool // its interface got addresses meanwhile, which others may know elsewhere; see owe
}

// carriers keeps the ends of all labs. Its methods may be called at the same time.
type carriers struct {
	set  func(device string, index int, up bool) error // switches a device of the host
	tell func(peer netip.Addr)                         // something that the peer shall know has changed
	news func(lab string)                              // an end of the lab gained or lost carrier
	look func(index int) (up, carrier, ok bool)        // how a device is now; nil: reports are never late

	// None of the four may call back: they are called with mu held.

	mu       sync.Mutex
	ends     map[endKey]*carrierEnd
	byDevice map[string]endKey
	far      map[netip.Addr]*farHost
	failed   error // the last device that could not be switched
	turns    int   // counts what peers said anew

	flapping chan struct{} // one token: ends were installed that flap

	returned map[endKey]carrierEnd // ends of nodes that have carrier again, until they are taken
	owed     map[labPort]bool      // interfaces whose addresses are to be announced
	back     chan struct{}         // one token: there are some
}

// farHost is what another host said of its ends.
type farHost struct {
	spoke bool // it told all of them once
	lost  bool // nothing comes from it any more
	up    map[uint32]bool
}

func newCarriers() *carriers {
	return &carriers{ends: map[endKey]*carrierEnd{}, byDevice: map[string]endKey{}, far: map[netip.Addr]*farHost{}, flapping: make(chan struct{}, 1),
		returned: map[endKey]carrierEnd{}, owed: map[labPort]bool{}, back: make(chan struct{}, 1)}
}

// lower makes the ends of a lab that are not among the wanted ones lose carrier, at once and at the far ends too. It is done before anything
// else of a change. It returns the devices that it switched off.
func (c *carriers) lower(lab string, wanted []carrierEnd) (off []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stay := map[endKey]bool{}
	for _, e := range wanted {
		stay[e.key] = e.wanted
	}
	for _, e := range c.ofLab(lab) {
		if e.wanted && !stay[e.key] {
			e.wanted = false
			c.settle(e)
			if e.device != "" && !e.up {
				off = append(off, e.device)
			}
		}
	}
	return off
}

// install makes these the ends of a lab, now that their cables are wired, and gives them carrier unless something holds it back.
// The ends come with the state of their devices. The error is of a device that can't be switched.
func (c *carriers) install(lab string, ends []carrierEnd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = nil
	old, devices, ran := map[endKey]*carrierEnd{}, map[string]*carrierEnd{}, map[string]bool{}
	for _, e := range c.ofLab(lab) {
		old[e.key], devices[e.device] = e, e
		ran[e.port.Node] = ran[e.port.Node] || e.index != 0
		delete(c.ends, e.key)
		if c.byDevice[e.device] == e.key {
			delete(c.byDevice, e.device)
		}
	}
	added := make([]*carrierEnd, 0, len(ends))
	for i := range ends {
		e := ends[i]
		e.own = true
		e.known = ran[e.port.Node]
		if was := devices[e.device]; was != nil && e.device != "" && was.index == e.index {
			e.known = true
			e.up, e.own = was.up, was.own // newer than what the caller read, also when it is the end of another cable now
		} else if e.watched && e.up {
			e.own = ends[i].own
		}
		if was := old[e.key]; was != nil && was.remote == e.remote && was.vni == e.vni {
			e.said = was.said
		}
		if e.flap != nil {
			e.dipped, _ = dips(*e.flap, time.Now())
			select {
			case c.flapping <- struct{}{}:
			default:
			}
		}
		c.ends[e.key] = &e
		if e.device != "" {
			c.byDevice[e.device] = e.key
		}
		added = append(added, &e)
	}
	for key, was := range old {
		if was.remote.IsValid() && was.said && c.ends[key] == nil {
			c.tell(was.remote)
		}
	}
	for _, e := range added {
		c.settle(e)
	}
	return c.failed
}

// forget drops the ends of a lab whose devices are about to be removed.
func (c *carriers) forget(lab string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.ofLab(lab) {
		delete(c.ends, e.key)
		delete(c.byDevice, e.device)
		if e.remote.IsValid() {
			c.tell(e.remote)
		}
	}
	maps.DeleteFunc(c.owed, func(p labPort, _ bool) bool { return p.lab == lab })
}

// ofLab lists the ends of a lab in a stable order.
func (c *carriers) ofLab(lab string) []*carrierEnd {
	var list []*carrierEnd
	for key, e := range c.ends {
		if key.lab == lab {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *carrierEnd) int {
		switch {
		case a.key.cable != b.key.cable && a.key.cable < b.key.cable, a.key.cable == b.key.cable && !a.key.b && b.key.b:
			return -1
		}
		return 1
	})
	return list
}

// saw notes a report on a device: switched on or off, and its carrier. One that says other than what was last done may only be late: then it
// counts what the device is now, or each late report would switch it once more.
func (c *carriers) saw(device string, index int, up, carrier bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key, ok := c.byDevice[device]
	if !ok {
		return
	}
	e := c.ends[key]
	if e.index != index {
		return // a device of an earlier or a later container under this name
	}
	if up != e.up && c.look != nil {
		if nowUp, nowCarrier, ok := c.look(index); ok {
			up, carrier = nowUp, nowCarrier
		}
	}
	e.up = up
	if e.watched && up && e.own != carrier {
		e.own = carrier
		c.news(key.lab)
	}
	c.settle(e)
}

// vanished notes that a device is gone: its node ended.
func (c *carriers) vanished(device string, index int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key, ok := c.byDevice[device]
	if !ok || c.ends[key].index != index {
		return
	}
	e := c.ends[key]
	e.index, e.up, e.own = 0, false, false
	c.news(key.lab)
	c.settle(e)
}

// heard notes what a peer says of its ends: of all of them, or of some.
func (c *carriers) heard(peer netip.Addr, cables map[uint32]bool, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.farHost(peer)
	before := maps.Clone(f.up)
	if all {
		f.up = maps.Clone(cables)
	} else {
		maps.Copy(f.up, cables)
	}
	first := all && !f.spoke
	if first || !maps.Equal(before, f.up) {
		c.turns++
	}
	f.spoke = f.spoke || all
	c.settlePeer(peer, func(e *carrierEnd) bool { return first || before[e.vni] != f.up[e.vni] })
}

// lose notes that nothing comes from a peer any more, or that it is back.
func (c *carriers) lose(peer netip.Addr, lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.farHost(peer)
	if f.lost != lost {
		f.lost = lost
		c.settlePeer(peer, func(*carrierEnd) bool { return true })
	}
}

func (c *carriers) farHost(peer netip.Addr) *farHost {
	f := c.far[peer]
	if f == nil {
		f = &farHost{up: map[uint32]bool{}}
		c.far[peer] = f
	}
	return f
}

func (c *carriers) settlePeer(peer netip.Addr, which func(*carrierEnd) bool) {
	for _, e := range c.ends {
		if e.remote == peer && which(e) {
			c.news(e.key.lab)
			c.settle(e)
		}
	}
}

// farUp is whether the far end has carrier to give. One on a host that has never spoken has.
func (c *carriers) farUp(e *carrierEnd) bool {
	if !e.remote.IsValid() {
		far := c.ends[e.key.far()]
		return far == nil || far.tells()
	}
	f := c.far[e.remote]
	return f == nil || !f.spoke || !f.lost && f.up[e.vni]
}

// tells is what the end says to the far one.
func (e *carrierEnd) tells() bool {
	return e.wanted && !e.dipped && e.own && (e.device == "" || e.index != 0)
}

// settle makes an end's device what it shall be and tells the far end what has changed.
func (c *carriers) settle(e *carrierEnd) {
	up := e.wanted && !e.dipped && (c.farUp(e) || e.watched && !e.own)
	if e.device != "" && e.index != 0 && e.up != up {
		if err := c.set(e.device, e.index, up); err == nil {
			e.up = up
			c.news(e.key.lab)
			c.noteReturn(e)
		} else {
			c.failed = err
		}
	}
	if said := e.tells(); said != e.said {
		e.said = said
		if e.remote.IsValid() {
			c.tell(e.remote)
		} else if far := c.ends[e.key.far()]; far != nil {
			c.settle(far)
		}
	}
}

// noteReturn remembers an end that got its carrier back; one that gets its first has asked for nobody in vain.
func (c *carriers) noteReturn(e *carrierEnd) {
	before := e.known
	e.known = e.watched
	if delete(c.returned, e.key); !e.up || !before && !c.owed[labPort{e.key.lab, e.port}] {
		return
	}
	c.returned[e.key] = *e
	select {
	case c.back <- struct{}{}:
	default:
	}
}

// owe has the addresses of an interface announced when it gets its carrier: they came while the node ran and nobody could hear of them.
func (c *carriers) owe(lab string, port hostapi.PortRef) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owed[labPort{lab, port}] = true
}

// takeReturned hands out the ends that got their carrier back, each with the far end where that is on this host.
func (c *carriers) takeReturned() (list [][]carrierEnd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, e := range c.returned {
		port := labPort{key.lab, e.port}
		e.moved = c.owed[port]
		delete(c.owed, port)
		both := []carrierEnd{e}
		if far := c.ends[key.far()]; far != nil && far.watched && far.index != 0 && far.own {
			both = append(both, *far)
		}
		list = append(list, both)
	}
	clear(c.returned)
	return list
}

// tellable lists what a peer is told: every cable that leads to it.
func (c *carriers) tellable(peer netip.Addr) []cableCarrier {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []cableCarrier
	for _, e := range c.ends {
		if e.remote == peer {
			list = append(list, cableCarrier{e.vni, e.tells()})
		}
	}
	slices.SortFunc(list, func(a, b cableCarrier) int { return int(a.vni) - int(b.vni) })
	return list
}

// has reports whether the end at a device has carrier, and whether the device is the end of a cable at all.
func (c *carriers) has(device string) (carrier, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key, ok := c.byDevice[device]
	if !ok {
		return false, false
	}
	e := c.ends[key]
	return e.up && e.own && e.index != 0, true
}

// states copies what the peers said, to be kept for the next run of the agent; nil when nobody said anything since the turn.
func (c *carriers) states(since int) (kept map[netip.Addr]map[uint32]bool, turn int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turns == since {
		return nil, since
	}
	used := map[netip.Addr]bool{}
	for _, e := range c.ends {
		used[e.remote] = true
	}
	kept = map[netip.Addr]map[uint32]bool{}
	for peer, f := range c.far {
		if f.spoke && used[peer] {
			kept[peer] = maps.Clone(f.up)
		}
	}
	return kept, c.turns
}
