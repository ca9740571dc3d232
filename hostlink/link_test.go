package hostlink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"trunkline/internal/fault"
)

func TestARequestReachesTheHostAndItsAnswerComesBack(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	r.start(id, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		sum := sha256.New()
		n, err := io.Copy(sum, req.Body)
		w.Header().Set("X-Host", req.Host)
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, "%s %s %d %x %v", req.Method, req.URL.Path, n, sum.Sum(nil), err)
	}))
	link := r.link(id.HostID, 0)
	payload := bytes.Repeat([]byte("trunkline"), 300_000) // more than a window
	resp, err := link.Client.Post("http://host/v1/labs", "text/plain", bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	want := fmt.Sprintf("POST /v1/labs %d %x <nil>", len(payload), sha256.Sum256(payload))
	if err != nil || string(got) != want || resp.StatusCode != http.StatusAccepted || resp.Header.Get("X-Host") != "host" {
		t.Errorf("got %d %q %q %v, want %q", resp.StatusCode, resp.Header, got, err, want)
	}
	if link.Epoch != 1 || link.Agent != "v-test" || link.RemoteAddr == "" {
		t.Errorf("link is %+v", link)
	}
	r.until("the round trip is measured", func() bool { return link.RTT() > 0 && link.RTT() < time.Second })
	r.until("the host was seen again and again with a round trip", func() bool {
		seen := r.directory.sightings()
		return len(seen) > 2 && seen[len(seen)-1].RTT > 0 && seen[0].Epoch == 1 && seen[0].Agent == "v-test"
	})
}

// onlyUnwraps is a response writer as frameworks make them.
type onlyUnwraps struct{ http.ResponseWriter }

func (o onlyUnwraps) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func TestTheServerWorksBehindAFrameworksWriter(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.server.ServeHTTP(onlyUnwraps{onlyUnwraps{w}}, req)
	}))
	t.Cleanup(func() { _ = r.server.Close(); web.Close() })
	r.url = web.URL
	run := r.start(id, hiHandler)
	if got := mustGet(t, r.link(id.HostID, 0).Client, "/a"); got != "hi /a" {
		t.Errorf("got %q", got)
	}
	run.stop()
}

func TestTenThousandRequestsLeaveNothingBehind(t *testing.T) {
	r := newRig(t, Config{})
	id := r.enrol("alpha")
	r.start(id, hiHandler)
	link := r.link(id.HostID, 0)
	const total, workers = 10_000, 32
	var running sync.WaitGroup
	failures := make(chan error, workers)
	for w := range workers {
		running.Go(func() {
			for i := w; i < total; i += workers {
				path := fmt.Sprintf("/n/%d", i)
				if got, err := get(t, link.Client, path); err != nil || got != "hi "+path {
					failures <- fmt.Errorf("request %d: %q %w", i, got, err)
					return
				}
			}
		})
	}
	running.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	r.until("no stream is left", func() bool { return link.tunnel.mux.NumStreams() == 0 })
}

func TestCancellingARequestEndsItsHandler(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	entered, left := make(chan string, 1), make(chan string, 1)
	r.start(id, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		entered <- req.URL.Path
		if req.URL.Path == "/flood" { // writes without end to a reader that is gone
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					break
				}
			}
		}
		<-req.Context().Done()
		left <- req.URL.Path
	}))
	link := r.link(id.HostID, 0)
	for _, path := range []string{"/waiting", "/flood"} {
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://host"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answered := make(chan error, 1)
		go func() {
			resp, err := link.Client.Do(req)
			if err == nil {
				<-ctx.Done() // the flood is not read
				err = errors.Join(ctx.Err(), resp.Body.Close())
			}
			answered <- err
		}()
		<-entered
		cancel()
		within(t, time.Minute, "the handler of "+path+" ends", func() { <-left })
		if err := <-answered; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the caller got %v, want its own cancellation", path, err)
		}
	}
	r.until("no stream is left", func() bool { return link.tunnel.mux.NumStreams() == 0 })
}

func TestASlowReaderDoesNotStallOtherStreams(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	r.start(id, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/flood" {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}
		echo(w, req)
	}))
	link := r.link(id.HostID, 0)
	for range 3 { // each fills its window and is not read
		resp, err := link.Client.Get("http://host/flood")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
	}
	stream := openEcho(t, link)
	defer func() { _ = stream.Close() }()
	within(t, time.Minute, "1,000 keystrokes are echoed beside three streams that stand still", func() {
		key := make([]byte, 1)
		for i := range 1000 {
			if _, err := stream.Write([]byte{byte(i)}); err != nil {
				t.Error(err)
				return
			}
			if _, err := io.ReadFull(stream, key); err != nil || key[0] != byte(i) {
				t.Errorf("keystroke %d came back as %d, %v", i, key[0], err)
				return
			}
		}
	})
}

func TestANewSessionReplacesTheOldOne(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	entered := make(chan struct{}, 1)
	block := http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		entered <- struct{}{}
		<-req.Context().Done()
	})
	first := r.start(id, block, func(c *AgentConfig) { c.BackoffMin, c.BackoffMax = 1000*time.Hour, 1000*time.Hour })
	old := r.link(id.HostID, 0)
	failed := make(chan error, 1)
	go func() { _, err := get(t, old.Client, "/"); failed <- err }()
	<-entered
	r.start(id, hiHandler)
	renewed := r.link(id.HostID, old.Epoch)
	wantFault(t, <-failed, ErrReplaced)
	if _, err := get(t, old.Client, "/"); !fault.Is(err, fault.Unavailable) || fault.Sentence(err) != ErrReplaced.Sentence {
		t.Errorf("a new request on the old link: %v", err)
	}
	wantFault(t, old.Err(), ErrReplaced)
	if _, err := old.Bulk(); fault.Sentence(err) != ErrReplaced.Sentence {
		t.Errorf("bulk of the old link: %v", err)
	}
	if renewed.Epoch != old.Epoch+1 {
		t.Errorf("epoch went from %d to %d", old.Epoch, renewed.Epoch)
	}
	if got := mustGet(t, renewed.Client, "/new"); got != "hi /new" {
		t.Errorf("the new link answers %q", got)
	}
	first.state("being replaced", func(s State) bool { return !s.Linked && s.Err.Sentence == ErrReplaced.Sentence })
	if hosts := r.server.Hosts(); len(hosts) != 1 || hosts[0] != renewed {
		t.Errorf("hosts are %v", hosts)
	}
}

func TestWatchTellsTheFullSetAndThenEachChange(t *testing.T) {
	r := newRig(t, quick())
	a, b := r.enrol("alpha"), r.enrol("beta")
	r.start(a, hiHandler)
	r.link(a.HostID, 0)
	ctx, cancel := context.WithCancel(t.Context())
	events := r.server.Watch(ctx)
	expect := func(kind EventKind, host string, epoch int64) Event {
		t.Helper()
		e, ok := <-events
		if !ok || e.Kind != kind || e.HostID != host || e.Epoch != epoch {
			t.Fatalf("event %+v (%v), want %s %s %d", e, ok, kind, host, epoch)
		}
		return e
	}
	if e := expect(Connected, a.HostID, 1); e.Link == nil {
		t.Error("a connected event without its link")
	}
	second := r.start(b, hiHandler)
	expect(Connected, b.HostID, 1)
	second.state("linked, so that its stop is a drain", func(s State) bool { return s.Linked })
	second.stop()
	if e := expect(Disconnected, b.HostID, 1); e.Reason == nil || e.Reason.Sentence == ErrLost.Sentence {
		t.Errorf("an orderly stop is reported as %v", e.Reason)
	}
	cancel()
	if e, ok := <-events; ok {
		t.Errorf("after its context the watch still gave %+v", e)
	}
}

func TestAWatcherThatDoesNotReadIsDroppedAndNobodyWaits(t *testing.T) {
	r := newRig(t, quick())
	events := r.server.Watch(t.Context())
	r.server.mu.Lock()
	for i := range watchBacklog + 1 {
		r.server.publishLocked(Event{Kind: Connected, Epoch: int64(i)})
	}
	left := len(r.server.watchers)
	r.server.mu.Unlock()
	got := 0
	for range events { // ends: the channel was closed
		got++
	}
	if got != watchBacklog || left != 0 {
		t.Errorf("the slow watcher got %d events, %d watchers are left", got, left)
	}
}

func TestARemovedHostIsToldWhyAndStaysOut(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	run := r.start(id, hiHandler)
	link := r.link(id.HostID, 0)
	r.directory.revoke(id.HostID)
	const reason = "Ann removed this host on Friday."
	r.server.Drop(id.HostID, reason)
	if link.Err() == nil || len(r.server.Hosts()) != 0 {
		t.Errorf("after Drop the link is %v and the registry holds %v", link.Err(), r.server.Hosts())
	}
	run.state("the reason given", func(s State) bool { return s.Err != nil && s.Err.Sentence == reason })
	run.state("the refusal of the next dial", func(s State) bool { return s.Err != nil && s.Err.Sentence == ErrHostRevoked.Sentence })
	r.server.Drop(id.HostID, reason) // of a host that is away: nothing
}
