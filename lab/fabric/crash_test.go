package fabric

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

func TestWhatAKilledAgentLeftHalfMadeIsFoundAndRemoved(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	spec := twoNodes("lab1")
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	// A veth without its stamp, ports without their flows, flows of a lab nobody knows.
	half := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: r.names.hostEnd("lab9", "n", "eth1"), TxQLen: -1, Group: r.names.labGroup("lab9")}, PeerName: "tl-half"}
	if err := netlink.LinkAdd(half); err != nil {
		t.Fatal(err)
	}
	state := must(r.ovs.observe(ctx))
	panel := state.panelOf(r.cfg.HostID).name
	if err := r.ovs.applyFlows(ctx, panel, r.names.cookie("lab8"), flowChange{add: []flow{{inPort: 900, output: 901}}}); err != nil {
		t.Fatal(err)
	}
	words, err := r.Leftovers(ctx, map[string]bool{"lab1": true})
	if err != nil || len(words) != 2 || !strings.Contains(words[0], "flow") || !strings.Contains(words[1], "veth "+half.Name) {
		t.Errorf("left over: %q, %v", words, err)
	}
	all, err := r.Leftovers(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"Open vSwitch bridge", "Open vSwitch port", "flow", "veth", "nftables table"} {
		if !strings.Contains(strings.Join(all, "\n"), kind) {
			t.Errorf("no %s among %q", kind, all)
		}
	}
	if _, err := r.RemoveLeftovers(ctx, map[string]bool{"lab1": true}); err != nil {
		t.Fatal(err)
	}
	if words, err := r.Leftovers(ctx, map[string]bool{"lab1": true}); err != nil || len(words) != 0 {
		t.Errorf("still left over: %q, %v", words, err)
	}
	r.reaches("r1", "10.0.0.2")
	if _, err := r.RemoveLeftovers(ctx, nil); err != nil {
		t.Fatal(err)
	}
	r.clean()
}

func TestLabsComeAndGoAtTheSameTime(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	const labs = 4
	var together sync.WaitGroup
	errs := make(chan error, 100)
	rigs := make([]*rig, labs)
	for i := range labs {
		rigs[i] = &rig{Fabric: r.Fabric, t: t, nodes: map[string]*node{}}
		rigs[i].start("r1", "r2")
	}
	for i := range labs {
		together.Go(func() {
			spec := twoNodes(fmt.Sprint("lab", i))
			for range 3 {
				for _, n := range spec.Nodes {
					if _, err := r.Plug(ctx, spec.ID, n, rigs[i].nodes[n.Name].pid); err != nil {
						errs <- err
					}
				}
				if _, err := r.Wire(ctx, spec, nil); err != nil {
					errs <- err
				}
				if _, err := r.Labs(ctx); err != nil {
					errs <- err
				}
				if err := waitFor(time.Minute, spec.ID+"'s ping", func() bool { return rigs[i].ping("r1", "10.0.0.2", 56, time.Second) == nil }); err != nil {
					errs <- err
				}
				if err := r.Unwire(ctx, spec.ID); err != nil {
					errs <- err
				}
			}
		})
	}
	together.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	r.clean()
}
