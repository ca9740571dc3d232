package hostlink

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"trunkline/internal/fault"
)

var digestHandler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
	sum := sha256.New()
	n, err := io.Copy(sum, req.Body)
	_, _ = fmt.Fprintf(w, "%d %x %v", n, sum.Sum(nil), err)
})

func TestTheBulkChannelOpensOnDemandAndClosesWhenIdle(t *testing.T) {
	cfg := quick()
	cfg.BulkIdle = 100 * time.Millisecond
	r := newRig(t, cfg)
	id := r.enrol("alpha")
	r.start(id, digestHandler)
	link := r.link(id.HostID, 0)
	if link.bulk.inUse() != nil {
		t.Error("a bulk channel is open before anybody asked")
	}
	for round := range 3 {
		client, err := link.Bulk()
		if err != nil {
			t.Fatal(err)
		}
		payload := bytes.Repeat([]byte{byte(round)}, 9<<20)
		want := fmt.Sprintf("%d %x <nil>", len(payload), sha256.Sum256(payload))
		var running sync.WaitGroup
		for range 4 { // they share one channel
			running.Go(func() {
				resp, err := client.Post("http://host/upload", "application/octet-stream", bytes.NewReader(payload))
				if err != nil {
					t.Error(err)
					return
				}
				defer func() { _ = resp.Body.Close() }()
				if got, err := io.ReadAll(resp.Body); err != nil || string(got) != want {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		running.Wait()
		r.until("the idle bulk channel is closed", func() bool { return link.bulk.inUse() == nil })
	}
	if link.Err() != nil {
		t.Errorf("the control channel ended: %v", link.Err())
	}
}

func TestABulkChannelInUseIsNotIdle(t *testing.T) {
	cfg := quick()
	cfg.BulkIdle = 60 * time.Millisecond
	r := newRig(t, cfg)
	id := r.enrol("alpha")
	r.start(id, http.HandlerFunc(echo))
	link := r.link(id.HostID, 0)
	req, _ := http.NewRequest(http.MethodPost, "http://host/", nil)
	stream, err := link.UpgradeBulk(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	before := link.bulk.inUse()
	<-time.After(4 * cfg.BulkIdle) // the condition is time itself
	if _, err := io.WriteString(stream, "x"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1)
	if _, err := io.ReadFull(stream, got); err != nil || link.bulk.inUse() != before {
		t.Errorf("after a silence longer than the idle time: %q, %v", got, err)
	}
	_ = stream.Close()
	r.until("the bulk channel is closed after its last stream", func() bool { return link.bulk.inUse() == nil })
}

func TestALostBulkChannelIsOpenedAnewAndTheControlChannelStays(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	r.start(id, digestHandler)
	link := r.link(id.HostID, 0)
	client, err := link.Bulk()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, client, "/"); err != nil {
		t.Fatal(err)
	}
	first := link.bulk.inUse()
	_ = first.conn.raw.Close()
	<-first.done()
	if _, err := get(t, client, "/"); err != nil {
		t.Errorf("after the loss: %v", err)
	}
	if link.bulk.inUse() == first || link.Err() != nil {
		t.Errorf("the bulk channel was not replaced, or the control channel ended: %v", link.Err())
	}
}

func TestTheBulkChannelEndsWithItsControlChannel(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	entered := make(chan struct{}, 1)
	r.start(id, http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		entered <- struct{}{}
		<-req.Context().Done()
	}))
	link := r.link(id.HostID, 0)
	client, err := link.Bulk()
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() { _, err := get(t, client, "/"); failed <- err }()
	<-entered
	_ = link.tunnel.conn.raw.Close()
	within(t, time.Minute, "the bulk request fails", func() {
		if err := <-failed; !fault.Is(err, fault.Unavailable) {
			t.Errorf("the bulk request ended with %v", err)
		}
	})
	<-link.Done() // the host may have been quicker to end the bulk channel
	if _, err := link.Bulk(); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a bulk client of a dead link: %v", err)
	}
}

func TestABulkChannelThatCannotBeDialledSaysSo(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	forwardAll(t, listener, func() (net.Conn, error) { return net.Dial("tcp", r.web.Listener.Addr().String()) })
	r.url = "http://" + listener.Addr().String()
	r.start(id, digestHandler).state("being linked", func(s State) bool { return s.Linked })
	link := r.link(id.HostID, 0)
	_ = listener.Close() // no second connection
	client, err := link.Bulk()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, client, "/"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	if link.Err() != nil {
		t.Errorf("the control channel ended: %v", link.Err())
	}
}
