package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// line is one browser's end of a shell.
type line struct {
	*websocket.Conn
	t   *testing.T
	ctx context.Context
}

// ticket asks for a ticket as the page does; "" when it is refused.
func (b *browser) ticket(path string) string {
	b.site.t.Helper()
	path, _, _ = strings.Cut(path, "?")
	a := b.post(path+"/ticket", nil, "Origin", b.site.URL, "Accept", "application/json")
	var got struct{ Ticket string }
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || (got.Ticket == "") != (a.StatusCode != http.StatusOK) {
		b.site.t.Fatalf("asking for a ticket: %d %s", a.StatusCode, a.body)
	}
	return got.Ticket
}

// withTicket adds a ticket to the address of a shell.
func withTicket(path, ticket string) string {
	if strings.Contains(path, "?") {
		return path + "&ticket=" + ticket
	}
	return path + "?ticket=" + ticket
}

func (b *browser) shell(path string) *line {
	b.site.t.Helper()
	return b.dial(withTicket(path, b.ticket(path)))
}

// dial opens the websocket as it is told.
func (b *browser) dial(path string) *line {
	b.site.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	conn, _, err := websocket.Dial(ctx, strings.Replace(b.site.URL, "http", "ws", 1)+path, &websocket.DialOptions{
		HTTPClient: b.Client, HTTPHeader: http.Header{"Origin": {b.site.URL}},
	})
	if err != nil {
		b.site.t.Fatal(err)
	}
	b.site.t.Cleanup(func() { conn.CloseNow(); cancel() })
	return &line{conn, b.site.t, ctx}
}

// until reads until the output has the text, acknowledging; it returns all messages of JSON by type.
func (l *line) until(text string) map[string]map[string]any {
	l.t.Helper()
	seen, output := map[string]map[string]any{}, ""
	for {
		kind, data, err := l.Read(l.ctx)
		if err != nil {
			l.t.Fatalf("%v before %q; there was %q", err, text, output)
		}
		if kind == websocket.MessageText {
			var m map[string]any
			if err := json.Unmarshal(data, &m); err != nil {
				l.t.Fatal(err)
			}
			seen[m["type"].(string)] = m
			output += " " + m["type"].(string) + ":"
			if r, ok := m["reason"].(string); ok {
				output += r
			}
		} else {
			output += string(data)
			ack, _ := json.Marshal(map[string]any{"type": "ack", "bytes": len(data)})
			if err := l.Write(l.ctx, websocket.MessageText, ack); err != nil {
				l.t.Fatal(err)
			}
		}
		if strings.Contains(output, text) {
			return seen
		}
	}
}

func (l *line) typed(text string) {
	l.t.Helper()
	if err := l.Write(l.ctx, websocket.MessageBinary, []byte(text)); err != nil {
		l.t.Fatal(err)
	}
}

func running(t *testing.T, s *site) string {
	t.Helper()
	id := s.example("mia", "ospf-triangle")
	b := s.as("mia")
	b.post("/labs/"+id+"/deploy", nil)
	waitFor(t, "the lab runs", func() bool { return strings.Contains(b.get("/labs/"+id).body, `id="lab-status" data-state="running"`) })
	return id
}

func TestAShellSurvivesItsBrowser(t *testing.T) {
	s := newSite(t, nil)
	id := running(t, s)
	b := s.as("mia")
	l := b.shell("/labs/" + id + "/nodes/r1/shell?cols=100&rows=30")
	ready := l.until("root@r1")["ready"]
	if ready["role"] != "control" || ready["cols"].(float64) != 100 {
		t.Fatal(ready)
	}
	l.typed("echo before\r")
	l.until("echo before\r\nbefore")
	l.CloseNow()
	again := b.shell("/labs/" + id + "/nodes/r1/shell?session=" + url.QueryEscape(ready["session"].(string)))
	again.until("before")
	again.typed("echo after\r")
	again.until("echo after\r\nafter")
	again.typed("exit 3\r")
	if end := again.until("exit:")["exit"]; end["code"].(float64) != 3 || end["cause"] != "exit" {
		t.Fatal(end)
	}
}

func TestARefusedShellSaysWhy(t *testing.T) {
	s := newSite(t, nil)
	id := running(t, s)
	session := s.as("mia").shell("/labs/" + id + "/nodes/r1/shell").until("root@r1")["ready"]["session"].(string)
	for _, c := range []struct{ who, path, code string }{
		{"mia", "/labs/" + id + "/nodes/none/shell", "not_found"},
		{"mia", "/labs/" + id + "/nodes/r1/shell?session=AAAAAAAAAAAAAAAAAAAAAAAA", "not_found"},
		{"mia", "/labs/" + id + "/nodes/r2/shell?session=" + session, "not_found"},
		{"otto", "/labs/" + id + "/nodes/r1/shell", "forbidden"},
	} {
		refused := s.as(c.who).shell(c.path).until("refused:")["refused"]
		if refused["code"] != c.code || refused["reason"] == "" {
			t.Errorf("%s at %s: %v", c.who, c.path, refused)
		}
	}
	for who, path := range map[string]string{"mia": "/labs/none/nodes/r1/shell", "eve": "/labs/" + id + "/nodes/r1/shell"} {
		a := s.as(who).post(path+"/ticket", nil, "Accept", "application/json")
		a.want(t, http.StatusNotFound, "There is no such lab here.")
		s.as(who).dial(path).until("ticket is missing")
	}
}

func TestAnObserverOnlyLooksOn(t *testing.T) {
	s := newSite(t, nil)
	id := running(t, s)
	first := s.as("mia").shell("/labs/" + id + "/nodes/r1/shell")
	session := first.until("root@r1")["ready"]["session"].(string)
	watcher := s.as("otto").shell("/labs/" + id + "/nodes/r1/shell?session=" + session)
	if ready := watcher.until("root@r1")["ready"]; ready["role"] != "watch" {
		t.Fatal(ready)
	}
	watcher.typed("echo from the observer\r")
	first.typed("echo from the member\r")
	watcher.until("from the member\r\nfrom the member")
}
