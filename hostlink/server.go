package hostlink

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"trunkline/internal/fault"
)

// ServerConfig makes a Server.
type ServerConfig struct {
	Config
	Logger *slog.Logger // nil: silent
}

// Server is the controller's end: an http.Handler to mount at Path, and the registry of live links.
type Server struct {
	authority Authority
	cfg       Config
	log       *slog.Logger
	pending   chan struct{} // a slot per handshake in progress
	waiting   atomic.Int64  // dials that wait for a slot

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	links    map[string]*Link
	epochs   map[string]int64 // the newest claimed, also of hosts that are away
	watchers map[chan Event]func() bool
}

// NewServer makes a Server that is ready to be mounted; the caller closes it.
func NewServer(authority Authority, cfg ServerConfig) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		authority: authority,
		cfg:       cfg.withDefaults(),
		log:       orDiscard(cfg.Logger),
		pending:   make(chan struct{}, maxPendingDials),
		ctx:       ctx,
		cancel:    cancel,
		links:     map[string]*Link{},
		epochs:    map[string]int64{},
		watchers:  map[chan Event]func() bool{},
	}
	s.running.Go(s.report)
	return s
}

// ServeHTTP links a host (GET with a websocket upgrade) or enrols one (POST).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		writeFault(w, ErrClosed)
		return
	}
	defer s.running.Done()
	if !s.takeTurn(r.Context()) {
		writeFault(w, ErrBusy)
		return
	}
	defer func() { <-s.pending }()
	switch {
	case r.Header.Get("Origin") != "":
		writeFault(w, fault.New(fault.Forbidden, "The host link is for agents, not for browsers."))
	case r.Method == http.MethodPost:
		s.enrol(w, r)
	case r.Method == http.MethodGet:
		s.accept(w, r)
	default:
		w.Header().Set("Allow", "GET, POST")
		writeFaultStatus(w, http.StatusMethodNotAllowed, fault.New(fault.Invalid, "The host link takes GET with a websocket upgrade, and POST."))
	}
}

// takeTurn waits for a place among the handshakes in progress, as all hosts need after the controller started. It fails when
// too many wait already, or after half the time that an agent gives to a handshake.
func (s *Server) takeTurn(ctx context.Context) bool {
	select {
	case s.pending <- struct{}{}:
		return true
	default:
	}
	if s.waiting.Add(1) > maxWaitingDials {
		s.waiting.Add(-1)
		return false
	}
	defer s.waiting.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, s.cfg.HandshakeTimeout/2)
	defer cancel()
	select {
	case s.pending <- struct{}{}:
		return true
	case <-s.ctx.Done():
		return false
	case <-ctx.Done():
		return false
	}
}

// begin counts one more thing Close waits for, unless the server is closed.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}

func (s *Server) accept(w http.ResponseWriter, r *http.Request) {
	capture := &hijackCapture{ResponseWriter: w}
	ws, err := websocket.Accept(capture, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		s.log.Debug("A request to the host link was not a websocket.", "remote", r.RemoteAddr, "err", err)
		return
	}
	ws.SetReadLimit(maxHandshakeMessage)
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.HandshakeTimeout) // not r.Context: the request is hijacked
	defer cancel()
	g, err := s.admit(ctx, ws, r.TLS)
	if err != nil {
		s.log.Warn("A host was refused.", "host", g.Host, "channel", g.Channel, "remote", r.RemoteAddr, "reason", fault.Sentence(err), "err", err)
		cut := time.AfterFunc(s.cfg.CloseTimeout, func() { _ = capture.conn.Close() })
		defer cut.Stop()
		_ = ws.Close(websocket.StatusPolicyViolation, closeReason(fault.Sentence(err)))
		return
	}
	s.install(g, newWSConn(ws, capture.conn), r.RemoteAddr)
}

// install makes the tunnel of an admitted host, registers its link and hands it to its owner. It runs on the goroutine of
// the request, which ends then: what the database needs of a stack is not kept for as long as the link lives.
func (s *Server) install(g guest, conn *wsConn, remote string) {
	log := s.log.With("host", g.Host, "channel", g.Channel, "epoch", g.epoch)
	t, err := newTunnel(conn, g.Channel, true, s.cfg, log)
	if err != nil {
		log.Error("A host's tunnel could not start.", "err", err)
		_ = conn.Close()
		return
	}
	if g.Channel == Bulk {
		s.running.Go(func() { s.keepBulk(g, t) })
		return
	}
	link := newLink(s, g, t, remote, log)
	if !s.register(link) {
		t.end(ErrSuperseded, closeReplaced)
		t.wait()
		return
	}
	s.running.Go(func() { s.keep(link) })
	refusal := s.recheck(link, g.key)
	close(link.checked)
	if refusal != nil {
		s.cut(link, refusal, closeRemoved)
		return
	}
	log.Info("A host is linked.", "remote", link.RemoteAddr, "agent", link.Agent)
	s.running.Go(func() { s.see(link) })
}

// keep lives as long as a registered control link does, and takes it out again.
func (s *Server) keep(link *Link) {
	link.tunnel.wait()
	s.unregister(link)
	link.log.Info("A host's link ended.", "reason", link.tunnel.err().Sentence, "err", link.tunnel.conn.why())
}

// register puts the link in the place of an older one of the same host, which it ends.
func (s *Server) register(link *Link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.links[link.HostID]
	if s.closed || (old != nil && old.Epoch >= link.Epoch) {
		return false
	}
	if old != nil {
		s.running.Go(func() { old.tunnel.end(ErrReplaced, closeReplaced) })
		s.publishLocked(Event{Kind: Disconnected, HostID: old.HostID, Epoch: old.Epoch, Reason: ErrReplaced, At: time.Now()})
	}
	s.links[link.HostID] = link
	s.publishLocked(Event{Kind: Connected, HostID: link.HostID, Epoch: link.Epoch, Link: link, At: link.Since})
	return true
}

func (s *Server) unregister(link *Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.links[link.HostID] != link {
		return // replaced, which was published then
	}
	delete(s.links, link.HostID)
	s.publishLocked(Event{Kind: Disconnected, HostID: link.HostID, Epoch: link.Epoch, Reason: link.tunnel.err(), At: time.Now()})
}

// report tells the Authority of every linked host about every SeenEvery, each at a time of its own, until Close.
func (s *Server) report() {
	const turns = 20
	ticker := time.NewTicker(s.cfg.SeenEvery / turns)
	defer ticker.Stop()
	for turn := 1; ; turn++ {
		select {
		case <-ticker.C:
		case <-s.ctx.Done():
			return
		}
		for _, link := range s.Hosts() {
			if link.turn%turns == turn%turns && s.ctx.Err() == nil {
				s.see(link)
			}
		}
	}
}

// see tells the Authority that the host is here.
func (s *Server) see(link *Link) {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.HandshakeTimeout)
	defer cancel()
	err := s.authority.Seen(ctx, link.HostID, Sighting{
		At: time.Now(), Addr: link.RemoteAddr, Agent: link.Agent, Epoch: link.Epoch, RTT: link.RTT(),
	})
	if err != nil && s.ctx.Err() == nil {
		link.log.Warn("That the host was seen could not be recorded.", "err", err)
	}
}

// Link is the live link of a host.
func (s *Server) Link(hostID string) (*Link, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	link, ok := s.links[hostID]
	return link, ok
}

// Hosts are the live links, ordered by host id.
func (s *Server) Hosts() []*Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.links), func(a, b *Link) int { return cmp.Compare(a.HostID, b.HostID) })
}

// Drop cuts the control and bulk channels of a host at once; reason is the sentence its agent shows, "" the one of
// ErrHostRevoked. The Authority must refuse the host before, or the host dials again and is linked. It returns when the
// host has heard of it or had CloseTimeout for that; nothing happens when the host is not linked.
func (s *Server) Drop(hostID string, reason string) {
	link, ok := s.Link(hostID)
	if !ok {
		return
	}
	s.cut(link, fault.New(ErrHostRevoked.Code, "%s", cmp.Or(reason, ErrHostRevoked.Sentence)), closeRemoved)
}

// cut takes a link out of the registry, so that nobody starts anything on it, and ends both channels.
func (s *Server) cut(link *Link, why *fault.Error, code websocket.StatusCode) {
	s.mu.Lock()
	if s.links[link.HostID] == link {
		delete(s.links, link.HostID)
		s.publishLocked(Event{Kind: Disconnected, HostID: link.HostID, Epoch: link.Epoch, Reason: why, At: time.Now()})
	}
	s.mu.Unlock()
	var ending sync.WaitGroup
	if bulk := link.bulk.inUse(); bulk != nil {
		ending.Go(func() { bulk.end(why, code) })
	}
	ending.Go(func() { link.tunnel.end(why, code) })
	ending.Wait()
}

// Close ends every link and returns when the last goroutine has ended. New dials are refused.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for out := range s.watchers {
		s.unwatchLocked(out)
	}
	live := slices.Collect(maps.Values(s.links))
	s.mu.Unlock()
	s.cancel()
	var ending sync.WaitGroup
	for _, link := range live {
		ending.Go(func() { link.tunnel.end(ErrClosed, closeStopping) })
	}
	ending.Wait()
	s.running.Wait()
	return nil
}

// hijackCapture remembers the connection that websocket.Accept takes over.
type hijackCapture struct {
	http.ResponseWriter
	conn net.Conn
}

func writeFault(w http.ResponseWriter, err error) {
	writeFaultStatus(w, fault.Status(fault.CodeOf(err)), err)
}

func writeFaultStatus(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(fault.Public(err))
}
