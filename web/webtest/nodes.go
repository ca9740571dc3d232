package webtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"path"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// nodeOf finds a node that runs.
func (w *World) nodeOf(actor tenancy.Actor, name, node string) (*labState, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := w.findLocked(actor, name)
	if err != nil {
		return nil, err
	}
	if err := tenancy.Allow(actor, tenancy.UseNode, tenancy.ObjectRef{Tenant: l.view.Tenant, Owner: l.view.OwnerID, Lab: l.view.ID, Name: "lab " + l.view.Name}); err != nil {
		return nil, err
	}
	n := l.nodes[node]
	if n == nil {
		return nil, tenancy.Missing("node " + node)
	}
	if n.State != hostapi.NodeRunning {
		return nil, fault.New(fault.Conflict, "%s does not run. Deploy the lab first.", node)
	}
	return l, nil
}

// Exec starts a shell that echoes: it knows echo, ls-like colours, "exit N" and ^C.
func (w *World) Exec(_ context.Context, actor tenancy.Actor, name, node string, request hostapi.ExecRequest) (*hostapi.ExecConn, error) {
	if _, err := w.nodeOf(actor, name, node); err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	w.work.Go(func() { (&echoShell{conn: far, node: node}).run() })
	w.work.Go(func() {
		<-w.ctx.Done()
		near.Close()
	})
	return hostapi.NewExecConn(near), nil
}

type echoShell struct {
	conn net.Conn
	node string
	line []byte
}

func (s *echoShell) say(text string) {
	_ = hostapi.WriteFrame(s.conn, hostapi.FrameStdout, []byte(text)) // a reader that is gone ends run
}

func (s *echoShell) prompt() { s.say("\x1b[1;32mroot@" + s.node + "\x1b[0m:\x1b[1;34m~\x1b[0m# ") }

func (s *echoShell) run() {
	defer s.conn.Close()
	s.prompt()
	buf := make([]byte, hostapi.MaxFrame)
	for {
		kind, data, err := hostapi.ReadFrame(s.conn, buf)
		if err != nil {
			return
		}
		if kind != hostapi.FrameStdin {
			continue
		}
		for _, c := range data {
			if !s.key(c) {
				return
			}
		}
	}
}

// key takes one character; false ends the shell.
func (s *echoShell) key(c byte) bool {
	switch {
	case c == '\r':
		s.say("\r\n")
		line := strings.TrimSpace(string(s.line))
		s.line = nil
		if line == "exit" || strings.HasPrefix(line, "exit ") {
			code := int32(len(line) - len("exit"))
			if code > 1 {
				code = int32(line[len("exit ")] - '0')
			}
			_ = hostapi.WriteFrame(s.conn, hostapi.FrameExit, binary.BigEndian.AppendUint32(nil, uint32(code))) // as in say
			return false
		}
		s.answer(line)
		s.prompt()
	case c == 3:
		s.line = nil
		s.say("^C\r\n")
		s.prompt()
	case c == 0x7f && len(s.line) > 0:
		s.line = s.line[:len(s.line)-1]
		s.say("\b \b")
	case c >= ' ' && c != 0x7f:
		s.line = append(s.line, c)
		s.say(string([]byte{c}))
	}
	return true
}

func (s *echoShell) answer(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "":
	case "echo":
		s.say(rest + "\r\n")
	case "flood":
		for range 2000 {
			s.say(strings.Repeat("0123456789", 8) + "\r\n")
		}
	case "ip":
		s.say("\x1b[36meth1\x1b[0m             \x1b[32mUP\x1b[0m             10.0.12.1/30\r\n\x1b[36meth2\x1b[0m             \x1b[32mUP\x1b[0m             10.0.13.1/30\r\nSee https://example.org/ip for more.\r\n")
	default:
		s.say(verb + ": not known in this world. Try echo, ip, flood, exit.\r\n")
	}
}

// PutFile keeps a file in memory.
func (w *World) PutFile(_ context.Context, actor tenancy.Actor, name, node, target, file string, size int64, r io.Reader) (string, error) {
	l, err := w.nodeOf(actor, name, node)
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(target, "/") {
		target += file
	}
	data, err := io.ReadAll(r)
	if err != nil || int64(len(data)) != size {
		return "", fault.Wrap(err, fault.Invalid, "The upload was cut off.")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files[l.view.ID+"/"+node+target] = data
	return target, nil
}

// GetFile returns it.
func (w *World) GetFile(_ context.Context, actor tenancy.Actor, name, node, target string) (io.ReadCloser, hostapi.FileInfo, error) {
	l, err := w.nodeOf(actor, name, node)
	if err != nil {
		return nil, hostapi.FileInfo{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	data, known := w.files[l.view.ID+"/"+node+target]
	if !known {
		return nil, hostapi.FileInfo{}, fault.New(fault.NotFound, "There is no %s in %s.", target, node)
	}
	return io.NopCloser(bytes.NewReader(data)), hostapi.FileInfo{Name: path.Base(target), Size: int64(len(data))}, nil
}
