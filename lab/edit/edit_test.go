package edit_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/edit"
	"trunkline/lab/format"
)

const small = `# a lab of two
name: small   # its name
topology:
  defaults:
    kind: linux
    image: "trunkline/host"
  nodes:
    # the first
    r1:
      kind: router   # FRR
      labels: {role: 'core', graph-posX: "10", graph-posY: "20"}

    h1:
      exec:
        - ip link
        # then
        - ip addr
    h2: {}

  links:
    # the way to h1
    - endpoints: ["r1:eth1", "h1:eth1"]  # one
      mtu: 1400
    - endpoints: ["r1:eth2", "h2:eth1"]
`

// apply applies ops and checks that the inverse gives the text back.
func apply(t *testing.T, text string, ops ...edit.Op) string {
	t.Helper()
	got, err := edit.Apply("lab.yml", []byte(text), ops)
	if err != nil {
		t.Fatalf("%v", err)
	}
	back, err := edit.Apply("lab.yml", got.Text, viaJSON(t, got.Inverse))
	if err != nil {
		t.Fatalf("the inverse %s: %v\n%s", words(t, got.Inverse), err, got.Text)
	}
	if diff := cmp.Diff(text, string(back.Text)); diff != "" {
		t.Errorf("the inverse %s gives another text (-want +got):\n%s\nafter the edit it was:\n%s", words(t, got.Inverse), diff, got.Text)
	}
	again, err := edit.Apply("lab.yml", back.Text, viaJSON(t, back.Inverse))
	if err != nil {
		t.Fatalf("redo: %v", err)
	}
	if diff := cmp.Diff(string(got.Text), string(again.Text)); diff != "" {
		t.Errorf("undoing the undo %s gives another text (-want +got):\n%s", words(t, back.Inverse), diff)
	}
	return string(got.Text)
}

// viaJSON is what becomes of ops on their way to an editor and back.
func viaJSON(t *testing.T, ops []edit.Op) []edit.Op {
	t.Helper()
	text, err := json.Marshal(ops)
	if err != nil {
		t.Fatal(err)
	}
	var back []edit.Op
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func words(t *testing.T, ops []edit.Op) string {
	t.Helper()
	text, err := json.Marshal(ops)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse(t *testing.T, text string) *lab.Lab {
	t.Helper()
	result, err := format.Parse(format.Input{File: "lab.yml", Data: []byte(text), HasFile: func(string) bool { return true }})
	if err != nil {
		t.Fatalf("the text is no lab: %v\n%s", fault.Public(err).Details, text)
	}
	return result.Lab
}

// TestAnEditChangesTheBytesItMust compares whole texts.
func TestAnEditChangesTheBytesItMust(t *testing.T) {
	for _, c := range []struct {
		name     string
		op       edit.Op
		old, now string
	}{
		{"a scalar keeps its quotes and its comment", edit.Op{Op: edit.Set, Path: []string{"topology", "defaults", "image"}, Value: edit.Of("x/y:1")}, `"trunkline/host"`, `"x/y:1"`},
		{"a field is added to a node", edit.Op{Op: edit.Set, Node: "r1", Path: []string{"cpu"}, Value: edit.Of(2)}, "graph-posY: \"20\"}\n", "graph-posY: \"20\"}\n      cpu: 2\n"},
		{"an inherited field is overridden in the node", edit.Op{Op: edit.Set, Node: "h1", Path: []string{"image"}, Value: edit.Of("a"), Was: edit.Of("trunkline/host")}, "        - ip addr\n", "        - ip addr\n      image: a\n"},
		{"a mapping on one line grows", edit.Op{Op: edit.StyleNode, Node: "r1", Fields: map[string]any{"color": "red"}}, `graph-posY: "20"}`, `graph-posY: "20", graph-color: red}`},
		{"a node without anything gets a field", edit.Op{Op: edit.Set, Node: "h2", Path: []string{"cpu"}, Value: edit.Of(1.5)}, "    h2: {}\n", "    h2:\n      cpu: 1.5\n"},
		{"an item of a list", edit.Op{Op: edit.Set, Node: "h1", Path: []string{"exec", "1"}, Value: edit.Of("ip -6 addr: all")}, "- ip addr\n", "- \"ip -6 addr: all\"\n"},
		{"a field is removed with its comment", edit.Op{Op: edit.Set, Link: "r1:eth1 h1:eth1", Path: []string{"mtu"}}, "      mtu: 1400\n", ""},
		{"a position moves", edit.Op{Op: edit.SetPosition, Node: "r1", At: &edit.Point{X: 11, Y: -2.5}}, `graph-posX: "10", graph-posY: "20"`, `graph-posX: "11", graph-posY: "-2.5"`},
		{"a position is made", edit.Op{Op: edit.SetPosition, Node: "h1", At: &edit.Point{X: 1, Y: 2}}, "        - ip addr\n", "        - ip addr\n      labels:\n        graph-posX: \"1\"\n        graph-posY: \"2\"\n"},
		{"a node is added like its neighbours are written", edit.Op{Op: edit.AddNode, Kind: "linux"}, "    h2: {}\n", "    h2: {}\n    h3:\n      kind: linux\n"},
		{"a link is added like its neighbours are written", edit.Op{Op: edit.AddLink, A: edit.End{Node: "h1"}, B: edit.End{Node: "h2"}}, "\"h2:eth1\"]\n", "\"h2:eth1\"]\n    - endpoints: [\"h1:eth2\", \"h2:eth2\"]\n"},
		{"a link with everything", edit.Op{Op: edit.AddLink, A: edit.End{Node: "h1"}, B: edit.End{Node: "h2"}, Fields: map[string]any{"mtu": 9000, "addresses-a": []any{"10.0.0.1/30"}, "impair-a-to-b": map[string]any{"delay": "20ms", "rate": "1mbit"}}},
			"\"h2:eth1\"]\n", "\"h2:eth1\"]\n    - endpoints: [\"h1:eth2\", \"h2:eth2\"]\n      ipv4: [10.0.0.1/30, \"\"]\n      mtu: 9000\n      impair: {a-to-b: {rate: 1mbit, delay: 20ms}}\n"},
		{"a link goes with the comment above it", edit.Op{Op: edit.RemoveLink, Link: "r1:eth1 h1:eth1"}, "    # the way to h1\n    - endpoints: [\"r1:eth1\", \"h1:eth1\"]  # one\n      mtu: 1400\n", ""},
		{"an end moves", edit.Op{Op: edit.MoveEnd, Link: "r1:eth1 h1:eth1", End: "b", To: "h2"}, `"h1:eth1"]  # one`, `"h2:eth2"]  # one`},
		{"a link is cut", edit.Op{Op: edit.SetLink, Link: "r1:eth1 h1:eth1", Fields: map[string]any{"cut": true}}, "      mtu: 1400\n", "      mtu: 1400\n      cut: true\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := strings.Replace(small, c.old, c.now, 1)
			if diff := cmp.Diff(want, apply(t, small, c.op)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRemovingANodeTakesItsLinks(t *testing.T) {
	got := apply(t, small, edit.Op{Op: edit.RemoveNode, Node: "r1"})
	if strings.Contains(got, "r1") || strings.Contains(got, "the first") || !strings.Contains(got, "links: []") {
		t.Errorf("got:\n%s", got)
	}
	parse(t, got)
}

func TestRenamingANodeRenamesItsLinks(t *testing.T) {
	got := apply(t, small, edit.Op{Op: edit.RenameNode, Node: "r1", To: "core.1"})
	if want := strings.ReplaceAll(strings.ReplaceAll(small, "r1:", "core.1:"), "# the way", "# the way"); want != got {
		t.Error(cmp.Diff(want, got))
	}
}

// labsDir finds the public lab files: TRUNKLINE_LABS, or ../shared/labs beside the checkout.
func labsDir(t testing.TB) string {
	dir := os.Getenv("TRUNKLINE_LABS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "labs")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the public lab files are not here (%s); set TRUNKLINE_LABS to their folder", dir)
	}
	return dir
}

// accepted calls each with every accepted public lab.
func accepted(t *testing.T, each func(t *testing.T, text string)) {
	root := filepath.Join(labsDir(t), "accept")
	found := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		name := filepath.Base(p)
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".yml") && !strings.HasSuffix(name, ".yaml") || strings.Contains(name, "vars.") {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if _, err := format.Parse(format.Input{File: name, Data: data, HasFile: func(string) bool { return true }}); err != nil {
			return nil
		}
		found++
		rel, _ := filepath.Rel(root, p)
		t.Run(rel, func(t *testing.T) { each(t, string(data)) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 30 {
		t.Errorf("only %d accepted labs were found", found)
	}
}

// TestEveryPublicLabCanBeEdited does each kind of edit to each node and link there is.
func TestEveryPublicLabCanBeEdited(t *testing.T) {
	accepted(t, func(t *testing.T, text string) {
		before := parse(t, text)
		for _, n := range before.Nodes {
			for _, op := range []edit.Op{
				{Op: edit.Set, Node: n.Name, Path: []string{"cpu"}, Value: edit.Of(2)},
				{Op: edit.Set, Node: n.Name, Path: []string{"env", "A"}, Value: edit.Of("b: c")},
				{Op: edit.Set, Node: n.Name, Path: []string{"interfaces", "lo", "addresses"}, Value: edit.Of([]any{"10.255.0.1/32"})},
				{Op: edit.SetPosition, Node: n.Name, At: &edit.Point{X: 12, Y: 34}},
				{Op: edit.StyleNode, Node: n.Name, Fields: map[string]any{"color": "amber", "group": "g"}},
				{Op: edit.RenameNode, Node: n.Name, To: "renamed-node"},
				{Op: edit.RemoveNode, Node: n.Name},
				{Op: edit.AddLink, A: edit.End{Node: n.Name}, B: edit.End{Node: before.Nodes[0].Name}},
			} {
				if len(op.Path) > 0 && op.Path[0] == "interfaces" && !n.Kind.IsContainer() || op.Op == edit.AddLink && n == before.Nodes[0] || op.Op == edit.RemoveNode && len(before.Nodes) == 1 {
					continue
				}
				after := parse(t, apply(t, text, op))
				check(t, before, after, op)
			}
		}
		for _, k := range before.Links {
			for _, op := range []edit.Op{
				{Op: edit.RemoveLink, Link: k.ID()},
				{Op: edit.SetLink, Link: k.ID(), Fields: map[string]any{"mtu": 1300, "cut": true, "impair": map[string]any{"loss": "1%"}}},
				{Op: edit.MoveEnd, Link: k.ID(), End: "a", To: before.Nodes[len(before.Nodes)-1].Name},
			} {
				if k.Type != lab.VEth {
					delete(op.Fields, "impair")
					op.To = before.Nodes[0].Name
				}
				if strings.HasPrefix(k.A.Interface, "port") || k.B.Node == k.B.Interface { // of a template, or of a bridge inside a node
					continue
				}
				check(t, before, parse(t, apply(t, text, op)), op)
			}
		}
	})
}

// check looks at what an op should have done, and that nothing else is different.
func check(t *testing.T, before, after *lab.Lab, op edit.Op) {
	t.Helper()
	for _, n := range before.Nodes {
		now := after.Node(n.Name)
		if n.Name == op.Node {
			continue
		}
		if now == nil && op.Op == edit.RemoveNode && n.Kind == lab.Switch { // a bridge inside the node
			continue
		}
		if now == nil {
			t.Errorf("%s: node %s is gone", op.Op, n.Name)
			continue
		}
		if diff := cmp.Diff(mustJSON(t, n), mustJSON(t, now)); diff != "" && len(n.Stages) == 0 && (before.Mgmt == nil) == (after.Mgmt == nil) {
			t.Errorf("%s changed node %s:\n%s", op.Op, n.Name, diff)
		}
	}
	n := after.Node(op.Node)
	switch op.Op {
	case edit.RemoveNode:
		if n != nil || len(after.LinksOf(op.Node)) > 0 {
			t.Errorf("%s is still there", op.Node)
		}
	case edit.RenameNode:
		if n != nil || after.Node(op.To) == nil || len(after.LinksOf(op.To)) != len(before.LinksOf(op.Node)) {
			t.Errorf("%s was not renamed", op.Node)
		}
	case edit.SetPosition:
		if n.X == nil || *n.X != op.At.X || *n.Y != op.At.Y {
			t.Errorf("%s is at %v", op.Node, n.X)
		}
	case edit.Set:
		if op.Path[0] == "cpu" && n.Kind.IsContainer() && n.CPU != 2 || op.Path[0] == "env" && n.Kind.IsContainer() && n.Env["A"] != "b: c" || op.Path[0] == "interfaces" && len(n.Interface("lo").Addresses) != 1 {
			t.Errorf("%v of %s was not set", op.Path, op.Node)
		}
	case edit.AddLink:
		if len(after.Links) != len(before.Links)+1 {
			t.Error("the link is not there")
		}
	case edit.RemoveLink:
		if len(after.Links) != len(before.Links)-1 {
			t.Errorf("the link %s is still there", op.Link)
		}
	}
	if op.Link == "" {
		return
	}
	if len(after.Links) < len(before.Links)-1 {
		t.Error("links were lost")
	}
	for _, k := range after.Links {
		if k.ID() == op.Link && op.Op == edit.SetLink && (k.MTU != 1300 || !k.Cut || k.Type == lab.VEth && (k.AtoB.Loss != 1 || k.BtoA.Loss != 1)) {
			t.Errorf("the link is %s", mustJSON(t, k))
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
