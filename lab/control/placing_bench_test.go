package control

import (
	"fmt"
	"net/netip"
	"testing"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// bigLab is a grid of nodes, each cabled to its neighbours, with a lan for every ten and a management segment.
func bigLab(nodes int) *lab.Lab {
	l := &lab.Lab{Name: "big", Mgmt: &lab.Mgmt{IPv4: netip.MustParsePrefix("10.0.0.0/16")}}
	name := func(i int) string { return fmt.Sprintf("n%d", i) }
	link := func(a, ai, b, bi string) {
		l.Links = append(l.Links, &lab.Link{Type: lab.VEth, A: lab.Endpoint{Node: a, Interface: ai}, B: lab.Endpoint{Node: b, Interface: bi}})
	}
	for i := range nodes {
		l.Nodes = append(l.Nodes, &lab.Node{Name: name(i), Kind: lab.Linux, Image: "trunkline/tiny"})
		if i > 0 {
			link(name(i-1), "eth1", name(i), "eth2")
		}
		if i >= 30 {
			link(name(i-30), "eth3", name(i), "eth4")
		}
		if i%10 == 0 {
			l.Nodes = append(l.Nodes, &lab.Node{Name: "lan" + name(i), Kind: lab.LAN})
		}
		link(name(i), "eth5", "lan"+name(i-i%10), fmt.Sprintf("p%d", i%10))
	}
	return l
}

func bigSurvey(hosts int) survey {
	var s survey
	for i := range hosts {
		now := hostNow{connected: true, known: true, info: hostapi.HostInfo{
			Arch: "amd64", CPUs: 1, MemoryBytes: 4 << 30, DockerVersion: "x", OVSVersion: "x", Images: []hostapi.Image{{Name: "trunkline/tiny:latest"}},
		}}
		h := candidate(HostRecord{ID: fmt.Sprintf("h%04d", i), Name: fmt.Sprintf("host-%04d", i)}, now, Given{}, "t")
		h.Images = []string{"trunkline/tiny"}
		s.hosts = append(s.hosts, h)
	}
	return s
}

// BenchmarkPlan is what a deploy of a large lab costs the controller before hosts are told: places, identifiers' names and specs.
func BenchmarkPlan(b *testing.B) {
	for _, size := range []struct{ nodes, hosts int }{{1000, 10}, {1000, 1000}, {10000, 100}} {
		b.Run(fmt.Sprintf("%d nodes on %d hosts", size.nodes, size.hosts), func(b *testing.B) {
			l, s := bigLab(size.nodes), bigSurvey(size.hosts)
			for b.Loop() {
				spread, err := s.spread(l, nil, nil)
				if err != nil {
					b.Fatal(err)
				}
				d := Deployment{Want: WantRun, Places: placesOf(l, spread)}
				d.GivenUp = givenUp(l, d.Places, s.hosts)
				out, err := compile(compileInput{LabID: "l", Tenant: "t", Generation: 1, Lab: l, Deployment: d, Defaults: NodeDefaults{CPU: 1, MemoryBytes: 512 << 20, Pids: 1024}})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(out.Crossing)), "crossing")
				b.ReportMetric(float64(len(out.Specs)), "hosts")
			}
		})
	}
}
