package rights_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// dial opens a websocket; a refused handshake comes back as its answer.
func (s *site) dial(ctx context.Context, r *request) (*websocket.Conn, response) {
	s.t.Helper()
	header := http.Header{"Origin": {s.url}}
	if r.cookie != "" {
		header.Set("Cookie", r.cookie)
	}
	if r.token != "" {
		header.Set("Authorization", "Bearer "+r.token)
	}
	conn, answer, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.url, "http")+r.path, &websocket.DialOptions{HTTPHeader: header, HTTPClient: s.client})
	if err != nil {
		if answer == nil {
			s.t.Fatalf("%s: %v", r.path, err)
		}
		return nil, response{status: answer.StatusCode, header: answer.Header}
	}
	return conn, response{status: answer.StatusCode, header: answer.Header}
}

// talk opens a websocket, says the first word and reads the first answer. A refusal inside of the websocket comes back as the same refusal by
// status: which is what the page makes of it.
func (s *site) talk(r *request, first string) response {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	conn, answer := s.dial(ctx, r)
	if conn == nil {
		return answer
	}
	defer conn.CloseNow()
	if first != "" {
		must(s.t, conn.Write(ctx, websocket.MessageText, []byte(first)))
	}
	kind, message, err := conn.Read(ctx)
	must(s.t, err)
	answer.body = string(message)
	if code := refusedBy(kind, message); code != "" {
		answer.status = fault.Status(code)
	}
	return answer
}

// refusedBy is the fault that a first message tells, "" for none.
func refusedBy(kind websocket.MessageType, message []byte) fault.Code {
	var told struct {
		Type string     `json:"type"`
		Code fault.Code `json:"code"`
	}
	switch {
	case kind == websocket.MessageText && json.Unmarshal(message, &told) == nil && told.Type == "refused":
		return told.Code
	case kind == websocket.MessageBinary && len(message) > 0 && hostapi.FrameKind(message[0]) == hostapi.FrameError && json.Unmarshal(message[1:], &told) == nil:
		return told.Code
	}
	return ""
}
