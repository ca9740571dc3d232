package fabric

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

func controlled(id string) hostapi.LabSpec {
	spec := onSwitch(id, 2, hostapi.SegmentSpec{Name: "sw", Kind: lab.Switch, Controller: &hostapi.ControllerSpec{Node: "c", Port: lab.OpenFlowPort}})
	spec.Nodes = append(spec.Nodes, nodeSpec("c"))
	return spec
}

func TestAControllerCannotFillTheHostWithFlows(t *testing.T) {
	r := newRig(t)
	spec := controlled("many")
	r.up(spec)
	const more = 100
	send := make([][]byte, 0, flowsOfTable+more+1)
	for i := range flowsOfTable + more {
		send = append(send, flowMod(uint32(1000+i), output(1)))
	}
	beyond := flowMod(1, output(2))
	beyond[24] = tablesOfSwitch // its table
	c := r.controllerIn("c", append(send, beyond)...)
	const tableFull = 5<<16 | 1
	eventually(t, "refusals of what is too much", func() bool {
		seen, errors := c.state()
		full := 0
		for _, e := range errors {
			if e == tableFull {
				full++
			}
		}
		return seen > 0 && full == more+1 && full == len(errors)
	})
	out := string(must(r.ovs.ofctl(t.Context(), "dump-aggregate", r.names.segment("many", "sw"))))
	if !strings.Contains(out, "flow_count=4096") {
		t.Errorf("the switch has %s", out)
	}
	spec.Segments[0].Controller = nil
	spec.Generation++
	r.wire(spec)
	r.reaches("h1", "10.0.0.2")
	tables := must(r.ovs.read(t.Context(), "get", "Bridge", r.names.segment("many", "sw"), "flow_tables"))
	if text := strings.TrimSpace(string(tables)); text != "{}" {
		t.Errorf("without a controller the switch still has limits: %s", text)
	}
}

func TestASocketThatADeadAgentLeftIsALeftover(t *testing.T) {
	r := newRig(t)
	spec := controlled("kept")
	r.up(spec)
	dead := filepath.Join(r.ovs.folder(), r.names.controllerSocket("tlb-dead"))
	listener, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	listener.Close()
	keep := map[string]bool{"kept": true}
	isIt := func(words string) bool { return strings.Contains(words, dead) }
	if left, err := r.Leftovers(t.Context(), keep); err != nil || len(left) != 1 || !isIt(left[0]) {
		t.Errorf("left over is %q, %v", left, err)
	}
	if removed, err := r.RemoveLeftovers(t.Context(), keep); err != nil || !slices.ContainsFunc(removed, isIt) {
		t.Errorf("removed is %q, %v", removed, err)
	}
	if _, err := os.Stat(dead); err == nil {
		t.Error("it is still there")
	}
	if v := r.view(spec, "sw"); v.Controller == nil {
		t.Error("the switch of the lab that is kept lost its controller")
	}
	r.controllerIn("c", flowMod(1, output(2)), flowMod(2, output(1)))
	eventually(t, "the kept controller's flows", func() bool { return r.ping("h1", "10.0.0.2", 56, 200*time.Millisecond) == nil })
}
