package place

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// optimum tries every division and returns the least weight that crosses; -1 when there is no division. It looks at memory, netem,
// anti-affinity, nodes that run and hosts that do not reach each other, and shares no code with the search.
func optimum(p Problem) int64 {
	best, at, number := int64(-1), make([]int, len(p.Nodes)), map[string]int{}
	free, used := make([]int64, len(p.Hosts)), make([]int, len(p.Hosts))
	for i, n := range p.Nodes {
		number[n.Name] = i
		if id, runs := p.Placed[n.Name]; runs {
			for h := range p.Hosts {
				if p.Hosts[h].ID == id {
					free[h] -= n.Needs.Memory
				}
			}
		}
	}
	for h := range p.Hosts {
		free[h] += p.Hosts[h].Capacity.Memory
	}
	var try func(i int)
	try = func(i int) {
		if i == len(at) {
			var weight int64
			for _, c := range p.Cables {
				if at[number[c.A]] != at[number[c.B]] {
					weight += int64(max(c.Weight, 1))
				}
			}
			if best < 0 || weight < best {
				best = weight
			}
			return
		}
		id, runs := p.Placed[p.Nodes[i].Name]
		for h := range p.Hosts {
			if runs && p.Hosts[h].ID != id || !runs && !allowed(p, i, h, at, used, free) {
				continue
			}
			if at[i] = h; !runs {
				free[h] -= p.Nodes[i].Needs.Memory
			}
			used[h]++
			try(i + 1)
			if used[h]--; !runs {
				free[h] += p.Nodes[i].Needs.Memory
			}
		}
	}
	try(0)
	return best
}

func allowed(p Problem, i, h int, at, used []int, free []int64) bool {
	n := p.Nodes[i]
	if n.Needs.Memory > 0 && n.Needs.Memory > free[h] || len(n.Wants) > 0 && !p.Hosts[h].Capabilities.Netem {
		return false
	}
	for j := range i {
		if at[j] == h && len(n.Separate) > 0 && len(p.Nodes[j].Separate) > 0 {
			return false
		}
	}
	for _, pair := range p.Cut {
		for other := range used {
			if used[other] > 0 && other != h && (pair == Pair{p.Hosts[h].ID, p.Hosts[other].ID} || pair == Pair{p.Hosts[other].ID, p.Hosts[h].ID}) {
				return false
			}
		}
	}
	return true
}

// smallLabs draws labs of at most 9 nodes; those that run, if any, all run on the first host and come first.
func smallLabs(t *rapid.T) Problem {
	p := Problem{Placed: map[string]string{}}
	for i := range 3 {
		h := host(fmt.Sprint(i), int64(rapid.IntRange(1, 5).Draw(t, "memory"))*gib)
		h.Capabilities.Netem = rapid.IntRange(0, 3).Draw(t, "netem") > 0
		p.Hosts = append(p.Hosts, h)
	}
	nodes, running := rapid.IntRange(2, 9).Draw(t, "nodes"), rapid.IntRange(0, 2).Draw(t, "running")
	for i := range nodes {
		n := router(fmt.Sprintf("n%d", i), memory(int64(rapid.IntRange(0, 4).Draw(t, "needs"))*gib/4))
		switch {
		case i < running:
			p.Placed[n.Name] = p.Hosts[0].ID
		case rapid.IntRange(0, 5).Draw(t, "rule") == 0:
			n.Wants = []Want{{Ability: Netem}}
		case rapid.IntRange(0, 5).Draw(t, "rule") == 0:
			n.Separate = []string{"s"}
		}
		p.Nodes = append(p.Nodes, n)
		for range min(i, 2) {
			p.Cables = append(p.Cables, Cable{n.Name, fmt.Sprintf("n%d", rapid.IntRange(0, i-1).Draw(t, "peer")), rapid.IntRange(1, 4).Draw(t, "weight")})
		}
	}
	if rapid.IntRange(0, 2).Draw(t, "cut") == 0 {
		p.Cut = []Pair{{p.Hosts[rapid.IntRange(0, 1).Draw(t, "a")].ID, p.Hosts[2].ID}}
	}
	return p
}

func TestSmallLabsAreDividedAsWellAsCanBe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		problem := smallLabs(t)
		best := optimum(problem)
		p, err := Spread(problem)
		switch {
		case err != nil && best >= 0:
			t.Fatalf("a division of weight %d exists, refused with %v", best, err)
		case err == nil && p.Weight != best:
			t.Fatalf("weight %d crosses, the least is %d", p.Weight, best)
		}
	})
}

// filled is a problem of hosts for exactly ten routers each.
func filled(nodes int) Problem {
	var p Problem
	for i := range nodes {
		p.Nodes = append(p.Nodes, router(fmt.Sprintf("n%05d", i)))
		if i%10 == 0 {
			p.Hosts = append(p.Hosts, host(fmt.Sprintf("host%04d", i/10), 10*gib))
		}
	}
	return p
}

func TestALargeLabIsDividedNearItsBest(t *testing.T) {
	chain := filled(1000)
	for i := 1; i < len(chain.Nodes); i++ {
		chain.Cables = append(chain.Cables, Cable{A: chain.Nodes[i-1].Name, B: chain.Nodes[i].Name})
	}
	cliques := filled(1000)
	for i := range cliques.Nodes {
		for j := i % 10; j > 0; j-- { // members of a clique are far apart by name
			cliques.Cables = append(cliques.Cables, Cable{A: cliques.Nodes[i/10+i%10*100].Name, B: cliques.Nodes[i/10+(j-1)*100].Name})
		}
	}
	roomy := filled(1000)
	roomy.Cables = chain.Cables
	for i := range roomy.Hosts {
		roomy.Hosts[i].Capacity.Memory = 12 * gib
	}
	for _, c := range []struct {
		name    string
		problem Problem
		most    int
	}{
		{"a chain over hosts that it fills to the last byte, at best 99", chain, 150},
		{"a chain over hosts with a little to spare, at best 83", roomy, 110},
		{"cliques as large as a host, at best 0", cliques, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Spread(c.problem)
			if err != nil {
				t.Fatal(err)
			}
			if p.Crossing > c.most {
				t.Errorf("%d cables cross, want at most %d", p.Crossing, c.most)
			}
		})
	}
}
