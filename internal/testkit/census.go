package testkit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// censusWithin bounds the wait for the kernel's own tidying.
const censusWithin = time.Minute

// Census lists what of the program is on the host, in words, asking every part directly and by its own tools: what it says does not
// depend on the program's own opinion. Empty means that nothing is there.
func (h *Host) Census() []string {
	h.t.Helper()
	var found []string
	note := func(what string, lines ...string) {
		for _, line := range lines {
			if line = strings.TrimSpace(line); line != "" {
				found = append(found, what+" "+line)
			}
		}
	}
	note("container", strings.Split(h.Run("docker", "ps", "--all", "--filter", "label=trunkline.host", "--format", "{{.Names}} {{.Status}}"), "\n")...)
	note("unstamped container", strings.Split(h.Run("docker", "ps", "--all", "--format", "{{.Names}}"), "\n")...)
	for line := range strings.Lines(h.Run("ip", "-brief", "link")) {
		if name, _, _ := strings.Cut(line, " "); name != "lo" && name != underlayBridge && !strings.HasPrefix(name, "eth") && !strings.HasPrefix(name, "ovs-netdev") {
			note("link", line)
		}
	}
	for _, bridge := range strings.Fields(h.Run("ovs-vsctl", "--timeout=60", "list-br")) {
		if bridge == underlayBridge {
			continue
		}
		note("bridge", bridge)
		note("port of "+bridge, strings.Fields(h.ofBridge("ovs-vsctl", "--timeout=60", "list-ports", bridge))...)
		note("flow of "+bridge, strings.Split(h.ofBridge("ovs-ofctl", "--no-names", "--no-stats", "dump-flows", bridge), "\n")...)
	}
	note("namespace", strings.Fields(h.Run("ls", "/run/netns"))...)
	note("firewall", strings.Split(h.Run("nft", "list", "tables"), "\n")...)
	note("qdisc", notPlain(h.Run("tc", "qdisc"))...)
	return append(found, h.keptState()...)
}

// ofBridge asks for something of a bridge. One that went away since it was listed is seen to be gone by the next census.
func (h *Host) ofBridge(name string, arguments ...string) string {
	out, _ := h.Command(context.Background(), name, arguments...).Output()
	return string(out)
}

// notPlain leaves out the queues that every interface has.
func notPlain(text string) (rest []string) {
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "qdisc noqueue") && !strings.Contains(line, "dev eth") && !strings.Contains(line, "dev "+underlayBridge) {
			rest = append(rest, line)
		}
	}
	return rest
}

// keptState lists what the host part of the data folder keeps of labs, and what it has mounted.
func (h *Host) keptState() (found []string) {
	inside := fmt.Sprintf("/proc/%d/root", h.holder.Process.Pid) // a test may have mounted something there
	for _, folder := range []string{"labs", "nodes", "tmp", "fabric/labs", "fabric/internets"} {
		entries, err := os.ReadDir(filepath.Join(inside, h.Data(), "host", folder))
		if err != nil && !os.IsNotExist(err) {
			h.t.Fatal(err)
		}
		for _, entry := range entries {
			text, _ := os.ReadFile(filepath.Join(inside, h.Data(), "host", folder, entry.Name())) // a folder has none
			found = append(found, fmt.Sprintf("state %s/%s %.300s", folder, entry.Name(), text))
		}
	}
	return found
}

// ownOfFleet is what a host has of its own as long as it has peers: the panel with the tunnel's and the probe's ports, the probe's flows
// and the guard in front of both. The names are lab/fabric's.
var ownOfFleet = regexp.MustCompile(`^(link tl[ab][0-9a-f]{10}@|link tl-panel |bridge tl-panel$|port of tl-panel tl[ax][0-9a-f]+$|flow of tl-panel .*dl_type=0x88b5|firewall table inet trunkline_)`)

// LabCensus is Census without what a host that has peers has of its own.
func (h *Host) LabCensus() []string {
	h.t.Helper()
	return slices.DeleteFunc(h.Census(), ownOfFleet.MatchString)
}

// AwaitNoLabs waits until LabCensus is empty.
func (h *Host) AwaitNoLabs(ctx context.Context) error { return h.awaitEmpty(ctx, h.LabCensus) }

// AwaitNothing waits until Census is empty: the kernel takes namespaces and links away a moment after their last user.
func (h *Host) AwaitNothing(ctx context.Context) error { return h.awaitEmpty(ctx, h.Census) }

func (h *Host) awaitEmpty(ctx context.Context, census func() []string) error {
	return Until(ctx, censusWithin, "the end of everything the program had on host "+h.Name, func() error {
		if left := census(); len(left) > 0 {
			return fmt.Errorf("left over:\n  %s", strings.Join(left, "\n  "))
		}
		return nil
	})
}
