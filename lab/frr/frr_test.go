package frr_test

import (
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline/lab"
	"trunkline/lab/frr"
)

var update = flag.Bool("update", false, "write the golden files anew")

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// routers are one node for each way of declaring routing.
var routers = map[string]*lab.Node{
	"static": {Name: "r1", Kind: lab.Router, Routing: &lab.Routing{Static: []lab.StaticRoute{
		{To: prefix("0.0.0.0/0"), Via: addr("10.0.0.1")},
		{To: prefix("10.9.0.0/16"), Dev: "eth1"},
		{To: prefix("10.8.0.0/16"), Via: addr("10.0.0.2"), Dev: "eth1"},
		{To: prefix("::/0"), Via: addr("2001:db8::1")},
	}}},
	"ospf-by-interface": {Name: "r2", Kind: lab.Router, Interfaces: []lab.Interface{{Name: "lo", Addresses: []netip.Prefix{prefix("10.1.1.2/32")}}},
		Routing: &lab.Routing{OSPF: &lab.OSPF{
			Areas:   map[string][]string{"0.0.0.0": {"eth2", "eth1", "lo"}, "1": {"eth3"}},
			Passive: []string{"eth3"}, PointToPoint: []string{"eth1"}, Redistribute: []string{"connected", "static"}, HelloSeconds: 1, DeadSeconds: 4,
		}}},
	"ospf-by-network": {Name: "r3", Kind: lab.Router, Routing: &lab.Routing{RouterID: addr("10.1.1.3"), OSPF: &lab.OSPF{
		Areas: map[string][]string{"0.0.0.0": {"10.200.1.0/24", "10.200.2.0/24"}, "0.0.0.1": {"10.0.0.0/8"}}, Passive: []string{"eth9"},
	}}},
	"bgp-route-reflector": {Name: "rr", Kind: lab.Router, Routing: &lab.Routing{RouterID: addr("10.1.1.5"), BGP: &lab.BGP{AS: 100, Neighbors: []lab.BGPNeighbor{
		{Address: addr("10.200.1.101"), AS: 100, RouteReflectorClient: true}, {Address: addr("10.200.1.102"), AS: 100, RouteReflectorClient: true},
	}}}},
	"bgp-provider-edge": {Name: "pe1", Kind: lab.Router, Routing: &lab.Routing{RouterID: addr("10.1.1.1"), BGP: &lab.BGP{
		AS: 100, Redistribute: []string{"connected", "ospf"}, Networks: []netip.Prefix{prefix("10.1.1.0/24"), prefix("2001:db8::/32")},
		Neighbors: []lab.BGPNeighbor{
			{Address: addr("10.200.1.105"), AS: 100, NextHopSelf: true, UpdateSource: "lo"},
			{Address: addr("10.201.11.2"), AS: 4200000001},
			{Address: addr("2001:db8::2"), AS: 1002},
		},
	}}},
}

func TestEachRouterHasItsGoldenConfiguration(t *testing.T) {
	for name, n := range routers {
		t.Run(name, func(t *testing.T) {
			got := frr.Render(n.Name, n)
			file := filepath.Join("testdata", name+".conf")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("differs from %s (-want +got):\n%s", file, diff)
			}
			if again := frr.Render(n.Name, n); again != got {
				t.Error("a second rendering differs")
			}
		})
	}
}

func TestANodeWithoutRoutingHasNoConfiguration(t *testing.T) {
	if got := frr.Render("h1", &lab.Node{Name: "h1", Kind: lab.Router}); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestDaemonsAreThoseThatTheRoutingNeeds(t *testing.T) {
	for name, want := range map[string]string{
		"static": "zebra staticd", "ospf-by-network": "zebra staticd ospfd", "bgp-route-reflector": "zebra staticd bgpd",
	} {
		if got := frr.Daemons(routers[name]); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: got %v, want %s", name, got, want)
		}
	}
}

// needDocker skips without the router's image, or fails where TRUNKLINE_REQUIRE_REAL=1 says it must be there.
func needDocker(t *testing.T) {
	if out, err := exec.Command("docker", "image", "inspect", "--format", "{{.Id}}", "trunkline/router").CombinedOutput(); err != nil {
		if os.Getenv("TRUNKLINE_REQUIRE_REAL") == "1" {
			t.Fatalf("the image trunkline/router is wanted and not there: %v: %s", err, out)
		}
		t.Skipf("needs Docker with the image trunkline/router: %v: %s", err, out)
	}
}

func TestFRRAcceptsEveryConfiguration(t *testing.T) {
	needDocker(t)
	for name, n := range routers {
		t.Run(name, func(t *testing.T) {
			check := exec.Command("docker", "run", "--rm", "-i", "--network", "none", "--label", "trunkline.test=frr", "--entrypoint", "/bin/sh", "trunkline/router",
				"-c", "cat > /tmp/frr.conf && vtysh -C -f /tmp/frr.conf")
			check.Stdin = strings.NewReader(frr.Render(n.Name, n))
			out, err := check.CombinedOutput()
			if err != nil || strings.Contains(string(out), "%") || strings.Contains(string(out), "Unknown") {
				t.Errorf("FRR refuses it: %v\n%s", err, out)
			}
		})
	}
}
