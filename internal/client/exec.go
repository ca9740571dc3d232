package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/coder/websocket"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// Exec starts a command in a node. The connection has the controller's frames: hostapi.ExecConn reads them.
func (c *Client) Exec(ctx context.Context, lab, node string, request hostapi.ExecRequest) (*hostapi.ExecConn, error) {
	address := c.url(path("labs", lab, "nodes", node, "exec"), nil)
	header := http.Header{}
	c.sign(header)
	conn, response, err := websocket.Dial(ctx, address, &websocket.DialOptions{
		HTTPClient: c.http, HTTPHeader: header, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		if response != nil && response.StatusCode >= 300 && !strings.HasPrefix(response.Status, "101") {
			return nil, readFault(response)
		}
		return nil, fault.Wrap(err, fault.Unavailable, "The controller at %s does not answer. Is it running?", c.base)
	}
	conn.SetReadLimit(hostapi.MaxFrame + 1)
	text, err := json.Marshal(request)
	if err == nil {
		err = conn.Write(ctx, websocket.MessageText, text)
	}
	if err != nil {
		conn.CloseNow()
		return nil, fault.Wrap(err, fault.Unavailable, "The connection to the controller broke.")
	}
	return hostapi.NewExecConn(&frameConn{ctx: ctx, conn: conn}), nil
}

// frameConn makes a byte stream of frames out of websocket messages, whose first byte is the frame's kind and whose length is the message's.
type frameConn struct {
	ctx  context.Context
	conn *websocket.Conn

	reading []byte // of the present message, as a frame

	mu sync.Mutex
}

func (f *frameConn) Read(p []byte) (int, error) {
	for len(f.reading) == 0 {
		_, message, err := f.conn.Read(f.ctx)
		if err != nil {
			return 0, err
		}
		if len(message) == 0 {
			continue
		}
		var frame frameBuffer
		if err := hostapi.WriteFrame(&frame, hostapi.FrameKind(message[0]), message[1:]); err != nil {
			return 0, err
		}
		f.reading = frame
	}
	n := copy(p, f.reading)
	f.reading = f.reading[n:]
	return n, nil
}

type frameBuffer []byte

func (b *frameBuffer) Write(p []byte) (int, error) { *b = append(*b, p...); return len(p), nil }

// frameHeader is kind and length.
const frameHeader = 5

// Write takes whole frames, as hostapi.WriteFrame writes them.
func (f *frameConn) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(p) < frameHeader {
		return 0, io.ErrShortWrite
	}
	message := append([]byte{p[0]}, p[frameHeader:]...)
	if err := f.conn.Write(f.ctx, websocket.MessageBinary, message); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *frameConn) Close() error { return f.conn.CloseNow() }
