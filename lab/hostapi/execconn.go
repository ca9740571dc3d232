package hostapi

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"sync"

	"trunkline/internal/fault"
)

// WriteFrame writes one frame in a single Write. Payloads over MaxFrame are the caller's mistake.
func WriteFrame(w io.Writer, kind FrameKind, payload []byte) error {
	frame := make([]byte, 5+len(payload))
	frame[0] = byte(kind)
	binary.BigEndian.PutUint32(frame[1:], uint32(len(payload)))
	copy(frame[5:], payload)
	_, err := w.Write(frame)
	return err
}

// ReadFrame reads one frame into buf, which must hold MaxFrame bytes.
func ReadFrame(r io.Reader, buf []byte) (FrameKind, []byte, error) {
	var header [5]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(header[1:])
	if size > MaxFrame {
		return 0, nil, fault.New(fault.Internal, "The host sent a frame of %d bytes; the limit is %d.", size, MaxFrame)
	}
	_, err := io.ReadFull(r, buf[:size])
	return FrameKind(header[0]), buf[:size], err
}

// ExecConn is the controller's end of a command running in a node. One goroutine may read while others write.
type ExecConn struct {
	conn io.ReadWriteCloser
	in   *bufio.Reader
	buf  []byte
	rest []byte // output read but not yet taken by Read

	writing sync.Mutex

	mu       sync.Mutex
	exitCode int
	exited   bool

	closing    sync.Once
	whenClosed func()
}

// NewExecConn wraps an upgraded stream.
func NewExecConn(conn io.ReadWriteCloser) *ExecConn {
	return &ExecConn{conn: conn, in: bufio.NewReaderSize(conn, MaxFrame), buf: make([]byte, MaxFrame)}
}

// Next returns the next piece of output (FrameStdout or FrameStderr), valid until the next call. io.EOF follows the command's
// end, after which ExitCode is known. A failure on the host comes as its fault.Error.
func (c *ExecConn) Next() (FrameKind, []byte, error) {
	if _, known := c.ExitCode(); known {
		return 0, nil, io.EOF
	}
	kind, data, err := ReadFrame(c.in, c.buf)
	if err != nil {
		return 0, nil, fault.Wrap(err, fault.Unavailable, "The link to the compute host was lost while the command ran.")
	}
	switch kind {
	case FrameStdout, FrameStderr:
		return kind, data, nil
	case FrameExit:
		if len(data) != 4 {
			return 0, nil, fault.New(fault.Internal, "The host sent a malformed exit frame.")
		}
		c.mu.Lock()
		c.exitCode, c.exited = int(int32(binary.BigEndian.Uint32(data))), true
		c.mu.Unlock()
		return 0, nil, io.EOF
	case FrameError:
		remote := &fault.Error{}
		if err := json.Unmarshal(data, remote); err != nil {
			return 0, nil, fault.Wrap(err, fault.Internal, "The host sent an unreadable error.")
		}
		return 0, nil, remote
	}
	return 0, nil, fault.New(fault.Internal, "The host sent a frame of unknown kind %d.", kind)
}

// Read returns output of both kinds as one stream, as a terminal wants it.
func (c *ExecConn) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		_, data, err := c.Next()
		if err != nil {
			return 0, err
		}
		c.rest = data
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Write sends standard input.
func (c *ExecConn) Write(p []byte) (int, error) {
	sent := 0
	for len(p) > 0 {
		n := min(len(p), MaxFrame)
		if err := c.send(FrameStdin, p[:n]); err != nil {
			return sent, err
		}
		sent += n
		p = p[n:]
	}
	return sent, nil
}

// CloseWrite ends standard input; output goes on.
func (c *ExecConn) CloseWrite() error { return c.send(FrameCloseStdin, nil) }

// Resize sets the size of the command's terminal.
func (c *ExecConn) Resize(cols, rows uint16) error {
	return c.send(FrameResize, binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, cols), rows))
}

// ExitCode is known after Next or Read returned io.EOF.
func (c *ExecConn) ExitCode() (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.exitCode, c.exited
}

// WhenClosed has f called once, by whoever closes the connection first. It is set before the connection is given on, and must not wait for anything.
func (c *ExecConn) WhenClosed(f func()) { c.whenClosed = f }

// Close hangs up; the host ends the command.
func (c *ExecConn) Close() error {
	err := c.conn.Close()
	c.closing.Do(func() {
		if c.whenClosed != nil {
			c.whenClosed()
		}
	})
	return err
}

func (c *ExecConn) send(kind FrameKind, payload []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return WriteFrame(c.conn, kind, payload)
}
