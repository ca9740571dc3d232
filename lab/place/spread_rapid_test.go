package place

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// problems draws labs and hosts with every rule there is.
func problems(t *rapid.T) Problem {
	var p Problem
	hosts := rapid.IntRange(1, 7).Draw(t, "hosts")
	for i := range hosts {
		h := Candidate{ID: fmt.Sprintf("id%d", i), Name: fmt.Sprintf("host%d", i), Connected: rapid.IntRange(0, 9).Draw(t, "on") > 0,
			Drained: rapid.IntRange(0, 9).Draw(t, "drained") == 0, Lost: rapid.IntRange(0, 9).Draw(t, "lost") == 0, Arch: rapid.SampledFrom([]string{"amd64", "arm64"}).Draw(t, "arch"),
			Capacity:   Amount{CPU: float64(rapid.IntRange(1, 16).Draw(t, "cpu")), Memory: int64(rapid.IntRange(1, 12).Draw(t, "memory")) * gib, PIDs: 500, Interfaces: 40},
			OverCommit: Factors{CPU: rapid.SampledFrom([]float64{0, 1, 2.5}).Draw(t, "factor")}, InUse: Amount{Memory: int64(rapid.IntRange(0, 3).Draw(t, "used")) * gib},
			Labels:       map[string]string{"zone": rapid.SampledFrom([]string{"x", "y"}).Draw(t, "zone")},
			Capabilities: hostapi.Capabilities{Netem: rapid.Bool().Draw(t, "netem"), Egress: true},
			Images:       []string{"router"}, Labs: rapid.IntRange(0, 3).Draw(t, "labs")}
		p.Hosts = append(p.Hosts, h)
	}
	nodes := rapid.IntRange(1, 30).Draw(t, "nodes")
	p.Placed = map[string]string{}
	for i := range nodes {
		n := Node{Name: fmt.Sprintf("n%d", i), Needs: Amount{CPU: float64(rapid.IntRange(0, 4).Draw(t, "cpu")) / 4, Memory: int64(rapid.IntRange(0, 4).Draw(t, "memory")) * gib / 4, Interfaces: 2},
			Image: "router", Grown: rapid.IntRange(0, 9).Draw(t, "grown") == 0}
		switch rapid.IntRange(0, 12).Draw(t, "rule") {
		case 0:
			n.Labels = map[string]string{"zone": "x"}
		case 1:
			n.Arch = []string{"amd64"}
		case 2:
			n.Wants = []Want{{Ability: Netem}}
		case 3:
			n.Together = []string{rapid.SampledFrom([]string{"t", "u"}).Draw(t, "together")}
		case 4:
			n.Separate = []string{rapid.SampledFrom([]string{"s", "v"}).Draw(t, "separate")}
		}
		if rapid.IntRange(0, 4).Draw(t, "runs") == 0 {
			p.Placed[n.Name] = fmt.Sprintf("id%d", rapid.IntRange(0, hosts).Draw(t, "home"))
		}
		p.Nodes = append(p.Nodes, n)
		if i > 0 {
			p.Cables = append(p.Cables, Cable{n.Name, fmt.Sprintf("n%d", rapid.IntRange(0, i-1).Draw(t, "peer")), rapid.IntRange(0, 5).Draw(t, "weight")})
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "cut") {
		p.Cut = append(p.Cut, Pair{fmt.Sprintf("id%d", rapid.IntRange(0, hosts-1).Draw(t, "a")), fmt.Sprintf("id%d", rapid.IntRange(0, hosts-1).Draw(t, "b"))})
	}
	p.BestEffort = rapid.Bool().Draw(t, "best effort")
	return p
}

func TestEveryPlacementKeepsTheRules(t *testing.T) {
	placed, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		problem := problems(t)
		p, err := Spread(problem)
		if err != nil {
			refused++
			if s := fault.Sentence(err); !strings.Contains(s, "No host fits n") || fault.CodeOf(err) == fault.Internal {
				t.Fatalf("refused with %q", s)
			}
			return
		}
		placed++
		if len(p.Of) != len(problem.Nodes) {
			t.Fatalf("%d of %d nodes placed", len(p.Of), len(problem.Nodes))
		}
		checkHosts(t, problem, p)
		checkCompany(t, problem, p)
		checkWords(t, problem, p)
	})
	if placed == 0 || refused == 0 {
		t.Errorf("%d problems were placed and %d refused: the generator shows too little", placed, refused)
	}
}

// checkHosts asserts that no node is on an unfit host, that no host gives more than it has to nodes that did not run there, and that
// nodes that may stay do.
func checkHosts(t *rapid.T, problem Problem, p Placement) {
	free, gained := map[string]room{}, map[string]bool{}
	hosts := map[string]*Candidate{}
	for i := range problem.Hosts {
		h := &problem.Hosts[i]
		hosts[h.ID], free[h.ID] = h, h.free()
	}
	for i := range problem.Nodes {
		n := &problem.Nodes[i]
		id := p.Of[n.Name].HostID
		h := hosts[id]
		left, needs := free[id], n.Needs.room()
		left.take(&needs)
		free[id] = left
		was := problem.Placed[n.Name]
		if was != id || n.Grown {
			gained[id] = true
		}
		if was == id {
			if h.Lost || h.Drained {
				t.Fatalf("%s stays on %s, which is to be emptied", n.Name, h.Name)
			}
		} else if b := barOf(n, h, true, problem.BestEffort); b != noBar {
			t.Fatalf("%s is on %s, which is %s", n.Name, h.Name, b.short())
		}
		if old := hosts[was]; old != nil && was != id && !n.Grown && len(n.Together)+len(n.Separate) == 0 && !old.Lost && !old.Drained &&
			(!old.Connected || ableBar(n, old, true, problem.BestEffort) == noBar) {
			t.Fatalf("%s moved from %s for no reason: %s", n.Name, old.Name, p.Of[n.Name].Why)
		}
	}
	for id := range gained {
		left, none := free[id], room{}
		for i := range left {
			if left[i] < 0 && hosts[id].Capacity.room()[i] > 0 && takesNew(problem, p, id, i) {
				t.Fatalf("%s is over its capacity: %v, %v", id, left, none)
			}
		}
	}
}

// takesNew reports whether a node came to the host that needs that kind of room.
func takesNew(problem Problem, p Placement, id string, kind int) bool {
	return slices.ContainsFunc(problem.Nodes, func(n Node) bool {
		return p.Of[n.Name].HostID == id && problem.Placed[n.Name] != id && n.Needs.room()[kind] > 0
	})
}

// checkCompany asserts affinity, anti-affinity, reachability and the count of cables.
func checkCompany(t *rapid.T, problem Problem, p Placement) {
	homes := map[string]string{}
	for _, n := range problem.Nodes {
		id := p.Of[n.Name].HostID
		for _, name := range n.Together {
			if other, seen := homes["together "+name]; seen && other != id {
				t.Fatalf("%s is not with the others of %s", n.Name, name)
			}
			homes["together "+name] = id
		}
		for _, name := range n.Separate {
			if homes["separate "+name+id] != "" {
				t.Fatalf("%s shares a host with another of %s", n.Name, name)
			}
			homes["separate "+name+id] = n.Name
		}
	}
	crossing := 0
	for _, c := range problem.Cables {
		if p.Of[c.A].HostID != p.Of[c.B].HostID {
			crossing++
		}
	}
	if crossing != p.Crossing {
		t.Fatalf("%d cables cross, said %d", crossing, p.Crossing)
	}
	fresh := func(id string) bool { // no node of those on it was there before
		for name, choice := range p.Of {
			if choice.HostID == id && problem.Placed[name] == id {
				return false
			}
		}
		return true
	}
	used := map[string]bool{}
	for _, choice := range p.Of {
		used[choice.HostID] = true
	}
	for _, pair := range problem.Cut {
		if pair.A != pair.B && used[pair.A] && used[pair.B] && (fresh(pair.A) || fresh(pair.B)) {
			t.Fatalf("%s and %s are used together", pair.A, pair.B)
		}
	}
}

// checkWords asserts that every node explains itself and names only hosts that exist.
func checkWords(t *rapid.T, problem Problem, p Placement) {
	known := map[string]bool{}
	for _, h := range problem.Hosts {
		known[h.Name] = true
	}
	for name, choice := range p.Of {
		if choice.Why == "" {
			t.Fatalf("%s says nothing", name)
		}
		for _, word := range strings.FieldsFunc(choice.Why, func(r rune) bool { return r == ' ' || r == ',' || r == ';' }) {
			if strings.HasPrefix(word, "host") && word != "host" && word != "hosts" && !known[word] {
				t.Fatalf("%s names %s, which is not there: %s", name, word, choice.Why)
			}
		}
	}
}

func TestTheOrderOfTheProblemDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		problem := problems(t)
		other := problem
		other.Nodes = rapid.Permutation(problem.Nodes).Draw(t, "nodes again")
		other.Hosts = rapid.Permutation(problem.Hosts).Draw(t, "hosts again")
		other.Cables = rapid.Permutation(problem.Cables).Draw(t, "cables again")
		other.Cut = rapid.Permutation(problem.Cut).Draw(t, "cut again")
		other.Placed = maps.Clone(problem.Placed)
		p, err := Spread(problem)
		q, again := Spread(other)
		if !reflect.DeepEqual(p, q) || !reflect.DeepEqual(err, again) {
			t.Fatalf("%+v %v\nand in another order\n%+v %v", p, err, q, again)
		}
	})
}

func TestPlacingThePlacementAgainChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		problem := problems(t)
		p, err := Spread(problem)
		if err != nil {
			return
		}
		problem.Placed = map[string]string{}
		for name, choice := range p.Of {
			problem.Placed[name] = choice.HostID
		}
		for i := range problem.Nodes {
			problem.Nodes[i].Grown = false
		}
		again, err := Spread(problem)
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Moved) > 0 || again.Crossing != p.Crossing {
			t.Fatalf("%v moved, %d cables cross instead of %d", again.Moved, again.Crossing, p.Crossing)
		}
	})
}
