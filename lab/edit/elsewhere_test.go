package edit_test

import (
	"testing"

	"trunkline/lab/edit"
)

// TestAnEditOfANodeLeavesEveryLineElsewhere compares each public lab before and after an edit, line by line: what goes or changes stands between
// the node's own line and the next node's, or behind the last one.
func TestAnEditOfANodeLeavesEveryLineElsewhere(t *testing.T) {
	accepted(t, func(t *testing.T, text string) {
		before := parse(t, text)
		for i, n := range before.Nodes {
			next := 1 << 30
			for _, other := range before.Nodes[i+1:] {
				if other.Line > n.Line {
					next = other.Line
					break
				}
			}
			for _, op := range []edit.Op{
				{Op: edit.Set, Node: n.Name, Path: []string{"cpu"}, Value: edit.Of(3)},
				{Op: edit.Set, Node: n.Name, Path: []string{"image"}, Value: edit.Of("other")},
				{Op: edit.Set, Node: n.Name, Path: []string{"labels", "a"}, Value: edit.Of("b")},
				{Op: edit.SetPosition, Node: n.Name, At: &edit.Point{X: 1, Y: 2}},
			} {
				got, err := edit.Apply("lab.yml", []byte(text), []edit.Op{op})
				if err != nil {
					t.Fatalf("%+v: %v", op, err)
				}
				gone := 0
				for _, l := range edit.Compare([]byte(text), got.Text, nil, nil).Lines {
					if l.Sign != "-" {
						continue
					}
					gone++
					if l.Old < n.Line || l.Old >= next {
						t.Errorf("%s of %s changed line %d: %s", op.Op, n.Name, l.Old, l.Text)
					}
				}
				if gone > 3 {
					t.Errorf("%s of %s changed %d lines", op.Op, n.Name, gone)
				}
			}
		}
	})
}
