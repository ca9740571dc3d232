package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"

	"trunkline/internal/fault"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

// loginShell is what a terminal without a command runs: bash where the image has it. It is a constant; nothing a person types is in it.
var loginShell = []string{"/bin/sh", "-c", `command -v bash >/dev/null 2>&1 && exec bash -l; exec sh -l`}

// hangupGrace is how long an abandoned command may take to end by itself after SIGHUP.
const hangupGrace = 2 * time.Second

// Exec starts a command in a running container.
func (e *Engine) Exec(ctx context.Context, id string, r hostapi.ExecRequest) (host.ExecStream, error) {
	command := r.Command
	if len(command) == 0 {
		command = loginShell
	}
	env := maps.Clone(r.Env)
	if r.TTY {
		if env == nil {
			env = map[string]string{}
		}
		if env["TERM"] == "" {
			env["TERM"] = "xterm-256color"
		}
	}
	options := container.ExecOptions{
		Cmd: slices.Clone(command), Tty: r.TTY, Env: envList(env), User: r.User, WorkingDir: r.WorkDir,
		AttachStdin: true, AttachStdout: true, AttachStderr: true,
	}
	var size *[2]uint
	if r.TTY && r.Cols > 0 && r.Rows > 0 {
		size = &[2]uint{uint(r.Rows), uint(r.Cols)}
		options.ConsoleSize = size
	}
	created, err := e.docker.ContainerExecCreate(ctx, id, options)
	if err != nil {
		return nil, execSentence(err)
	}
	attached, err := e.docker.ContainerExecAttach(ctx, created.ID, container.ExecAttachOptions{Tty: r.TTY, ConsoleSize: size})
	if err != nil {
		return nil, execSentence(err)
	}
	stream := &execStream{engine: e, id: created.ID, tty: r.TTY, conn: attached, buf: make([]byte, 32<<10)}
	if size != nil { // engines before API 1.42 take no size at the start
		if err := stream.Resize(ctx, r.Cols, r.Rows); err != nil {
			e.log.Debug("the terminal keeps its default size", "err", err)
		}
	}
	return stream, nil
}

func execSentence(err error) error {
	switch fault.CodeOf(sentence(err, "run the command")) {
	case fault.Conflict:
		return fault.Wrap(err, fault.Conflict, "The node is not running, so nothing can run in it. Start the node first.")
	case fault.NotFound:
		return fault.Wrap(err, fault.NotFound, "The node's container isn't there any more.")
	}
	return sentence(err, "run the command")
}

// execStream implements host.ExecStream over Docker's hijacked connection.
type execStream struct {
	engine *Engine
	id     string
	tty    bool
	conn   types.HijackedResponse
	buf    []byte
	left   uint32 // bytes left of the present multiplexed piece
	kind   hostapi.FrameKind
	closed sync.Once
}

// Next returns what has come, at once: nothing waits for a buffer to fill.
func (s *execStream) Next() (hostapi.FrameKind, []byte, error) {
	if s.tty {
		n, err := s.conn.Reader.Read(s.buf)
		if n > 0 {
			return hostapi.FrameStdout, s.buf[:n], nil
		}
		return 0, nil, ended(err)
	}
	for s.left == 0 {
		var header [8]byte // stream kind, three zeros, big-endian length: Docker Engine API, "Attach to a container"
		if _, err := io.ReadFull(s.conn.Reader, header[:]); err != nil {
			return 0, nil, ended(err)
		}
		s.left, s.kind = binary.BigEndian.Uint32(header[4:]), hostapi.FrameStdout
		if header[0] == 2 {
			s.kind = hostapi.FrameStderr
		}
	}
	n, err := s.conn.Reader.Read(s.buf[:min(len(s.buf), int(s.left))])
	s.left -= uint32(n)
	if n > 0 {
		return s.kind, s.buf[:n], nil
	}
	return 0, nil, ended(err)
}

// ended makes io.EOF of every way in which Docker ends a stream that we did not break.
func ended(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return io.EOF
	}
	return err
}

func (s *execStream) Write(p []byte) (int, error) { return s.conn.Conn.Write(p) }

func (s *execStream) CloseWrite() error { return s.conn.CloseWrite() }

func (s *execStream) Resize(ctx context.Context, cols, rows uint16) error {
	err := s.engine.docker.ContainerExecResize(ctx, s.id, container.ResizeOptions{Height: uint(rows), Width: uint(cols)})
	if err != nil {
		return sentence(err, "resize the terminal")
	}
	return nil
}

// ExitCode waits for the engine to have noticed the end; the stream's end comes a moment before.
func (s *execStream) ExitCode(ctx context.Context) (int, error) {
	pause := time.Millisecond
	for {
		state, err := s.engine.docker.ContainerExecInspect(ctx, s.id)
		if err != nil {
			return 0, sentence(err, "ask how the command ended")
		}
		if !state.Running {
			return state.ExitCode, nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, 100*time.Millisecond)
		}
	}
}

// Close hangs up. Docker leaves a command running when its connection goes, so the command gets SIGHUP, as from a closed terminal, and SIGKILL
// when that does not end it.
func (s *execStream) Close() error {
	s.closed.Do(func() {
		s.conn.Close()
		s.engine.endings.Go(s.end)
	})
	return nil
}

func (s *execStream) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGKILL} {
		state, err := s.engine.docker.ContainerExecInspect(ctx, s.id)
		if err != nil || !state.Running || state.Pid <= 1 {
			return
		}
		if err := syscall.Kill(state.Pid, signal); err != nil {
			return
		}
		graceful, stop := context.WithTimeout(ctx, hangupGrace)
		_, err = s.ExitCode(graceful)
		stop()
		if err == nil {
			return
		}
	}
}
