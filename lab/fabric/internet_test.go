package fabric

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/lab/hostapi"
)

// fakeInternet is a namespace behind the host's namespace: it has public addresses, and no route back to anything private.
func (r *rig) fakeInternet() {
	r.t.Helper()
	r.start("inet")
	try := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
	}
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "wan", MTU: 1500, TxQLen: -1}, PeerName: "wan", PeerNamespace: netlink.NsPid(r.nodes["inet"].pid)}
	try(netlink.LinkAdd(veth))
	r.t.Cleanup(func() { netlink.LinkDel(veth) })
	configure := func(address string, extra ...string) {
		link := must(netlink.LinkByName("wan"))
		try(netlink.AddrAdd(link, addrOf(netip.MustParsePrefix(address))))
		try(netlink.LinkSetUp(link))
		for _, e := range extra {
			try(netlink.AddrAdd(must(netlink.LinkByName("lo")), addrOf(netip.MustParsePrefix(e))))
		}
		try(netlink.LinkSetUp(must(netlink.LinkByName("lo"))))
	}
	configure("198.51.100.1/24")
	try(r.in("inet", func() error {
		configure("198.51.100.2/24", "203.0.113.1/32", "10.66.0.1/32", "169.254.169.254/32")
		return nil
	}))
	for _, to := range []string{"203.0.113.0/24", "10.66.0.0/24", "169.254.169.254/32"} {
		try(netlink.RouteAdd(&netlink.Route{Dst: addrOf(netip.MustParsePrefix(to)).IPNet, Gw: net.ParseIP("198.51.100.2")}))
	}
}

func internetLab(id string) hostapi.LabSpec {
	a, b := nodeSpec("a", iface("eth1", 1, 1, "10.255.0.5/24")), nodeSpec("b", iface("eth1", 2, 1))
	a.Routes = append(a.Routes, routeTo("0.0.0.0/0", "10.255.0.1"))
	return hostapi.LabSpec{ID: id, Name: id, Generation: 1, Nodes: []hostapi.NodeSpec{a, b},
		Internets: []hostapi.InternetSpec{{Name: "net", Subnet: netip.MustParsePrefix("10.255.0.1/24"), Interfaces: []string{"p1", "p2"}, DHCP: true}},
		Cables:    []hostapi.CableSpec{cable("a", "eth1", "net", "p1"), cable("b", "eth1", "net", "p2")}}
}

func egress(c *Config) { c.Egress = true }

func TestAnInternetNodeLetsOutAndKeepsThePrivateClosed(t *testing.T) {
	r := newRig(t, egress)
	r.fakeInternet()
	spec := internetLab("lab1")
	r.start("a", "b")
	r.plug(spec)
	r.wire(spec)
	r.reaches("a", "203.0.113.1")
	for _, closed := range []string{"10.66.0.1", "169.254.169.254", "198.51.100.1", "100.127.0.1"} {
		r.reachesNot("a", closed)
	}
	uplink := must(r.internetRecords())[0].Uplink.Addr()
	r.reachesNot("a", uplink.Prev().String())
	if err := r.ping("inet", uplink.String(), 56, 200*time.Millisecond); err == nil {
		t.Error("the outside reaches the inside unasked")
	}
	t.Run("TCP is carried, and the host's services are closed", func(t *testing.T) {
		outside := r.listenIn(t, "inet", "203.0.113.1:8080")
		defer outside.Close()
		if err := r.dial("a", "203.0.113.1:8080", patient); err != nil {
			t.Errorf("a server outside can't be reached: %v", err)
		}
		host := must(net.Listen("tcp", "198.51.100.1:8080"))
		defer host.Close()
		if err := r.dial("a", "198.51.100.1:8080", time.Second); err == nil {
			t.Error("a service of the host can be reached")
		}
	})
	t.Run("a client gets a lease that a new agent still knows", func(t *testing.T) {
		first := r.lease(t, "b")
		if !netip.MustParsePrefix("10.255.0.0/24").Contains(first) {
			t.Fatalf("leased %s", first)
		}
		r.Close()
		again := newRigOn(t, r)
		r.Fabric = again.Fabric
		again.wire(spec)
		if second := again.lease(t, "b"); second != first {
			t.Errorf("after a restart of the agent %s became %s", first, second)
		}
		again.reaches("a", "203.0.113.1")
		writes := again.writes.Load()
		again.wire(spec)
		if n := again.writes.Load() - writes; n != 0 {
			t.Errorf("wiring again wrote %d times", n)
		}
		if err := again.Unwire(context.Background(), "lab1"); err != nil {
			t.Fatal(err)
		}
		again.clean()
		again.reachesNot("a", "203.0.113.1")
	})
}

// newRigOn is a second agent on the host of the first.
func newRigOn(t testing.TB, old *rig) *rig {
	t.Helper()
	f, err := New(old.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{Fabric: f, t: t, nodes: old.nodes}
}

func (r *rig) listenIn(t testing.TB, name, at string) (l net.Listener) {
	t.Helper()
	if err := r.in(name, func() (err error) { l, err = net.Listen("tcp4", at); return err }); err != nil {
		t.Fatal(err)
	}
	return l
}

// dial connects from inside a node; the socket is made on the thread that is inside.
func (r *rig) dial(name, to string, within time.Duration) error {
	at := netip.MustParseAddrPort(to)
	return r.in(name, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		wait := unix.NsecToTimeval(within.Nanoseconds())
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &wait); err != nil {
			return err
		}
		return unix.Connect(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()})
	})
}

func (r *rig) lease(t testing.TB, name string) netip.Addr {
	t.Helper()
	var client *nclient4.Client
	err := r.in(name, func() (err error) {
		client, err = nclient4.New("eth1", nclient4.WithTimeout(time.Second), nclient4.WithRetry(60))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	got, err := client.Request(ctx)
	if err != nil {
		t.Fatalf("no lease: %v", err)
	}
	if routers := got.ACK.Router(); len(routers) != 1 || routers[0].String() != "10.255.0.1" || got.ACK.DNS()[0].String() != "10.255.0.1" {
		t.Errorf("the lease names router %v and DNS %v", routers, got.ACK.DNS())
	}
	return addrFrom(got.ACK.YourIPAddr)
}

// resolver answers every A question with 203.0.113.1 on 127.0.0.1, which is the host's resolver during the test.
func resolver(t testing.TB) {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver 127.0.0.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(conf, resolvConf, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: must(net.ListenPacket("udp4", "127.0.0.1:53")), Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg).SetReply(q)
		a.Answer = append(a.Answer, must(dns.NewRR(q.Question[0].Name+" 60 IN A 203.0.113.1")))
		w.WriteMsg(a)
	})}
	ended := make(chan struct{})
	go func() { server.ActivateAndServe(); close(ended) }()
	t.Cleanup(func() {
		server.Shutdown()
		<-ended
		unix.Unmount(resolvConf, unix.MNT_DETACH)
	})
}

// ask sends one question from inside a node.
func (r *rig) ask(name, network, question string) (answer *dns.Msg, err error) {
	var conn net.Conn
	err = r.in(name, func() (err error) {
		if network == "tcp" { // a dial would hop threads; a blocking connect on this one doesn't
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			if err := unix.Connect(fd, &unix.SockaddrInet4{Port: 53, Addr: [4]byte{10, 255, 0, 1}}); err != nil {
				unix.Close(fd)
				return err
			}
			file := os.NewFile(uintptr(fd), "dns")
			defer file.Close()
			conn, err = net.FileConn(file)
			return err
		}
		conn, err = net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(10, 255, 0, 1), Port: 53})
		return err
	})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	answer, _, err = (&dns.Client{Net: network, Timeout: patient}).ExchangeWithConn(new(dns.Msg).SetQuestion(question, dns.TypeA), &dns.Conn{Conn: conn})
	return answer, err
}

func TestNamesAreResolvedInsideByTheHostsResolver(t *testing.T) {
	r := newRig(t, egress)
	resolver(t)
	spec := internetLab("lab1")
	r.start("a")
	r.plug(spec)
	r.wire(spec, "b")
	r.reaches("a", "10.255.0.1")
	for _, network := range []string{"udp", "tcp"} {
		answer, err := r.ask("a", network, "example.org.")
		if err != nil || len(answer.Answer) != 1 || !strings.HasSuffix(answer.Answer[0].String(), "203.0.113.1") {
			t.Errorf("over %s: %v, %v", network, answer, err)
		}
	}
}

func TestWithoutEgressThereIsAnInsideAndNoWayOut(t *testing.T) {
	r := newRig(t)
	r.fakeInternet()
	resolver(t)
	spec := internetLab("lab1")
	r.start("a", "b")
	r.plug(spec)
	report, err := r.Wire(context.Background(), spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	if limit := report.Limits[spec.Cables[0].ID]; !strings.Contains(limit, "--egress") {
		t.Errorf("limits %q", report.Limits)
	}
	r.reaches("a", "10.255.0.1")
	r.lease(t, "b")
	r.reachesNot("a", "203.0.113.1")
	if answer, err := r.ask("a", "udp", "example.org."); err != nil || answer.Rcode != dns.RcodeRefused {
		t.Errorf("a name was answered: %v, %v", answer, err)
	}
	if err := r.Unwire(context.Background(), "lab1"); err != nil {
		t.Fatal(err)
	}
	r.clean()
}

func TestAFirewallThatDropsWhatItForwardsIsOpenedForTheWayOut(t *testing.T) {
	r := newRig(t, egress)
	if _, err := exec.LookPath("iptables"); err != nil {
		t.Skip("needs iptables")
	}
	r.fakeInternet()
	ctx := context.Background()
	must(iptables(ctx, "-P", "FORWARD", "DROP"))
	defer func() { must(iptables(ctx, "-P", "FORWARD", "ACCEPT")) }()
	spec := internetLab("lab1")
	r.start("a")
	r.plug(spec)
	r.wire(spec, "b")
	r.reaches("a", "203.0.113.1")
	writes := r.writes.Load()
	r.wire(spec, "b")
	if n := r.writes.Load() - writes; n != 0 {
		t.Errorf("wiring again wrote %d times", n)
	}
	if err := r.Unwire(ctx, "lab1"); err != nil {
		t.Fatal(err)
	}
	if rules := must(iptables(ctx, "-S", "FORWARD")); strings.Contains(rules, uplinkPrefix) {
		t.Errorf("rules are left: %s", rules)
	}
	r.clean()
}

func TestNoNodeReachesTheHostThroughItsOwnPort(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
	const address = "192.0.2.200"
	lo := must(netlink.LinkByName("lo"))
	if err := netlink.AddrAdd(lo, addrOf(netip.MustParsePrefix(address+"/32"))); err != nil {
		t.Fatal(err)
	}
	defer netlink.AddrDel(lo, addrOf(netip.MustParsePrefix(address+"/32")))
	service := must(net.ListenPacket("udp4", address+":7777"))
	defer service.Close()
	port := must(netlink.LinkByName(r.names.hostEnd("lab1", "r1", "eth1"))).Attrs()
	err := r.in("r1", func() error {
		link, err := netlink.LinkByName("eth1")
		if err != nil {
			return err
		}
		if err := netlink.NeighSet(&netlink.Neigh{LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT, IP: net.ParseIP(address), HardwareAddr: port.HardwareAddr}); err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{Dst: addrOf(netip.MustParsePrefix(address + "/32")).IPNet, LinkIndex: link.Attrs().Index, Scope: netlink.SCOPE_LINK})
	})
	if err != nil {
		t.Fatal(err)
	}
	knocks := 0
	arrives := func() bool {
		knocks++
		knock := fmt.Sprint("knock ", knocks) // one that comes late is no other's
		send := func() error {
			conn, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.ParseIP(address), Port: 7777})
			if err == nil {
				defer conn.Close()
				_, err = conn.Write([]byte(knock))
			}
			return err
		}
		if err := r.in("r1", send); err != nil {
			t.Fatal(err)
		}
		service.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		for buf := make([]byte, 16); ; {
			n, _, err := service.ReadFrom(buf)
			if err != nil || string(buf[:n]) == knock {
				return err == nil
			}
		}
	}
	if arrives() {
		t.Error("a node reached a service of the host by its port's hardware address")
	}
	if r.datapath() == datapathNetdev {
		// The knock is one that would be heard: without the rule it is.
		if err := r.removeTables(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the knock to be heard without the rule", arrives)
		r.wire(spec)
		if arrives() {
			t.Error("the rule was not put back")
		}
	}
}

func TestAHalfMadeNamespaceIsMendedAndRemoved(t *testing.T) {
	r := newRig(t)
	spec := internetLab("lab1")
	name := r.names.netns("lab1", "net")
	if err := os.WriteFile("/run/netns/"+name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	words, err := r.Leftovers(context.Background(), nil)
	if err != nil || fmt.Sprint(words) != "[namespace "+name+"]" {
		t.Errorf("left over: %q, %v", words, err)
	}
	if _, err := r.Wire(context.Background(), spec, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.RemoveLeftovers(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	r.clean()
}
