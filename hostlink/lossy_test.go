package hostlink

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"trunkline/hostlink/slowpath"
)

// TestALinkWithLossAndDelayDoesNotStall types on one stream, with four uploads on the bulk channel and a reader that stands still on the
// control channel, over a way with 200 ms of delay in each direction and 5 % of segments lost. The settings are those of production, but for the
// patience with a dial, which a machine that stands still may take.
func TestALinkWithLossAndDelayDoesNotStall(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds of real time")
	}
	const (
		oneWay  = 200 * time.Millisecond
		lasting = 10 * time.Second
		// A round trip, and in each direction a segment that is lost twice running and sent again after one and two round trips: the most
		// that the way does. What passes it by adds milliseconds.
		bearable = 2*oneWay + 2*(2*oneWay+4*oneWay) + oneWay
	)
	r := newRig(t, Config{HandshakeTimeout: time.Minute})
	id := r.enrol("alpha")
	proxy, err := slowpath.Listen(r.web.Listener.Addr().String(), slowpath.Way{Delay: oneWay, Loss: 0.05, Again: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = proxy.Close() }()
	r.url = "http://" + proxy.Address()
	block := make([]byte, 64<<10)
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/up", func(w http.ResponseWriter, req *http.Request) {
		n, err := io.Copy(io.Discard, req.Body)
		_, _ = fmt.Fprint(w, n, " ", err)
	})
	mux.HandleFunc("/flood", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	r.start(id, mux)
	link := r.link(id.HostID, 0)
	still, err := link.Client.Get("http://host/flood")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = still.Body.Close() }()
	client, err := link.Bulk()
	if err != nil {
		t.Fatal(err)
	}
	var uploads sync.WaitGroup
	for range 4 {
		uploads.Go(func() {
			const size = 256 << 10
			resp, err := client.Post("http://host/up", "application/octet-stream", bytes.NewReader(make([]byte, size)))
			if err != nil {
				t.Errorf("an upload: %v", err)
				return
			}
			defer func() { _ = resp.Body.Close() }()
			if got, err := io.ReadAll(resp.Body); err != nil || string(got) != fmt.Sprint(size, " <nil>") {
				t.Errorf("an upload arrived as %q, %v", got, err)
			}
		})
	}
	stream := openEcho(t, link)
	defer func() { _ = stream.Close() }()
	stood := standstill()
	times := typeFor(t, stream, lasting)
	limit := bearable + stood()
	uploads.Wait()
	longest := times[0]
	for _, d := range times {
		longest = max(longest, d)
	}
	t.Logf("%d keystrokes, the longest took %v; this machine stood still for %v", len(times), longest, limit-bearable)
	if longest > limit {
		t.Errorf("a keystroke took %v, want %v at most", longest, limit)
	}
	if now, ok := r.server.Link(id.HostID); !ok || now != link || link.Err() != nil {
		t.Errorf("the link did not last: %v", link.Err())
	}
}

// standstill begins to measure how long this machine runs nothing of the test, which is not the link's doing; total ends it.
func standstill() (total func() time.Duration) {
	const every, bearable = 10 * time.Millisecond, 50 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	var measuring sync.WaitGroup
	var stood time.Duration
	measuring.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for last := time.Now(); ; {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			now := time.Now()
			if gap := now.Sub(last); gap > bearable {
				stood += gap - every
			}
			last = now
		}
	})
	return func() time.Duration { cancel(); measuring.Wait(); return stood }
}

// typeFor types a key every 50 ms, without waiting for the one before, and returns how long each took to come back.
func typeFor(t *testing.T, stream io.ReadWriter, lasting time.Duration) []time.Duration {
	t.Helper()
	const every = 50 * time.Millisecond
	keys := int(lasting / every)
	typed := make(chan time.Time, keys)
	go func() {
		defer close(typed)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for i := range keys {
			at := <-ticker.C
			if _, err := stream.Write([]byte{byte(i)}); err != nil {
				t.Errorf("keystroke %d: %v", i, err)
				return
			}
			typed <- at
		}
	}()
	var times []time.Duration
	key := make([]byte, 1)
	for at := range typed {
		if _, err := io.ReadFull(stream, key); err != nil || key[0] != byte(len(times)) {
			t.Fatalf("keystroke %d came back as %d, %v", len(times), key[0], err)
		}
		times = append(times, time.Since(at))
	}
	return times
}

// TestUploadsOnASlowLinkWaitForTheirTurn sends eight uploads at once over 40 KiB a second: the last has its turn after more than ten seconds.
func TestUploadsOnASlowLinkWaitForTheirTurn(t *testing.T) {
	if testing.Short() {
		t.Skip("takes fifteen seconds of real time")
	}
	r := newRig(t, Config{})
	id := r.enrol("alpha")
	proxy, err := slowpath.Listen(r.web.Listener.Addr().String(), slowpath.Way{Delay: 50 * time.Millisecond, Rate: 40 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = proxy.Close() }()
	r.url = "http://" + proxy.Address()
	r.start(id, digestHandler)
	link := r.link(id.HostID, 0)
	client, err := link.Bulk()
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	var uploads sync.WaitGroup
	for range 8 {
		uploads.Go(func() {
			resp, err := client.Post("http://host/up", "application/octet-stream", bytes.NewReader(make([]byte, 72<<10)))
			if err != nil {
				t.Errorf("an upload failed after %v: %v", time.Since(begun), err)
				return
			}
			_, err = io.Copy(io.Discard, resp.Body)
			if err := cmp.Or(err, resp.Body.Close()); err != nil {
				t.Errorf("an answer: %v", err)
			}
		})
	}
	uploads.Wait()
	if took := time.Since(begun); took < 10*time.Second {
		t.Errorf("all took %v: too little to show anything", took)
	}
	if now, ok := r.server.Link(id.HostID); !ok || now != link {
		t.Error("the link did not last")
	}
}
