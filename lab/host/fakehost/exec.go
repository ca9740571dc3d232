package fakehost

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"trunkline/internal/fault"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

// Exec implements host.Execer. Of commands it knows echo, cat, true, false and exit N; others print their own name. Without a
// command it is a shell that knows the same.
func (e *Engine) Exec(ctx context.Context, id string, r hostapi.ExecRequest) (host.ExecStream, error) {
	stamp := e.h.stamp(id)
	s := newStream()
	err := e.h.call(ctx, Call{"exec", stamp.Lab, stamp.Node}, 0, func() error {
		c := e.h.containers[id]
		switch {
		case c == nil:
			return gone(id)
		case c.State != "running":
			return fault.New(fault.Conflict, "The node does not run.")
		}
		c.commands = append(c.commands, strings.Join(r.Command, " "))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(r.Command) > 0 && r.Command[0] != "cat" {
		output, code := command(r.Command)
		s.print(hostapi.FrameStdout, output)
		s.finish(code)
		return s, nil
	}
	s.shell = &shell{prompt: stamp.Node + ":/# ", raw: len(r.Command) > 0}
	if !s.shell.raw {
		s.print(hostapi.FrameStdout, s.shell.prompt)
	}
	return s, nil
}

// command runs a known command.
func command(argv []string) (output string, code int) {
	switch argv[0] {
	case "true":
		return "", 0
	case "false":
		return "", 1
	case "echo":
		return strings.Join(argv[1:], " ") + "\n", 0
	case "exit":
		if len(argv) > 1 {
			code, _ = strconv.Atoi(argv[1])
		}
		return "", code
	}
	return fmt.Sprintf("fake: %s\n", strings.Join(argv, " ")), 0
}

// shell is the state of a terminal without a command, or of cat.
type shell struct {
	prompt string
	raw    bool // cat: what comes goes back
	line   []byte
}

// stream is a running command of a fake node.
type stream struct {
	shell *shell

	mu     sync.Mutex
	more   *sync.Cond
	out    []piece
	ended  bool
	closed bool
	code   int
}

type piece struct {
	kind hostapi.FrameKind
	data []byte
}

func newStream() *stream {
	s := &stream{}
	s.more = sync.NewCond(&s.mu)
	return s
}

func (s *stream) print(kind hostapi.FrameKind, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.printLocked(kind, text)
}

func (s *stream) printLocked(kind hostapi.FrameKind, text string) {
	if text != "" {
		s.out = append(s.out, piece{kind, []byte(text)})
	}
	s.more.Broadcast()
}

func (s *stream) finish(code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finishLocked(code)
}

func (s *stream) finishLocked(code int) {
	if !s.ended {
		s.ended, s.code = true, code
	}
	s.more.Broadcast()
}

// Next implements host.ExecStream.
func (s *stream) Next() (hostapi.FrameKind, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.out) == 0 && !s.ended {
		s.more.Wait()
	}
	if len(s.out) == 0 {
		return 0, nil, io.EOF
	}
	p := s.out[0]
	s.out = s.out[1:]
	return p.kind, p.data, nil
}

// Write is what is typed.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.shell == nil {
		return 0, io.ErrClosedPipe
	}
	if s.shell.raw {
		s.printLocked(hostapi.FrameStdout, string(p))
		return len(p), nil
	}
	for _, b := range p {
		s.keyLocked(b)
	}
	return len(p), nil
}

func (s *stream) keyLocked(b byte) {
	sh := s.shell
	switch b {
	case '\r', '\n':
		line := strings.Fields(string(sh.line))
		sh.line = nil
		s.printLocked(hostapi.FrameStdout, "\r\n")
		if len(line) > 0 {
			output, code := command(line)
			s.printLocked(hostapi.FrameStdout, strings.ReplaceAll(output, "\n", "\r\n"))
			if line[0] == "exit" {
				s.finishLocked(code)
				return
			}
		}
		s.printLocked(hostapi.FrameStdout, sh.prompt)
	case 4: // end of transmission, Ctrl-D
		s.finishLocked(0)
	case 127, 8:
		if len(sh.line) > 0 {
			sh.line = sh.line[:len(sh.line)-1]
			s.printLocked(hostapi.FrameStdout, "\b \b")
		}
	default:
		sh.line = append(sh.line, b)
		s.printLocked(hostapi.FrameStdout, string([]byte{b}))
	}
}

// CloseWrite implements host.ExecStream.
func (s *stream) CloseWrite() error {
	s.finish(0)
	return nil
}

// Resize implements host.ExecStream.
func (s *stream) Resize(context.Context, uint16, uint16) error { return nil }

// ExitCode implements host.ExecStream.
func (s *stream) ExitCode(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.code, nil
}

// Close implements host.ExecStream.
func (s *stream) Close() error {
	s.finish(129) // as by SIGHUP
	return nil
}
