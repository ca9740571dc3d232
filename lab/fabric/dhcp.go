package fabric

import (
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
	"golang.org/x/time/rate"
)

// dhcpServer answers DHCPv4 (RFC 2131) inside an internet node's namespace. One goroutine reads and answers; stop waits for it.
type dhcpServer struct {
	conn   net.PacketConn
	config insideConfig
	pool   *leasePool
	log    *slog.Logger
	limit  *rate.Limiter
	done   chan struct{}
}

func (f *Fabric) startDHCP(n *nodeNS, config insideConfig) (*dhcpServer, error) {
	s := &dhcpServer{config: config, pool: f.openLeases(n, config), log: f.log.With("node", n.node.Name, "lab", n.lab),
		limit: rate.NewLimiter(100, 200), done: make(chan struct{})}
	err := f.enter(n.ns, func() (err error) {
		s.conn, err = server4.NewIPv4UDPConn(insideBridge, &net.UDPAddr{Port: dhcpv4.ServerPort})
		return err
	})
	if err != nil {
		return nil, err
	}
	go s.serve()
	return s, nil
}

func (s *dhcpServer) stop() {
	s.conn.Close()
	<-s.done
}

func (s *dhcpServer) serve() {
	defer close(s.done)
	buf := make([]byte, 2048)
	for {
		n, peer, err := s.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			s.log.Warn("DHCP stopped", "error", err)
			return
		}
		request, err := dhcpv4.FromBytes(buf[:n])
		if err != nil || request.OpCode != dhcpv4.OpcodeBootRequest || !s.limit.Allow() {
			continue // malformed, or a flood: the client asks again
		}
		reply, err := s.answer(request, time.Now())
		if err != nil {
			s.log.Warn("DHCP request not answered", "client", request.ClientHWAddr, "error", err)
		}
		if reply == nil {
			continue
		}
		if _, err := s.conn.WriteTo(reply.ToBytes(), replyAddress(request, peer)); err != nil && !errors.Is(err, net.ErrClosed) {
			s.log.Warn("DHCP answer not sent", "client", request.ClientHWAddr, "error", err)
		}
	}
}

// replyAddress is the client where it has an address, everyone otherwise (RFC 2131, section 4.1).
func replyAddress(request *dhcpv4.DHCPv4, peer net.Addr) net.Addr {
	if from, ok := peer.(*net.UDPAddr); ok && !request.ClientIPAddr.IsUnspecified() && from.IP.Equal(request.ClientIPAddr) {
		return from
	}
	return &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort}
}

// answer returns the reply to a request; nil when there is nothing to say.
func (s *dhcpServer) answer(request *dhcpv4.DHCPv4, now time.Time) (*dhcpv4.DHCPv4, error) {
	if !request.GatewayIPAddr.IsUnspecified() {
		return nil, nil // a relay's: this server has one subnet
	}
	client := clientOf(request)
	switch request.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		a, ok := s.pool.offer(client, addrFrom(request.RequestedIPAddress()), now)
		if !ok {
			return nil, errors.New("every address is leased")
		}
		return s.reply(request, dhcpv4.MessageTypeOffer, a)
	case dhcpv4.MessageTypeRequest:
		return s.answerRequest(request, client, now)
	case dhcpv4.MessageTypeRelease:
		return nil, s.pool.release(client, addrFrom(request.ClientIPAddr))
	case dhcpv4.MessageTypeDecline:
		return nil, s.pool.decline(client, addrFrom(request.RequestedIPAddress()), now)
	case dhcpv4.MessageTypeInform:
		return s.reply(request, dhcpv4.MessageTypeAck, netip.Addr{})
	}
	return nil, nil
}

func (s *dhcpServer) answerRequest(request *dhcpv4.DHCPv4, client string, now time.Time) (*dhcpv4.DHCPv4, error) {
	if server := addrFrom(request.ServerIdentifier()); server.IsValid() && server != s.config.subnet.Addr() {
		return nil, nil // it took another server's offer
	}
	a := addrFrom(request.RequestedIPAddress())
	if !a.IsValid() || a.IsUnspecified() {
		a = addrFrom(request.ClientIPAddr)
	}
	ok, err := s.pool.take(client, a, now)
	if err != nil {
		s.log.Warn("a lease is not kept over a restart", "error", err)
	}
	if !ok {
		return s.reply(request, dhcpv4.MessageTypeNak, netip.Addr{})
	}
	return s.reply(request, dhcpv4.MessageTypeAck, a)
}

func (s *dhcpServer) reply(request *dhcpv4.DHCPv4, kind dhcpv4.MessageType, a netip.Addr) (*dhcpv4.DHCPv4, error) {
	gateway := net.IP(s.config.subnet.Addr().AsSlice())
	mods := []dhcpv4.Modifier{dhcpv4.WithMessageType(kind), dhcpv4.WithServerIP(gateway), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(gateway))}
	if kind != dhcpv4.MessageTypeNak {
		mods = append(mods, dhcpv4.WithNetmask(net.CIDRMask(s.config.subnet.Bits(), 32)), dhcpv4.WithRouter(gateway), dhcpv4.WithDNS(gateway))
	}
	if a.IsValid() {
		mods = append(mods, dhcpv4.WithYourIP(a.AsSlice()), dhcpv4.WithLeaseTime(uint32(leaseTime.Seconds())))
	}
	return dhcpv4.NewReplyFromRequest(request, mods...)
}

// clientOf is the client identifier where the client sends one, else its hardware address (RFC 2131, section 4.2).
func clientOf(request *dhcpv4.DHCPv4) string {
	if id := request.Options.Get(dhcpv4.OptionClientIdentifier); len(id) > 0 {
		return "id:" + hex.EncodeToString(id)
	}
	return request.ClientHWAddr.String()
}

func addrFrom(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip.To4())
	return a
}
