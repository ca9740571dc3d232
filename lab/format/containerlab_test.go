package format_test

import (
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/format"
)

func TestAnExportForContainerlabReadsBackEqual(t *testing.T) {
	checkContainerlab(t, mustParse(t, everything).Lab)
}

func TestEveryPublicLabComesBackFromContainerlabsForm(t *testing.T) {
	files := 0
	err := filepath.WalkDir(filepath.Join(labsDir(t), "accept"), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !isLabFile(file) {
			return err
		}
		if result, refusal := format.Parse(inputOf(t, file)); refusal == nil {
			files++
			checkContainerlab(t, result.Lab)
		}
		return nil
	})
	if err != nil || files < 40 {
		t.Fatalf("read %d labs back: %v", files, err)
	}
}

// What containerlab 0.7x reads of a node and of a link: docs of its topology file, "nodes" and "links".
var (
	containerlabNode = []string{"kind", "group", "image", "entrypoint", "cmd", "hostname", "user", "env", "binds", "startup-config", "cpu", "memory", "shm-size", "sysctls", "cap-add",
		"ports", "dns", "mgmt-ipv4", "mgmt-ipv6", "network-mode", "restart-policy", "startup-delay", "auto-start", "stages", "healthcheck", "exec", "labels"}
	containerlabLink = []string{"type", "endpoints", "endpoint", "mtu", "labels", "vars", "ipv4", "ipv6"}
)

func checkContainerlab(t *testing.T, l *lab.Lab) {
	t.Helper()
	text, _, err := format.Containerlab(l)
	if err != nil {
		t.Fatalf("a lab that was read cannot be exported: %v", err)
	}
	var file struct {
		Topology struct {
			Nodes map[string]map[string]any
			Links []map[string]any
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for name, n := range file.Topology.Nodes {
		if kind := n["kind"]; kind != "linux" && kind != "bridge" && kind != "ovs-bridge" {
			t.Errorf("node %s is of kind %v, which containerlab has not", name, kind)
		}
		onlyKnown(t, "node "+name, n, containerlabNode)
	}
	for _, k := range file.Topology.Links {
		onlyKnown(t, "a link", k, containerlabLink)
	}
	if len(text) > format.MaxBytes {
		return
	}
	again, err := format.Parse(format.Input{File: "again.clab.yml", Data: text, HasFile: everyFile})
	if err != nil {
		t.Fatalf("what was exported is refused: %v\n%+v\n%s", err, err.(*fault.Error).Details, text)
	}
	if want, got := asJSON(t, l), asJSON(t, again.Lab); want != got {
		t.Fatalf("the lab changed on the way.\nwas %s\nis %s\nfile:\n%s", want, got, text)
	}
}

func onlyKnown(t *testing.T, what string, fields map[string]any, known []string) {
	t.Helper()
	for name := range maps.Keys(fields) {
		if !slices.Contains(known, name) {
			t.Errorf("%s has the field %s, which containerlab has not", what, name)
		}
	}
}

func TestAnExportSaysWhatContainerlabWillNotDo(t *testing.T) {
	l := mustParse(t, `
name: notes
topology:
  nodes:
    r1: {kind: router, routing: {static: [{to: default, via: 10.0.0.1}]}, interfaces: {eth1: 10.0.0.2/24}}
    sw: {kind: switch, switch: {stp: rstp}}
    out: {kind: internet}
  links:
    - {endpoints: ["r1:eth1", "sw:p1"], impair: {delay: 20ms, loss: 1%}}
    - {endpoints: ["sw:p2", "out:in"]}
`).Lab
	_, notes, err := format.Containerlab(l)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, n := range notes {
		all = append(all, n.Sentence)
	}
	said := strings.Join(all, "\n")
	for _, want := range []string{"routing of node r1 is kept", "Node sw is of kind switch", "plain node stands in", "1 link impaired or cut"} {
		if !strings.Contains(said, want) {
			t.Errorf("no note says %q:\n%s", want, said)
		}
	}
}

func TestALabelOfOurFieldsIsReadWithCare(t *testing.T) {
	for _, c := range []struct{ name, label, want string }{
		{"an unknown field", `{privileged: true}`, "holds no field \"privileged\""},
		{"no mapping", `[1, 2]`, "should be a mapping"},
		{"broken text", `{kind: router`, "cannot be read"},
		{"an alias", `{interfaces: &a {eth1: *a}}`, "cannot be read"},
		{"a wrong value", `{kind: toaster}`, "unknown kind"},
		{"an unknown field of an interface", `{interfaces: {eth1: {colour: red}}}`, "has no field \"colour\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := "name: careful\ntopology:\n  nodes:\n    a:\n      kind: linux\n      labels:\n        trunkline.fields: '" + c.label + "'\n"
			_, err := format.Parse(format.Input{File: "lab.clab.yml", Data: []byte(file), HasFile: everyFile})
			var refusal *fault.Error
			if err == nil {
				t.Fatal("it was taken")
			}
			refusal = err.(*fault.Error)
			for _, d := range refusal.Details {
				if strings.Contains(d.Sentence, c.want) && d.Line >= 4 && d.Line <= 7 {
					return
				}
			}
			t.Errorf("nothing says %q at its line: %+v", c.want, refusal.Details)
		})
	}
}
