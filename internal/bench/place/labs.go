package main

import (
	"fmt"
	"math/rand/v2"

	"trunkline/lab/hostapi"
	"trunkline/lab/place"
)

const gib = int64(1) << 30

var images = []string{"router", "host", "dns", "dhcp"}

// campus is a lab of that many nodes, and a tenth as many hosts of three sizes, of which it needs about four fifths: sites of a
// LAN with routers and hosts, neighbouring sites joined, and a tenth of the sites with a cable far across. Some nodes have rules.
func campus(nodes int) place.Problem {
	random := rand.New(rand.NewPCG(1, uint64(nodes)))
	var p place.Problem
	for i := range nodes {
		n := place.Node{Name: fmt.Sprintf("n%05d", i), Image: images[random.IntN(len(images))],
			Needs: place.Amount{CPU: 0.1, Memory: gib / 4 * int64(1+random.IntN(3)), PIDs: 50, Interfaces: 2}}
		switch {
		case i%20 == 0:
			n = place.Node{Name: n.Name, Segment: true, Needs: place.Amount{Interfaces: 8}}
		case random.IntN(20) == 0:
			n.Wants = []place.Want{{Ability: place.Netem, Because: "link " + n.Name + ":eth1 wants a delay"}}
		case random.IntN(20) == 0:
			n.Labels = map[string]string{"zone": fmt.Sprintf("z%d", random.IntN(4))}
		}
		p.Nodes = append(p.Nodes, n)
		if i%20 == 0 {
			continue
		}
		site := i / 20 * 20
		p.Cables = append(p.Cables, place.Cable{A: n.Name, B: p.Nodes[site+random.IntN(i-site)].Name, Weight: 1 + random.IntN(3)})
		if random.IntN(3) == 0 {
			p.Cables = append(p.Cables, place.Cable{A: n.Name, B: p.Nodes[site].Name})
		}
	}
	for site := 20; site < nodes; site += 20 {
		p.Cables = append(p.Cables, place.Cable{A: p.Nodes[site+1].Name, B: p.Nodes[site-19].Name})
		if random.IntN(10) == 0 {
			p.Cables = append(p.Cables, place.Cable{A: p.Nodes[site+1].Name, B: p.Nodes[random.IntN(site)].Name})
		}
	}
	for i := range nodes / 10 {
		p.Hosts = append(p.Hosts, place.Candidate{ID: fmt.Sprintf("id%04d", i), Name: fmt.Sprintf("host%04d", i), Connected: random.IntN(50) > 0,
			Labels:       map[string]string{"zone": fmt.Sprintf("z%d", i%4)},
			Capacity:     place.Amount{CPU: 4, Memory: gib * int64(4+2*random.IntN(3)), PIDs: 4096, Interfaces: 64},
			Capabilities: hostapi.Capabilities{Netem: random.IntN(4) > 0}, Images: images[:1+random.IntN(len(images))], Fetches: true, Labs: random.IntN(5)})
	}
	return p
}

// smallLab is a connected lab of 6 to 12 nodes on 3 hosts that cannot hold it one by one.
func smallLab(seed uint64) place.Problem {
	random := rand.New(rand.NewPCG(2, seed))
	var p place.Problem
	var total, largest int64
	nodes := 6 + random.IntN(7)
	for i := range nodes {
		needs := gib / 4 * int64(1+random.IntN(3))
		total, largest = total+needs, max(largest, needs)
		p.Nodes = append(p.Nodes, place.Node{Name: fmt.Sprintf("n%d", i), Needs: place.Amount{Memory: needs}})
		if i > 0 {
			p.Cables = append(p.Cables, place.Cable{A: p.Nodes[i].Name, B: p.Nodes[random.IntN(i)].Name})
		}
	}
	for range nodes / 2 * (1 + random.IntN(3)) {
		a, b := random.IntN(nodes), random.IntN(nodes)
		if a != b {
			p.Cables = append(p.Cables, place.Cable{A: p.Nodes[a].Name, B: p.Nodes[b].Name})
		}
	}
	for i := range 3 {
		p.Hosts = append(p.Hosts, place.Candidate{ID: fmt.Sprintf("id%d", i), Name: fmt.Sprintf("host%d", i), Connected: true,
			Capacity: place.Amount{Memory: total/3 + largest + gib/4*int64(random.IntN(3))}})
	}
	return p
}
