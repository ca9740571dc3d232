package format_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/format"
)

const levels = `
name: x
topology:
  defaults:
    kind: linux
    image: from-defaults
    group: g0
    user: root
    env: {A: defaults, B: defaults, C: defaults, D: defaults}
    labels: {l: defaults}
    sysctls: {net.ipv4.ip_forward: 0}
    exec: [one, two]
    binds: [d.conf:/etc/x.conf, e.conf:/etc/y.conf]
    cap-add: [NET_ADMIN]
  kinds:
    linux:
      user: from-kind
      env: {B: kind, C: kind, D: kind}
      exec: [three, one]
      binds: [k.conf:/etc/x.conf:ro]
    router:
      image: from-router-kind
      group: g2
  groups:
    g0: {cpu: 0.5}
    g1:
      user: from-group
      env: {C: group, D: group}
      labels: {l: group}
      exec: [four]
      cpu: 2
      stages: {create: {wait-for: [{node: other, stage: create}]}}
    g2: {memory: 1GiB}
    routers: {kind: router, image: from-group}
  nodes:
    full:
      group: g1
      image: from-node
      env: {D: node}
      sysctls: {net.ipv4.ip_forward: 1}
      exec: [five, five]
      binds: [n.conf:/etc/z.conf]
      cap-add: [NET_ADMIN, NET_RAW]
      stages: {create: {wait-for: [{node: other, stage: create}, {node: other, stage: configure}]}}
    plain: {}
    router: {kind: router}
    grouped: {group: routers}
    blank: {group: g1, user: "", cpu: 0}
    other: {kind: router}
`

// TestEachFieldIsInheritedAsContainerlabDoes follows its types/topology.go: node, group, kind, defaults.
func TestEachFieldIsInheritedAsContainerlabDoes(t *testing.T) {
	l := mustParse(t, levels).Lab
	full, plain, router, grouped, blank := l.Node("full"), l.Node("plain"), l.Node("router"), l.Node("grouped"), l.Node("blank")
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"the node's image wins", full.Image, "from-node"},
		{"the group's user wins over the kind's", full.User, "from-group"},
		{"the kind's user wins over the defaults'", plain.User, "from-kind"},
		{"env merges, the more specific level winning", full.Env, map[string]string{"A": "defaults", "B": "kind", "C": "group", "D": "node"}},
		{"labels merge", full.Labels, map[string]string{"l": "group"}},
		{"sysctls merge", full.Sysctls, map[string]string{"net.ipv4.ip_forward": "1"}},
		{"exec appends from defaults to node, each level saying nothing twice that a lower one said", full.Exec, []string{"one", "two", "three", "four", "five", "five"}},
		{"capabilities append", full.CapAdd, []string{"NET_ADMIN", "NET_RAW"}},
		{"binds are replaced by target", sources(full), []string{"k.conf /etc/x.conf true", "e.conf /etc/y.conf false", "n.conf /etc/z.conf false"}},
		{"waits append, each once", len(full.Stages), 2},
		{"the defaults' group is that of a node without one", plain.Group, "g0"},
		{"and gives its fields", plain.CPU, 0.5},
		{"the group of the kind wins over that of the defaults", router.Group, "g2"},
		{"and gives its fields too", router.MemoryBytes, int64(1 << 30)},
		{"the kind may come from the group", grouped.Kind, lab.Router},
		{"whose image wins over the kind's", grouped.Image, "from-group"},
		{"the kind's image wins over the defaults'", router.Image, "from-router-kind"},
		{"an empty field lets the next level speak", blank.User, "from-group"},
		{"and so does a zero", blank.CPU, 2.0},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
}

func sources(n *lab.Node) []string {
	var list []string
	for _, b := range n.Binds {
		mode := " false"
		if b.ReadOnly {
			mode = " true"
		}
		list = append(list, b.Source+" "+b.Target+mode)
	}
	return list
}

func TestMagicWordsStandForTheNodeAndTheLab(t *testing.T) {
	l := mustParse(t, "name: x\ntopology:\n  defaults:\n    kind: linux\n    image: i\n    binds: ['cfg/__clabNodeName__.conf:/etc/a.conf', '__clabNodeDir__/b:/b']\n    startup-config: cfg/__clabNodeName__.cfg\n    exec: [echo __clabLabName__ __clabDir__]\n    env: {N: __clabNodeName__}\n  nodes: {r1: {}, r2: {}}\n").Lab
	r2 := l.Node("r2")
	if got := sources(r2); got[0] != "cfg/r2.conf /etc/a.conf false" || got[1] != "clab-x/r2/b /b false" {
		t.Errorf("binds: %v", got)
	}
	if r2.StartupConfig.Path != "cfg/r2.cfg" || r2.Exec[0] != "echo x clab-x" || r2.Env["N"] != "r2" {
		t.Errorf("got %+v %v %v", r2.StartupConfig, r2.Exec, r2.Env)
	}
}

func TestPathsAreLookedUpFromTheLabFilesOwnFolder(t *testing.T) {
	project := map[string]string{"labs/a/lab.clab.yml": "", "labs/a/x.conf": "", "labs/common/d/1": "", "labs/common/d/sub/2": "", "labs/vars.env": "# c\nexport ONE=1\nTWO='two words'\nbad line\n"}
	var paths []string
	for p := range project {
		paths = append(paths, p)
	}
	result, err := format.Parse(format.Input{
		File:      "labs/a/lab.clab.yml",
		Data:      []byte("name: x\ntopology:\n  nodes:\n    a:\n      kind: linux\n      image: i\n      binds: ['./x.conf:/x', '../common/d/:/d:ro', '../../../etc/passwd:/p', 'gone:/g']\n      env-files: [../vars.env]\n      env: {TWO: over}\n"),
		HasFile:   func(p string) bool { _, ok := project[p]; return ok },
		ListFiles: func() []string { return paths },
		ReadFile:  func(p string) ([]byte, error) { return []byte(project[p]), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	a := result.Lab.Node("a")
	if got, want := sources(a), []string{"labs/a/x.conf /x false", "labs/common/d/1 /d/1 true", "labs/common/d/sub/2 /d/sub/2 true"}; !reflect.DeepEqual(got, want) {
		t.Errorf("binds %v, want %v", got, want)
	}
	if want := map[string]string{"ONE": "1", "TWO": "over"}; !reflect.DeepEqual(a.Env, want) {
		t.Errorf("env %v, want %v", a.Env, want)
	}
	if want := []string{"labs/a/x.conf", "labs/common/d/1", "labs/common/d/sub/2"}; !reflect.DeepEqual(result.Files, want) {
		t.Errorf("files %v, want %v", result.Files, want)
	}
	if !said(result.Dropped, 7, "outside the lab's folder") || !said(result.Dropped, 7, "no such file") {
		t.Errorf("dropped:\n%s", list(result.Dropped))
	}
}

func TestABadPlacementLabelIsRefusedWhereItStands(t *testing.T) {
	text := `name: x
topology:
  defaults:
    kind: linux
    image: trunkline/host
    labels: {trunkline.lost: wait}
  nodes:
    a:
      labels:
        colour: red
        trunkline.pace.disk: ssd
`
	_, err := format.Parse(format.Input{File: "lab.clab.yml", Data: []byte(text)})
	refusal, ok := errors.AsType[*fault.Error](err)
	if !ok || len(refusal.Details) != 1 || refusal.Details[0].Line != 11 || !strings.Contains(refusal.Details[0].Sentence, "trunkline.pace.disk") {
		t.Errorf("got %v: %+v", err, refusal)
	}
}
