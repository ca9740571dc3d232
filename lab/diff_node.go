package lab

import "strings"

// changes names the fields in which two nodes of one name differ: those that need the node made anew, and those that are
// applied while it runs. Positions in the drawing and lines in the file are no change.
func changes(a, b *Node) (fresh, live []string) {
	fresh = compare([]pair{
		{"kind", a.Kind, b.Kind},
		{"image", imageOf(a), imageOf(b)},
		{"entrypoint", a.Entrypoint, b.Entrypoint},
		{"cmd", a.Cmd, b.Cmd},
		{"env", a.Env, b.Env},
		{"labels", otherLabels(a), otherLabels(b)},
		{"binds", bindsOf(a), bindsOf(b)},
		{"startup-config", a.StartupConfig, b.StartupConfig},
		{"user", a.User, b.User},
		{"hostname", a.Hostname, b.Hostname},
		{"shm-size", a.ShmBytes, b.ShmBytes},
		{"sysctls", a.Sysctls, b.Sysctls},
		{"cap-add", a.CapAdd, b.CapAdd},
		{"dns", a.DNS, b.DNS},
		{"healthcheck", a.Healthcheck, b.Healthcheck},
		{"restart-policy", policyOf(a), policyOf(b)},
	})
	live = compare([]pair{
		{"group", a.Group, b.Group},
		{"placement labels", a.Placement(), b.Placement()},
		{"cpu", a.CPU, b.CPU},
		{"memory", a.MemoryBytes, b.MemoryBytes},
		{"ports", a.Ports, b.Ports},
		{"mgmt-ipv4", a.MgmtIPv4, b.MgmtIPv4},
		{"mgmt-ipv6", a.MgmtIPv6, b.MgmtIPv6},
		{"network-mode", a.NoMgmt, b.NoMgmt},
		{"startup-delay", a.StartupDelay, b.StartupDelay},
		{"stages", waitsOf(a), waitsOf(b)},
		{"stage commands", a.StageExecs, b.StageExecs},
		{"exec", a.Exec, b.Exec},
		{"auto-start", a.Run, b.Run},
		{"egress", a.Egress, b.Egress},
		{"internet", orZero(a.Internet), orZero(b.Internet)},
		{"external", orZero(a.External), orZero(b.External)},
	})
	if a.Kind == b.Kind && !b.Kind.IsContainer() {
		live = append(live, switchChanges(a, b)...)
	} else {
		live = append(live, compare([]pair{{"interfaces", a.Interfaces, b.Interfaces}, {"switch", orZero(a.Switch), orZero(b.Switch)}})...)
	}
	// A router reads its configuration when it starts; elsewhere routing is static routes, which are set at any time.
	if routing := compare([]pair{{"routing", a.Routing, b.Routing}}); b.Kind == Router {
		fresh = append(fresh, routing...)
	} else {
		live = append(live, routing...)
	}
	return fresh, live
}

func imageOf(n *Node) string {
	if n.Image == "" {
		return n.Kind.DefaultImage()
	}
	return n.Image
}

func policyOf(n *Node) string {
	if n.RestartPolicy == "" {
		return "no"
	}
	return n.RestartPolicy
}

// otherLabels are the labels that the node's container gets. Those for placement say where a node is made, not what.
func otherLabels(n *Node) map[string]string {
	others := map[string]string{}
	for key, value := range n.Labels {
		if !strings.HasPrefix(key, LabelPrefix) && !strings.HasPrefix(key, DrawingPrefix) {
			others[key] = value
		}
	}
	return others
}

// bindsOf and waitsOf are the lists without their lines in the file.
func bindsOf(n *Node) []Bind {
	list := append([]Bind(nil), n.Binds...)
	for i := range list {
		list[i].Line = 0
	}
	return list
}

func waitsOf(n *Node) []Wait {
	list := append([]Wait(nil), n.Stages...)
	for i := range list {
		list[i].Line = 0
	}
	return list
}

func orZero[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
