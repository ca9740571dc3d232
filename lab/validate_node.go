package lab

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"sort"
	"strings"
)

// Limits of what one node may ask for; quotas are set elsewhere.
const (
	maxCPU    = 1024
	minMemory = 4 << 20 // Docker takes nothing below 6 MB, and says so; this catches a missing unit
	maxDelay  = 24 * 60 * 60
)

func (v *validator) node(n *Node) {
	at := nodePath(n)
	if first, doubled := v.nodes[n.Name]; doubled {
		v.say(n.Line, at, "There are two nodes called %s; the first is on line %d. Rename one.", n.Name, first.Line)
		return
	}
	v.nodes[n.Name] = n
	v.names = append(v.names, n.Name)
	if why := checkName(n.Name, MaxNodeName); why != "" {
		v.say(n.Line, at, "The node name %q %s.", n.Name, why)
	} else if slices.Contains(reservedNames, n.Name) {
		v.say(n.Line, at, "A node cannot be called %s: in a link that word means something else. Rename it.", n.Name)
	}
	if !slices.Contains(Kinds, n.Kind) {
		v.say(n.Line, at+".kind", "Node %s is of the unknown kind %q.", n.Name, n.Kind)
	}
	if n.Hostname != "" && checkName(n.Hostname, MaxNodeName) != "" {
		v.say(n.Line, at+".hostname", "The host name %q %s.", n.Hostname, checkName(n.Hostname, MaxNodeName))
	}
	if strings.ContainsAny(n.Image, " \t\n") || len(n.Image) > 255 {
		v.say(n.Line, at+".image", "The image name %q is not one: it has blanks or is too long.", n.Image)
	}
	v.limits(n, at)
	v.commands(n, at)
	v.rights(n, at)
	v.environment(n, at)
	v.binds(n, at)
	v.ownSettings(n, at)
	v.placement(n, at)
}

func (v *validator) limits(n *Node, at string) {
	if n.CPU < 0 || n.CPU > maxCPU {
		v.say(n.Line, at+".cpu", "cpu should be a number of cores up to %d, not %v.", maxCPU, n.CPU)
	}
	if n.MemoryBytes < 0 || n.MemoryBytes > 0 && n.MemoryBytes < minMemory {
		v.say(n.Line, at+".memory", "memory is %d bytes, which is too little for any node. Write a unit, such as 512mb.", n.MemoryBytes)
	}
	if n.ShmBytes < 0 {
		v.say(n.Line, at+".shm-size", "shm-size is negative.")
	}
	if n.StartupDelay < 0 || n.StartupDelay.Seconds() > maxDelay {
		v.say(n.Line, at+".startup-delay", "startup-delay should be at most a day.")
	}
	switch n.RestartPolicy {
	case "", "no", "on-failure", "always", "unless-stopped":
	default:
		v.say(n.Line, at+".restart-policy", "restart-policy should be no, on-failure, always or unless-stopped, not %q.", n.RestartPolicy)
	}
	switch n.Run {
	case "", "running", "stopped":
	default:
		v.say(n.Line, at+".auto-start", "A node is to be running or stopped at first, not %q.", n.Run)
	}
}

// commands checks that what is split like a shell does can be.
func (v *validator) commands(n *Node, at string) {
	for i, line := range n.Exec {
		if _, err := SplitWords(line); err != nil {
			v.say(n.Line, fmt.Sprintf("%s.exec[%d]", at, i), "The command %q of node %s: %s", line, n.Name, err)
		}
	}
	for _, step := range n.StageExecs {
		if _, err := SplitWords(step.Command); err != nil {
			v.say(n.Line, at+".stages", "The command %q of node %s: %s", step.Command, n.Name, err)
		}
		if !slices.Contains(stages, step.Stage) || step.When != "on-enter" && step.When != "on-exit" {
			v.say(n.Line, at+".stages", "A step of node %s is for %q at stage %q, which is neither.", n.Name, step.When, step.Stage)
		}
	}
}

func (v *validator) rights(n *Node, at string) {
	for _, key := range sorted(n.Sysctls) {
		if !SysctlAllowed(key) {
			v.say(n.Line, at+".sysctls."+key, "The sysctl %s of node %s is not allowed: it is not the node's own, or would reach its host. Allowed are net.* and a few of kernel.* and fs.mqueue.*.", key, n.Name)
		}
		if strings.ContainsAny(n.Sysctls[key], "\x00") || len(n.Sysctls[key]) > 256 {
			v.say(n.Line, at+".sysctls."+key, "The value of the sysctl %s is too long.", key)
		}
	}
	for i, c := range n.CapAdd {
		if !CapabilityAllowed(c) {
			v.say(n.Line, fmt.Sprintf("%s.cap-add[%d]", at, i), "The capability %s of node %s is not allowed: it would reach the host. Allowed are %s.", c, n.Name, strings.Join(Capabilities, ", "))
		}
	}
}

func (v *validator) environment(n *Node, at string) {
	for _, name := range sorted(n.Env) {
		if name == "" || strings.ContainsAny(name, "=\x00 \t\n") {
			v.say(n.Line, at+".env."+name, "An environment variable cannot be called %q.", name)
		}
	}
	if n.StartupConfig != nil && (n.StartupConfig.Path == "") == (n.StartupConfig.Inline == "") {
		v.say(n.Line, at+".startup-config", "The startup-config of node %s should be a file or a text, not both or neither.", n.Name)
	}
	if h := n.Healthcheck; h != nil {
		if len(h.Test) < 2 && !(len(h.Test) == 1 && h.Test[0] == "NONE") || h.Test[0] != "CMD" && h.Test[0] != "CMD-SHELL" && h.Test[0] != "NONE" {
			v.say(n.Line, at+".healthcheck.test", "The test of a healthcheck begins with CMD or CMD-SHELL, and a command follows.")
		}
	}
}

func (v *validator) binds(n *Node, at string) {
	targets := map[string]bool{}
	for _, b := range n.Binds {
		line := max(b.Line, n.Line)
		switch {
		case !path.IsAbs(b.Target) || path.Clean(b.Target) != b.Target || b.Target == "/":
			v.say(line, at+".binds", "The target %q of a bind of node %s should be an absolute path of a file.", b.Target, n.Name)
		case path.IsAbs(b.Source) || b.Source == "" || b.Source == ".." || strings.HasPrefix(b.Source, "../"):
			v.say(line, at+".binds", "The source %q of a bind of node %s is outside the lab's folder.", b.Source, n.Name)
		case strings.ContainsAny(b.Source+b.Target, ":\n\r"):
			v.say(line, at+".binds", "The bind of %q to %q of node %s holds a colon or a line end. Rename the file.", b.Source, b.Target, n.Name)
		case targets[b.Target]:
			v.say(line, at+".binds", "Node %s binds two files to %s.", n.Name, b.Target)
		case b.Target == "/.trunkline" || strings.HasPrefix(b.Target, "/.trunkline/"):
			v.say(line, at+".binds", "/.trunkline inside a node belongs to the platform. Bind to another path.")
		}
		targets[b.Target] = true
	}
}

func (v *validator) ownSettings(n *Node, at string) {
	if n.Internet != nil {
		if n.Kind != Internet {
			v.say(n.Line, at+".internet", "internet: is for nodes of kind internet; %s is a %s.", n.Name, n.Kind)
		}
		if s := n.Internet.Subnet; s.IsValid() && (!s.Addr().Is4() || s.Bits() < 8 || s.Bits() > 30 || s == netip.PrefixFrom(s.Masked().Addr(), s.Bits())) {
			v.say(n.Line, at+".internet.subnet", "The subnet of %s should be the gateway's IPv4 address with a length from 8 to 30, such as 10.255.0.1/24, not %s.", n.Name, s)
		}
	}
	v.external(n, at)
	if n.Egress && !n.Kind.IsContainer() {
		v.say(n.Line, at+".egress", "egress: is for containers; %s is a %s.", n.Name, n.Kind)
	}
}

// external checks what an external node leads to. Whether that is offered to the tenant is asked when it is placed.
func (v *validator) external(n *Node, at string) {
	switch {
	case n.External != nil && n.Kind != External:
		v.say(n.Line, at+".external", "external: is for nodes of kind external; %s is a %s.", n.Name, n.Kind)
	case n.Kind != External:
	case n.External == nil || n.External.Network == "":
		v.say(n.Line, at+".external", "Node %s does not say which network it leads to. Add external: {network: NAME}, with a name that your administrator offers.", n.Name)
	case checkName(n.External.Network, MaxNodeName) != "":
		v.say(n.Line, at+".external.network", "The network name %q %s.", n.External.Network, checkName(n.External.Network, MaxNodeName))
	case n.External.VLAN < 0 || n.External.VLAN > MaxVLAN:
		v.say(n.Line, at+".external.vlan", "There is no VLAN %d; they go from 1 to %d. Leave vlan out for untagged frames.", n.External.VLAN, MaxVLAN)
	case n.Image != "":
		v.say(n.Line, at+".image", "Node %s is of kind external and runs nothing. Take the image away.", n.Name)
	}
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
