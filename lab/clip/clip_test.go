package clip_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/clip"
	"trunkline/lab/edit"
	"trunkline/lab/format"
)

const source = `name: campus
topology:
  defaults:
    env: {SITE: north}
  kinds:
    linux: {image: alpine}
    router: {image: frr}
  groups:
    edge: {cpu: 0.5, env: {ROLE: edge}}
  nodes:
    r1: &r # the first
      kind: router
      group: edge
      labels: {graph-posX: 100, graph-posY: 40, role: core, graph-group: left}
      interfaces:
        lo: {addresses: [10.255.0.1/32]}
      binds: [conf/r1.conf:/etc/frr/frr.conf, conf/gone:/gone]
      cmd: sleep infinity
    r2:
      <<: *r
      interfaces:
        lo: {addresses: [10.255.0.2/32]}
    sw1:
      kind: switch
      interfaces: {p1: {access: 10}, p2: {trunk: [10, 20], native: 1}}
    h1: {kind: linux}
  links:
    - endpoints: ["r1:eth1", "r2:eth1"]
      ipv4: [10.0.0.1/30, 10.0.0.2/30]
      mtu: 1400
      impair: {delay: 10ms, loss: 1%}
      flap: {every: 5s, down: 1s}
      labels: {colour: red}
    - {endpoints: ["r2:eth2", "sw1:p1"], ipv4: [10.1.0.1/24]}
    - endpoints: ["h1:eth1", "sw1:p2"]
      ipv4: [10.1.0.5/24]
`

func parse(t *testing.T, text string) *lab.Lab {
	t.Helper()
	result, err := format.Parse(format.Input{File: "lab.yml", Data: []byte(text), HasFile: func(string) bool { return true }})
	if err != nil {
		t.Fatalf("%v %v\n%s", err, fault.Public(err).Details, text)
	}
	return result.Lab
}

func copied(t *testing.T, nodes ...string) string {
	t.Helper()
	text, err := clip.Copy(clip.Source{ID: "l1", Name: "campus", Text: []byte(source), Places: map[string]edit.Point{"r2": {X: 300.4, Y: 40}}}, nodes)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// pasted puts a text into a lab and returns the lab, its text and what was left out.
func pasted(t *testing.T, id, into, text string) (*lab.Lab, string, clip.Pasted) {
	t.Helper()
	p, err := clip.Paste(clip.Target{ID: id, Source: []byte(into), Lab: parse(t, into), HasFile: func(path string) bool { return path == "conf/r1.conf" }}, text)
	if err != nil {
		t.Fatal(err, fault.Public(err).Details)
	}
	edited, err := edit.Apply("lab.yml", []byte(into), p.Ops)
	if err != nil {
		t.Fatalf("%v\n%+v", err, p.Ops)
	}
	return parse(t, string(edited.Text)), string(edited.Text), p
}

func TestACopyIsALabFileOfItsOwn(t *testing.T) {
	text := copied(t, "r2", "sw1")
	l := parse(t, text)
	if !strings.HasPrefix(text, clip.Begin) || len(l.Nodes) != 2 || len(l.Links) != 1 || strings.ContainsAny(text, "&*") || strings.Contains(text, "alpine") {
		t.Errorf("the copy is\n%s", text)
	}
	if sw := l.Node("sw1"); sw.X != nil {
		t.Errorf("sw1 has a place that nobody gave it: %v", *sw.X)
	}
	if n := l.Node("r2"); n.X == nil || *n.X != 100 || n.Image != "frr" || n.Env["ROLE"] != "edge" || len(n.Binds) != 2 || n.Interface("lo").Addresses[0].String() != "10.255.0.2/32" {
		t.Errorf("r2 is %+v", n)
	}
}

func TestACopyInTheSameLabKeepsAllButWhatThereMayBeOnce(t *testing.T) {
	l, text, p := pasted(t, "l1", source, copied(t, "r1", "r2", "sw1"))
	r3, sw2 := l.Node("r3"), l.Node("sw2")
	if r3 == nil || l.Node("r4") == nil || sw2 == nil {
		t.Fatalf("the lab is\n%s", text)
	}
	ignored := cmpopts.IgnoreFields(lab.Node{}, "Name", "Line", "X", "Y", "Interfaces", "Labels", "Binds")
	if diff := cmp.Diff(l.Node("r1"), r3, ignored, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Errorf("r1 and its copy differ (-original +copy):\n%s", diff)
	}
	if *r3.X != 150 || *r3.Y != 90 || r3.Labels["role"] != "core" || r3.Labels[lab.GroupLabel] != "" || len(r3.Interface("lo").Addresses) != 0 || len(r3.Binds) != 1 {
		t.Errorf("the copy is %+v", r3)
	}
	if p1 := sw2.Interface("p1"); p1.Access != 10 || len(sw2.Interfaces) != 1 {
		t.Errorf("ports of the switch are %+v, want p1 in VLAN 10 and not p2, whose cable was not copied", sw2.Interfaces)
	}
	var link *lab.Link
	for _, k := range l.Links {
		if k.ID() == "r3:eth1 r4:eth1" {
			link = k
		}
	}
	if link == nil || len(l.Links) != 5 || link.MTU != 1400 || link.AtoB.Loss != 1 || link.BtoA.Loss != 1 || link.Flap == nil || link.Labels["colour"] != "red" || len(link.A.Addresses) != 0 {
		t.Errorf("the cable's copy is %+v of\n%s", link, text)
	}
	if said := strings.Join(p.Left, " "); !strings.Contains(said, "addresses of 5 interfaces") || !strings.Contains(said, "conf/gone") {
		t.Errorf("left out: %v", p.Left)
	}
	if strings.Contains(strings.SplitAfter(text, "r3:")[1], "SITE") {
		t.Errorf("what is inherited anyway was written out:\n%s", text)
	}
}

func TestACopyInAnotherLabBringsWhatItInheritedAndItsAddresses(t *testing.T) {
	l, text, p := pasted(t, "l2", "name: other\ntopology:\n  kinds: {router: {image: bird}}\n  nodes:\n    r1: {kind: router}\n", copied(t, "r1", "r2"))
	n := l.Node("r2")
	if n == nil || n.Image != "frr" || n.CPU != 0.5 || n.Env["SITE"] != "north" || n.Env["ROLE"] != "edge" || n.Interface("lo").Addresses[0].String() != "10.255.0.1/32" {
		t.Errorf("r1 became %+v in\n%s", n, text)
	}
	if len(l.Links) != 1 || l.Links[0].A.Addresses[0].String() != "10.0.0.1/30" {
		t.Errorf("the cable is %+v", l.Links)
	}
	if len(p.Left) != 2 { // the file conf/gone of both
		t.Errorf("left out: %v", p.Left)
	}
}

func TestAnyLabFileCanBePasted(t *testing.T) {
	l, _, _ := pasted(t, "l2", "name: other\ntopology:\n  nodes: {}\n", "topology:\n  nodes:\n    a: {kind: linux, image: i}\n    b:\n      kind: linux\n  links:\n    - endpoints: [a:eth1, b:eth1]\n")
	if len(l.Nodes) != 2 || len(l.Links) != 1 || l.Nodes[0].X == nil {
		t.Errorf("the lab has %d nodes and %d links", len(l.Nodes), len(l.Links))
	}
}

func TestWhatCannotBePastedIsRefused(t *testing.T) {
	bomb := "topology:\n  nodes: {x: {kind: linux}}\n  a: &a [1,1,1,1,1,1,1,1,1]\n"
	for i, before := 'b', 'a'; i < 'j'; i, before = i+1, i {
		bomb += "  " + string(i) + ": &" + string(i) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(before)+",", 9), ",") + "]\n"
	}
	for name, c := range map[string]struct {
		text string
		code fault.Code
	}{
		"no YAML":         {"a: [", fault.Invalid},
		"a shopping list": {"- milk\n", fault.Invalid},
		"no nodes":        {"topology: {links: []}\n", fault.Invalid},
		"a wrong kind":    {"topology: {nodes: {x: {kind: toaster}}}\n", fault.Invalid},
		"an anchor bomb":  {bomb, fault.Exhausted},
	} {
		if _, err := clip.Paste(clip.Target{Source: []byte(source), Lab: parse(t, source)}, c.text); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := clip.Copy(clip.Source{Text: []byte(source)}, []string{"gone"}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("copying a node that is gone: %v", err)
	}
}
