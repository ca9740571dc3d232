package edit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/edit"
	"trunkline/lab/format"
)

// styles are ways to write one lab.
var styles = []string{small, `name: flow
topology: {defaults: {kind: linux}, nodes: {r1: {kind: router}, h1: {}, h2: {labels: {a: b}}}, links: [{endpoints: ["r1:eth1", "h1:eth1"]}, {endpoints: [r1:eth2, h2:eth1], mtu: 1400}]}
`, `name: anchors
topology:
    defaults: &d
        kind: linux
    nodes:
        r1: {<<: *d, kind: router}   # first
        h1: *d
        h2:
            <<: *d
            env: {A: "1"}
    links:
    -   endpoints:
        - r1:eth1
        - h1:eth1
    # by itself

    - type: veth
      endpoints:
      - node: r1
        interface: eth2
      - {node: h2, interface: eth1, ipv4: 10.0.0.1/24}
      impair: {a-to-b: {delay: 1ms}, b-to-a: {loss: 1%}}
      vars: {x: [1, 2]}`, "name: crlf\r\ntopology:\r\n  nodes:\r\n    r1:\r\n      kind: router\r\n\r\n    h1:\r\n      kind: linux\r\n      exec:\r\n        - |\r\n          a\r\n          b\r\n\r\n    h2: {kind: linux}\r\n  links:\r\n    - endpoints: [r1:eth1, h1:eth1]\r\n    - endpoints: [r1:eth2, h2:eth1]\r\n",
	"name: bare\ntopology:\n  nodes:\n    r1: {kind: router}\n    h1:\n      kind: linux\n    h2:\n      kind: linux # no line end"}

// draw is a random op that makes sense for the lab.
func draw(t *rapid.T, l *lab.Lab) edit.Op {
	node := rapid.SampledFrom(l.Nodes).Draw(t, "node")
	verbs := []edit.Verb{edit.AddNode, edit.Set, edit.AddLink, edit.SetPosition, edit.StyleNode, edit.SetNote, edit.SetGroup, edit.Batch}
	if len(l.Nodes) > 1 {
		verbs = append(verbs, edit.RemoveNode, edit.RenameNode)
	}
	var link *lab.Link
	if len(l.Links) > 0 {
		link = rapid.SampledFrom(l.Links).Draw(t, "link")
		verbs = append(verbs, edit.RemoveLink, edit.MoveEnd, edit.SetLink, edit.SetLink)
	}
	number := rapid.IntRange(1, 9)
	switch verb := rapid.SampledFrom(verbs).Draw(t, "verb"); verb {
	case edit.AddNode:
		return edit.Op{Op: verb, Kind: rapid.SampledFrom([]string{"linux", "router", "switch", "lan"}).Draw(t, "kind"), At: &edit.Point{X: 1, Y: 2}, Fields: map[string]any{"group": "g"}}
	case edit.Set:
		op := edit.Op{Op: verb, Node: node.Name}
		sets := []func(){
			func() {
				op.Path, op.Value = []string{"cpu"}, edit.Of(number.Draw(t, "cpu"))
			},
			func() {
				op.Path, op.Value = []string{"env", fmt.Sprint("K", number.Draw(t, "key"))}, edit.Of(rapid.SampledFrom([]string{"v", "", "a: b", "#x", "two\nlines\n", "'q\"", "true", "10", "a, b]"}).Draw(t, "text"))
			},
			func() {
				op.Path, op.Value = []string{"exec"}, edit.Of([]any{"ip a", fmt.Sprint("echo ", number.Draw(t, "n"))})
			},
			func() { op.Path = []string{"exec"} },
			func() { op.Path = []string{"env"} },
			func() {
				op.Path, op.Value = []string{"interfaces", "lo", "addresses"}, edit.Of([]any{fmt.Sprintf("10.0.0.%d/32", number.Draw(t, "n"))})
			},
			func() {
				op.Path, op.Value = []string{"routing"}, edit.Of(map[string]any{"static": []any{map[string]any{"to": "10.0.0.0/8", "via": "10.1.1.1"}}})
			},
		}
		if !node.Kind.IsContainer() {
			sets = sets[:1]
		}
		sets[rapid.IntRange(0, len(sets)-1).Draw(t, "set")]()
		return op
	case edit.AddLink:
		return edit.Op{Op: verb, A: edit.End{Node: node.Name}, B: edit.End{Node: rapid.SampledFrom(l.Nodes).Draw(t, "other").Name}, Fields: map[string]any{"addresses-b": nil, "mtu": 1400}}
	case edit.SetPosition:
		op := edit.Op{Op: verb, Node: node.Name}
		if rapid.Bool().Draw(t, "at") {
			op.At = &edit.Point{X: float64(number.Draw(t, "x")), Y: 2.5}
		}
		return op
	case edit.StyleNode:
		return edit.Op{Op: verb, Node: node.Name, Fields: map[string]any{"color": rapid.SampledFrom([]any{nil, "red", "#aabbcc"}).Draw(t, "color"), "level": number.Draw(t, "level")}}
	case edit.SetNote:
		return edit.Op{Op: verb, Note: rapid.SampledFrom([]string{"", "note1"}).Draw(t, "note"), Fields: map[string]any{"text": rapid.SampledFrom([]any{"hello", "two\nlines", "$5: yes # no"}).Draw(t, "text"), "x": 1, "y": 2}}
	case edit.SetGroup:
		return edit.Op{Op: verb, Group: rapid.SampledFrom([]string{"", "core"}).Draw(t, "group"), Fields: map[string]any{"label": "A", "color": nil}}
	case edit.RenameNode:
		return edit.Op{Op: verb, Node: node.Name, To: fmt.Sprintf("%s-%d", rapid.SampledFrom([]string{"a", "b.c", "1"}).Draw(t, "to"), rapid.IntRange(1, 1e6).Draw(t, "n"))}
	case edit.RemoveLink:
		return edit.Op{Op: verb, Link: link.ID()}
	case edit.MoveEnd:
		return edit.Op{Op: verb, Link: link.ID(), End: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "end"), To: node.Name}
	case edit.SetLink:
		fields := map[string]any{}
		for name, values := range map[string][]any{
			"mtu": {nil, 1300, 9000}, "cut": {nil, true, false}, "labels": {nil, map[string]any{"a": "b"}}, "impair": {nil, map[string]any{"loss": "1%", "rate": "1mbit"}},
			"impair-a-to-b": {nil, map[string]any{"delay": "3ms"}}, "impair-b-to-a": {nil, map[string]any{"delay": "3ms"}},
			"addresses-a": {nil, []any{"10.0.0.1/24"}, []any{"10.0.0.1/24", "fd00::1/64"}, []any{"10.0.0.1/24", "10.0.1.1/24"}}, "addresses-b": {nil, []any{"10.0.0.2/24"}}, "mac-a": {nil, "02:00:00:00:00:07"},
		} {
			if rapid.Bool().Draw(t, "has "+name) && (link.B.Node != "" || name != "impair-b-to-a" && name != "addresses-b") {
				fields[name] = rapid.SampledFrom(values).Draw(t, name)
			}
		}
		return edit.Op{Op: verb, Link: link.ID(), Fields: fields}
	case edit.Batch:
		a, b := fmt.Sprint("x", rapid.IntRange(1, 1e6).Draw(t, "n")), node.Name
		ops := []edit.Op{{Op: edit.AddNode, Node: a, Kind: "linux"}, {Op: edit.AddLink, A: edit.End{Node: a}, B: edit.End{Node: b}}, {Op: edit.Set, Node: b, Path: []string{"cpu"}, Value: edit.Of(3)},
			{Op: edit.SetPosition, Node: a, At: &edit.Point{X: 3, Y: 4}}, {Op: edit.SetPosition, Node: b, At: &edit.Point{X: 3, Y: 4}}, {Op: edit.AddNode, Kind: "linux"}, {Op: edit.RemoveNode, Node: a}}
		return edit.Op{Op: verb, Ops: ops[:rapid.IntRange(1, len(ops)).Draw(t, "ops")]}
	default:
		return edit.Op{Op: edit.RemoveNode, Node: node.Name}
	}
}

// skeleton is what the file says without saying how.
func skeleton(t *rapid.T, text []byte) *lab.Lab {
	result, _ := format.Parse(format.Input{File: "lab.yml", Data: text, HasFile: func(string) bool { return true }})
	if result == nil {
		t.Fatalf("no YAML any more:\n%s", text)
	}
	return result.Lab
}

// TestRandomEditsAreUndoneExactly applies edits one after the other, undoes all of them, and does them again.
func TestRandomEditsAreUndoneExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(rapid.SampledFrom(styles).Draw(t, "style"))
		var texts [][]byte
		var inverses [][]edit.Op
		for range rapid.IntRange(1, 6).Draw(t, "edits") {
			l := skeleton(t, text)
			if len(l.Nodes) == 0 {
				break
			}
			op := draw(t, l)
			got, err := edit.Apply("lab.yml", text, []edit.Op{op})
			if fault.Is(err, fault.Unsupported) || fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) {
				continue
			}
			if err != nil {
				t.Fatalf("%+v: %v\n%s", op, err, text)
			}
			skeleton(t, got.Text)
			texts, inverses, text = append(texts, text), append(inverses, got.Inverse), got.Text
		}
		for i := len(texts) - 1; i >= 0; i-- {
			got, err := edit.Apply("lab.yml", text, inverses[i])
			if err != nil {
				t.Fatalf("undoing %+v: %v\n%s", inverses[i], err, text)
			}
			if diff := cmp.Diff(string(texts[i]), string(got.Text)); diff != "" {
				t.Fatalf("undoing %+v (-want +got):\n%s\nfrom\n%s", inverses[i], diff, text)
			}
			again, err := edit.Apply("lab.yml", got.Text, got.Inverse)
			if err != nil || !bytes.Equal(again.Text, text) && asJSON(skeleton(t, again.Text)) != asJSON(skeleton(t, text)) {
				t.Fatalf("doing it again by %+v: %v\n%s", got.Inverse, err, cmp.Diff(string(text), string(again.Text)))
			}
			text = got.Text
		}
	})
}

func asJSON(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}
