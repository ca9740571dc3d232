package hostlink

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// yamux frame header: version, type, flags (2), stream (4), length (4). Source: yamux spec.md.
const (
	muxHeader   = 12
	muxTypeData = 0
)

// wsConn is a websocket as the byte stream under yamux. yamux writes a frame's header and its body in two calls; they
// leave as one message. One goroutine reads and one writes: yamux's own two.
type wsConn struct {
	ws   *websocket.Conn
	raw  net.Conn  // the socket below TLS and HTTP: closing it ends everything without waiting
	cork *corkConn // above raw at the agent, nil at the controller

	reader io.Reader // the message being read
	held   []byte    // a data header waiting for its body

	born     time.Time
	received atomic.Int64 // when the newest byte came, in nanoseconds after born
	failure  atomic.Pointer[error]
	leaving  atomic.Pointer[chan struct{}] // set by leave, closed when it is done
}

func newWSConn(ws *websocket.Conn, conn net.Conn) *wsConn {
	ws.SetReadLimit(maxTunnelMessage)
	return &wsConn{ws: ws, raw: lowest(conn), cork: corkOf(conn), born: time.Now()}
}

// Read implements io.Reader. Every failure is io.EOF to yamux; why holds it.
func (c *wsConn) Read(p []byte) (int, error) {
	for {
		if c.reader == nil {
			kind, reader, err := c.ws.Reader(context.Background())
			if err == nil && kind != websocket.MessageBinary {
				err = fmt.Errorf("a %v message inside the tunnel", kind)
			}
			if err != nil {
				return 0, c.fail(err)
			}
			c.reader = reader
		}
		n, err := c.reader.Read(p)
		c.received.Store(int64(time.Since(c.born)))
		if err == io.EOF {
			c.reader, err = nil, nil
		}
		if err != nil {
			return n, c.fail(err)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// Write implements io.Writer.
func (c *wsConn) Write(p []byte) (int, error) {
	if len(c.held) == 0 && announcesBody(p) {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	message := p
	if len(c.held) > 0 {
		message = append(c.held, p...)
		c.held = message[:0]
	}
	if err := c.send(message); err != nil {
		_ = c.fail(err)
		return 0, err
	}
	return len(p), nil
}

// onePiece is the longest message the websocket library writes to the socket in one call.
const onePiece = 4000

func (c *wsConn) send(message []byte) error {
	if c.cork == nil || len(message) <= onePiece {
		return c.ws.Write(context.Background(), websocket.MessageBinary, message)
	}
	c.cork.cork()
	err := c.ws.Write(context.Background(), websocket.MessageBinary, message)
	return cmp.Or(err, c.cork.uncork())
}

func announcesBody(p []byte) bool {
	return len(p) == muxHeader && p[1] == muxTypeData && binary.BigEndian.Uint32(p[8:]) > 0
}

// leave says goodbye: it sends a close frame, and returns when the other side has answered it or after timeout.
func (c *wsConn) leave(code websocket.StatusCode, reason string, timeout time.Duration) {
	left := make(chan struct{})
	if !c.leaving.CompareAndSwap(nil, &left) {
		return
	}
	cut := time.AfterFunc(timeout, func() { _ = c.raw.Close() })
	_ = c.ws.Close(code, reason)
	cut.Stop()
	close(left)
}

// Close ends the socket; at once, unless a goodbye is on its way: yamux closes as soon as it cannot write any more, and
// closing a socket with unread bytes would reset the connection and lose the goodbye.
func (c *wsConn) Close() error {
	if left := c.leaving.Load(); left != nil {
		<-*left
	}
	_ = c.raw.Close()
	_ = c.ws.CloseNow()
	return nil
}

// quiet is how long nothing has arrived.
func (c *wsConn) quiet() time.Duration {
	return time.Since(c.born) - time.Duration(c.received.Load())
}

// LocalAddr and RemoteAddr are for yamux's log lines.
func (c *wsConn) LocalAddr() net.Addr  { return c.raw.LocalAddr() }
func (c *wsConn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// fail keeps the first thing that went wrong, unless the other side said goodbye: a Write at that moment fails too, and may be quicker.
func (c *wsConn) fail(err error) error {
	if websocket.CloseStatus(err) != -1 {
		c.failure.Store(&err)
	} else {
		c.failure.CompareAndSwap(nil, &err)
	}
	return io.EOF
}

// why is what went wrong, or nil.
func (c *wsConn) why() error {
	if p := c.failure.Load(); p != nil {
		return *p
	}
	return nil
}
