package hostlink

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"
)

// streams is a yamux session as the net.Listener of an http.Server. Closing it is GoAway: the controller opens no more
// streams, those already sent are still taken, and the session itself is closed by its owner after Shutdown.
type streams struct {
	tunnel *tunnel
	open   context.Context // ends with Close
	close  context.CancelFunc
	away   sync.Once

	mu   sync.Mutex
	live map[uint32]*hostConn
}

func newStreams(t *tunnel) *streams {
	s := &streams{tunnel: t, live: map[uint32]*hostConn{}}
	s.open, s.close = context.WithCancel(context.Background())
	return s
}

// lastCall is how long Accept looks for streams that were opened before the controller heard of the GoAway.
const lastCall = 20 * time.Millisecond

// Accept implements net.Listener. It fails when the session ends, and after Close when no stream is waiting:
// http.Server.Shutdown waits for that.
func (s *streams) Accept() (net.Conn, error) {
	stream, err := s.tunnel.mux.AcceptStreamWithContext(s.open)
	if errors.Is(err, context.Canceled) {
		ctx, cancel := context.WithTimeout(context.Background(), lastCall)
		defer cancel()
		stream, err = s.tunnel.mux.AcceptStreamWithContext(ctx)
	}
	if err != nil {
		return nil, err
	}
	c := &hostConn{Stream: stream, owner: s}
	c.inputEnd.Store(math.MaxInt64)
	s.mu.Lock()
	s.live[stream.StreamID()] = c
	s.mu.Unlock()
	return c, nil
}

// Close implements net.Listener.
func (s *streams) Close() error {
	s.away.Do(func() {
		_ = s.tunnel.mux.GoAway()
		s.close()
	})
	return nil
}

// Addr implements net.Listener.
func (s *streams) Addr() net.Addr { return s.tunnel.mux.Addr() }

func (s *streams) get(id uint32) (*hostConn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.live[id]
	return c, ok
}

func (s *streams) forget(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, id)
}

// follow is the http.Server's ConnState hook: a hijacked stream may have its input finished without being given up.
func follow(conn net.Conn, state http.ConnState) {
	if c, ok := conn.(*hostConn); ok && state == http.StateHijacked {
		c.hijacked.Store(true)
	}
}

// hostConn is the host's end of one stream.
type hostConn struct {
	*yamux.Stream
	owner    *streams
	taken    atomic.Int64 // bytes read
	inputEnd atomic.Int64 // where the input ends, counted like taken
	hijacked atomic.Bool
	gone     atomic.Bool // the controller closed the stream
	closed   atomic.Bool
}

// Read implements net.Conn. It ends with io.EOF when the controller finished the input, with ErrHungUp when it closed an
// upgraded stream, and with the link's error when the session ended: yamux says io.EOF to the last two as well.
func (c *hostConn) Read(p []byte) (int, error) {
	if c.taken.Load() >= c.inputEnd.Load() {
		return 0, io.EOF
	}
	n, err := c.Stream.Read(p)
	c.taken.Add(int64(n))
	switch {
	case n > 0 || err == nil:
		return n, nil
	case c.taken.Load() >= c.inputEnd.Load():
		return 0, io.EOF
	case c.closed.Load():
		return 0, net.ErrClosed
	case err == io.EOF && c.owner.tunnel.ended():
		return 0, c.owner.tunnel.err()
	case err == io.EOF || err == yamux.ErrConnectionReset:
		c.giveUp()
		if c.hijacked.Load() {
			return 0, ErrHungUp
		}
		return 0, io.EOF
	}
	return 0, asTimeout(err)
}

// giveUp fails a Write in progress: the controller reads no more, so it would wait for a window that never opens.
func (c *hostConn) giveUp() {
	c.gone.Store(true)
	_ = c.SetWriteDeadline(past)
}

// finishInput makes Read end after so many bytes of the stream.
func (c *hostConn) finishInput(after int64) {
	c.inputEnd.Store(after)
	if c.taken.Load() >= after {
		_ = c.SetReadDeadline(past)
	}
}

// Write implements net.Conn.
func (c *hostConn) Write(p []byte) (int, error) {
	if c.gone.Load() {
		return 0, ErrHungUp
	}
	n, err := writeChunks(c.Stream, p, chunk(c.owner.tunnel.channel))
	if err != nil && c.gone.Load() {
		return n, ErrHungUp
	}
	return n, asTimeout(err)
}

// CloseWrite tells the controller that the output is finished. What it still sends is read for StreamCloseTimeout.
func (c *hostConn) CloseWrite() error { return c.Stream.Close() }

// Close implements net.Conn and ends a Read in progress.
func (c *hostConn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.owner.forget(c.StreamID())
	err := c.Stream.Close()
	_ = c.SetReadDeadline(past)
	return err
}
