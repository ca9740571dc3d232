package place

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

const gib = int64(1) << 30

var everything = hostapi.Capabilities{KernelDatapath: true, Netem: true, RateLimit: true, Egress: true}

// host makes a connected host with that much memory, everything else unlimited.
func host(name string, memory int64, change ...func(*Candidate)) Candidate {
	h := Candidate{ID: "id-" + name, Name: name, Connected: true, Capacity: Amount{Memory: memory}, Capabilities: everything, Images: []string{"router"}}
	for _, c := range change {
		c(&h)
	}
	return h
}

func alone(h *Candidate)   { h.Alone = "has no underlay address" }
func offline(h *Candidate) { h.Connected = false }
func lost(h *Candidate)    { h.Connected, h.Lost = false, true }
func drained(h *Candidate) { h.Drained = true }
func noNetem(h *Candidate) { h.Capabilities.Netem = false }
func noImage(h *Candidate) { h.Images = nil }
func fetches(h *Candidate) { h.Images, h.Fetches = nil, true }
func zone(z string) func(*Candidate) {
	return func(h *Candidate) { h.Labels = map[string]string{"zone": z} }
}

// router makes a node of 1 GiB.
func router(name string, change ...func(*Node)) Node {
	n := Node{Name: name, Needs: Amount{Memory: gib, Interfaces: 1}, Image: "router"}
	for _, c := range change {
		c(&n)
	}
	return n
}

func wantsDelay(n *Node) {
	n.Wants = append(n.Wants, Want{Netem, "link r7:eth1–r8:eth1 wants a delay"})
}
func in(z string) func(*Node)          { return func(n *Node) { n.Labels = map[string]string{"zone": z} } }
func on(name string) func(*Node)       { return func(n *Node) { n.Labels = map[string]string{"host": name} } }
func together(name string) func(*Node) { return func(n *Node) { n.Together = []string{name} } }
func separate(name string) func(*Node) { return func(n *Node) { n.Separate = []string{name} } }
func memory(m int64) func(*Node)       { return func(n *Node) { n.Needs.Memory = m } }
func grown(n *Node)                    { n.Grown = true }

// row cables the nodes one to the next.
func row(names ...string) []Cable {
	var all []Cable
	for i := 1; i < len(names); i++ {
		all = append(all, Cable{A: names[i-1], B: names[i]})
	}
	return all
}

var spreadCases = []struct {
	name     string
	problem  Problem
	at       string            // node=host of every node, sorted
	why      map[string]string // of some nodes
	crossing int
	moved    string
	code     fault.Code
	says     string
}{
	{
		name:    "a lab that one host can take goes whole to the host with the fewest labs",
		problem: Problem{Nodes: []Node{router("r1"), router("r2")}, Cables: row("r1", "r2"), Hosts: []Candidate{host("a", 4*gib, func(h *Candidate) { h.Labs = 3 }), host("b", 4*gib)}},
		at:      "r1=b r2=b", why: map[string]string{"r1": "2 GiB free, next to r2, image present; a farther from what it is cabled to"},
	},
	{
		name:    "a host that has the image is taken before one that has to fetch it",
		problem: Problem{Nodes: []Node{router("r1")}, Hosts: []Candidate{host("a", 4*gib, fetches), host("b", 4*gib)}},
		at:      "r1=b",
	},
	{
		name:    "an image that has to be fetched is said",
		problem: Problem{Nodes: []Node{router("r1")}, Hosts: []Candidate{host("a", 4*gib, fetches)}},
		at:      "r1=a", why: map[string]string{"r1": "3 GiB free, image to be fetched"},
	},
	{
		name: "the heaviest cable stays inside a host",
		problem: Problem{Nodes: []Node{router("r1"), router("r2"), router("r3"), router("r4")},
			Cables: []Cable{{"r1", "r2", 1}, {"r2", "r3", 9}, {"r3", "r4", 1}, {"r4", "r1", 9}}, Hosts: []Candidate{host("a", 2*gib), host("b", 2*gib)}},
		at: "r1=a r2=b r3=b r4=a", crossing: 2,
	},
	{
		name: "a node says what speaks for its host and against the others",
		problem: Problem{Nodes: []Node{router("r6"), router("r7", wantsDelay)}, Cables: row("r6", "r7"),
			Hosts: []Candidate{host("host-b", 4*gib), host("host-c", gib/2), host("host-d", 4*gib, noNetem), host("host-e", 4*gib, offline)}},
		at: "r6=host-b r7=host-b", why: map[string]string{"r7": "2 GiB free, next to r6, image present; host-c full, host-d without netem, host-e offline"},
	},
	{
		name: "many hosts passed over are counted",
		problem: Problem{Nodes: []Node{router("r1", wantsDelay)}, Hosts: []Candidate{host("a", 2*gib), host("b", 0, offline), host("c", 0, offline),
			host("d", 0, noNetem), host("e", gib/2), host("f", 0, offline)}},
		at: "r1=a", why: map[string]string{"r1": "1 GiB free, image present; others: 3 offline, 1 without netem, 1 full"},
	},
	{
		name:    "a label rule spreads a lab, and what has no rule follows its cables",
		problem: Problem{Nodes: []Node{router("r1", in("x")), router("r2", in("y")), router("r3")}, Cables: append(row("r1", "r2", "r3"), Cable{A: "r2", B: "r3"}), Hosts: []Candidate{host("a", 9*gib, zone("x")), host("b", 9*gib, zone("y"))}},
		at:      "r1=a r2=b r3=b", crossing: 1,
		why: map[string]string{"r1": "8 GiB free, 1 cable to another host, image present, labels match; b without the label"},
	},
	{
		name:    "a node names its host",
		problem: Problem{Nodes: []Node{router("r1", on("b"))}, Hosts: []Candidate{host("a", 0), host("b", 0)}},
		at:      "r1=b",
	},
	{
		name:    "nodes that want to be together are, although cables cross for it",
		problem: Problem{Nodes: []Node{router("r1", together("t")), router("r2", memory(2*gib)), router("r3", together("t"))}, Cables: row("r1", "r2", "r3"), Hosts: []Candidate{host("a", 2*gib), host("b", 2*gib)}},
		at:      "r1=a r2=b r3=a", crossing: 2,
	},
	{
		name:    "nodes that are kept apart are, although they are cabled",
		problem: Problem{Nodes: []Node{router("r1", separate("s")), router("r2", separate("s"))}, Cables: row("r1", "r2"), Hosts: []Candidate{host("a", 9*gib), host("b", 9*gib)}},
		at:      "r1=a r2=b", crossing: 1, why: map[string]string{"r1": "8 GiB free, 1 cable to another host, image present; b taken by a node that it keeps apart from"},
	},
	{
		name:    "over-commit doubles what a host gives",
		problem: Problem{Nodes: []Node{router("r1"), router("r2")}, Cables: row("r1", "r2"), Hosts: []Candidate{host("a", gib, func(h *Candidate) { h.OverCommit.Memory = 2 })}},
		at:      "r1=a r2=a",
	},
	{
		name: "interfaces are counted, and segments cost nothing else",
		problem: Problem{Nodes: []Node{router("r1"), router("r2"), {Name: "lan", Segment: true, Needs: Amount{Interfaces: 2}}}, Cables: append(row("r1", "lan"), row("r2", "lan")...),
			Hosts: []Candidate{host("a", 2*gib, func(h *Candidate) { h.Capacity.Interfaces = 3 }), host("b", gib/2)}},
		at: "lan=b r1=a r2=a", crossing: 2, why: map[string]string{"lan": "2 cables to other hosts; a full"},
	},
	{
		name:    "hosts that do not reach each other are not used together",
		problem: Problem{Nodes: []Node{router("r1"), router("r2")}, Cables: row("r1", "r2"), Hosts: []Candidate{host("a", gib), host("b", gib), host("c", gib)}, Cut: []Pair{{"id-b", "id-a"}, {"id-c", "id-b"}}},
		at:      "r1=a r2=c", crossing: 1, why: map[string]string{"r1": "0 MiB free, 1 cable to another host, image present; b out of reach of the lab's other hosts, c full"},
	},
	{
		name:    "a running node stays, and a new one goes next to it",
		problem: Problem{Nodes: []Node{router("r1"), router("r2")}, Cables: row("r1", "r2"), Hosts: []Candidate{host("a", 9*gib), host("b", 9*gib, func(h *Candidate) { h.Labs = 9 })}, Placed: map[string]string{"r1": "id-b"}},
		at:      "r1=b r2=b", why: map[string]string{"r1": "stays where it runs, 7 GiB free, next to r2, image present; a farther from what it is cabled to"},
	},
	{
		name:    "a running node stays on a host that is away for a while or has become too small",
		problem: Problem{Nodes: []Node{router("r1"), router("r2")}, Hosts: []Candidate{host("a", gib/2), host("b", 9*gib, offline), host("c", 9*gib)}, Placed: map[string]string{"r1": "id-a", "r2": "id-b"}},
		at:      "r1=a r2=b",
	},
	{
		name:    "a node that wants more than before moves when its host has no more",
		problem: Problem{Nodes: []Node{router("r1", memory(4*gib), grown)}, Hosts: []Candidate{host("a", 2*gib), host("b", 9*gib)}, Placed: map[string]string{"r1": "id-a"}},
		at:      "r1=b", moved: "r1", why: map[string]string{"r1": "moved from a, which is full, 5 GiB free, image present; a full"},
	},
	{
		name:    "a drained host is emptied, and the nodes say where they were",
		problem: Problem{Nodes: []Node{router("r1"), router("r2")}, Cables: row("r1", "r2"), Hosts: []Candidate{host("a", 9*gib, drained), host("b", 9*gib)}, Placed: map[string]string{"r1": "id-a", "r2": "id-a"}},
		at:      "r1=b r2=b", moved: "r1 r2", why: map[string]string{"r1": "moved from a, which is being drained, 7 GiB free, next to r2, image present; a being drained"},
	},
	{
		name:    "what ran on a lost host or on one that is gone is placed anew",
		problem: Problem{Nodes: []Node{router("r1"), router("r2")}, Hosts: []Candidate{host("a", 9*gib, lost), host("b", 9*gib)}, Placed: map[string]string{"r1": "id-a", "r2": "id-z"}},
		at:      "r1=b r2=b", moved: "r1 r2",
	},
	{
		name:    "what runs on a host that was closed to the tenant moves",
		problem: Problem{Nodes: []Node{router("r1")}, Hosts: []Candidate{host("a", 9*gib), host("b", 9*gib)}, Placed: map[string]string{"r1": "id-a"}, Allowed: []string{"id-b"}},
		at:      "r1=b", moved: "r1", why: map[string]string{"r1": "moved from a, which is not open to this team any more, 8 GiB free, image present"},
	},
	{
		name:    "a running node that now wants a delay leaves a host without netem",
		problem: Problem{Nodes: []Node{router("r1", wantsDelay)}, Hosts: []Candidate{host("a", 9*gib, noNetem), host("b", 9*gib)}, Placed: map[string]string{"r1": "id-a"}},
		at:      "r1=b", moved: "r1",
	},
	{
		name:    "a lab that can be without delay prefers a host with it and else gives it up",
		problem: Problem{Nodes: []Node{router("r1", wantsDelay), router("r2", wantsDelay)}, Hosts: []Candidate{host("a", 9*gib, noNetem), host("b", gib)}, BestEffort: true},
		at:      "r1=a r2=a",
	},
	{
		name:    "no node needs no host of a special kind",
		problem: Problem{Hosts: []Candidate{host("a", gib, offline)}},
	},
	{
		name: "a lan has a part on each host with a member, so cables to it do not cross",
		problem: Problem{Nodes: []Node{router("r1", on("a")), router("r2", on("b")), router("r3", on("b")), {Name: "lan", Segment: true, Mesh: true, Needs: Amount{Interfaces: 3}}},
			Cables: slices.Concat(row("r1", "lan"), row("r2", "lan"), row("r3", "lan")), Hosts: []Candidate{host("a", 9*gib), host("b", 9*gib)}},
		at: "lan=b r1=a r2=b r3=b", why: map[string]string{"r1": "8 GiB free, next to lan, image present, labels match; b without the label", "lan": "a part on each host with a member"},
	},
	{
		name: "an external node goes where its network is",
		problem: Problem{Nodes: []Node{{Name: "out", Segment: true, Network: "campus"}, router("r1")}, Cables: row("out", "r1"),
			Hosts: []Candidate{host("a", 9*gib), host("b", 9*gib, func(h *Candidate) { h.Networks = []string{"campus"}; h.Labs = 5 })}},
		at: "out=b r1=b", why: map[string]string{"out": "next to r1; a without the network"},
	},
	{
		name:    "a network that no fitting host has is named",
		problem: Problem{Nodes: []Node{{Name: "out", Segment: true, Network: "campus"}}, Hosts: []Candidate{host("a", 9*gib)}},
		code:    fault.Unsupported, says: "No host fits out: 1 without an interface for network campus. Ask an administrator to offer the network on another host too, or loosen the node's rules.",
	},
	{
		name:    "a host that can run nothing says what it lacks",
		problem: Problem{Nodes: []Node{router("r1")}, Hosts: []Candidate{host("a", 9*gib, func(h *Candidate) { h.Problems = []string{"Docker does not answer."} })}},
		code:    fault.Unavailable, says: "No host fits r1: 1 not able to run labs (Docker does not answer). Run `trunkline doctor` on the host.",
	},
	{
		name: "the refusal counts hosts in words",
		problem: Problem{Nodes: []Node{router("r7", wantsDelay)}, Hosts: []Candidate{host("a", gib/2), host("b", gib/4), host("c", gib, offline),
			host("d", gib, noNetem)}},
		code: fault.Exhausted, says: "No host fits r7: 2 full (memory), 1 offline, 1 without netem (link r7:eth1–r8:eth1 wants a delay). Stop a lab, ask for less, or add a host.",
	},
	{
		name:    "a lab that is too large for all hosts says so of the nodes left over",
		problem: Problem{Nodes: []Node{router("r1"), router("r2"), router("r3")}, Hosts: []Candidate{host("a", gib), host("b", gib)}},
		code:    fault.Exhausted, says: "No host fits r3: 2 full (memory). Stop a lab, ask for less, or add a host.",
	},
	{
		name:    "several nodes without a host are counted",
		problem: Problem{Nodes: []Node{router("r1", in("x")), router("r2", in("x")), router("r3", in("x"))}, Hosts: []Candidate{host("a", gib)}},
		code:    fault.Invalid, says: "No host fits r1: 1 without the label zone=x. 2 more nodes have no host either. Change the node's rule, or give a host the label.",
	},
	{
		name:    "an image that is nowhere is named",
		problem: Problem{Nodes: []Node{router("r1")}, Hosts: []Candidate{host("a", gib, noImage)}},
		code:    fault.Invalid, says: "No host fits r1: 1 without image router. Build or load the image on a host, or map it to one that is there.",
	},
	{
		name:    "hosts of other tenants are not even counted",
		problem: Problem{Nodes: []Node{router("r1")}, Hosts: []Candidate{host("a", gib, offline), host("b", gib)}, Allowed: []string{"id-a"}},
		code:    fault.Unavailable, says: "No host fits r1: 1 offline. Start the agents, or wait until they are back.",
	},
	{
		name:    "a tenant without hosts is told whom to ask",
		problem: Problem{Nodes: []Node{router("r1")}, Hosts: []Candidate{host("a", gib)}, Allowed: []string{}},
		code:    fault.Unavailable, says: "No compute host is open to this team. Ask an administrator to open one.",
	},
	{
		name:    "a site without hosts is told how to get one",
		problem: Problem{Nodes: []Node{router("r1")}},
		code:    fault.Unavailable, says: "No compute host has joined yet. Start one with `trunkline host`, or use `trunkline up` for this machine.",
	},
	{
		name:    "a cable to nowhere is refused",
		problem: Problem{Nodes: []Node{router("r1")}, Cables: row("r1", "r2"), Hosts: []Candidate{host("a", gib)}},
		code:    fault.Invalid, says: "The cable r1 – r2 ends at a node that is not in the lab. Add the node or remove the cable.",
	},
	{
		name:    "hosts that do not reach each other cannot hold a lab that needs both",
		problem: Problem{Nodes: []Node{router("r1", on("a")), router("r2", on("b"))}, Hosts: []Candidate{host("a", gib), host("b", gib)}, Cut: []Pair{{"id-a", "id-b"}}},
		code:    fault.Unavailable, says: "No host fits r2: 1 without the label host=b, 1 out of reach of the lab's other hosts. Open UDP between the hosts: the matrix on the hosts page shows which pairs do not reach each other.",
	},
	{
		name:    "a host without an underlay address is named, where another one is in use",
		problem: Problem{Nodes: []Node{router("r1", on("a")), router("r2", on("b"))}, Hosts: []Candidate{host("a", gib), host("b", gib, alone)}, Cut: []Pair{{"id-a", "id-b"}}},
		code:    fault.Unavailable, says: "No host fits r2: 1 without the label host=b, 1 without tunnels to the lab's other hosts (b takes no part in labs on several hosts: it has no underlay address). Start that host's agent with --underlay and an address that other hosts reach, or keep the lab on one host.",
	},
	{
		name:    "a host without an underlay address is named, where it is in use",
		problem: Problem{Nodes: []Node{router("r1", on("a")), router("r2", on("b"))}, Hosts: []Candidate{host("a", gib, alone), host("b", gib)}, Cut: []Pair{{"id-a", "id-b"}}},
		code:    fault.Unavailable, says: "No host fits r2: 1 without the label host=b, 1 without tunnels to the lab's other hosts (a takes no part in labs on several hosts: it has no underlay address). Start that host's agent with --underlay and an address that other hosts reach, or keep the lab on one host.",
	},
	{
		name:    "nodes kept apart on too few hosts say what keeps them off",
		problem: Problem{Nodes: []Node{router("r1", separate("s")), router("r2", separate("s"))}, Hosts: []Candidate{host("a", 9*gib)}},
		code:    fault.Conflict, says: "No host fits r2: 1 taken by a node that it keeps apart from. Loosen the rule that keeps the nodes apart, or add a host.",
	},
}

func TestSpread(t *testing.T) {
	for _, c := range spreadCases {
		t.Run(c.name, func(t *testing.T) {
			p, err := Spread(c.problem)
			if got := fault.CodeOf(err); got != c.code {
				t.Fatalf("code %q, want %q: %v", got, c.code, err)
			}
			if err != nil {
				if got := fault.Sentence(err); got != c.says {
					t.Fatalf("sentence\n got %s\nwant %s", got, c.says)
				}
				return
			}
			if got := seating(p, c.problem); got != c.at {
				t.Errorf("placed %q, want %q", got, c.at)
			}
			if p.Crossing != c.crossing {
				t.Errorf("%d cables cross, want %d", p.Crossing, c.crossing)
			}
			if got := strings.Join(p.Moved, " "); got != c.moved {
				t.Errorf("moved %q, want %q", got, c.moved)
			}
			for node, want := range c.why {
				if got := p.Of[node].Why; got != want {
					t.Errorf("%s says\n     %q\nwant %q", node, got, want)
				}
			}
		})
	}
}

func seating(p Placement, problem Problem) string {
	names := map[string]string{}
	for _, h := range problem.Hosts {
		names[h.ID] = h.Name
	}
	var all []string
	for _, node := range slices.Sorted(maps.Keys(p.Of)) {
		all = append(all, node+"="+names[p.Of[node].HostID])
	}
	return strings.Join(all, " ")
}

func TestWhatALabGivesUpIsSaid(t *testing.T) {
	p, err := Spread(Problem{Nodes: []Node{router("r1", wantsDelay)}, Hosts: []Candidate{host("a", gib, noNetem)}, BestEffort: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Of["r1"].GivenUp, []string{"r1 runs without delay and loss: host a has no netem."}; !slices.Equal(got, want) {
		t.Errorf("given up %q, want %q", got, want)
	}
}

func TestHostsInUseThatStoppedReachingEachOtherAreNoted(t *testing.T) {
	p, err := Spread(Problem{Nodes: []Node{router("r1"), router("r2"), router("r3")}, Hosts: []Candidate{host("a", 9*gib), host("b", 9*gib)},
		Placed: map[string]string{"r1": "id-a", "r2": "id-b"}, Cut: []Pair{{"id-a", "id-b"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Hosts a and b do not reach each other, and the running lab has nodes on both: cables between them carry nothing until UDP is open."}
	if !slices.Equal(p.Notes, want) {
		t.Errorf("notes %q, want %q", p.Notes, want)
	}
	if len(p.Moved) > 0 {
		t.Errorf("%v moved", p.Moved)
	}
}
