// Package place chooses the compute hosts of a lab and says why: Choose one host for all of it, Spread a host for each node.
//
// It knows what a lab needs, what hosts have, and the words for what does not fit. It is pure: no I/O, no clock, and equal
// input gives equal output. It refuses to know how hosts are reached and what is stored.
package place

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// Need is what a lab wants of its host.
type Need struct {
	Netem      []string // links that want delay, loss and their kin, as "r1:eth1 – r2:eth1"
	Rate       []string // links that want only a bandwidth limit
	Egress     []string // nodes that want a way out
	Images     []Image  // every image that a node names
	Nodes      int
	BestEffort bool // run without the impairments that a host cannot do
}

// Image is one image and the nodes that want it.
type Image struct {
	Name  string
	Nodes []string
}

// Host is a candidate.
type Host struct {
	ID           string
	Name         string
	Connected    bool
	Problems     []string // sentences that keep it from running anything
	Capabilities hostapi.Capabilities
	HasImage     func(name string) bool
	Labs         int // that are on it already
}

// Choice is the host chosen.
type Choice struct {
	HostID  string
	Why     string   // "host-a: connected, all images present, fewest labs"
	GivenUp []string // sentences: what the lab asked for and goes without
}

// obstacle is one reason why a host does not fit, counted over hosts.
type obstacle struct {
	kind  string // what is counted: "offline", "without netem"
	say   string // with its cause in the lab, in brackets
	mend  string // sentence: the way out
	code  fault.Code
	field string
	order int // the smaller one decides code and way out
}

// Choose returns the best host for the whole lab, or an error that says, counted, why none fits. Codes: unavailable (no host is
// connected), invalid (an image is nowhere), unsupported (a capability is nowhere).
func Choose(need Need, hosts []Host) (Choice, error) {
	if len(hosts) == 0 {
		return Choice{}, fault.New(fault.Unavailable, "No compute host has joined yet. Start one with `trunkline host`, or use `trunkline up` for this machine.")
	}
	var fitting []Host
	found := map[string][]obstacle{}
	for _, h := range hosts {
		obstacles := obstaclesOf(need, h)
		if len(obstacles) == 0 {
			fitting = append(fitting, h)
			continue
		}
		worst := slices.MaxFunc(obstacles, func(a, b obstacle) int { return cmp.Compare(a.order, b.order) })
		found[worst.kind] = append(found[worst.kind], worst)
	}
	if len(fitting) == 0 {
		return Choice{}, refusal(found)
	}
	best := slices.MinFunc(fitting, func(a, b Host) int {
		return cmp.Or(
			cmp.Compare(len(givenUp(need, a)), len(givenUp(need, b))),
			cmp.Compare(a.Labs, b.Labs),
			cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.ID, b.ID),
		)
	})
	return Choice{HostID: best.ID, Why: why(need, best, len(fitting)), GivenUp: givenUp(need, best)}, nil
}

// obstaclesOf lists what keeps the lab from the host. What a host that is not connected has is not known, so nothing else is said of it.
func obstaclesOf(need Need, h Host) []obstacle {
	if !h.Connected {
		return []obstacle{{kind: "offline", say: "offline", code: fault.Unavailable, order: 5,
			mend: "Start its agent, or wait until it is back."}}
	}
	var all []obstacle
	if len(h.Problems) > 0 {
		all = append(all, obstacle{kind: "problem " + h.Problems[0], say: "not able to run labs (" + strings.TrimSuffix(h.Problems[0], ".") + ")",
			code: fault.Unavailable, order: 4, mend: "Run `trunkline doctor` on it."})
	}
	for _, image := range need.Images {
		if h.HasImage != nil && !h.HasImage(image.Name) {
			all = append(all, obstacle{kind: "image " + image.Name, say: fmt.Sprintf("without image %s (wanted by %s)", image.Name, some(image.Nodes)),
				code: fault.Invalid, order: 3, field: "topology.nodes." + image.Nodes[0] + ".image",
				mend: "Build or load the image on the host, or map it to one that is there."})
		}
	}
	if len(need.Egress) > 0 && !h.Capabilities.Egress {
		all = append(all, obstacle{kind: "egress", say: fmt.Sprintf("without a way out (wanted by %s)", some(need.Egress)),
			code: fault.Unsupported, order: 2, mend: "An administrator opens the way out when starting the agent."})
	}
	if !need.BestEffort {
		all = append(all, impairmentObstacles(need, h)...)
	}
	return all
}

func impairmentObstacles(need Need, h Host) []obstacle {
	const mend = "Use a host whose kernel has it, take the impairment out of the file, or give the lab's topology.defaults the label `trunkline.impairments: best-effort` to run without."
	var all []obstacle
	if len(need.Netem) > 0 && !h.Capabilities.Netem {
		all = append(all, obstacle{kind: "netem", say: fmt.Sprintf("without netem (link %s wants a delay or loss)", some(need.Netem)),
			code: fault.Unsupported, order: 1, mend: mend})
	}
	if len(need.Rate) > 0 && !h.Capabilities.RateLimit {
		all = append(all, obstacle{kind: "rate", say: fmt.Sprintf("without rate limits (link %s wants one)", some(need.Rate)),
			code: fault.Unsupported, order: 1, mend: mend})
	}
	return all
}

// refusal counts the obstacles in words. The mildest obstacle gives the code and the way out: it is the nearest to being mended.
func refusal(found map[string][]obstacle) error {
	var kinds []obstacle
	for _, same := range found {
		first := same[0]
		first.say = fmt.Sprintf("%d %s", len(same), first.say)
		kinds = append(kinds, first)
	}
	slices.SortFunc(kinds, func(a, b obstacle) int { return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.say, b.say)) })
	said := make([]string, len(kinds))
	for i, k := range slices.Backward(kinds) {
		said[len(kinds)-1-i] = k.say
	}
	nearest := kinds[0]
	return fault.New(nearest.code, "No host fits: %s. %s", strings.Join(said, ", "), nearest.mend).InField(nearest.field)
}

func givenUp(need Need, h Host) []string {
	if !need.BestEffort {
		return nil
	}
	var all []string
	if len(need.Netem) > 0 && !h.Capabilities.Netem {
		all = append(all, fmt.Sprintf("%s without delay and loss: host %s has no netem.", linkWords(need.Netem), h.Name))
	}
	if len(need.Rate) > 0 && !h.Capabilities.RateLimit {
		all = append(all, fmt.Sprintf("%s without bandwidth limit: host %s cannot limit rates.", linkWords(need.Rate), h.Name))
	}
	return all
}

func linkWords(links []string) string {
	if len(links) == 1 {
		return "Link " + links[0] + " runs"
	}
	return fmt.Sprintf("%d links (%s) run", len(links), some(links))
}

func why(need Need, h Host, fitting int) string {
	words := []string{"connected"}
	if len(need.Images) > 0 {
		words = append(words, "all images present")
	}
	if len(need.Netem) > 0 && h.Capabilities.Netem {
		words = append(words, "netem")
	}
	if len(need.Egress) > 0 {
		words = append(words, "way out open")
	}
	switch {
	case fitting == 1:
		words = append(words, "the only host that fits")
	default:
		words = append(words, fmt.Sprintf("fewest labs of the %d that fit", fitting))
	}
	return h.Name + ": " + strings.Join(words, ", ")
}

// some names up to three things, and how many more there are.
func some(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
}
