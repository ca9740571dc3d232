package edit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/lab/edit"
)

// large is a lab file of n nodes and as many links.
func large(n int) string {
	var b strings.Builder
	b.WriteString("name: large\ntopology:\n  nodes:\n")
	for i := range n {
		fmt.Fprintf(&b, "    n%d:\n      kind: linux\n      image: trunkline/host\n      labels:\n        graph-posX: \"%d\"\n        graph-posY: \"%d\"\n", i, i*10, i%7*100)
	}
	b.WriteString("  links:\n")
	for i := range n {
		fmt.Fprintf(&b, "    - endpoints: [\"n%d:eth1\", \"n%d:eth2\"]\n", i, (i+1)%n)
	}
	return b.String()
}

var benchmarked = map[string][]edit.Op{
	"set":         {{Op: edit.Set, Node: "n250", Path: []string{"cpu"}, Value: edit.Of(2)}},
	"position":    {{Op: edit.SetPosition, Node: "n250", At: &edit.Point{X: 1, Y: 2}}},
	"cut":         {{Op: edit.SetLink, Link: "n250:eth1 n251:eth2", Fields: map[string]any{"cut": true}}},
	"move end":    {{Op: edit.MoveEnd, Link: "n250:eth1 n251:eth2", End: "b", To: "n9"}},
	"add node":    {{Op: edit.AddNode, Kind: "router"}},
	"add link":    {{Op: edit.AddLink, A: edit.End{Node: "n1"}, B: edit.End{Node: "n2"}}},
	"remove node": {{Op: edit.RemoveNode, Node: "n250"}},
	"rename node": {{Op: edit.RenameNode, Node: "n250", To: "core"}},
}

func BenchmarkOneEditOfFiveHundredNodes(b *testing.B) {
	text := []byte(large(500))
	for name, ops := range benchmarked {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := edit.Apply("lab.yml", text, ops); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestMovingEverythingIsOneEdit keeps a layout of a large lab quick: five hundred positions in one batch, and back.
func TestMovingEverythingIsOneEdit(t *testing.T) {
	text := []byte(large(500))
	var ops []edit.Op
	for i := range 500 {
		ops = append(ops, edit.Op{Op: edit.SetPosition, Node: fmt.Sprint("n", i), At: &edit.Point{X: float64(i), Y: 1}})
	}
	began := time.Now()
	moved, err := edit.Apply("lab.yml", text, ops)
	if err != nil {
		t.Fatal(err)
	}
	back, err := edit.Apply("lab.yml", moved.Text, moved.Inverse)
	if err != nil || string(back.Text) != string(text) {
		t.Fatalf("not undone: %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("there and back took %s", took)
	} else {
		t.Logf("there and back took %s", took)
	}
}
