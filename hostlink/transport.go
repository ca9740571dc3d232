package hostlink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"

	"trunkline/internal/fault"
)

// Paths the agent's side answers itself, before the given handler.
const (
	pathBulk = "/link/bulk"
	pathEOF  = "/link/eof"
)

var past = time.Unix(1, 0)

// transport sends each request on a stream of its own.
type transport struct {
	tunnel *tunnel
	base   *http.Transport
}

func newTransport(t *tunnel) *transport {
	tr := &transport{tunnel: t}
	buffer := 4 << 10 // for as long as a request lasts, and one that observes the host lasts as long as the link
	if t.channel == Bulk {
		buffer = chunk(Bulk)
	}
	tr.base = &http.Transport{
		DialContext:            tr.open,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
		ReadBufferSize:         buffer,
		WriteBufferSize:        buffer,
	}
	return tr
}

func clientOf(rt http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     rt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (tr *transport) open(context.Context, string, string) (net.Conn, error) {
	stream, err := tr.tunnel.mux.OpenStream()
	if err != nil {
		return nil, err
	}
	return &linkConn{Stream: stream, transport: tr}, nil
}

// RoundTrip implements http.RoundTripper.
func (tr *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	return tr.roundTrip(req, func() {})
}

// roundTrip calls release once: when it fails, or when the response's body is finished or closed.
func (tr *transport) roundTrip(req *http.Request, release func()) (*http.Response, error) {
	resp, err := tr.base.RoundTrip(req)
	if err != nil {
		release()
		if req.Context().Err() != nil {
			return nil, err
		}
		return nil, tr.tunnel.explain(err)
	}
	b := &body{ReadCloser: resp.Body, tunnel: tr.tunnel, release: release}
	if rw, ok := resp.Body.(io.ReadWriteCloser); ok && resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body = &upgraded{body: b, rw: rw}
	} else {
		resp.Body = b
	}
	return resp, nil
}

// finishInput tells the host that a stream's input ends after so many bytes.
func (tr *transport) finishInput(stream uint32, after int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), tr.tunnel.cfg.WriteTimeout)
	defer cancel()
	url := fmt.Sprintf("http://host%s?stream=%d&after=%d", pathEOF, stream, after)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusNoContent {
		return faultOf(resp)
	}
	return nil
}

// body is a response's body whose errors say what happened to the link.
type body struct {
	io.ReadCloser
	tunnel  *tunnel
	release func()
	once    sync.Once
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		return n, nil
	}
	b.once.Do(b.release)
	if err != io.EOF && b.tunnel.ended() {
		err = b.tunnel.explain(err)
	}
	return n, err
}

func (b *body) Close() error {
	b.once.Do(b.release)
	return b.ReadCloser.Close()
}

// upgraded is the stream of a 101 response. One goroutine may read while another writes.
type upgraded struct {
	body *body
	rw   io.ReadWriteCloser
}

func (u *upgraded) Read(p []byte) (int, error) {
	n, err := u.rw.Read(p)
	if err != nil && err != io.EOF {
		err = u.body.tunnel.explain(err)
	}
	return n, err
}

func (u *upgraded) Write(p []byte) (int, error) {
	n, err := u.rw.Write(p)
	return n, u.body.tunnel.explain(err)
}

// CloseWrite ends the host's input; reading goes on.
func (u *upgraded) CloseWrite() error {
	half, ok := u.rw.(interface{ CloseWrite() error })
	if !ok {
		return fault.New(fault.Unsupported, "This stream cannot be closed in one direction.")
	}
	return u.body.tunnel.explain(half.CloseWrite())
}

// Close hangs up.
func (u *upgraded) Close() error { return u.body.Close() }

// linkConn is the controller's end of one stream.
type linkConn struct {
	*yamux.Stream
	transport *transport
	written   atomic.Int64
	finished  atomic.Bool // CloseWrite was called
	closed    atomic.Bool
}

// Read implements net.Conn. yamux ends a stream of a dead session with io.EOF; that must not pass for an orderly end.
func (c *linkConn) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	switch {
	case n > 0 || err == nil:
		return n, nil
	case c.closed.Load():
		return 0, net.ErrClosed
	case err == io.EOF && c.transport.tunnel.ended():
		return 0, c.transport.tunnel.err()
	}
	return 0, asTimeout(err)
}

// Write implements net.Conn.
func (c *linkConn) Write(p []byte) (int, error) {
	if c.finished.Load() || c.closed.Load() {
		return 0, net.ErrClosed
	}
	n, err := writeChunks(c.Stream, p, chunk(c.transport.tunnel.channel))
	c.written.Add(int64(n))
	return n, asTimeout(err)
}

// CloseWrite ends the input of the host's handler.
func (c *linkConn) CloseWrite() error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	if c.finished.Swap(true) {
		return nil
	}
	return c.transport.finishInput(c.StreamID(), c.written.Load())
}

// Close hangs up and ends a Read in progress.
func (c *linkConn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	err := c.Stream.Close()
	_ = c.SetReadDeadline(past)
	return err
}

func writeChunks(w io.Writer, p []byte, size int) (int, error) {
	sent := 0
	for len(p) > 0 {
		n, err := w.Write(p[:min(len(p), size)])
		sent += n
		if err != nil {
			return sent, err
		}
		p = p[n:]
	}
	return sent, nil
}

// asTimeout makes yamux's deadline error the one the standard library tests for.
func asTimeout(err error) error {
	if errors.Is(err, yamux.ErrTimeout) {
		return os.ErrDeadlineExceeded
	}
	return err
}
