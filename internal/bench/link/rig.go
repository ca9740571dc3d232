package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"trunkline/hostlink"
	"trunkline/hostlink/slowpath"
)

// oneHost is an authority that knows a single host.
type oneHost struct{ key ed25519.PublicKey }

const hostID = "bench"

func (o *oneHost) Enrol(_ context.Context, e hostlink.Enrolment) (string, error) {
	o.key = e.PublicKey
	return hostID, nil
}

func (o *oneHost) HostKey(context.Context, string) (ed25519.PublicKey, error) { return o.key, nil }

func (o *oneHost) Seen(context.Context, string, hostlink.Sighting) error { return nil }

// rig is both ends of a link with a way between them.
type rig struct {
	link    *hostlink.Link
	closers []func() error
}

func newRig(ctx context.Context, way slowpath.Way) (*rig, error) {
	r := &rig{}
	if err := r.open(ctx, way); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *rig) open(ctx context.Context, way slowpath.Way) error {
	server := hostlink.NewServer(&oneHost{}, hostlink.ServerConfig{})
	mux := http.NewServeMux()
	mux.Handle(hostlink.Path, server)
	web := httptest.NewServer(mux)
	r.closers = append(r.closers, func() error { web.Close(); return nil }, server.Close)
	address, err := url.Parse(web.URL)
	if err != nil {
		return err
	}
	proxy, err := slowpath.Listen(address.Host, way)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, proxy.Close)
	identity, err := hostlink.Enrol(ctx, web.URL, "token", hostID, nil)
	if err != nil {
		return err
	}
	agent, err := hostlink.NewAgent(hostlink.AgentConfig{Controller: "http://" + proxy.Address(), Identity: identity, Handler: hostSide()})
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	events := server.Watch(ctx)
	go func() { ended <- agent.Run(running) }()
	r.closers = append(r.closers, func() error { cancel(); return <-ended })
	select {
	case event := <-events:
		r.link = event.Link
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *rig) close() error {
	var errs []error
	for i := len(r.closers) - 1; i >= 0; i-- {
		errs = append(errs, r.closers[i]())
	}
	return errors.Join(errs...)
}

// hostSide echoes on /echo, swallows uploads on /up and sends without end on /flood.
func hostSide() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/up", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body) // the client compares
		_, _ = fmt.Fprint(w, n)
	})
	mux.HandleFunc("/flood", func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 64<<10)
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "trunkline")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, buffered)
	})
	return mux
}

// typist types a key every interval and measures how long each takes to come back, in milliseconds.
type typist struct{ stream io.ReadWriteCloser }

func (r *rig) typist(ctx context.Context) (*typist, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://host/echo", nil)
	if err != nil {
		return nil, err
	}
	stream, err := r.link.Upgrade(ctx, req)
	return &typist{stream}, err
}

// every is a fast typist's, and no divisor of what else goes on.
const every = 7 * time.Millisecond

// typeUntil goes on until done is closed, and types at least so many keys.
func (t *typist) typeUntil(done <-chan struct{}, least int) ([]float64, error) {
	var times []float64
	key := make([]byte, 1)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for over := false; !over || len(times) < least; {
		select {
		case <-done:
			over, done = true, nil
			continue
		case <-ticker.C:
		}
		begun := time.Now()
		if _, err := t.stream.Write([]byte{byte(len(times))}); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(t.stream, key); err != nil {
			return nil, err
		}
		times = append(times, float64(time.Since(begun).Microseconds())/1000)
	}
	return times, nil
}
