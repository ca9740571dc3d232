package images

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func image(t *testing.T, name string) Image {
	t.Helper()
	for _, i := range All() {
		if i.Name == name {
			return i
		}
	}
	t.Fatalf("there is no image %s", name)
	return Image{}
}

func TestImagesAreUpToDate(t *testing.T) {
	real(t)
	if out, err := exec.Command("./build.sh", "--check").CombinedOutput(); err != nil {
		t.Errorf("run make images: %s", out)
	}
	for _, i := range All() {
		out, err := exec.Command("docker", "image", "inspect", "--format", "{{range $k, $v := .Config.Labels}}{{$k}}={{$v}}\n{{end}}", i.Name).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %s", i.Name, out)
		}
		for name, value := range i.Labels() {
			if !strings.Contains("\n"+string(out), "\n"+name+"="+value+"\n") {
				t.Errorf("%s: no label %s=%s", i.Name, name, value)
			}
		}
	}
}

// routerConf is a router with one neighbour: its loopback is told by OSPF, another network by BGP. Short timers, so that the test is short.
func routerConf(as, address, loopback, network, peerAS, peer string) string {
	return strings.NewReplacer("AS", as, "ADDRESS", address, "LOOPBACK", loopback, "NETWORK", network, "REMOTE", peerAS, "PEER", peer).Replace(`
frr defaults traditional
interface eth1
 ip address ADDRESS/30
 ip ospf area 0
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 4
exit
interface lo
 ip address LOOPBACK/32
 ip ospf area 0
exit
router ospf
exit
ip route NETWORK Null0
router bgp AS
 no bgp ebgp-requires-policy
 timers bgp 1 3
 neighbor PEER remote-as REMOTE
 neighbor PEER timers connect 1
 address-family ipv4 unicast
  network NETWORK
 exit-address-family
exit
`)
}

func TestRoutersReachEachOtherByOSPFAndBGP(t *testing.T) {
	t.Parallel()
	real(t)
	router := image(t, "trunkline/router")
	// One as people write labs for FRR's own image, with a daemons file; the other with its configuration alone.
	a := begin(t, router, map[string]string{
		"/etc/frr/frr.conf": routerConf("65001", "10.9.0.1", "1.1.1.1", "198.51.100.0/24", "65002", "10.9.0.2"),
		"/etc/frr/daemons":  "zebra=yes\nbgpd=yes\nospfd=yes\nisisd=no\nvtysh_enable=yes\nbgpd_options=\"  -A 127.0.0.1 -M bmp\"\n",
	})
	b := begin(t, router, map[string]string{"/etc/frr/frr.conf": routerConf("65002", "10.9.0.2", "2.2.2.2", "203.0.113.0/24", "65001", "10.9.0.1")})
	plug(a, "eth1", b, "eth1")
	a.open()
	b.open()
	a.until("Full", "vtysh", "-c", "show ip ospf neighbor")
	a.until(`"state":"Established"`, "vtysh", "-c", "show bgp summary json")
	a.until("2.2.2.2", "ip", "route", "show", "proto", "ospf")
	a.until("203.0.113.0/24", "ip", "route", "show", "proto", "bgp")
	b.until("198.51.100.0/24", "ip", "route", "show", "proto", "bgp")
	a.until("1 received", "ping", "-c1", "-W1", "-I", "1.1.1.1", "2.2.2.2")
	if out := a.exec("pgrep", "-a", "bgpd"); !strings.Contains(out, "-M bmp") {
		t.Errorf("bgpd_options of the daemons file are not there: %s", out)
	}
	if out, ok := a.try("pgrep", "isisd"); ok {
		t.Errorf("isisd runs though the daemons file says no: %s", out)
	}
	for _, command := range [][]string{{"unshare", "--net", "true"}, {"nsenter", "-t", "1", "-n", "true"}, {"unshare", "--mount", "true"}} {
		if out, ok := a.try(command...); ok || !strings.Contains(out, "not permitted") {
			t.Errorf("SYS_ADMIN has power: %v answered %q", command, out)
		}
	}
}

func TestAFabricIsMadeFromTheVariablesOfPublicLabs(t *testing.T) {
	t.Parallel()
	real(t)
	router := image(t, "trunkline/router")
	leaf1 := begin(t, router, nil, "LOCAL_AS=65001", "NEIGHBORS=eth1", "HOSTPORT=eth3", "HOSTNET=172.16.1.1/24", "HOSTNET6=2001:db8:1::1/64")
	spine := begin(t, router, nil, "LOCAL_AS=65003", "NEIGHBORS=eth1 eth2")
	leaf2 := begin(t, router, nil, "LOCAL_AS=65002", "NEIGHBORS=eth1", "HOSTPORT=eth3", "HOSTNET=172.16.2.1/24", "HOSTNET6=2001:db8:2::1/64")
	host := begin(t, image(t, "trunkline/tiny"), nil)
	plug(leaf1, "eth1", spine, "eth1")
	plug(leaf2, "eth1", spine, "eth2")
	plug(leaf1, "eth3", host, "eth1")
	plug(leaf2, "eth3", host, "eth2")
	for _, n := range []*node{leaf1, spine, leaf2, host} {
		n.open()
	}
	leaf1.until("172.16.2.0/24", "ip", "route", "show", "proto", "bgp")
	leaf1.until("2001:db8:2::/64", "ip", "-6", "route", "show", "proto", "bgp")
	leaf1.until("1 received", "ping", "-c1", "-W1", "-I", "172.16.1.1", "172.16.2.1")
}

func TestARouterRestartsItsDaemonsAndNeedsNoConfiguration(t *testing.T) {
	t.Parallel()
	real(t)
	r := begin(t, image(t, "trunkline/router"), nil, "FRR_DAEMONS=isisd")
	r.open()
	r.until("ready", "ls", "/run/frr")
	if out, ok := r.try("pgrep", "bgpd"); ok {
		t.Errorf("FRR_DAEMONS does not name bgpd, but it runs: %s", out)
	}
	before := r.exec("pgrep", "-x", "isisd")
	r.exec("/usr/lib/frr/frrinit.sh", "start")
	if again := r.exec("pgrep", "-x", "isisd"); again != before {
		t.Errorf("starting twice made another isisd: %s, then %s", before, again)
	}
	r.exec("service", "frr", "restart")
	if again := r.exec("pgrep", "-x", "isisd"); again == before {
		t.Error("restart left the old isisd running")
	}
	if out := r.exec("/etc/init.d/frr", "status"); !strings.Contains(out, "isisd runs.") {
		t.Errorf("status says %q", out)
	}
	r.exec("vtysh", "-c", "configure terminal", "-c", "router isis lab", "-c", "end", "-c", "write memory")
	if out := r.exec("cat", "/etc/frr/frr.conf"); !strings.Contains(out, "router isis lab") {
		t.Errorf("write memory wrote %q", out)
	}
}

// leased is the address a plain host gets on eth1.
func leased(t *testing.T, host *node) netip.Addr {
	t.Helper()
	host.until("inet ", "sh", "-c", "timeout 25 dhclient -1 eth1; ip -4 -o address show dev eth1")
	fields := strings.Fields(host.exec("ip", "-4", "-o", "address", "show", "dev", "eth1"))
	if len(fields) < 4 {
		t.Fatalf("no address on eth1: %v", fields)
	}
	prefix, err := netip.ParsePrefix(fields[3])
	if err != nil {
		t.Fatal(err)
	}
	return prefix.Addr()
}

func TestDHCPServesTheNetworksItIsInWithoutConfiguration(t *testing.T) {
	t.Parallel()
	real(t)
	server := begin(t, image(t, "trunkline/dhcp"), nil)
	host := begin(t, image(t, "trunkline/host"), nil)
	plug(server, "eth1", host, "eth1")
	server.ip("address", "add", "10.7.3.1/24", "dev", "eth1")
	server.open()
	host.open()
	if got := leased(t, host); !netip.MustParsePrefix("10.7.3.128/25").Contains(got) {
		t.Errorf("leased %s, want one of the upper half of 10.7.3.0/24", got)
	}
	if out := host.exec("ip", "route"); strings.Contains(out, "default") {
		t.Errorf("a gateway was handed out though the server knows none: %s", out)
	}
}

func TestDHCPDoesWhatItsConfigurationSays(t *testing.T) {
	t.Parallel()
	real(t)
	dhcp := image(t, "trunkline/dhcp")
	server := begin(t, dhcp, map[string]string{dhcp.StartupConfig: `
interface=eth1
dhcp-range=10.8.0.50,10.8.0.50,255.255.255.0,1h
dhcp-option=option:router,10.8.0.254
dhcp-option=option:dns-server,10.8.0.53
`})
	host := begin(t, image(t, "trunkline/host"), nil)
	plug(server, "eth1", host, "eth1")
	server.ip("address", "add", "10.8.0.1/24", "dev", "eth1")
	server.open()
	host.open()
	if got := leased(t, host); got != netip.MustParseAddr("10.8.0.50") {
		t.Errorf("leased %s, want 10.8.0.50", got)
	}
	if out := host.exec("ip", "route"); !strings.Contains(out, "default via 10.8.0.254") {
		t.Errorf("the routes are %s", out)
	}
	if out := host.exec("cat", "/etc/resolv.conf"); !strings.Contains(out, "nameserver 10.8.0.53") {
		t.Errorf("/etc/resolv.conf holds %s", out)
	}
}

func TestDNSAnswersFromZoneFilesAndFromItsConfiguration(t *testing.T) {
	t.Parallel()
	real(t)
	dns := image(t, "trunkline/dns")
	zone := "$TTL 60\n@ SOA ns a 1 60 60 60 60\n@ NS ns\nns A 10.8.0.1\nweb A 10.8.0.7\n"
	server := begin(t, dns, map[string]string{
		"/etc/bind/zones/school.lab.zone": zone,
		"/etc/bind/db.office":             zone,
		dns.StartupConfig:                 `zone "office.lab" { type master; file "/etc/bind/db.office"; };`,
	})
	host := begin(t, image(t, "trunkline/host"), nil)
	plug(server, "eth1", host, "eth1")
	server.ip("address", "add", "10.8.0.1/24", "dev", "eth1")
	host.ip("address", "add", "10.8.0.2/24", "dev", "eth1")
	server.open()
	host.open()
	for _, name := range []string{"web.school.lab", "web.office.lab"} {
		host.until("10.8.0.7\n", "dig", "+short", "+time=1", "+tries=1", "@10.8.0.1", name)
	}
	server.exec("rndc", "status")
}

func TestDNSTakesAWholeConfiguration(t *testing.T) {
	t.Parallel()
	real(t)
	dns := image(t, "trunkline/dns")
	server := begin(t, dns, map[string]string{dns.StartupConfig: "options { directory \"/var/cache/bind\"; version \"ours\"; recursion no; };\n"})
	server.open()
	server.until(`"ours"`, "dig", "+short", "+time=1", "+tries=1", "@127.0.0.1", "version.bind", "chaos", "txt")
}

func TestAHostHasTheToolsPeopleReachFor(t *testing.T) {
	t.Parallel()
	real(t)
	host := begin(t, image(t, "trunkline/host"), nil)
	peer := begin(t, image(t, "trunkline/tiny"), nil)
	plug(host, "eth1", peer, "eth1")
	host.ip("address", "add", "10.6.0.1/24", "dev", "eth1")
	peer.ip("address", "add", "10.6.0.2/24", "dev", "eth1")
	host.open()
	peer.open()
	tools := strings.Fields("ping tcpdump traceroute tracepath mtr iperf3 curl wget nc socat dig nslookup vim.tiny vi nano less ip bridge ss nft iptables " +
		"ethtool ssh dhclient ps top pkill killall ifconfig arping bash ash telnet tftp sysctl serve-http")
	for _, tool := range tools {
		if out, ok := host.try("sh", "-c", "command -v "+tool); !ok {
			t.Errorf("there is no %s: %s", tool, out)
		}
	}
	host.until("1 received", "ping", "-c1", "-W1", "10.6.0.2")
	if out, ok := peer.try("ping", "-c1", "-W30", "10.6.0.1"); !ok {
		t.Errorf("tiny cannot ping: %s", out)
	}
	host.run(exec.Command("docker", "exec", "--user", "nobody", host.name, "ping", "-c1", "-W30", "10.6.0.2"))
	host.exec("sh", "-c", "serve-http 80 >/dev/null 2>&1 &")
	peer.until("Hello from host", "wget", "-q", "-O", "-", "http://10.6.0.1/")
	host.exec("sh", "-c", "tcpdump -c1 -ni eth1 icmp >/tmp/seen 2>&1 & until grep -q listening /tmp/seen; do sleep 0.1; done; ping -c1 -W1 10.6.0.2; wait; grep 'ICMP echo' /tmp/seen")
	host.exec("nft", "add", "table", "inet", "lesson")
	host.exec("ip", "link", "add", "br0", "type", "bridge")
}

func TestSysctlInANodeSaysWhereItBelongs(t *testing.T) {
	t.Parallel()
	real(t)
	r := begin(t, image(t, "trunkline/router"), nil)
	if out := r.exec("sysctl", "-w", "net.ipv4.ip_forward=1"); !strings.Contains(out, "net.ipv4.ip_forward = 1") {
		t.Errorf("setting what is set says %q", out)
	}
	if out, ok := r.try("sysctl", "-w", "net.ipv4.ip_forward=0"); ok || !strings.Contains(out, "Give it in the lab file: sysctls: {net.ipv4.ip_forward: 0}") {
		t.Errorf("setting another value succeeded=%v and says %q", ok, out)
	}
}

func TestTheBaseIsBuiltFromARegistry(t *testing.T) {
	t.Parallel()
	real(t)
	if _, err := exec.LookPath("docker-registry"); err != nil {
		if os.Getenv("TRUNKLINE_REQUIRE_REAL") != "" {
			t.Fatal("docker-registry is not installed: internal/setup/install.sh test")
		}
		t.Skip("docker-registry is not installed")
	}
	address := registry(t)
	from, prefix := address+"/debian:slim", "tlimg-registry"
	docker := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("docker", args...).CombinedOutput(); err != nil {
			t.Fatalf("docker %v: %v: %s", args, err, out)
		}
	}
	docker("tag", "trunkline/base", from)
	docker("push", "--quiet", from)
	docker("rmi", from)
	t.Cleanup(func() { docker("rmi", prefix+"/base", from) })
	build := exec.Command("./build.sh", "base")
	build.Env = append(os.Environ(), "BASE_FROM="+from, "PREFIX="+prefix)
	if out, err := build.CombinedOutput(); err != nil || !strings.Contains(string(out), "built "+prefix+"/base") {
		t.Fatalf("%v: %s", err, out)
	}
	docker("run", "--rm", "--network", "none", prefix+"/base", "test", "-e", "/etc/debian_version")
	check := exec.Command("./build.sh", "--check", "base")
	check.Env = append(os.Environ(), "PREFIX="+prefix) // without BASE_FROM: the choice is kept
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("what was just built is to be built again: %s", out)
	}
	back := exec.Command("./build.sh", "--check", "base")
	back.Env = append(check.Env, "BASE_FROM=packages")
	if out, err := back.CombinedOutput(); err == nil || !strings.Contains(string(out), "To be built: base") {
		t.Errorf("going back to packages builds nothing: %v: %s", err, out)
	}
}
