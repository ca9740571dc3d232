package format_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"net/netip"

	"trunkline/lab"
	"trunkline/lab/format"
)

const drawn = `name: drawn
topology:
  addressing: {mode: fill, loopbacks: [10.9.0.0/16], ipv6: false}
  defaults:
    kind: linux
    image: i
    config:
      vars:
        trunkline:
          notes:
            note1: {text: "costs $5, ${HOME} {{ or }} so", x: 10, y: -2.5, color: amber}
          drawn-groups:
            core: {label: Core, color: "#aabbcc"}
  nodes:
    a: {labels: {graph-group: core, graph-color: red}}
`

func TestTheDrawingAndTheAddressingComeBack(t *testing.T) {
	l := mustParse(t, drawn).Lab
	want := &lab.Drawing{
		Notes:  []lab.Note{{ID: "note1", Text: "costs $5, ${HOME} {{ or }} so", X: 10, Y: -2.5, Color: "amber"}},
		Groups: []lab.DrawnGroup{{ID: "core", Label: "Core", Color: "#aabbcc"}},
	}
	if diff := cmp.Diff(want, l.Drawing); diff != "" {
		t.Errorf("the drawing (-want +got):\n%s", diff)
	}
	pools := &lab.Addressing{Fill: true, Loopbacks: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}, NoIPv6: true}
	if diff := cmp.Diff(pools, l.Addressing, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("the addressing (-want +got):\n%s", diff)
	}
	plain, err := format.Format(l)
	if err != nil {
		t.Fatal(err)
	}
	carried, _, err := format.Containerlab(l)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(carried), "\n  addressing") {
		t.Errorf("containerlab would refuse:\n%s", carried)
	}
	for _, text := range [][]byte{plain, carried} {
		result := mustParse(t, string(text))
		if diff := cmp.Diff(l, result.Lab, cmpopts.IgnoreFields(lab.Node{}, "Line"), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("(-want +got):\n%s\n%s", diff, text)
		}
		if len(result.Dropped) > 0 {
			t.Errorf("dropped: %v", result.Dropped)
		}
	}
}

func TestAnEmptyLabIsTakenWhenItSaysSo(t *testing.T) {
	if l := mustParse(t, "name: x\ntopology:\n  nodes: {}\n").Lab; len(l.Nodes) != 0 {
		t.Errorf("got %v", l.Nodes)
	}
}
