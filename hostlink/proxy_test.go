package hostlink

import (
	"io"
	"net"
	"sync"
	"testing"
)

// forwardAll copies every connection of a listener to one that dial makes, until the test ends.
func forwardAll(t *testing.T, listener net.Listener, dial func() (net.Conn, error)) *forwarder {
	f := &forwarder{listener: listener, dial: dial, holes: map[net.Conn]bool{}}
	f.running.Go(f.accept)
	t.Cleanup(f.close)
	return f
}

// forwarder is a TCP proxy that can turn into a black hole: it goes on reading, passes nothing on and closes nothing.
type forwarder struct {
	listener net.Listener
	dial     func() (net.Conn, error)
	running  sync.WaitGroup

	mu    sync.Mutex
	black bool
	shut  bool
	holes map[net.Conn]bool
}

func (f *forwarder) accept() {
	for {
		in, err := f.listener.Accept()
		if err != nil {
			return
		}
		out, err := f.dial()
		if err != nil || !f.keep(in, out) {
			_ = in.Close()
			continue
		}
		f.running.Go(func() { f.copy(out, in) })
		f.running.Go(func() { f.copy(in, out) })
	}
}

func (f *forwarder) keep(conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		if f.shut {
			_ = c.Close()
		}
		f.holes[c] = true
	}
	return !f.shut
}

func (f *forwarder) copy(to io.WriteCloser, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if f.isBlack() {
			if err != nil {
				return // nothing is passed on, not even the end
			}
			continue
		}
		if err == nil {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

func (f *forwarder) isBlack() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.black
}

// blacken makes every connection, present and future, a black hole.
func (f *forwarder) blacken(black bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.black = black
}

func (f *forwarder) close() {
	_ = f.listener.Close()
	f.mu.Lock()
	f.shut = true
	for c := range f.holes {
		_ = c.Close()
	}
	f.mu.Unlock()
	f.running.Wait()
}
