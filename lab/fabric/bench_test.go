package fabric

import (
	"context"
	"fmt"
	"testing"
	"time"

	"trunkline/lab/hostapi"
)

// ring is n nodes with two interfaces each, every one cabled to the next.
func ring(id string, n int) hostapi.LabSpec {
	spec := hostapi.LabSpec{ID: id, Name: id, Generation: 1}
	for i := range n {
		j := (i + 1) % n
		spec.Nodes = append(spec.Nodes, nodeSpec(fmt.Sprintf("n%d", i),
			iface("eth1", i, 1, fmt.Sprintf("10.1.%d.1/30", i)), iface("eth2", i, 2, fmt.Sprintf("10.1.%d.2/30", (i+n-1)%n))))
		spec.Cables = append(spec.Cables, cable(fmt.Sprintf("n%d", i), "eth1", fmt.Sprintf("n%d", j), "eth2"))
	}
	return spec
}

func TestARingOfAHundredNodesIsPluggedWiredAndRemoved(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a hundred processes")
	}
	r := newRig(t)
	const n = 100
	spec := ring("ring", n)
	for i := range n {
		r.start(fmt.Sprintf("n%d", i))
	}
	r.probe()
	took := func(what string, do func()) {
		start := time.Now()
		do()
		t.Logf("%s: %s", what, time.Since(start).Round(100*time.Microsecond))
	}
	took("plug 100 nodes one after the other", func() { r.plug(spec) })
	took("plug them again", func() { r.plug(spec) })
	took("wire 100 cables", func() { r.wire(spec) })
	took("first ping", func() {
		eventually(t, "n0 to reach n1", func() bool { return r.ping("n0", "10.1.0.2", 56, 200*time.Millisecond) == nil })
	})
	took("wire again", func() { r.wire(spec) })
	for _, i := range []int{0, 17, 42, n - 1} {
		r.reaches(fmt.Sprintf("n%d", i), fmt.Sprintf("10.1.%d.2", i))
	}
	took("cut one", func() {
		cut := spec
		cut.Cables = append([]hostapi.CableSpec{}, spec.Cables...)
		cut.Cables[3].Cut = true
		r.wire(cut)
	})
	took("mend it", func() { r.wire(spec) })
	took("labs", func() { r.Labs(context.Background()) })
	took("unwire", func() {
		if err := r.Unwire(context.Background(), spec.ID); err != nil {
			t.Fatal(err)
		}
	})
	r.clean()
}
