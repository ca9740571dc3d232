package hostlink

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
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
	return &Server{
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
}

// ServeHTTP links a host (GET with a websocket upgrade) or enrols one (POST).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		writeFault(w, ErrClosed)
		return
	}
	defer s.running.Done()
	select {
	case s.pending <- struct{}{}:
		defer func() { <-s.pending }()
	default:
		writeFault(w, ErrBusy)
		return
	}
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

// install makes the tunnel of an admitted host and hands it to its owner.
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
	s.running.Go(func() { s.keep(link, g.key) })
}

// keep registers a control link, lives as long as it does, and takes it out again.
func (s *Server) keep(link *Link, proved ed25519.PublicKey) {
	if !s.register(link) {
		link.tunnel.end(ErrSuperseded, closeReplaced)
		link.tunnel.wait()
		return
	}
	if refusal := s.recheck(link, proved); refusal != nil {
		s.cut(link, refusal, closeRemoved)
		link.tunnel.wait()
		link.log.Warn("A host was refused after all.", "remote", link.RemoteAddr, "reason", refusal.Sentence)
		return
	}
	link.log.Info("A host is linked.", "remote", link.RemoteAddr, "agent", link.Agent)
	s.report(link)
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

// report tells the Authority that the host is here, now and every SeenEvery while the link lives.
func (s *Server) report(link *Link) {
	link.tunnel.spawn(func() {
		ticker := time.NewTicker(s.cfg.SeenEvery)
		defer ticker.Stop()
		for {
			ctx, cancel := context.WithTimeout(s.ctx, s.cfg.HandshakeTimeout)
			err := s.authority.Seen(ctx, link.HostID, Sighting{
				At: time.Now(), Addr: link.RemoteAddr, Agent: link.Agent, Epoch: link.Epoch, RTT: link.RTT(),
			})
			cancel()
			if err != nil && s.ctx.Err() == nil {
				link.log.Warn("That the host was seen could not be recorded.", "err", err)
			}
			select {
			case <-ticker.C:
			case <-link.tunnel.done():
				return
			}
		}
	})
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
