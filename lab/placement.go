package lab

import (
	"fmt"
	"slices"
	"strings"
)

// The labels of a node that are for Trunkline. No other label may begin with LabelPrefix. They are inherited like all labels, and say
// nothing to containerlab.
const (
	LabelPrefix      = "trunkline."
	PlaceLabelPrefix = "trunkline.place."      // and a key: the host must carry that label with that value; HostKey is the host's name
	TogetherLabel    = "trunkline.together"    // names, comma between: nodes that share one of them share a host
	SeparateLabel    = "trunkline.separate"    // names, comma between: no two nodes that share one of them share a host
	LostLabel        = "trunkline.lost"        // move or wait
	ImpairmentsLabel = "trunkline.impairments" // best-effort; links may carry it too

	HostKey    = "host"
	BestEffort = "best-effort"
)

// LostPolicy says what becomes of a lab's nodes when their host is lost for longer than the grace time.
type LostPolicy string

const (
	LostMove LostPolicy = "move" // they are placed anew on other hosts
	LostWait LostPolicy = "wait" // they wait for their host
)

// Placement is what a node's labels ask of the host that runs it.
type Placement struct {
	Labels     map[string]string // the host must carry them; the value of HostKey is the host's name
	Together   []string          // sorted, each once
	Separate   []string          // sorted, each once
	Lost       LostPolicy        // "": not said here
	BestEffort bool              // impairments that the host lacks may be left out
}

// Placement reads the node's labels. What Validate refuses is left out.
func (n *Node) Placement() Placement {
	var p Placement
	for key, value := range n.Labels {
		if checkPlacementLabel(key, value) != "" {
			continue
		}
		switch key {
		case TogetherLabel:
			p.Together = groupNames(value)
		case SeparateLabel:
			p.Separate = groupNames(value)
		case LostLabel:
			p.Lost = LostPolicy(value)
		case ImpairmentsLabel:
			p.BestEffort = true
		default:
			if wanted, ok := strings.CutPrefix(key, PlaceLabelPrefix); ok {
				if p.Labels == nil {
					p.Labels = map[string]string{}
				}
				p.Labels[wanted] = value
			}
		}
	}
	return p
}

// LostPolicy is the lab's: LostWait when a node says so, else LostMove. A lab moves or waits as a whole.
func (l *Lab) LostPolicy() LostPolicy {
	for _, n := range l.Nodes {
		if n.Labels[LostLabel] == string(LostWait) {
			return LostWait
		}
	}
	return LostMove
}

// groupNames cuts a list at its commas.
func groupNames(list string) []string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		names = append(names, strings.TrimSpace(name))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// maxLabelValue bounds a host's label value; its key is a name.
const maxLabelValue = 255

var placementLabels = []string{TogetherLabel, SeparateLabel, LostLabel, ImpairmentsLabel, PlaceLabelPrefix + "KEY"}

// checkPlacementLabel says what is wrong with a label that is for us, "" if nothing or if it is not.
func checkPlacementLabel(key, value string) string {
	if !strings.HasPrefix(key, LabelPrefix) {
		return ""
	}
	wanted, isPlace := strings.CutPrefix(key, PlaceLabelPrefix)
	switch {
	case isPlace:
		if why := checkName(wanted, MaxNodeName); why != "" {
			return fmt.Sprintf("The label %s names a label of hosts that %s.", key, why)
		}
		if value == "" || len(value) > maxLabelValue || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return fmt.Sprintf("The label %s should hold what the host's label %s says, without blanks, such as %sdisk: ssd, not %q.", key, wanted, PlaceLabelPrefix, value)
		}
	case key == TogetherLabel || key == SeparateLabel:
		for _, name := range groupNames(value) {
			if why := checkName(name, MaxNodeName); why != "" {
				return fmt.Sprintf("The label %s should hold names that nodes share, with commas between them, such as core,edge; the name %q %s.", key, name, why)
			}
		}
	case key == LostLabel:
		if value != string(LostMove) && value != string(LostWait) {
			return fmt.Sprintf("The label %s should be move or wait, not %q.", key, value)
		}
	case key == ImpairmentsLabel:
		if value != BestEffort {
			return fmt.Sprintf("The label %s should be %s, not %q. Without it a lab runs only where its impairments can be made.", key, BestEffort, value)
		}
	default:
		return fmt.Sprintf("There is no label %s; those that begin with %s are %s.%s", key, LabelPrefix, strings.Join(placementLabels, ", "), DidYouMean(key, placementLabels))
	}
	return ""
}

func (v *validator) placement(n *Node, at string) {
	for _, key := range sorted(n.Labels) {
		if why := checkPlacementLabel(key, n.Labels[key]); why != "" {
			v.say(n.Line, at+".labels."+key, "%s", why)
		}
	}
}

// lostPolicy refuses a lab that shall both move and wait.
func (v *validator) lostPolicy() {
	said := ""
	for _, n := range v.lab.Nodes {
		policy := n.Labels[LostLabel]
		if policy == "" || checkPlacementLabel(LostLabel, policy) != "" {
			continue
		}
		if said != "" && policy != said {
			v.say(n.Line, nodePath(n)+".labels."+LostLabel, "One node says %s: %s and another %s. A lab moves or waits as a whole: write one of them in topology.defaults.", LostLabel, said, policy)
			return
		}
		said = policy
	}
}

// linkLabels refuses what only nodes can say.
func (v *validator) linkLabels(k *Link, at string) {
	for _, key := range sorted(k.Labels) {
		if !strings.HasPrefix(key, LabelPrefix) {
			continue
		}
		why := checkPlacementLabel(key, k.Labels[key])
		if key != ImpairmentsLabel && why == "" {
			why = fmt.Sprintf("The label %s is for nodes; a link may carry %s only.", key, ImpairmentsLabel)
		}
		if why != "" {
			v.say(k.Line, at+".labels."+key, "%s", why)
		}
	}
}
