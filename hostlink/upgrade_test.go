package hostlink

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"trunkline/internal/fault"
)

// takeOver answers 101 and returns the connection.
func takeOver(w http.ResponseWriter) (net.Conn, io.Reader, error) {
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "trunkline")
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return conn, buffered, nil
}

// echo sends back what comes until the input ends, then one more word.
func echo(w http.ResponseWriter, _ *http.Request) {
	conn, in, err := takeOver(w)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.Copy(conn, in); err == nil {
		_, _ = io.WriteString(conn, "the end")
	}
}

func openEcho(t testing.TB, link *Link) io.ReadWriteCloser {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://host/echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := link.Upgrade(t.Context(), req)
	if err != nil {
		t.Fatalf("upgrading: %v", err)
	}
	return stream
}

func closeWrite(t testing.TB, stream io.ReadWriteCloser) {
	t.Helper()
	half, ok := stream.(interface{ CloseWrite() error })
	if !ok {
		t.Fatalf("%T has no CloseWrite", stream)
	}
	if err := half.CloseWrite(); err != nil {
		t.Fatalf("CloseWrite: %v", err)
	}
}

func TestAnUpgradedStreamEchoesAndTheInputEndsBeforeTheOutput(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	r.start(id, http.HandlerFunc(echo))
	link := r.link(id.HostID, 0)
	for _, size := range []int{0, 1, 100, 3 << 20} {
		stream := openEcho(t, link)
		sent := bytes.Repeat([]byte("k"), size)
		var writing sync.WaitGroup
		writing.Go(func() {
			if _, err := stream.Write(sent); err != nil {
				t.Errorf("writing %d bytes: %v", size, err)
			}
			if err := stream.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Errorf("CloseWrite: %v", err)
			}
			if _, err := stream.Write([]byte("late")); err == nil {
				t.Error("a write after CloseWrite was taken")
			}
		})
		got, err := io.ReadAll(stream)
		if err != nil || !bytes.Equal(got, append(sent, "the end"...)) {
			t.Errorf("%d bytes: got %d, %v", size, len(got), err)
		}
		writing.Wait()
		_ = stream.Close()
	}
	r.until("no stream is left", func() bool { return link.tunnel.mux.NumStreams() == 0 })
}

func TestAnEndedInputOutlivesTheStreamCloseTimeout(t *testing.T) {
	cfg := quick()
	cfg.StreamCloseTimeout = 50 * time.Millisecond
	r := newRig(t, cfg)
	id := r.enrol("alpha")
	release := make(chan struct{})
	patient := func(c *AgentConfig) { c.StreamCloseTimeout = 0 } // it is the controller that ends the input
	r.start(id, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, in, err := takeOver(w)
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		if _, err := io.Copy(io.Discard, in); err != nil {
			return
		}
		<-release
		_, _ = io.WriteString(conn, "still here")
	}), patient)
	link := r.link(id.HostID, 0)
	stream := openEcho(t, link)
	defer func() { _ = stream.Close() }()
	closeWrite(t, stream)
	<-time.After(4 * cfg.StreamCloseTimeout) // the condition is time itself
	close(release)
	if got, err := io.ReadAll(stream); err != nil || string(got) != "still here" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTheHostMayFinishItsOutputFirst(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	heard := make(chan string, 1)
	r.start(id, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, in, err := takeOver(w)
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "out")
		_ = conn.(interface{ CloseWrite() error }).CloseWrite()
		data, _ := io.ReadAll(in)
		heard <- string(data)
	}))
	stream := openEcho(t, r.link(id.HostID, 0))
	defer func() { _ = stream.Close() }()
	if got, err := io.ReadAll(stream); err != nil || string(got) != "out" {
		t.Fatalf("got %q, %v", got, err)
	}
	if _, err := io.WriteString(stream, "after your end"); err != nil {
		t.Fatal(err)
	}
	closeWrite(t, stream)
	within(t, time.Minute, "the host hears the rest", func() {
		if got := <-heard; got != "after your end" {
			t.Errorf("the host heard %q", got)
		}
	})
}

func TestClosingAnUpgradedStreamHangsUpAndIsNotMistakenForTheEndOfInput(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	ends, blocked := make(chan error, 1), make(chan error, 1)
	r.start(id, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, in, err := takeOver(w)
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		go func() { // nobody reads this: it fills the window
			for {
				if _, err := conn.Write(make([]byte, 64<<10)); err != nil {
					blocked <- err
					return
				}
			}
		}()
		_, err = io.Copy(io.Discard, in)
		ends <- err
	}))
	stream := openEcho(t, r.link(id.HostID, 0))
	if _, err := io.ReadFull(stream, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	reading := make(chan error, 1)
	go func() { _, err := io.Copy(io.Discard, io.LimitReader(stream, 1<<40)); reading <- err }()
	_ = stream.Close()
	within(t, time.Minute, "both directions of the handler end", func() {
		if err := <-ends; !errors.Is(err, ErrHungUp) {
			t.Errorf("the handler read %v, want ErrHungUp", err)
		}
		if err := <-blocked; !errors.Is(err, ErrHungUp) {
			t.Errorf("the handler's write gave %v, want ErrHungUp", err)
		}
		if err := <-reading; err == nil {
			t.Error("a Read in progress did not end with an error when its stream was closed")
		}
	})
}

func TestALostLinkIsNotMistakenForTheEndOfAStream(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	run := r.start(id, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, in, err := takeOver(w)
		if err != nil {
			return
		}
		_, _ = io.Copy(conn, in)
		_ = conn.Close()
	}))
	link := r.link(id.HostID, 0)
	stream := openEcho(t, link)
	defer func() { _ = stream.Close() }()
	_ = link.tunnel.conn.raw.Close()
	if _, err := io.ReadAll(stream); fault.Sentence(err) != ErrLost.Sentence {
		t.Errorf("the controller read %v", err)
	}
	run.state("the loss", func(s State) bool { return !s.Linked && s.Err.Sentence == ErrLost.Sentence })
}

func TestAHandlerThatRefusesAnUpgradeIsQuoted(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	refusal := fault.New(fault.NotFound, "There is no node r9 in this lab.")
	r.start(id, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/known" {
			writeFault(w, refusal)
			return
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	link := r.link(id.HostID, 0)
	known, _ := http.NewRequest(http.MethodPost, "http://host/known", nil)
	_, err := link.Upgrade(t.Context(), known)
	wantFault(t, err, refusal)
	other, _ := http.NewRequest(http.MethodPost, "http://host/other", nil)
	if _, err := link.Upgrade(t.Context(), other); !fault.Is(err, fault.Internal) {
		t.Errorf("a teapot gave %v", err)
	}
}
