package hostlink

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"trunkline/internal/fault"
)

// directory is an Authority in memory.
type directory struct {
	mu       sync.Mutex
	tokens   map[string]error // nil: usable; used tokens hold ErrTokenUsed
	keys     map[string][]ed25519.PublicKey
	fail     map[string]error // what AddKey and KeepOnly answer, when set
	revoked  map[string]bool
	requests []Enrolment
	seen     []Sighting
}

func newDirectory() *directory {
	return &directory{tokens: map[string]error{}, keys: map[string][]ed25519.PublicKey{}, fail: map[string]error{}, revoked: map[string]bool{}}
}

func (d *directory) Enrol(_ context.Context, e Enrolment) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	refusal, known := d.tokens[e.Token]
	if !known {
		return "", ErrTokenUnknown
	}
	if refusal != nil {
		return "", refusal
	}
	d.tokens[e.Token] = ErrTokenUsed
	id := fmt.Sprintf("host-%d", len(d.keys)+1)
	d.keys[id] = []ed25519.PublicKey{e.PublicKey}
	d.requests = append(d.requests, e)
	return id, nil
}

func (d *directory) HostKey(ctx context.Context, id string) (ed25519.PublicKey, error) {
	keys, err := d.HostKeys(ctx, id)
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

func (d *directory) HostKeys(_ context.Context, id string) ([]ed25519.PublicKey, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.revoked[id] {
		return nil, ErrHostRevoked
	}
	keys, ok := d.keys[id]
	if !ok {
		return nil, fault.New(fault.NotFound, "There is no such host.")
	}
	return slices.Clone(keys), nil
}

func (d *directory) AddKey(_ context.Context, id string, key ed25519.PublicKey) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fail["AddKey"]; err != nil {
		return err
	}
	if !slices.ContainsFunc(d.keys[id], func(k ed25519.PublicKey) bool { return k.Equal(key) }) {
		d.keys[id] = append(d.keys[id], key)
	}
	return nil
}

func (d *directory) KeepOnly(_ context.Context, id string, key ed25519.PublicKey) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fail["KeepOnly"]; err != nil {
		return err
	}
	d.keys[id] = []ed25519.PublicKey{key}
	return nil
}

func (d *directory) failing(call string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail[call] = err
}

func (d *directory) Seen(_ context.Context, _ string, s Sighting) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, s)
	return nil
}

func (d *directory) sightings() []Sighting {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Sighting(nil), d.seen...)
}

func (d *directory) revoke(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.revoked[id] = true
}

// quick are intervals that keep a test short where nothing stands still, and forgive a machine that does: a link that is not cut stays.
func quick() Config {
	return Config{
		KeepAlive: time.Second, PongTimeout: time.Minute, CloseTimeout: 10 * time.Second,
		DrainTimeout: 10 * time.Second, SeenEvery: 50 * time.Millisecond,
		BackoffMin: 20 * time.Millisecond, BackoffMax: 100 * time.Millisecond, RefusedWait: 50 * time.Millisecond,
	}
}

// rig is a controller on a loopback socket with its directory.
type rig struct {
	t         testing.TB
	directory *directory
	server    *Server
	web       *httptest.Server
	cfg       Config
	url       string // where agents dial; a test may put a proxy here
}

func newRig(t testing.TB, cfg Config) *rig {
	t.Helper()
	if _, isTest := t.(*testing.T); isTest { // a benchmark has goroutines of its own
		t.Cleanup(func() { nothingRuns(t) })
	}
	r := &rig{t: t, directory: newDirectory(), cfg: cfg}
	r.server = NewServer(r.directory, ServerConfig{Config: cfg, Logger: testLog(t)})
	r.web = httptest.NewServer(r.mux())
	r.url = r.web.URL
	t.Cleanup(func() {
		if err := r.server.Close(); err != nil {
			t.Errorf("closing the server: %v", err)
		}
		r.web.Close()
	})
	return r
}

// nothingRuns waits until every goroutine of the test has ended. goleak alone waits half a second.
func nothingRuns(t testing.TB) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		err := goleak.Find()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Error(err)
			return
		}
	}
}

func (r *rig) mux() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(Path, r.server)
	return mux
}

func testLog(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return nil
	}
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) { w.t.Log(string(p)); return len(p), nil }

func (r *rig) enrol(name string) Identity {
	r.t.Helper()
	token := "token-for-" + name
	r.directory.mu.Lock()
	r.directory.tokens[token] = nil
	r.directory.mu.Unlock()
	id, err := Enrol(r.t.Context(), r.web.URL, token, name, map[string]string{"zone": "a"})
	if err != nil {
		r.t.Fatalf("enrolling %s: %v", name, err)
	}
	return id
}

// runner is an agent at work.
type runner struct {
	t      testing.TB
	cancel context.CancelFunc
	done   chan struct{}
	states chan State
}

// start runs an agent until the test ends or stop is called.
func (r *rig) start(id Identity, handler http.Handler, change ...func(*AgentConfig)) *runner {
	r.t.Helper()
	run := &runner{t: r.t, done: make(chan struct{}), states: make(chan State, 10_000)}
	cfg := AgentConfig{
		Config: r.cfg, Controller: r.url, Identity: id, Handler: handler, Version: "v-test", Logger: testLog(r.t),
		OnState: func(s State) { run.states <- s },
	}
	for _, f := range change {
		f(&cfg)
	}
	agent, err := NewAgent(cfg)
	if err != nil {
		r.t.Fatalf("making an agent: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	run.cancel = cancel
	go func() {
		defer close(run.done)
		if err := agent.Run(ctx); err != nil {
			r.t.Errorf("Run: %v", err)
		}
	}()
	r.t.Cleanup(run.stop)
	return run
}

func (run *runner) stop() {
	run.cancel()
	select {
	case <-run.done:
	case <-time.After(time.Minute):
		run.t.Error("the agent did not stop within a minute")
	}
}

// state waits for a state that the condition holds for.
func (run *runner) state(what string, holds func(State) bool) State {
	run.t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case s := <-run.states:
			if holds(s) {
				return s
			}
		case <-deadline:
			run.t.Fatalf("the agent never reported: %s", what)
		}
	}
}

// link waits until a host is linked with an epoch above after.
func (r *rig) link(hostID string, after int64) *Link {
	r.t.Helper()
	var found *Link
	r.until("host "+hostID+" is linked", func() bool {
		link, ok := r.server.Link(hostID)
		found = link
		return ok && link.Epoch > after
	})
	return found
}

// until polls a named condition.
func (r *rig) until(what string, holds func() bool) {
	r.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("never became true: %s", what)
		}
	}
}

// within fails the test when f takes longer.
func within(t testing.TB, limit time.Duration, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("took longer than %v: %s", limit, what)
	}
}

func get(t testing.TB, client *http.Client, path string) (string, error) {
	t.Helper()
	resp, err := client.Get("http://host" + path)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	return string(data), err
}

func mustGet(t testing.TB, client *http.Client, path string) string {
	t.Helper()
	got, err := get(t, client, path)
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return got
}

// wantFault checks an error's code and sentence.
func wantFault(t testing.TB, err error, want *fault.Error) {
	t.Helper()
	if fault.CodeOf(err) != want.Code || fault.Sentence(err) != want.Sentence {
		t.Errorf("got %s %q\nwant %s %q\n(%v)", fault.CodeOf(err), fault.Sentence(err), want.Code, want.Sentence, err)
	}
}

var hiHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "hi "+r.URL.Path)
})
