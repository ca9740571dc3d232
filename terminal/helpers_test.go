package terminal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

// patience is how long a test waits for a condition that must come.
const patience = time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a stream that the test plays: it says what the shell prints and sees what was typed.
type scripted struct {
	mu      sync.Mutex
	changed *sync.Cond
	out     []byte // printed and not read yet
	typed   []byte
	sizes   [][2]uint16
	code    *int
	err     error // what Read returns once out is empty
	closed  bool
	echo    bool
	deaf    bool // Write blocks
}

func newScripted() *scripted {
	s := &scripted{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *scripted) dial(context.Context, uint16, uint16) (Stream, error) { return s, nil }

func (s *scripted) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.closed:
			return 0, io.ErrClosedPipe
		case len(s.out) > 0:
			n := copy(p, s.out)
			s.out = s.out[n:]
			s.changed.Broadcast()
			return n, nil
		case s.err != nil:
			return 0, s.err
		}
		s.changed.Wait()
	}
}

func (s *scripted) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.deaf && !s.closed {
		s.changed.Wait()
	}
	if s.closed {
		return 0, io.ErrClosedPipe
	}
	s.typed = append(s.typed, p...)
	if s.echo {
		s.out = append(s.out, p...)
	}
	s.changed.Broadcast()
	return len(p), nil
}

func (s *scripted) Resize(cols, rows uint16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes = append(s.sizes, [2]uint16{cols, rows})
	s.changed.Broadcast()
	return nil
}

func (s *scripted) ExitCode() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code == nil {
		return 0, false
	}
	return *s.code, true
}

func (s *scripted) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.changed.Broadcast()
	return nil
}

// print makes the shell print.
func (s *scripted) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = append(s.out, text...)
	s.changed.Broadcast()
}

// finish ends the shell; code nil: without an exit code.
func (s *scripted) finish(code *int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code, s.err = code, err
	s.changed.Broadcast()
}

// unread is how much was printed and not taken by the session.
func (s *scripted) unread() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.out)
}

func (s *scripted) input() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.typed)
}

func (s *scripted) lastSize() [2]uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sizes) == 0 {
		return [2]uint16{}
	}
	return s.sizes[len(s.sizes)-1]
}

// clock is a clock that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// until waits for a condition and fails the test with its name when it does not come.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		<-tick.C
	}
}

// server is a manager behind a real web server.
type server struct {
	*Manager
	http *httptest.Server
}

func serve(t testing.TB, c Config) *server {
	t.Helper()
	m := NewManager(c)
	s := &server{Manager: m}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		session, err := m.Attach(Key{Tenant: "t", Session: q.Get("session")})
		role, roleErr := ParseRole(q.Get("role"))
		if err = errors.Join(err, roleErr); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		options := []ServeOption{ServeAs(q.Get("name"))}
		if from := q.Get("from"); from != "" {
			var offset uint64
			if json.Unmarshal([]byte(from), &offset) == nil {
				options = append(options, ResumeFrom(offset))
			}
		}
		_ = ServeWebsocket(context.Background(), conn, session, role, options...)
	}))
	t.Cleanup(func() {
		m.Close()
		s.http.CloseClientConnections()
		s.http.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

func (s *server) open(t testing.TB, dial Dial) *Session {
	t.Helper()
	session, err := s.Open(t.Context(), Key{Tenant: "t", Lab: "l", Node: "n1"}, Options{Owner: "ana"}, dial)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// browser is a client of the protocol: it gathers what arrives, and acknowledges unless it is told to stand still.
type browser struct {
	t    testing.TB
	conn *websocket.Conn
	done chan struct{}

	mu       sync.Mutex
	changed  *sync.Cond
	still    bool
	bytes    []byte // since the last ready or resync
	total    int
	messages []map[string]any
	closed   error
}

// look opens a websocket, for example with "role=watch&name=bo".
func (s *server) look(t testing.TB, session *Session, query string) *browser {
	t.Helper()
	b := &browser{t: t, done: make(chan struct{})}
	b.changed = sync.NewCond(&b.mu)
	b.still = strings.Contains(query, "still")
	url := "ws" + strings.TrimPrefix(s.http.URL, "http") + "/?session=" + session.ID() + "&" + query
	var err error
	if b.conn, _, err = websocket.Dial(t.Context(), url, nil); err != nil {
		t.Fatal(err)
	}
	b.conn.SetReadLimit(1 << 20)
	go b.run()
	t.Cleanup(func() { b.leave() })
	b.message("ready", nil)
	return b
}

func (b *browser) run() {
	defer close(b.done)
	for {
		kind, data, err := b.conn.Read(context.Background())
		if err != nil {
			b.mu.Lock()
			b.closed = err
			b.changed.Broadcast()
			b.mu.Unlock()
			return
		}
		b.take(kind, data)
	}
}

func (b *browser) take(kind websocket.MessageType, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.changed.Broadcast()
	if kind == websocket.MessageText {
		m := map[string]any{}
		if err := json.Unmarshal(data, &m); err != nil {
			b.t.Errorf("not JSON: %q", data)
		}
		if m["type"] == "ready" || m["type"] == "resync" {
			b.bytes = nil
		}
		b.messages = append(b.messages, m)
		return
	}
	b.bytes = append(b.bytes, data...)
	if len(b.bytes) > 8<<20 {
		b.bytes = bytes.Clone(b.bytes[len(b.bytes)-4<<20:])
	}
	b.total += len(data)
	if b.still {
		return
	}
	b.sendLocked(map[string]any{"type": "ack", "bytes": len(data)})
}

func (b *browser) sendLocked(m map[string]any) {
	encoded, _ := json.Marshal(m)
	_ = b.conn.Write(context.Background(), websocket.MessageText, encoded)
}

func (b *browser) send(m map[string]any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sendLocked(m)
}

func (b *browser) resize(cols, rows int) {
	b.send(map[string]any{"type": "resize", "cols": cols, "rows": rows})
}

// halt makes a browser stand still: it acknowledges nothing more until it moves.
func (b *browser) halt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.still = true
}

// move makes a browser that stood still acknowledge everything, now and later.
func (b *browser) move() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.still = false
	b.sendLocked(map[string]any{"type": "ack", "bytes": b.total})
}

func (b *browser) kind(text string) {
	b.t.Helper()
	if err := b.conn.Write(b.t.Context(), websocket.MessageBinary, []byte(text)); err != nil {
		b.t.Fatal(err)
	}
}

// sees waits until the terminal's bytes contain text.
func (b *browser) sees(text string) {
	b.t.Helper()
	until(b.t, "the browser sees "+text, func() bool { return strings.Contains(b.screen(), text) })
}

func (b *browser) screen() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.bytes)
}

func (b *browser) received() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}

// message waits for a control message of that type that satisfies the condition, and returns it.
func (b *browser) message(kind string, condition func(map[string]any) bool) map[string]any {
	b.t.Helper()
	var found map[string]any
	until(b.t, "message "+kind, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, m := range b.messages {
			if m["type"] == kind && (condition == nil || condition(m)) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// count is how many control messages of that type came.
func (b *browser) count(kind string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, m := range b.messages {
		if m["type"] == kind {
			n++
		}
	}
	return n
}

// farewell waits for the close and returns its code and reason.
func (b *browser) farewell() (websocket.StatusCode, string) {
	b.t.Helper()
	select {
	case <-b.done:
	case <-time.After(patience):
		b.t.Fatal("the websocket was not closed")
	}
	if ce, ok := errors.AsType[websocket.CloseError](b.closed); ok {
		return ce.Code, ce.Reason
	}
	b.t.Fatalf("closed without a reason: %v", b.closed)
	return 0, ""
}

// leave goes away as a closed page does.
func (b *browser) leave() {
	_ = b.conn.CloseNow()
	<-b.done
}

func (b *browser) sendRaw(text string) {
	b.t.Helper()
	if err := b.conn.Write(b.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		b.t.Fatal(err)
	}
}

func (s *server) dial(t testing.TB, session *Session) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(s.http.URL, "http")+"/?session="+session.ID(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// dialMute is a viewer that never reads, so it answers no ping.
func (s *server) dialMute(t testing.TB, session *Session) *websocket.Conn { return s.dial(t, session) }

// refused is a viewer that is turned away: the code and the reason.
func (s *server) refused(t testing.TB, session *Session) (websocket.StatusCode, string) {
	t.Helper()
	conn := s.dial(t, session)
	defer conn.CloseNow()
	_, _, err := conn.Read(t.Context())
	ce, ok := errors.AsType[websocket.CloseError](err)
	if !ok {
		t.Fatalf("not turned away: %v", err)
	}
	return ce.Code, ce.Reason
}

// serveBare returns a client of a websocket that echoes and does nothing else.
func serveBare(t testing.TB) *websocket.Conn {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		for {
			kind, data, err := conn.Read(context.Background())
			if err != nil || conn.Write(context.Background(), kind, data) != nil {
				return
			}
		}
	}))
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow(); server.Close() })
	return conn
}
