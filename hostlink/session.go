package hostlink

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"trunkline/internal/fault"
)

type drainingKey struct{}

// Draining is closed when the agent that serves this request begins to stop: a request that lasts, such as a stream of
// events, should end then. It is nil, which never fires, for a request that did not come over a link.
func Draining(ctx context.Context) <-chan struct{} {
	draining, _ := ctx.Value(drainingKey{}).(<-chan struct{})
	return draining
}

// session is one linked time of an agent: its control tunnel and at most one bulk tunnel, served alike.
type session struct {
	agent    *Agent
	control  *tunnel
	epoch    int64
	draining context.Context // ends when the agent begins to stop
	drainNow context.CancelFunc
	ctx      context.Context // of every request; ends when the session does
	cancel   context.CancelFunc
	serving  sync.WaitGroup

	mu       sync.Mutex
	stopping bool // no new bulk tunnel
	over     bool // no new handler
	bulk     *tunnel
}

func newSession(a *Agent, control *tunnel, epoch int64) *session {
	s := &session{agent: a, control: control, epoch: epoch}
	s.draining, s.drainNow = context.WithCancel(context.Background())
	s.ctx, s.cancel = context.WithCancel(context.WithValue(context.Background(), drainingKey{}, s.draining.Done()))
	return s
}

// serve answers requests until the link ends, or drains when ctx does.
func (s *session) serve(ctx context.Context) {
	defer s.cancel()
	defer s.drainNow()
	s.serving.Go(func() { s.serveTunnel(s.control) })
	select {
	case <-s.control.done():
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.stopping = true
	bulk := s.bulk
	s.mu.Unlock()
	if ctx.Err() != nil {
		s.drainNow()
	} else if bulk != nil {
		bulk.end(errNoLink, closeStopping)
	}
	s.serving.Wait()
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
}

var errNoLink = fault.New(fault.Unavailable, "The control channel of this session has ended.")

// serveTunnel runs an http.Server on one tunnel until its end.
func (s *session) serveTunnel(t *tunnel) {
	listener := newStreams(t)
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	server := &http.Server{
		Handler:           s.handler(listener),
		ReadHeaderTimeout: s.agent.tune.WriteTimeout,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState:         follow,
		ErrorLog:          serverLog(t.log),
	}
	var accepting sync.WaitGroup
	accepting.Go(func() { _ = server.Serve(listener) }) // ends with the session: io.EOF, “session shutdown”
	select {
	case <-t.done():
	case <-s.draining.Done():
		s.drain(server)
		t.end(ErrStopping, closeStopping) // before its requests are cancelled, or what they answer then would pass for a success
	}
	cancel()
	t.wait()
	accepting.Wait()
	_ = server.Close()
}

// drain lets requests in flight finish, for DrainTimeout. Upgraded streams are not waited for: they end with the session.
func (s *session) drain(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), s.agent.tune.DrainTimeout)
	defer cancel()
	start := time.Now()
	if err := server.Shutdown(ctx); err != nil {
		s.agent.log.Warn("Some requests did not finish in time and are cut.", "waited", time.Since(start).Round(time.Millisecond))
	}
}

// handler answers the package's own requests and passes the others on.
func (s *session) handler(streams *streams) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathBulk, s.openBulk)
	mux.HandleFunc("POST "+pathEOF, streams.finishInput)
	mux.HandleFunc("POST "+pathKey, s.agent.keys.serveOffer)
	mux.HandleFunc("POST "+pathKeyUse, s.agent.keys.serveUse)
	given := s.agent.cfg.Handler
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.begin() {
			return // a request that was read after its link had ended
		}
		defer s.agent.handlers.Done()
		switch r.URL.Path {
		case pathBulk, pathEOF, pathKey, pathKeyUse:
			mux.ServeHTTP(w, r)
		default:
			if s.agent.cfg.Lasting(r) {
				ctx, cancel := context.WithCancel(r.Context())
				defer cancel()
				defer context.AfterFunc(s.draining, cancel)()
				r = r.WithContext(ctx)
			}
			given.ServeHTTP(w, r)
		}
	})
}

// begin counts one more handler for Agent.settle, unless the session is over.
func (s *session) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.agent.handlers.Add(1)
	return true
}

// openBulk dials the second websocket because the controller asked for it; a bulk tunnel from before is replaced.
func (s *session) openBulk(w http.ResponseWriter, r *http.Request) {
	t, err := s.agent.dial(r.Context(), Bulk, s.epoch)
	if err != nil {
		writeFault(w, err)
		return
	}
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		t.end(ErrStopping, closeStopping)
		t.wait()
		writeFault(w, ErrStopping)
		return
	}
	old := s.bulk
	s.bulk = t
	s.serving.Go(func() { s.serveTunnel(t) })
	s.mu.Unlock()
	if old != nil {
		old.end(ErrReplaced, closeReplaced)
	}
	w.WriteHeader(http.StatusNoContent)
}

// finishInput answers the controller's CloseWrite on an upgraded stream.
func (s *streams) finishInput(w http.ResponseWriter, r *http.Request) {
	id, err1 := strconv.ParseUint(r.URL.Query().Get("stream"), 10, 32)
	after, err2 := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if err1 != nil || err2 != nil || after < 0 {
		writeFault(w, fault.New(fault.Invalid, "The end of an input needs the number of its stream and of its bytes."))
		return
	}
	conn, ok := s.get(uint32(id))
	if !ok {
		writeFault(w, fault.New(fault.NotFound, "The host has closed this stream already."))
		return
	}
	conn.finishInput(after)
	w.WriteHeader(http.StatusNoContent)
}
