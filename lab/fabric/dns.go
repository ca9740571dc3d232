package fabric

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/netutil"
	"golang.org/x/time/rate"
)

const (
	resolvConf  = "/etc/resolv.conf"
	dnsTimeout  = 3 * time.Second
	dnsAtOnce   = 64  // questions under way for one internet node
	dnsPerSec   = 200 // questions a second for one internet node
	dnsStreams  = 32  // TCP connections of one internet node
	dnsUDPLimit = 1232
)

// dnsServer forwards questions from inside to the host's own resolvers, and asks them from the host's namespace, so that a private
// resolver works. Where the host gives no internet it refuses: names would be a way out too.
type dnsServer struct {
	servers []*dns.Server
	egress  bool
	limit   *rate.Limiter
	slots   chan struct{}
	log     *slog.Logger
	ctx     context.Context // ends with the server: questions under way are given up
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func (f *Fabric) startDNS(n *nodeNS, config insideConfig) (*dnsServer, error) {
	packets, streams, err := f.listenInside(n, config.subnet.Addr())
	if err != nil {
		return nil, err
	}
	s := &dnsServer{egress: config.egress, limit: rate.NewLimiter(dnsPerSec, 2*dnsPerSec), slots: make(chan struct{}, dnsAtOnce),
		log: f.log.With("node", n.node.Name, "lab", n.lab)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	idle := func() time.Duration { return 8 * time.Second }
	s.servers = []*dns.Server{
		{PacketConn: packets, Handler: s, UDPSize: dns.DefaultMsgSize},
		{Listener: netutil.LimitListener(streams, dnsStreams), Handler: s, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: idle},
	}
	for _, server := range s.servers {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		s.running.Add(1)
		go s.serve(server, started)
		<-started
	}
	return s, nil
}

func (s *dnsServer) serve(server *dns.Server, started chan struct{}) {
	defer s.running.Done()
	if err := server.ActivateAndServe(); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Warn("DNS stopped", "error", err)
		select {
		case <-started:
		default:
			close(started)
		}
	}
}

func (s *dnsServer) stop() {
	s.cancel()
	for _, server := range s.servers {
		// It only fails for a server that has stopped by itself.
		_ = server.Shutdown()
	}
	s.running.Wait()
}

// ServeDNS implements dns.Handler.
func (s *dnsServer) ServeDNS(w dns.ResponseWriter, question *dns.Msg) {
	answer := s.answer(question)
	if _, overUDP := w.RemoteAddr().(*net.UDPAddr); overUDP {
		answer.Truncate(sizeFor(question))
	}
	// A client that went away needs no answer.
	_ = w.WriteMsg(answer)
}

// sizeFor is what the client says it takes (RFC 6891), bounded so that an answer fits one frame.
func sizeFor(question *dns.Msg) int {
	if opt := question.IsEdns0(); opt != nil {
		return min(max(int(opt.UDPSize()), dns.MinMsgSize), dnsUDPLimit)
	}
	return dns.MinMsgSize
}

func (s *dnsServer) answer(question *dns.Msg) *dns.Msg {
	refuse := new(dns.Msg).SetRcode(question, dns.RcodeRefused)
	if !s.egress || question.Opcode != dns.OpcodeQuery || len(question.Question) != 1 || !s.limit.Allow() {
		return refuse
	}
	switch q := question.Question[0]; {
	case q.Qclass != dns.ClassINET, q.Qtype == dns.TypeANY, q.Qtype == dns.TypeAXFR, q.Qtype == dns.TypeIXFR:
		return refuse
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		return refuse
	}
	answer, err := forwardQuestion(s.ctx, question)
	if err != nil {
		s.log.Debug("name not resolved", "question", question.Question[0].Name, "error", err)
		return new(dns.Msg).SetRcode(question, dns.RcodeServerFailure)
	}
	answer.Id = question.Id
	return answer
}

// forwardQuestion asks the host's resolvers one after the other. It runs in the host's namespace: only sockets are inside.
func forwardQuestion(ctx context.Context, question *dns.Msg) (*dns.Msg, error) {
	config, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil || len(config.Servers) == 0 {
		return nil, errors.Join(errors.New("this host has no resolver in "+resolvConf), err)
	}
	forwarded := question.Copy()
	forwarded.Id = dns.Id()
	var failed error
	for _, server := range config.Servers {
		at := net.JoinHostPort(server, config.Port)
		answer, err := exchange(ctx, forwarded, at)
		if err == nil {
			return answer, nil
		}
		failed = errors.Join(failed, err)
		if ctx.Err() != nil || errors.Is(err, os.ErrPermission) {
			break
		}
	}
	return nil, failed
}

func exchange(ctx context.Context, question *dns.Msg, at string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	answer, _, err := (&dns.Client{Net: "udp", UDPSize: dns.DefaultMsgSize}).ExchangeContext(ctx, question, at)
	if err == nil && answer.Truncated {
		answer, _, err = (&dns.Client{Net: "tcp"}).ExchangeContext(ctx, question, at)
	}
	return answer, err
}
