package api

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/danielgtaylor/huma/v2"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

type execInput struct {
	raw
	NodePath
}

// firstMessageWait bounds how long a client may take to say what it wants to run.
const firstMessageWait = 10 * time.Second

func (a *API) exec(ctx context.Context, in *execInput) (*huma.StreamResponse, error) {
	actor := actorOf(ctx)
	if actor.SessionID != "" { // a cookie alone could be used by another site's page, which no browser keeps from opening websockets
		return nil, public(fault.New(fault.Forbidden, "A browser's session runs no commands by this. Send an API token, or open a shell on the page."))
	}
	return a.stream(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
		if err != nil {
			return // Accept has answered
		}
		defer conn.CloseNow()
		conn.SetReadLimit(hostapi.MaxFrame + 1)
		allowed, stop := a.whileAllowed(context.WithoutCancel(ctx), actor) // the request's context ends with the hijack
		defer stop()
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		request, err := readExecRequest(ctx, conn)
		if err != nil {
			sendFault(ctx, conn, err)
			return
		}
		command, err := a.NodeIO.Exec(ctx, actor, in.Lab, in.Node, request)
		if err != nil {
			sendFault(ctx, conn, err)
			return
		}
		defer command.Close()
		defer context.AfterFunc(allowed, func() { // rights have ended: said first, so that the end of the command is not taken for the reason
			if why := refusal(allowed); why != nil {
				sendFault(ctx, conn, why)
				cancel()
				command.Close()
			}
		})()
		go func() { // ends when the websocket closes, which the return below sees to
			defer cancel()
			defer command.Close()
			forwardInput(ctx, conn, command)
		}()
		forwardOutput(ctx, conn, command)
	}), nil
}

func readExecRequest(ctx context.Context, conn *websocket.Conn) (hostapi.ExecRequest, error) {
	var request hostapi.ExecRequest
	wait, cancel := context.WithTimeout(ctx, firstMessageWait)
	defer cancel()
	_, text, err := conn.Read(wait)
	if err != nil {
		return request, fault.Wrap(err, fault.Invalid, "The first message, the request as JSON, did not come.")
	}
	if err := json.Unmarshal(text, &request); err != nil {
		return request, fault.Wrap(err, fault.Invalid, "The first message is not a request as JSON.")
	}
	if len(request.Command) == 0 && !request.TTY {
		return request, fault.New(fault.Invalid, "Say which command to run.").InField("command")
	}
	return request, nil
}

// forwardInput ends when the client goes; a client that goes ends its command.
func forwardInput(ctx context.Context, conn *websocket.Conn, command *hostapi.ExecConn) {
	for {
		_, message, err := conn.Read(ctx)
		if err != nil || len(message) == 0 {
			return
		}
		payload := message[1:]
		switch hostapi.FrameKind(message[0]) {
		case hostapi.FrameStdin:
			_, err = command.Write(payload)
		case hostapi.FrameCloseStdin:
			err = command.CloseWrite()
		case hostapi.FrameResize:
			if len(payload) == 4 {
				err = command.Resize(binary.BigEndian.Uint16(payload), binary.BigEndian.Uint16(payload[2:]))
			}
		}
		if err != nil {
			return
		}
	}
}

func forwardOutput(ctx context.Context, conn *websocket.Conn, command *hostapi.ExecConn) {
	message := make([]byte, 0, hostapi.MaxFrame+1)
	for {
		kind, data, err := command.Next()
		if errors.Is(err, io.EOF) {
			code, _ := command.ExitCode()
			send(ctx, conn, hostapi.FrameExit, binary.BigEndian.AppendUint32(nil, uint32(int32(code))))
			conn.Close(websocket.StatusNormalClosure, "the command ended")
			return
		}
		if err != nil {
			sendFault(ctx, conn, err)
			return
		}
		message = append(append(message[:0], byte(kind)), data...)
		if conn.Write(ctx, websocket.MessageBinary, message) != nil {
			return
		}
	}
}

func send(ctx context.Context, conn *websocket.Conn, kind hostapi.FrameKind, payload []byte) {
	// a client that is gone needs no answer
	_ = conn.Write(ctx, websocket.MessageBinary, append([]byte{byte(kind)}, payload...))
}

func sendFault(ctx context.Context, conn *websocket.Conn, err error) {
	text, _ := json.Marshal(fault.Public(err)) // a struct of strings and numbers
	send(ctx, conn, hostapi.FrameError, text)
	conn.Close(websocket.StatusInternalError, "the command could not be run")
}
