// Package slowpath is a TCP proxy that behaves like a long and lossy way, for tests and benches of the host link.
//
// It knows delay, loss and rate as a stream feels them: TCP hides a lost segment by sending it again, so what is seen above is that this
// segment and everything behind it come later. It refuses to know what passes through.
package slowpath

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Way is what one direction of a connection suffers.
type Way struct {
	Delay time.Duration // from one end to the other
	Loss  float64       // share of segments lost, 0 to 1
	Again int           // how often running the same segment is lost at most; 0: as chance has it
	Rate  int           // bytes a second; 0: as fast as it goes
}

const (
	segment  = 1448     // bytes of data in a TCP segment on Ethernet
	lossless = 32 << 10 // bytes taken at once where nothing is lost
	window   = 4 << 20  // bytes under way where there is no rate; more wait at the sender
	narrow   = 64 << 10 // bytes under way where there is one: as little as TCP keeps on such a way
)

// Proxy passes connections on to a target. Every connection suffers for itself.
type Proxy struct {
	listener net.Listener
	target   string
	way      Way
	running  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]bool
}

// Listen starts a proxy on loopback; the caller closes it.
func Listen(target string, way Way) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: listener, target: target, way: way, conns: map[net.Conn]bool{}}
	p.running.Go(p.accept)
	return p, nil
}

// Address is where to dial.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Close cuts every connection and returns when nothing runs any more.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		if !p.keep(in, out) {
			return
		}
		p.pass(out, in)
		p.pass(in, out)
	}
}

func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.closed {
			_ = c.Close()
		}
		p.conns[c] = true
	}
	return !p.closed
}

// piece is some bytes and when they arrive.
type piece struct {
	data []byte
	due  time.Time
}

// pass copies one direction until it ends.
func (p *Proxy) pass(to, from net.Conn) {
	size, most := lossless, window
	if p.way.Loss > 0 {
		size = segment
	}
	if p.way.Rate > 0 {
		size, most = segment, narrow
		_ = from.(*net.TCPConn).SetReadBuffer(narrow)
		_ = to.(*net.TCPConn).SetWriteBuffer(narrow)
	}
	pieces := make(chan piece, most/size)
	p.running.Go(func() {
		defer close(pieces)
		clock := schedule{way: p.way}
		buffer := make([]byte, size)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				pieces <- piece{append([]byte(nil), buffer[:n]...), clock.next(time.Now(), n)}
			}
			if err != nil {
				return
			}
		}
	})
	p.running.Go(func() {
		defer func() { _ = to.Close() }()
		for next := range pieces {
			time.Sleep(time.Until(next.due)) // the delay is the purpose
			if _, err := to.Write(next.data); err != nil {
				_ = from.Close()
				_, _ = io.Copy(io.Discard, from)
				for range pieces { // until the reader has seen the end
				}
				return
			}
		}
	})
}

// schedule says when each piece arrives.
type schedule struct {
	way  Way
	free time.Time // when the line can take the next piece
	last time.Time // arrival of the piece before: nothing overtakes
}

func (s *schedule) next(now time.Time, bytes int) time.Time {
	sent := now
	if s.way.Rate > 0 {
		if s.free.After(sent) {
			sent = s.free
		}
		sent = sent.Add(time.Duration(bytes) * time.Second / time.Duration(s.way.Rate))
		s.free = sent
	}
	due := sent.Add(s.way.Delay)
	// A lost segment is sent again a round trip later, and should that be lost too, after twice as long.
	again := 2 * s.way.Delay
	for lost := 1; (s.way.Again == 0 || lost <= s.way.Again) && rand.Float64() < s.way.Loss; lost++ {
		due = due.Add(again)
		again *= 2
	}
	if due.Before(s.last) {
		due = s.last
	}
	s.last = due
	return due
}
