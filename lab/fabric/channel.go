package fabric

import (
	"context"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mdlayher/packet"

	"trunkline/lab/hostapi"
)

// How signals are paced.
const (
	channelTick  = 100 * time.Millisecond
	repeatTick   = 30 * time.Millisecond
	repeats      = 3 // of what changed, within 100 ms
	refreshEvery = time.Second
	lateBy       = time.Second // a tick this late says that this process stood still, not that its peers were silent
	mendFirst    = 2 * time.Second
	mendLast     = 30 * time.Second
)

// channel is this agent's side of the signals: it probes the ways to the peers and exchanges with them which cables have carrier.
type channel struct {
	f    *Fabric
	work background
	wake chan struct{}
	kept int // turn of what peers said that was last kept; of run alone

	mu     sync.Mutex
	prober *prober
	voices map[netip.Addr]*voice
	macs   map[string]netip.Addr // of the source field
	conn   *packet.Conn
	last   []hostapi.Reach
	subs   map[chan []hostapi.Reach]bool

	dirtyMu sync.Mutex
	dirty   map[netip.Addr]int // peers to be told, how often yet
}

// voice is what is said to a peer and heard from it.
type voice struct {
	sequence uint32
	refresh  time.Time

	instance, former uint64 // of the peer's agent, and of its run before
	heard            uint32 // sequence
	parts            map[int]bool
	cables           map[uint32]bool // of the parts that came
	lost             bool
}

func newChannel(f *Fabric) *channel {
	name := f.cfg.Name
	if name == "" {
		name = "this host"
	}
	return &channel{f: f, wake: make(chan struct{}, 1), subs: map[chan []hostapi.Reach]bool{}, dirty: map[netip.Addr]int{},
		voices: map[netip.Addr]*voice{}, macs: map[string]netip.Addr{},
		prober: &prober{name: name, instance: rand.Uint64(), peers: map[netip.Addr]*peerWay{}}}
}

// meet takes the own address, the MTU there, and the complete set of peers.
func (c *channel) meet(own netip.Addr, mtu int, peers []hostapi.Peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prober.addr, c.prober.netdev = own, c.f.datapath() == datapathNetdev
	c.prober.setPeers(peers, time.Now())
	voices := map[netip.Addr]*voice{}
	c.macs = map[string]netip.Addr{}
	for addr, w := range c.prober.peers {
		w.mtu.likely = mtu - overhead(own)
		c.macs[peerMAC(addr)] = addr
		if voices[addr] = c.voices[addr]; voices[addr] == nil {
			voices[addr] = &voice{}
		}
	}
	c.voices = voices
	c.poke()
}

// tell marks a peer to be told what cables have carrier now. It doesn't block and may be called with the carriers' lock held.
func (c *channel) tell(peer netip.Addr) {
	c.dirtyMu.Lock()
	c.dirty[peer] = repeats
	c.dirtyMu.Unlock()
	c.poke()
}

func (c *channel) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *channel) start() { c.work.start(c.run) }

func (c *channel) close() { c.work.close() }

// run sends what is due until ctx ends.
func (c *channel) run(ctx context.Context) {
	var helpers sync.WaitGroup
	defer helpers.Wait()
	mend := make(chan struct{}, 1)
	helpers.Go(func() { c.mender(ctx, mend) })
	helpers.Go(func() { <-ctx.Done(); c.hush() })
	timer := time.NewTimer(0)
	defer timer.Stop()
	last := time.Now()
	var nextMend time.Time
	pause := mendFirst
	for {
		select {
		case <-ctx.Done():
			c.f.keepFar(c.kept)
			return
		case <-timer.C:
		case <-c.wake:
		}
		now := time.Now()
		if late := now.Sub(last); late > lateBy {
			c.forgive(late)
		}
		last = now
		c.listen(ctx, &helpers)
		repeating := c.speak(now)
		if c.judge(now) {
			pause = mendFirst
		} else if now.After(nextMend) {
			nextMend = now.Add(pause)
			pause = min(2*pause, mendLast)
			select {
			case mend <- struct{}{}:
			default:
			}
		}
		if timer.Reset(channelTick); repeating {
			timer.Reset(repeatTick)
		}
	}
}

// hush ends the reader, which ends with its socket.
func (c *channel) hush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
	}
}

// mender looks whether the ports and flows are as they shall be, when a peer is silent: a switch daemon that was started anew has forgotten them.
func (c *channel) mender(ctx context.Context, mend <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-mend:
		}
		err := c.f.convergeUnderlay(ctx)
		if err != nil && ctx.Err() == nil {
			c.f.log.Debug("the ways to other hosts can't be looked after", "error", err)
		}
	}
}

// listen opens the socket when it isn't open.
func (c *channel) listen(ctx context.Context, helpers *sync.WaitGroup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil || len(c.voices) == 0 || ctx.Err() != nil {
		return
	}
	device, err := net.InterfaceByName(c.f.names.agentDevice())
	if err != nil {
		return // not made yet: the mender does
	}
	conn, err := packet.Listen(device, packet.Raw, signalType, nil)
	if err != nil {
		c.prober.trouble = "This host can't exchange signals with others: its kernel refuses a packet socket. Load the kernel module af_packet."
		c.f.log.Warn("no packet socket", "error", err)
		return
	}
	c.prober.trouble, c.conn = "", conn
	helpers.Go(func() { c.read(conn) })
}

// read takes in frames until the socket breaks.
func (c *channel) read(conn *packet.Conn) {
	buf := make([]byte, mtuLargest+2*etherHeader)
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			c.mu.Lock()
			if c.conn == conn {
				c.conn = nil
			}
			c.mu.Unlock()
			conn.Close()
			return
		}
		c.hear(buf[:n], time.Now())
	}
}

// hear takes in one frame. The panel has written its source: it is of that peer.
func (c *channel) hear(frame []byte, now time.Time) {
	if len(frame) < etherHeader {
		return
	}
	probe, state, err := decodeSignal(frame)
	if err != nil {
		return // of another version
	}
	c.mu.Lock()
	from, known := c.macs[net.HardwareAddr(frame[6:12]).String()]
	var news *stateNews
	switch {
	case !known:
	case probe != nil && net.HardwareAddr(frame[:6]).String() == reflectedMAC:
		c.prober.returned(from, *probe, now)
	case state != nil && net.HardwareAddr(frame[:6]).String() == agentMAC:
		c.prober.spoke(from, state.hears, now)
		news = c.voices[from].take(state)
	}
	c.mu.Unlock()
	if news != nil {
		c.f.carriers.heard(from, news.cables, news.all)
	}
}

// stateNews is what a state said that is newer than what was known.
type stateNews struct {
	cables map[uint32]bool
	all    bool
}

// take puts the parts of a state together. Parts count as they come; what no part mentions counts once all have.
func (v *voice) take(s *stateSignal) *stateNews {
	switch {
	case s.instance == v.former && v.former != 0:
		return nil // late, of a run that is over
	case s.instance != v.instance:
		v.former, v.instance, v.heard, v.parts = v.instance, s.instance, s.sequence, nil
	case s.sequence < v.heard:
		return nil
	}
	if v.parts == nil || s.sequence != v.heard {
		v.heard, v.parts, v.cables = s.sequence, map[int]bool{}, map[uint32]bool{}
	}
	v.parts[s.part] = true
	part := map[uint32]bool{}
	for _, c := range s.cables {
		part[c.vni] = c.up
	}
	maps.Copy(v.cables, part)
	if len(v.parts) == s.parts {
		return &stateNews{maps.Clone(v.cables), true}
	}
	return &stateNews{part, false}
}

// speak sends the probes and states that are due, and reports whether something is to be repeated soon.
func (c *channel) speak(now time.Time) (repeating bool) {
	c.dirtyMu.Lock()
	due := map[netip.Addr]bool{}
	for peer, times := range c.dirty {
		due[peer] = true
		if c.dirty[peer] = times - 1; times <= 1 {
			delete(c.dirty, peer)
		}
	}
	repeating = len(c.dirty) > 0
	c.dirtyMu.Unlock()
	c.mu.Lock()
	probes := c.prober.tick(now)
	for peer, v := range c.voices {
		if !now.Before(v.refresh) {
			due[peer] = true
		}
	}
	conn := c.conn
	c.mu.Unlock()
	if conn == nil {
		return repeating
	}
	for _, p := range probes {
		c.send(conn, p.probe.encode(p.peer))
	}
	for peer := range due {
		cables := c.f.carriers.tellable(peer)
		for _, frame := range c.phrase(peer, cables, now) {
			c.send(conn, frame)
		}
	}
	return repeating
}

// phrase writes a state as frames.
func (c *channel) phrase(peer netip.Addr, cables []cableCarrier, now time.Time) [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, w := c.voices[peer], c.prober.peers[peer]
	if v == nil || w == nil {
		return nil
	}
	v.sequence++
	v.refresh = now.Add(refreshEvery)
	s := stateSignal{instance: c.prober.instance, sequence: v.sequence, hears: w.hears(now)}
	chunks := slices.Collect(slices.Chunk(cables, cablesPerFrame))
	if len(chunks) == 0 {
		chunks = [][]cableCarrier{nil}
	}
	s.parts = min(len(chunks), 255)
	var frames [][]byte
	for i := range s.parts {
		s.part, s.cables = i, chunks[i]
		frames = append(frames, s.encode(peer))
	}
	return frames
}

func (c *channel) send(conn *packet.Conn, frame []byte) {
	// A frame that can't be sent is one that is lost: the next ones tell.
	_, _ = conn.WriteTo(frame, &packet.Addr{HardwareAddr: frame[:6]})
}

// judge publishes what is known of the ways, tells the carriers which hosts are dead, and reports whether every peer is heard.
func (c *channel) judge(now time.Time) (well bool) {
	c.mu.Lock()
	reach, news := c.prober.reach(now)
	lost := map[netip.Addr]bool{}
	well = true
	for addr, w := range c.prober.peers {
		hears := w.hears(now)
		well = well && hears
		if dead := w.judged(now) && !hears; c.voices[addr].lost != dead {
			c.voices[addr].lost, lost[addr] = dead, dead
		}
	}
	if news || len(reach) != len(c.last) {
		c.last = reach
		for sub := range c.subs {
			offer(sub, reach)
		}
	}
	c.mu.Unlock()
	for addr, dead := range lost {
		c.f.carriers.lose(addr, dead)
	}
	c.kept = c.f.keepFar(c.kept)
	return well
}

// forgive moves what was heard by the time this process stood still.
func (c *channel) forgive(late time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.prober.peers {
		w.known = w.known.Add(late)
		if !w.heard.IsZero() {
			w.heard = w.heard.Add(late)
		}
		if !w.answered.IsZero() {
			w.answered = w.answered.Add(late)
		}
	}
}

// offer gives a reader the newest, in place of one it has not taken.
func offer(sub chan []hostapi.Reach, reach []hostapi.Reach) {
	select {
	case <-sub:
	default:
	}
	sub <- slices.Clone(reach)
}

// Reach implements host.Underlay.
func (f *Fabric) Reach(ctx context.Context) <-chan []hostapi.Reach {
	c, sub := f.channel, make(chan []hostapi.Reach, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subs[sub] = true
	if len(c.last) > 0 {
		offer(sub, c.last)
	}
	context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.subs, sub)
		close(sub)
	})
	return sub
}
