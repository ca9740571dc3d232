package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/lab/control"
)

// TestADrainedHostIsEmptiedNodeByNode drains one of two hosts under a running lab: every node moves with its name, addresses and MAC,
// one after the other, and the host has nothing of the lab in the end.
func TestADrainedHostIsEmptiedNodeByNode(t *testing.T) {
	f := newFleet(t, []string{tiny}, "zone=a", "zone=b")
	f.says(0, nil, "hosts", "label", "host-b", "spare=yes")
	f.stores("pairs", spreadPairs(4))
	f.asks("pairs", "deploy")
	f.becomes("pairs", control.Running)
	if on := f.placed("pairs"); on["host-a"] != 4 || on["host-b"] != 4 {
		t.Fatalf("nodes are on %v", on)
	}
	before := f.says(0, nil, "exec", "pairs/b0", "--", "cat", "/sys/class/net/eth1/address")
	f.says(0, nil, "hosts", "label", "host-a", "spare=yes")
	begun := time.Now()
	f.says(0, nil, "hosts", "drain", "host-b")
	fewest, steps := 4, []string{}
	f.until("pairs", "the end of host-b's part", func(d *control.LabDetail) bool {
		there := 0
		for _, node := range d.Nodes {
			if node.Host == "host-b" {
				there++
			}
		}
		if there < fewest {
			fewest = there
			steps = append(steps, fmt.Sprintf("%d left after %.1f s", there, time.Since(begun).Seconds()))
		}
		return there == 0 && d.State == control.Running
	})
	t.Logf("host-b: %s; the lab is whole after %.1f s", strings.Join(steps, ", "), time.Since(begun).Seconds())
	after := f.says(0, nil, "exec", "pairs/b0", "--", "cat", "/sys/class/net/eth1/address")
	if before.Out == "" || after.Out != before.Out {
		t.Errorf("eth1 of b0 had %q and has %q", before.Out, after.Out)
	}
	for i := range 4 {
		f.reaches(fmt.Sprintf("pairs/a%d", i), fmt.Sprintf("10.0.%d.2", i))
	}
	if err := f.hosts[1].AwaitNoLabs(f.limited()); err != nil {
		t.Errorf("host-b is drained and has: %v", err)
	}
	f.says(0, nil, "hosts", "undrain", "host-b")
	f.destroys("pairs")
	f.nothingIsLeftAnywhere()
}

// spreadPairs is n cables, each from a node in zone a to one on a host that is labelled as a spare.
func spreadPairs(n int) string {
	var nodes, links strings.Builder
	for i := range n {
		fmt.Fprintf(&nodes, "    a%d: {kind: linux, labels: {trunkline.place.zone: a}}\n    b%d: {kind: linux, labels: {trunkline.place.spare: 'yes'}}\n", i, i)
		fmt.Fprintf(&links, "    - endpoints: [a%d:eth1, b%d:eth1]\n      ipv4: [10.0.%d.1/24, 10.0.%d.2/24]\n", i, i, i, i)
	}
	return fmt.Sprintf("name: pairs\ntopology:\n  kinds:\n    linux: {image: %s}\n  nodes:\n%s  links:\n%s", tiny, nodes.String(), links.String())
}
