package hostapi

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"trunkline/internal/fault"
)

// execProtocol is the name in the Upgrade header of an exec request.
const execProtocol = "trunkline-exec"

// exec answers 101 once the command runs and then speaks frames. Errors before that are ordinary answers.
func (s *server) exec(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Upgrade") != execProtocol {
		return fault.New(fault.Invalid, "An exec request must ask for an upgrade to %s.", execProtocol)
	}
	var request ExecRequest
	if err := decode(w, r, &request); err != nil {
		return err
	}
	io.Copy(io.Discard, r.Body) // all of it must be read before the connection is taken over

	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	stopped := context.AfterFunc(r.Context(), cancel) // until the upgrade the request's own context ends the command
	stream, err := s.host.Exec(ctx, r.PathValue("id"), r.PathValue("name"), request)
	if err != nil {
		stopped()
		return err
	}
	defer stream.Close()
	stopped()

	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "The connection to the controller cannot be taken over for a shell.")
	}
	defer conn.Close()
	conn.SetDeadline(time.Time{})
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+execProtocol+"\r\n"+VersionHeader+": "+Version+"\r\n\r\n"); err != nil {
		return nil
	}
	serveExec(ctx, conn, buffered.Reader, stream)
	return nil
}

// serveExec copies both ways until the command ends or the caller hangs up. It returns after its goroutine ended.
func serveExec(ctx context.Context, conn net.Conn, in *bufio.Reader, stream ExecStream) {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	reading.Go(func() {
		receive(ctx, in, stream)
		// The caller hung up, or broke the protocol: end the command, which also ends the writing side below.
		stream.Close()
		cancel()
	})
	send(ctx, conn, stream)
	cancel()
	conn.Close() // ends receive
	reading.Wait()
}

// receive takes frames from the caller until it hangs up.
func receive(ctx context.Context, in *bufio.Reader, stream ExecStream) {
	buf := make([]byte, MaxFrame)
	for {
		kind, data, err := ReadFrame(in, buf)
		if err != nil {
			return
		}
		switch kind {
		case FrameStdin:
			// A command that closed its stdin goes on; what is typed is lost, as with a pipe.
			stream.Write(data)
		case FrameCloseStdin:
			stream.CloseWrite()
		case FrameResize:
			if len(data) != 4 {
				return
			}
			stream.Resize(ctx, binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:]))
		default:
			return
		}
	}
}

// send writes output as it comes, each piece at once, and the exit code or the error as the last frame.
func send(ctx context.Context, conn net.Conn, stream ExecStream) {
	for {
		kind, data, err := stream.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			sendError(conn, err)
			return
		}
		for len(data) > 0 {
			n := min(len(data), MaxFrame)
			if WriteFrame(conn, kind, data[:n]) != nil {
				return
			}
			data = data[n:]
		}
	}
	code, err := stream.ExitCode(ctx)
	if err != nil {
		sendError(conn, err)
		return
	}
	conn.SetWriteDeadline(time.Now().Add(closeSoon))
	WriteFrame(conn, FrameExit, binary.BigEndian.AppendUint32(nil, uint32(int32(code))))
}

func sendError(conn net.Conn, err error) {
	text, _ := json.Marshal(fault.Public(err))
	conn.SetWriteDeadline(time.Now().Add(closeSoon))
	WriteFrame(conn, FrameError, text)
}

// closeSoon bounds how long the last frame of a command may take to be written to a caller that stopped reading.
const closeSoon = 10 * time.Second
