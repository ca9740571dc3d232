package place

import "trunkline/lab/hostapi"

// Problem is a lab and the hosts that it may be spread over. The order of its slices does not matter.
type Problem struct {
	Nodes      []Node
	Cables     []Cable
	Hosts      []Candidate
	Cut        []Pair            // hosts that do not reach each other over the underlay and are not used together
	Allowed    []string          // IDs of the hosts open to the tenant; nil: all of them. Others are not even counted in words
	Placed     map[string]string // node to host ID, as the lab runs; those keep their places when nothing forbids it
	BestEffort bool              // a host without netem or rate limits may be used, and what is given up is said
}

// Node is a machine, switch or segment that wants a place.
type Node struct {
	Name     string
	Segment  bool              // a switch or lan: no container, so Needs has interfaces at most
	Mesh     bool              // a segment with a part on every host that has a member: cables to it do not cross, but each further host costs a tunnel
	Needs    Amount            //
	Grown    bool              // it wants more than when it was placed: it stays only while it fits
	Image    string            // "": none
	Arch     []string          // what its image runs on ("amd64"); none: anything
	Labels   map[string]string // a host must carry them; the label "host" is the host's name
	Network  string            // physical network that its host must have an interface for; "": none
	Together []string          // affinity: nodes that share one of these names share a host
	Separate []string          // anti-affinity: no two nodes that share one of these names share a host
	Wants    []Want
}

// Want is an ability that a node asks of its host.
type Want struct {
	Ability Ability
	Because string // "link r7:eth1–r8:eth1 wants a delay"; "": the node itself wants it
}

// Ability is what not every host can do. The set is closed.
type Ability string

// The abilities.
const (
	Netem    Ability = "netem"
	Rate     Ability = "rate"
	Datapath Ability = "datapath" // the kernel's Open vSwitch datapath
	Egress   Ability = "egress"
)

// Cable joins two nodes. Weight is what it costs when it crosses from host to host; 0 is 1, and so is less.
type Cable struct {
	A, B   string
	Weight int
}

// Amount is what a node needs, or a host has or has given away. In a host's capacity 0 is "not limited".
type Amount struct {
	CPU        float64 // cores
	Memory     int64   // bytes
	PIDs       int
	Interfaces int
}

// Factors multiply a host's capacity; 0 is 1. 4 cores at a CPU factor of 2 are given away as 8.
type Factors struct{ CPU, Memory, PIDs, Interfaces float64 }

// Candidate is a compute host.
type Candidate struct {
	ID           string
	Name         string
	Labels       map[string]string
	Arch         string
	Capacity     Amount
	OverCommit   Factors
	InUse        Amount // given to other labs; this lab's own nodes are not in it
	Connected    bool
	Lost         bool     // away for longer than the grace time, and the lab's policy is to move: nothing keeps its place here
	Drained      bool     // an administrator empties it: nothing keeps its place here
	Problems     []string // sentences that keep it from running anything
	Capabilities hostapi.Capabilities
	Images       []string
	Networks     []string // physical networks that it has an interface for
	Alone        string   // why it takes no part in labs on several hosts, after "it": "has no underlay address"; the pairs are in Cut
	Fetches      bool     // it can get images that it lacks
	Labs         int      // of all tenants
	TenantLabs   int      // of this lab's tenant
}

// Pair is two host IDs, in either order.
type Pair struct{ A, B string }

// Placement is where every node goes.
type Placement struct {
	Of       map[string]Choice // by node; Why as in "2 GiB free, next to r6, image present; host-c full, host-d without netem"
	Crossing int               // cables that run from host to host
	Weight   int64             // the sum of the weights of those, and of cables to a part of a mesh away from its own place
	Moved    []string          // nodes that had a place and get another, sorted
	Notes    []string          // sentences on the whole, such as two hosts in use that do not reach each other
}

// Choice is the host of one node.
type Choice struct {
	HostID  string
	Why     string
	GivenUp []string // sentences: what the node asked for and goes without
}

// Spread places every node of the problem. Nodes that run stay where they are unless their host is drained, lost, gone or no longer
// able; the others go where the fewest and cheapest cables cross between hosts, and among those where images are and tenants are few.
// The error says, counted, why a node fits nowhere. Codes: invalid (the problem contradicts itself), unavailable, unsupported,
// conflict and exhausted, after the obstacle nearest to being mended.
func Spread(problem Problem) (Placement, error) {
	t, err := newTable(problem)
	if err != nil {
		return Placement{}, err
	}
	if len(t.hosts) == 0 && len(t.nodes) > 0 {
		return Placement{}, noHosts(len(problem.Hosts))
	}
	u := t.unite()
	u.keep()
	if err := u.hopeless(); err != nil {
		return Placement{}, err
	}
	var best *seats
	for _, open := range u.openSets() {
		s := u.solve(open)
		if best == nil || s.total().less(best.total()) {
			best = s
		}
		if best.total().without == 0 && u.n > someLab {
			break
		}
	}
	return u.explain(best)
}
