package host

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// The files of a node's folder that the engine mounts over those in /etc. We write them, and not the engine, as the engine makes no
// network for a node and so knows nothing of names (docs/decisions/0008-deploy-speed.md).
const (
	HostsFile    = "hosts"
	ResolverFile = "resolv.conf"
)

// standardHosts is what every /etc/hosts begins with.
const standardHosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"

// hostsText is a node's hosts(5).
func hostsText(names map[string]string) string {
	var b strings.Builder
	b.WriteString(standardHosts)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(&b, "%s\t%s\n", names[name], name)
	}
	return b.String()
}

// resolverText is a node's resolv.conf(5). The host's own resolvers never get into a node: without any of its own it asks itself,
// which fails at once and not after a time-out.
func resolverText(r *lab.Resolver) string {
	var b strings.Builder
	if r == nil || len(r.Servers) == 0 {
		b.WriteString("nameserver 127.0.0.1\n")
	}
	if r == nil {
		return b.String()
	}
	for _, server := range r.Servers {
		fmt.Fprintf(&b, "nameserver %s\n", server)
	}
	if len(r.Search) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(r.Search, " "))
	}
	if len(r.Options) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(r.Options, " "))
	}
	return b.String()
}

// writeNames writes both files, in place: a container may have them mounted.
func writeNames(dir, node string, names map[string]string, r *lab.Resolver) error {
	for file, text := range map[string]string{HostsFile: hostsText(names), ResolverFile: resolverText(r)} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			return fault.Wrap(err, fault.Exhausted, "The folder of node %s cannot be written on the compute host. Is its disk full?", node)
		}
	}
	return nil
}
