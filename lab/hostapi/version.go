package hostapi

import (
	"fmt"
	"strconv"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// Version is the version of the protocol that this build speaks, "major.minor"; it rides in VersionHeader of each request and answer.
// A minor version adds fields and requests that the other side may do without; a major one changes the meaning of what there is.
//
//	1.0 (written "1")  one host a lab
//	1.1                labs on several hosts: peers, reached stages, segments with parts, external nodes, what is in use, the log
//	1.2                settings of switches and their ports, hubs, cables that flap, live tables of switches, rates
const (
	Version       = "1.2"
	VersionHeader = "Trunkline-Hostapi"
)

// protocol is a version as numbers.
type protocol struct{ major, minor int }

var ours = mustParse(Version)

func mustParse(text string) protocol {
	v, ok := parseVersion(text)
	if !ok {
		panic("hostapi: " + text + " is no version")
	}
	return v
}

// parseVersion reads "1.1", or "1" for 1.0.
func parseVersion(text string) (protocol, bool) {
	left, right, both := strings.Cut(text, ".")
	major, err := strconv.Atoi(left)
	if err != nil || major < 1 {
		return protocol{}, false
	}
	if !both {
		return protocol{major, 0}, true
	}
	minor, err := strconv.Atoi(right)
	if err != nil || minor < 0 {
		return protocol{}, false
	}
	return protocol{major, minor}, true
}

// Understands reports whether a controller and an agent of these versions work together: they have the same major version, and are at
// most one minor version apart.
func Understands(a, b string) bool {
	x, okX := parseVersion(a)
	y, okY := parseVersion(b)
	return okX && okY && x.near(y)
}

func (v protocol) near(w protocol) bool {
	return v.major == w.major && max(v.minor, w.minor)-min(v.minor, w.minor) <= 1
}

func (v protocol) older(w protocol) bool {
	return v.major < w.major || v.major == w.major && v.minor < w.minor
}

func checkVersion(got string) error {
	if Understands(got, Version) {
		return nil
	}
	return fault.New(fault.Unsupported, "The controller speaks version %q of the host protocol and this agent version %q. Bring both to the same release.", got, Version)
}

// Lacks names what the spec needs and an agent of the given protocol (HostInfo.Protocol; "" is 1.0) does not know, as parts of a sentence:
// "external nodes (campus)". An agent that ignored them would run another lab than the one that was asked for.
func Lacks(agent string, spec *LabSpec) []string {
	if agent == "" {
		agent = "1"
	}
	v, ok := parseVersion(agent)
	if !ok {
		return nil
	}
	var lacks []string
	say := func(what string, names []string) {
		if len(names) > 0 {
			lacks = append(lacks, fmt.Sprintf("%s (%s)", what, some(names)))
		}
	}
	if v.older(protocol{1, 1}) {
		lacksFleet(spec, say)
	}
	if v.older(protocol{1, 2}) {
		lacksSwitches(spec, say)
	}
	return lacks
}

// lacksFleet is what came with 1.1.
func lacksFleet(spec *LabSpec, say func(what string, names []string)) {
	var externals, segments, awaited, waiting []string
	for _, e := range spec.Externals {
		externals = append(externals, e.Name)
	}
	for _, s := range spec.Segments {
		if len(s.Peers) > 0 {
			segments = append(segments, s.Name)
		}
	}
	here := make(map[string]bool, len(spec.Nodes))
	for i := range spec.Nodes {
		here[spec.Nodes[i].Name] = true
	}
	for i := range spec.Nodes {
		n := &spec.Nodes[i]
		if n.Awaited {
			awaited = append(awaited, n.Name)
		}
		if waitsElsewhere(n.WaitFor, here) {
			waiting = append(waiting, n.Name)
		}
	}
	say("external nodes", externals)
	say("segments with parts on several hosts", segments)
	say("nodes that others wait for on other hosts", awaited)
	say("nodes that wait for others on other hosts", waiting)
}

// lacksSwitches is what came with 1.2.
func lacksSwitches(spec *LabSpec, say func(what string, names []string)) {
	var hubs, switches, ports, flapping []string
	for _, s := range spec.Segments {
		if s.Kind == lab.Hub {
			hubs = append(hubs, s.Name)
		}
		if s.Switch != nil || s.Controller != nil {
			switches = append(switches, s.Name)
		}
		for _, p := range s.Ports {
			if p.Down || p.STP != nil {
				ports = append(ports, s.Name+":"+p.Name)
			}
		}
	}
	for _, c := range spec.Cables {
		if c.Flap != nil {
			flapping = append(flapping, c.ID)
		}
	}
	say("hubs", hubs)
	say("settings of switches", switches)
	say("settings of ports", ports)
	say("cables that flap", flapping)
}

func waitsElsewhere(waits []lab.Wait, here map[string]bool) bool {
	for _, w := range waits {
		if !here[w.Node] {
			return true
		}
	}
	return false
}

// some names the first few.
func some(names []string) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// tooOld refuses a spec that the agent would misunderstand; nil when it understands it.
func tooOld(agent string, spec *LabSpec) error {
	lacks := Lacks(agent, spec)
	if len(lacks) == 0 {
		return nil
	}
	return fault.New(fault.Unsupported, "The agent of this compute host speaks version %s of the host protocol and knows no %s. Bring it to the controller's release.", agent, strings.Join(lacks, " and no "))
}
