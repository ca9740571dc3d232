package place

import (
	"fmt"
	"slices"
	"strings"

	"trunkline/internal/fault"
)

// bar is what keeps a node off a host, room and company aside. The order is from what an administrator mends on the host to what
// the lab asks of it.
type bar uint8

const (
	noBar bar = iota
	barOffline
	barDrained
	barProblem
	barArch
	barLabels
	barNetwork
	barImage
	barEgress
	barDatapath
	barNetem
	barRate
	// The bars below depend on what else is placed.
	barFull
	barCompany
	barReach
	barAlone
)

// barOf returns the first bar; what a host that is not connected has is not known, so nothing else is said of it.
func barOf(n *Node, h *Candidate, hasImage, bestEffort bool) bar {
	switch {
	case !h.Connected || h.Lost:
		return barOffline
	case h.Drained:
		return barDrained
	case len(h.Problems) > 0:
		return barProblem
	}
	return ableBar(n, h, hasImage, bestEffort)
}

// ableBar looks at what the host is, and not at how it is doing.
func ableBar(n *Node, h *Candidate, hasImage, bestEffort bool) bar {
	switch {
	case len(n.Arch) > 0 && !slices.Contains(n.Arch, h.Arch):
		return barArch
	case wrongLabel(n, h) != "":
		return barLabels
	case n.Network != "" && !slices.Contains(h.Networks, n.Network):
		return barNetwork
	case !hasImage && !h.Fetches:
		return barImage
	}
	for _, ability := range lacks(n, h) {
		switch {
		case ability == Egress:
			return barEgress
		case ability == Datapath:
			return barDatapath
		case ability == Netem && !bestEffort:
			return barNetem
		case ability == Rate && !bestEffort:
			return barRate
		}
	}
	return noBar
}

// wrongLabel returns the first label, by key, that the host does not carry as the node asks, as key=value.
func wrongLabel(n *Node, h *Candidate) string {
	wrong := ""
	for key, value := range n.Labels {
		has, there := h.Labels[key]
		if key == "host" && !there {
			has = h.Name
		}
		if said := key + "=" + value; has != value && (wrong == "" || said < wrong) {
			wrong = said
		}
	}
	return wrong
}

// lacks lists what the node wants and the host cannot do: egress, datapath, netem, rate.
func lacks(n *Node, h *Candidate) []Ability {
	if len(n.Wants) == 0 {
		return nil
	}
	var all []Ability
	for _, able := range []struct {
		ability Ability
		has     bool
	}{
		{Egress, h.Capabilities.Egress}, {Datapath, h.Capabilities.KernelDatapath},
		{Netem, h.Capabilities.Netem}, {Rate, h.Capabilities.RateLimit},
	} {
		if !able.has && slices.ContainsFunc(n.Wants, func(w Want) bool { return w.Ability == able.ability }) {
			all = append(all, able.ability)
		}
	}
	return all
}

// short says the bar of a host in a few words: "host-d without netem".
func (b bar) short() string {
	return [...]string{"fits", "offline", "being drained", "not able to run labs", "of another architecture", "without the label", "without the network", "without the image",
		"without a way out", "without the kernel datapath", "without netem", "without rate limits", "full", "taken by a node that it keeps apart from",
		"out of reach of the lab's other hosts", "without tunnels to the lab's other hosts"}[b]
}

// long says it with its cause in the node.
func (b bar) long(n *Node, h *Candidate, lacking string) string {
	because := func(ability Ability) string {
		for _, w := range n.Wants {
			if w.Ability == ability && w.Because != "" {
				return fmt.Sprintf("%s (%s)", b.short(), w.Because)
			}
		}
		return fmt.Sprintf("%s (wanted by %s)", b.short(), n.Name)
	}
	switch b {
	case barProblem:
		return fmt.Sprintf("not able to run labs (%s)", strings.TrimSuffix(h.Problems[0], "."))
	case barArch:
		return fmt.Sprintf("of another architecture (%s runs on %s)", n.Name, some(n.Arch))
	case barLabels:
		return "without the label " + wrongLabel(n, h)
	case barNetwork:
		return "without an interface for network " + n.Network
	case barImage:
		return "without image " + n.Image
	case barEgress:
		return because(Egress)
	case barDatapath:
		return because(Datapath)
	case barNetem:
		return because(Netem)
	case barRate:
		return because(Rate)
	case barFull, barAlone:
		return fmt.Sprintf("%s (%s)", b.short(), lacking)
	}
	return b.short()
}

// mend is the way out and its code. The bar with the greatest number that is met decides: it is nearest to being mended.
func (b bar) mend() (fault.Code, string) {
	switch b {
	case barOffline:
		return fault.Unavailable, "Start the agents, or wait until they are back."
	case barDrained:
		return fault.Conflict, "End the drain of a host, or add one."
	case barProblem:
		return fault.Unavailable, "Run `trunkline doctor` on the host."
	case barArch:
		return fault.Unsupported, "Use an image of the hosts' architecture, or add a host of the image's."
	case barLabels:
		return fault.Invalid, "Change the node's rule, or give a host the label."
	case barNetwork:
		return fault.Unsupported, "Ask an administrator to offer the network on another host too, or loosen the node's rules."
	case barImage:
		return fault.Invalid, "Build or load the image on a host, or map it to one that is there."
	case barEgress:
		return fault.Unsupported, "An administrator opens the way out when starting the agent."
	case barDatapath:
		return fault.Unsupported, "Use a host whose kernel has Open vSwitch."
	case barNetem, barRate:
		return fault.Unsupported, "Use a host whose kernel has it, take the impairment out of the file, or give the lab's topology.defaults the label `trunkline.impairments: best-effort` to run without."
	case barCompany:
		return fault.Conflict, "Loosen the rule that keeps the nodes apart, or add a host."
	case barReach:
		return fault.Unavailable, "Open UDP between the hosts: the matrix on the hosts page shows which pairs do not reach each other."
	case barAlone:
		return fault.Unavailable, "Start that host's agent with --underlay and an address that other hosts reach, or keep the lab on one host."
	}
	return fault.Exhausted, "Stop a lab, ask for less, or add a host."
}
