package hostlink

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/internal/fault"
)

func TestAHalfOpenLinkIsNoticedOnBothSides(t *testing.T) {
	cfg := quick()
	cfg.PongTimeout = 4 * time.Second
	r := newRig(t, cfg)
	id := r.enrol("alpha")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := forwardAll(t, listener, func() (net.Conn, error) { return net.Dial("tcp", r.web.Listener.Addr().String()) })
	r.url = "http://" + listener.Addr().String()
	entered := make(chan struct{}, 1)
	run := r.start(id, http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		entered <- struct{}{}
		<-req.Context().Done()
	}), func(c *AgentConfig) { c.HandshakeTimeout = 2 * time.Second }) // a dial into the hole is given up
	linked := run.state("being linked", func(s State) bool { return s.Linked })
	link := r.link(id.HostID, linked.Epoch-1)
	hanging := make(chan error, 1)
	go func() { _, err := get(t, link.Client, "/"); hanging <- err }()
	<-entered
	start := time.Now()
	proxy.blacken(true)
	<-link.Done()
	atController := time.Since(start)
	run.state("the loss", func(s State) bool { return !s.Linked && s.Err.Sentence == ErrLost.Sentence })
	atHost := time.Since(start)
	if limit := cfg.DetectWithin() + 20*time.Second; atController > limit || atHost > limit {
		t.Errorf("noticed after %v at the controller and %v at the host, want %v at most", atController, atHost, limit)
	}
	wantFault(t, <-hanging, ErrLost)
	proxy.blacken(false)
	run.state("being linked again", func(s State) bool { return s.Linked && s.Epoch > link.Epoch })
}

func TestTheDefaultsNoticeADeadLinkWithinFifteenSeconds(t *testing.T) {
	c := Config{}.withDefaults()
	if c.DetectWithin()+c.CloseTimeout > 15*time.Second {
		t.Errorf("a dead link is noticed after %v and closed %v later", c.DetectWithin(), c.CloseTimeout)
	}
	for _, channel := range []Channel{Control, Bulk} {
		if left := c.DetectWithin() - c.pingEvery(channel); left < 3*time.Second {
			t.Errorf("%s: a ping has only %v to be answered", channel, left)
		}
	}
	want := Config{
		KeepAlive: 10 * time.Second, PongTimeout: 4 * time.Second, WriteTimeout: 2 * time.Minute,
		StreamOpenTimeout: 2 * time.Minute, StreamCloseTimeout: 2 * time.Minute, HandshakeTimeout: 10 * time.Second,
		CloseTimeout: time.Second, DrainTimeout: 5 * time.Second, BulkIdle: time.Minute, SeenEvery: time.Minute,
		BackoffMin: 250 * time.Millisecond, BackoffMax: 30 * time.Second, RefusedWait: 5 * time.Minute, ControlWindow: 256 << 10, BulkWindow: 4 << 20,
	}
	if c != want {
		t.Errorf("defaults are %+v", c)
	}
	if c.withDefaults() != c || quick().withDefaults().KeepAlive != quick().KeepAlive {
		t.Error("defaults overwrite what was set")
	}
}

func TestBackoffDoublesToItsBoundAndIsJittered(t *testing.T) {
	const least, most = 250 * time.Millisecond, 30 * time.Second
	bounds := []time.Duration{250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000}
	for n, bound := range bounds {
		bound *= time.Millisecond
		for _, random := range []float64{0, 0.25, 0.5, 0.999} {
			if got, want := Backoff(n, least, most, random), time.Duration(random*float64(bound)); got != want {
				t.Errorf("attempt %d, random %v: %v, want %v", n, random, got, want)
			}
		}
	}
	if got := Backoff(1<<20, least, most, 1); got != most {
		t.Errorf("after a million attempts: %v", got)
	}
	if got := Backoff(9, least, least, 1); got != least {
		t.Errorf("with one bound for both: %v", got)
	}
}

func TestADrainedShutdownFinishesWhatIsInFlightAndRefusesTheRest(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	entered, finish := make(chan string, 1000), make(chan struct{}) // also for those that come before the agent refuses them
	run := r.start(id, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		entered <- req.URL.Path
		if req.URL.Path == "/events" { // lasts until it is told that the agent stops
			<-Draining(req.Context())
			_, _ = io.WriteString(w, "last event")
			return
		}
		if req.URL.Path == "/watch" { // knows nothing of links; Lasting names it
			<-req.Context().Done()
			_, _ = io.WriteString(w, "last change")
			return
		}
		<-finish
		_, _ = io.WriteString(w, "finished")
	}), func(c *AgentConfig) {
		c.DrainTimeout = 2 * time.Minute // more than this test may take
		c.Lasting = func(req *http.Request) bool { return req.URL.Path == "/watch" }
	})
	run.state("linked, so that its stop is a drain", func(s State) bool { return s.Linked })
	link := r.link(id.HostID, 0)
	answers := make(chan string, 3)
	for _, path := range []string{"/work", "/events", "/watch"} {
		go func() {
			got, err := get(t, link.Client, path)
			answers <- fmt.Sprint(path, " ", got, " ", err)
		}()
		<-entered
	}
	run.cancel()
	for range 2 {
		if got := <-answers; got != "/events last event <nil>" && got != "/watch last change <nil>" {
			t.Errorf("a lasting request ended as %q", got)
		}
	}
	r.until("new requests are refused because the agent stops", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://host/new", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := link.Client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return fault.Sentence(err) == ErrStopping.Sentence && fault.Is(err, fault.Unavailable)
	})
	select {
	case <-run.done:
		t.Error("the agent stopped with a request in flight")
	default:
	}
	close(finish)
	if got := <-answers; got != "/work finished <nil>" {
		t.Errorf("the request in flight ended as %q", got)
	}
	within(t, time.Minute, "the agent stops when its requests are done", func() { <-run.done })
	<-link.Done()
	if err := link.Err(); !strings.Contains(fault.Sentence(err), "stopping") {
		t.Errorf("the link ended with %v", err)
	}
}

func TestADrainIsBounded(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	entered, left := make(chan struct{}), make(chan struct{})
	run := r.start(id, http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		close(entered)
		<-req.Context().Done()
		close(left)
	}), func(c *AgentConfig) { c.DrainTimeout = 100 * time.Millisecond })
	link := r.link(id.HostID, 0)
	failed := make(chan error, 1)
	go func() { _, err := get(t, link.Client, "/"); failed <- err }()
	<-entered
	within(t, time.Minute, "the agent stops although a request does not end", run.stop)
	<-left
	if err := <-failed; err == nil {
		t.Error("the request that was cut reports no error")
	}
}

func TestTheAgentComesBackAfterAControllerRestart(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var behind atomic.Value // address of the controller that answers; the one that agents dial stays ours
	behind.Store(r.web.Listener.Addr().String())
	forwardAll(t, listener, func() (net.Conn, error) { return net.Dial("tcp", behind.Load().(string)) })
	r.url = "http://" + listener.Addr().String()
	run := r.start(id, hiHandler, func(c *AgentConfig) { c.BackoffMin, c.BackoffMax = 0, 0 }) // as in production, on loopback
	run.state("being linked to the first controller", func(s State) bool { return s.Linked })
	first := r.link(id.HostID, 0)
	behind.Store("127.0.0.1:1") // nobody is there
	if err := r.server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Err(); fault.Sentence(err) != ErrClosed.Sentence {
		t.Errorf("the link ended with %v", err)
	}
	for range 8 { // many tries fail: on loopback the wait does not grow
		run.state("a refused dial", func(s State) bool { return !s.Linked && s.Next <= 250*time.Millisecond })
	}
	again := NewServer(r.directory, ServerConfig{Config: r.cfg, Logger: testLog(t)})
	mux := http.NewServeMux()
	mux.Handle(Path, again)
	web := httptest.NewServer(mux)
	t.Cleanup(func() { _ = again.Close(); web.Close() })
	behind.Store(web.Listener.Addr().String())
	s := run.state("being linked to the new controller", func(s State) bool { return s.Linked })
	if s.Epoch != first.Epoch+1 {
		t.Errorf("the epoch went from %d to %d across the restart", first.Epoch, s.Epoch)
	}
	run.stop()
}

func TestClosingTheControllerEndsEverythingItStarted(t *testing.T) {
	r := newRig(t, quick())
	var runs []*runner
	for _, name := range []string{"alpha", "beta", "gamma"} {
		id := r.enrol(name)
		runs = append(runs, r.start(id, http.HandlerFunc(echo)))
		stream := openEcho(t, r.link(id.HostID, 0))
		defer func() { _ = stream.Close() }()
	}
	events := r.server.Watch(t.Context())
	within(t, time.Minute, "Close returns", func() { _ = r.server.Close() })
	for range events { // ends: Close closed it
	}
	if hosts := r.server.Hosts(); len(hosts) != 0 {
		t.Errorf("after Close %d hosts are linked", len(hosts))
	}
	for _, run := range runs {
		run.state("being turned away", func(s State) bool { return s.Err != nil && s.Err.Sentence == ErrClosed.Sentence })
	}
}

func TestAddressesOfTheController(t *testing.T) {
	for given, want := range map[string]string{
		"https://c.example":           "https://c.example/hostlink",
		"wss://c.example:8443/":       "https://c.example:8443/hostlink",
		"ws://[::1]:80":               "http://[::1]:80/hostlink",
		"http://c.example/trunk":      "http://c.example/trunk/hostlink",
		"http://c.example/hostlink/":  "http://c.example/hostlink",
		" http://c.example/hostlink ": "http://c.example/hostlink",
	} {
		if got, err := endpoint(given); err != nil || got != want {
			t.Errorf("%q gives %q, %v; want %q", given, got, err, want)
		}
	}
	for _, bad := range []string{"", "c.example", "ftp://c.example", "https://", "https://user@c.example", "https://c.example?x=1", "http://%zz"} {
		if got, err := endpoint(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q gives %q, %v", bad, got, err)
		}
	}
	for address, want := range map[string]bool{
		"http://127.0.0.1:80/x": true, "http://[::1]:80": true, "http://localhost": true, "http://10.0.0.1:80": false, "https://c.example": false,
	} {
		if isLoopback(address) != want {
			t.Errorf("isLoopback(%q) is %v", address, !want)
		}
	}
}
