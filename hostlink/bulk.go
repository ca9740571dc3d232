package hostlink

import (
	"context"
	"net/http"
	"sync"
	"time"

	"trunkline/internal/fault"
)

// bulkChannel is the second websocket of a link: opened by the first request, closed when idle, opened again.
type bulkChannel struct {
	link    *Link
	timeout time.Duration // for the agent to dial
	idle    time.Duration
	client  *http.Client

	mu       sync.Mutex
	current  *transport    // nil while there is none
	active   int           // requests on current
	expiry   *time.Timer   // runs while active is 0
	opening  *opening      // a request to the agent in progress
	attached chan struct{} // closed, and made anew, whenever current is set
}

// opening is one try to open the channel that several requests wait for.
type opening struct {
	done chan struct{}
	err  error // valid after done
}

func (b *bulkChannel) init(link *Link, cfg Config) {
	b.link, b.timeout, b.idle = link, cfg.HandshakeTimeout, cfg.BulkIdle
	b.attached = make(chan struct{})
	b.client = clientOf(b)
}

// RoundTrip implements http.RoundTripper.
func (b *bulkChannel) RoundTrip(req *http.Request) (*http.Response, error) {
	tr, err := b.acquire(req.Context())
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	return tr.roundTrip(req, func() { b.release(tr) })
}

// acquire counts one more request on a channel that works, opening it if need be.
func (b *bulkChannel) acquire(ctx context.Context) (*transport, error) {
	for {
		b.mu.Lock()
		if tr := b.current; tr != nil && !tr.tunnel.ended() {
			b.active++
			b.expiry.Stop()
			b.mu.Unlock()
			return tr, nil
		}
		try := b.opening
		if try == nil {
			try = &opening{done: make(chan struct{})}
			if !b.link.tunnel.spawn(func() { b.open(try) }) {
				b.mu.Unlock()
				return nil, b.link.Err()
			}
			b.opening = try
		}
		b.mu.Unlock()
		select {
		case <-try.done:
			if try.err != nil {
				return nil, try.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (b *bulkChannel) release(tr *transport) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current != tr {
		return
	}
	if b.active--; b.active == 0 {
		b.expiry.Reset(b.idle)
	}
}

// open asks the agent to dial and waits for the channel to be attached.
func (b *bulkChannel) open(try *opening) {
	ctx, cancel := context.WithTimeout(context.Background(), b.timeout)
	defer cancel()
	b.mu.Lock()
	attached := b.attached
	b.mu.Unlock()
	try.err = b.ask(ctx)
	if try.err == nil {
		select {
		case <-attached:
		case <-b.link.tunnel.done():
			try.err = b.link.Err()
		case <-ctx.Done():
			try.err = fault.New(fault.Unavailable, "The host did not open its bulk channel in time. Try again.")
		}
	}
	b.mu.Lock()
	b.opening = nil
	b.mu.Unlock()
	close(try.done)
}

func (b *bulkChannel) ask(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://host"+pathBulk, nil)
	if err != nil {
		return err
	}
	resp, err := b.link.Client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return fault.Wrap(err, fault.Unavailable, "The host did not open its bulk channel in time. Try again.")
		}
		return plain(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusNoContent {
		return faultOf(resp)
	}
	return nil
}

// attach makes t the channel in use; an older one is ended.
func (b *bulkChannel) attach(t *tunnel) {
	tr := newTransport(t)
	b.mu.Lock()
	old := b.current
	b.current, b.active = tr, 0
	if b.expiry != nil {
		b.expiry.Stop()
	}
	b.expiry = time.AfterFunc(b.idle, func() { b.expire(tr) })
	close(b.attached)
	b.attached = make(chan struct{})
	b.mu.Unlock()
	if old != nil {
		old.tunnel.end(ErrReplaced, closeReplaced)
	}
}

// inUse is the channel's tunnel, or nil while there is none.
func (b *bulkChannel) inUse() *tunnel {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current == nil {
		return nil
	}
	return b.current.tunnel
}

// detach forgets tr, when its session has ended.
func (b *bulkChannel) detach(t *tunnel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current != nil && b.current.tunnel == t {
		b.current, b.active = nil, 0
		b.expiry.Stop()
	}
}

// expire ends a channel nobody used for BulkIdle. It leaves current first, so no request can take it any more.
func (b *bulkChannel) expire(tr *transport) {
	b.mu.Lock()
	if b.current != tr || b.active > 0 {
		b.mu.Unlock()
		return
	}
	b.current = nil
	b.mu.Unlock()
	tr.tunnel.end(errIdle, closeIdle)
}

// keepBulk attaches an admitted bulk channel to its link and lives as long as it does.
func (s *Server) keepBulk(g guest, t *tunnel) {
	link, ok := s.Link(g.Host)
	if !ok || link.Epoch != g.epoch || link.tunnel.ended() {
		t.end(ErrNoControl, closeReplaced)
		t.wait()
		return
	}
	link.bulk.attach(t)
	link.log.Debug("The bulk channel is open.")
	select {
	case <-t.done():
	case <-link.tunnel.done():
		cause := link.tunnel.err()
		t.end(cause, closeStopping)
	}
	t.wait()
	link.bulk.detach(t)
	link.log.Debug("The bulk channel is closed.", "reason", t.err().Sentence)
}
