package edit_test

import (
	"strings"
	"testing"

	"trunkline/lab/edit"
)

const withPorts = `name: ports # kept
topology:
  nodes:
    sw1:
      kind: switch
      interfaces:
        p1: {access: 10} # of h1
        p2: {access: 20}
    h1: {kind: linux, interfaces: {eth1: 10.0.0.1/24}}
    h2: {kind: linux}
    r1: {kind: router}
  links:
    - endpoints: [sw1:p1, h1:eth1]
    - endpoints: [sw1:p2, h2:eth1]
`

func TestSettingsOfAPortGoWithItsCable(t *testing.T) {
	for _, c := range []struct {
		name string
		op   edit.Op
		gone []string
		stay []string
	}{
		{"a cable", edit.Op{Op: edit.RemoveLink, Link: "sw1:p1 h1:eth1"}, []string{"p1:", "of h1", "10.0.0.1/24"}, []string{"p2: {access: 20}", "# kept"}},
		{"a node", edit.Op{Op: edit.RemoveNode, Node: "h1"}, []string{"p1:", "h1:"}, []string{"p2: {access: 20}"}},
		{"the last port", edit.Op{Op: edit.Batch, Ops: []edit.Op{{Op: edit.RemoveNode, Node: "h1"}, {Op: edit.RemoveNode, Node: "h2"}}}, []string{"interfaces", "p2:"}, []string{"kind: switch"}},
		{"a moved end", edit.Op{Op: edit.MoveEnd, Link: "sw1:p1 h1:eth1", End: "b", To: "r1"}, []string{"10.0.0.1/24"}, []string{"p1: {access: 10}", "r1:eth1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			edited, err := edit.Apply("lab.clab.yml", []byte(withPorts), []edit.Op{c.op})
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range c.gone {
				if strings.Contains(string(edited.Text), text) {
					t.Errorf("%q is still there:\n%s", text, edited.Text)
				}
			}
			for _, text := range c.stay {
				if !strings.Contains(string(edited.Text), text) {
					t.Errorf("%q is gone:\n%s", text, edited.Text)
				}
			}
			back, err := edit.Apply("lab.clab.yml", edited.Text, edited.Inverse)
			if err != nil {
				t.Fatal(err)
			}
			if string(back.Text) != withPorts {
				t.Errorf("it does not come back as it was:\n%s", back.Text)
			}
		})
	}
}
