package lab_test

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/lab"
)

// pair is a valid lab of two nodes and a link, to be spoilt.
func pair() *lab.Lab {
	return &lab.Lab{
		Name:  "x",
		Nodes: []*lab.Node{{Name: "a", Kind: lab.Router, Line: 3}, {Name: "b", Kind: lab.Linux, Image: "i", Line: 4}},
		Links: []*lab.Link{{Type: lab.VEth, A: lab.Endpoint{Node: "a", Interface: "eth1"}, B: lab.Endpoint{Node: "b", Interface: "eth1"}, Line: 6}},
	}
}

// What a file cannot even say, or says elsewhere, is caught too: labs also come from the drawing and the API.
func TestALabFromAnywhereIsChecked(t *testing.T) {
	if places := lab.Validate(pair()); len(places) > 0 {
		t.Fatalf("the lab to spoil is not valid: %v", places)
	}
	for _, c := range []struct {
		name  string
		spoil func(l *lab.Lab)
		field string
		words string
	}{
		{"two nodes of one name", func(l *lab.Lab) { l.Nodes[1].Name = "a" }, "topology.nodes.a", "two nodes called a; the first is on line 3"},
		{"a kind that is none", func(l *lab.Lab) { l.Nodes[1].Kind = "cisco" }, "topology.nodes.b.kind", "unknown kind"},
		{"an external node that leads nowhere", func(l *lab.Lab) { l.Nodes[1].Kind, l.Nodes[1].Image = lab.External, "" }, "topology.nodes.b.external", "which network it leads to"},
		{"an external network of no name", func(l *lab.Lab) {
			l.Nodes[1].Kind, l.Nodes[1].External = lab.External, &lab.ExternalConfig{Network: "a b"}
		}, "topology.nodes.b.external.network", "letters, digits"},
		{"an external VLAN that there is not", func(l *lab.Lab) {
			l.Nodes[1].Kind, l.Nodes[1].External = lab.External, &lab.ExternalConfig{Network: "campus", VLAN: 4095}
		}, "topology.nodes.b.external.vlan", "no VLAN 4095"},
		{"an external node with an image", func(l *lab.Lab) {
			l.Nodes[1].Kind, l.Nodes[1].External = lab.External, &lab.ExternalConfig{Network: "campus"}
		}, "topology.nodes.b.image", "runs nothing"},
		{"a container that is external", func(l *lab.Lab) { l.Nodes[1].External = &lab.ExternalConfig{Network: "campus"} }, "topology.nodes.b.external", "is for nodes of kind external"},
		{"a link type that is none", func(l *lab.Lab) { l.Links[0].Type = "vxlan" }, "topology.links[0].type", "no link type"},
		{"a link from an interface to itself", func(l *lab.Lab) { l.Links[0].B = l.Links[0].A }, "topology.links[0]", "to itself"},
		{"a dummy with two ends", func(l *lab.Lab) { l.Links[0].Type = lab.Dummy }, "topology.links[0]", "one end only"},
		{"a mgmt-net link without management", func(l *lab.Lab) { l.Links[0].Type, l.Links[0].B = lab.MgmtNet, lab.Endpoint{} }, "topology.links[0]", "needs the management segment"},
		{"a loss that is no number", func(l *lab.Lab) { l.Links[0].AtoB.Loss = math.NaN() }, "topology.links[0].impair.a-to-b", "loss should be"},
		{"a delay of an hour", func(l *lab.Lab) { l.Links[0].BtoA.Delay = time.Hour }, "topology.links[0].impair.b-to-a", "from 0 to"},
		{"jitter without delay", func(l *lab.Lab) { l.Links[0].AtoB.Jitter = 1 }, "topology.links[0].impair.a-to-b", "Add delay"},
		{"an MTU that switches do not carry", func(l *lab.Lab) { l.Links[0].MTU = 65001 }, "topology.links[0].mtu", "Set mtu to 65000 or less"},
		{"an MTU below IPv4's least", func(l *lab.Lab) { l.Links[0].MTU = 67 }, "topology.links[0].mtu", "from 68 to 65000"},
		{"a group address as MAC", func(l *lab.Lab) { l.Links[0].A.MAC = "01:00:00:00:00:01" }, "topology.links[0].endpoints[0]", "group address"},
		{"a MAC that is none", func(l *lab.Lab) { l.Links[0].A.MAC = "x" }, "topology.links[0].endpoints[0]", "no MAC address"},
		{"a broadcast address", func(l *lab.Lab) { l.Links[0].A.Addresses = []netip.Prefix{netip.MustParsePrefix("10.0.0.255/24")} }, "topology.links[0].endpoints[0]", "broadcast"},
		{"an address that was never set", func(l *lab.Lab) { l.Links[0].A.Addresses = []netip.Prefix{{}} }, "topology.links[0].endpoints[0]", "cannot be read"},
		{"a bind out of the folder", func(l *lab.Lab) { l.Nodes[1].Binds = []lab.Bind{{Source: "../x", Target: "/x"}} }, "topology.nodes.b.binds", "outside"},
		{"a bind to the platform's folder", func(l *lab.Lab) { l.Nodes[1].Binds = []lab.Bind{{Source: "x", Target: "/.trunkline/init"}} }, "topology.nodes.b.binds", "belongs to the platform"},
		{"two binds to one file", func(l *lab.Lab) {
			l.Nodes[1].Binds = []lab.Bind{{Source: "x", Target: "/x"}, {Source: "y", Target: "/x"}}
		}, "topology.nodes.b.binds", "two files"},
		{"a management subnet that is too small", func(l *lab.Lab) { l.Mgmt = &lab.Mgmt{IPv4: netip.MustParsePrefix("10.0.0.0/30")} }, "mgmt.ipv4-subnet", "no room for 2 nodes"},
		{"a gateway outside the subnet", func(l *lab.Lab) {
			l.Mgmt = &lab.Mgmt{IPv4: netip.MustParsePrefix("10.0.0.0/24"), IPv4GW: netip.MustParseAddr("10.0.1.1")}
		}, "mgmt.ipv4-gw", "not in the management subnet"},
		{"areas by interface and by network", func(l *lab.Lab) {
			l.Nodes[0].Routing = &lab.Routing{OSPF: &lab.OSPF{Areas: map[string][]string{"0": {"eth1", "10.0.0.0/8"}}}}
		}, "topology.nodes.a.routing.ospf.areas", "one or the other"},
		{"an OSPF interface that is not there", func(l *lab.Lab) {
			l.Nodes[0].Routing = &lab.Routing{OSPF: &lab.OSPF{Areas: map[string][]string{"0": {"eht1"}}}}
		}, "topology.nodes.a.routing.ospf.areas.0", "Did you mean eth1?"},
		{"dead sooner than hello", func(l *lab.Lab) {
			l.Nodes[0].Routing = &lab.Routing{OSPF: &lab.OSPF{Areas: map[string][]string{"0": {"eth1"}}, HelloSeconds: 5, DeadSeconds: 5}}
		}, "topology.nodes.a.routing.ospf.dead", "longer than hello"},
		{"a client in another AS", func(l *lab.Lab) {
			l.Nodes[0].Routing = &lab.Routing{BGP: &lab.BGP{AS: 1, Neighbors: []lab.BGPNeighbor{{Address: netip.MustParseAddr("10.0.0.2"), AS: 2, RouteReflectorClient: true}}}}
		}, "topology.nodes.a.routing.bgp.neighbors", "route reflector's client"},
		{"BGP without a number", func(l *lab.Lab) { l.Nodes[0].Routing = &lab.Routing{BGP: &lab.BGP{}} }, "topology.nodes.a.routing.bgp.as", "no AS number"},
		{"a route by the other family", func(l *lab.Lab) {
			l.Nodes[1].Routing = &lab.Routing{Static: []lab.StaticRoute{{To: netip.MustParsePrefix("10.0.0.0/8"), Via: netip.MustParseAddr("2001:db8::1")}}}
		}, "topology.nodes.b.routing.static", "one is IPv4"},
		{"a restart-policy that is none", func(l *lab.Lab) { l.Nodes[1].RestartPolicy = "sometimes" }, "topology.nodes.b.restart-policy", "unless-stopped"},
		{"a healthcheck without a command", func(l *lab.Lab) { l.Nodes[1].Healthcheck = &lab.Healthcheck{Test: []string{"CMD"}} }, "topology.nodes.b.healthcheck.test", "a command follows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := pair()
			c.spoil(l)
			places := lab.Validate(l)
			for _, p := range places {
				if p.Field == c.field && strings.Contains(p.Sentence, c.words) {
					return
				}
			}
			t.Errorf("want %s to say %q, got %+v", c.field, c.words, places)
		})
	}
}

func TestACycleOfWaitsIsNamedInItsOrder(t *testing.T) {
	l := pair()
	l.Nodes = append(l.Nodes, &lab.Node{Name: "c", Kind: lab.Linux, Image: "i", Line: 5})
	wait := func(stage, node, nodeStage string) []lab.Wait {
		return []lab.Wait{{Stage: stage, Node: node, NodeStage: nodeStage, Line: 9}}
	}
	l.Nodes[0].Stages, l.Nodes[1].Stages, l.Nodes[2].Stages = wait("create", "b", "healthy"), wait("configure", "c", "create-links"), wait("create", "a", "create")
	places := lab.Validate(l)
	if len(places) != 1 || places[0].Line != 9 || !strings.Contains(places[0].Sentence, "waits for b waits for c waits for a") && !strings.Contains(places[0].Sentence, "c waits for a waits for b") {
		t.Errorf("got %+v", places)
	}
	l.Nodes[2].Stages = wait("exit", "a", "create")
	if places := lab.Validate(l); len(places) != 0 {
		t.Errorf("waiting with a later stage is no cycle: %+v", places)
	}
}

func TestOnlyANodesOwnSysctlsAreAllowed(t *testing.T) {
	for name, want := range map[string]bool{
		"net.ipv4.ip_forward": true, "net/ipv4/conf/eth1.10/rp_filter": true, "net.mpls.platform_labels": true, "kernel.shmmax": true, "fs.mqueue.msg_max": true,
		"kernel.core_pattern": false, "kernel.sysrq": false, "vm.swappiness": false, "fs.file-max": false, "net.": false, "net": false,
		"net..x": false, "net.ipv4/../../kernel/x": false, "net.x y": false, "": false, "kernel.shmmax.": false,
	} {
		if got := lab.SysctlAllowed(name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
	if lab.CapabilityAllowed("SYS_MODULE") || lab.CapabilityAllowed("net_admin") || !lab.CapabilityAllowed("NET_ADMIN") {
		t.Error("the capability list is wrong")
	}
}

func TestDefaultNamesOfContainerlabAreAccepted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?`).Draw(t, "name")
		l := pair()
		l.Nodes[1].Name, l.Links[0].B.Node, l.Name = name, name, name
		if name == "a" || name == "host" || name == "vxlan" || name == "macvlan" || name == "dummy" {
			return
		}
		if places := lab.Validate(l); len(places) > 0 {
			t.Fatalf("%s: %v", name, places)
		}
	})
}

func TestValidationNeverPanicsOnWhatItIsGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := labs(t, "lab")
		for _, n := range l.Nodes {
			n.Name = rapid.SampledFrom([]string{n.Name, "", "n1", "..", strings.Repeat("x", 99)}).Draw(t, "name")
			n.Stages = []lab.Wait{{Stage: rapid.SampledFrom([]string{"create", "", "exit"}).Draw(t, "stage"), Node: fmt.Sprintf("n%d", rapid.IntRange(0, 6).Draw(t, "node")), NodeStage: "healthy"}}
		}
		for _, k := range l.Links {
			k.B.Interface = rapid.SampledFrom([]string{k.B.Interface, "", "eth1"}).Draw(t, "interface")
			k.AtoB.RateBits = rapid.Int64().Draw(t, "rate")
		}
		lab.Validate(l)
	})
}
