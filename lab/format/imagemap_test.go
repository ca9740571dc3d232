package format_test

import (
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/format"
)

func TestTheBestPatternNamesTheImage(t *testing.T) {
	m := map[string]string{
		"frrouting/*": "trunkline/router", "alpine": "trunkline/host", "alpine:3": "exact", "*": "any",
		"quay.io/*": "quay", "quay.io/frrouting/frr:9*": "nine", "localhost:5000/x": "port", "*multitool*": "tools",
	}
	for image, want := range map[string]string{
		"frrouting/frr:v7.5.0":           "trunkline/router",
		"quay.io/frrouting/frr:10.5.1":   "trunkline/router", // longer than quay.io/*
		"quay.io/frrouting/frr:9.1.0":    "nine",
		"quay.io/other":                  "quay",
		"docker.io/library/alpine:3.18":  "trunkline/host",
		"alpine:latest":                  "trunkline/host",
		"alpine:3":                       "exact",
		"alpine@sha256:00":               "trunkline/host",
		"localhost:5000/x:2":             "port",
		"wbitt/network-multitool:3.22.2": "tools",
		"something/else":                 "any",
	} {
		if got := format.MapImage(m, image); got != want {
			t.Errorf("%s: got %s, want %s", image, got, want)
		}
	}
	if got := format.MapImage(map[string]string{"a*b": "x"}, "ab:1"); got != "x" {
		t.Errorf("a star may stand for nothing: %s", got)
	}
	if got := format.MapImage(nil, "unknown:1"); got != "unknown:1" {
		t.Errorf("no pattern leaves the image: %s", got)
	}
}

func TestTheLabFileOfAProjectIsFound(t *testing.T) {
	for _, c := range []struct {
		name  string
		paths []string
		want  string
	}{
		{"the one clab file", []string{"a/b.yml", "topology.clab.yml", "frr.conf"}, "topology.clab.yml"},
		{"the one nearest to the root", []string{"x/deep/a.clab.yml", "x/b.clab.yaml", "z.yml"}, "x/b.clab.yaml"},
		{"lab.yml before any other YAML", []string{"compose.yml", "lab.yml"}, "lab.yml"},
		{"the only YAML file", []string{"clos3.yml", "README.md", "cfg/daemons"}, "clos3.yml"},
		{"nothing of a Mac's own", []string{"__MACOSX/a.clab.yml", "._b.clab.yml", "b.clab.yml"}, "b.clab.yml"},
		{"several are asked about", []string{"a.clab.yml", "b.clab.yml"}, ""},
		{"a template is none", []string{"a.clab.gotmpl"}, ""},
		{"none at all", []string{"README.md"}, ""},
	} {
		got, err := format.FindLabFile(c.paths)
		if got != c.want || (err == nil) != (c.want != "") || err != nil && fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
	}
}
