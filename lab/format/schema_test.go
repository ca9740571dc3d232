package format

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
)

// The parser is the judge: it takes every field of the schema, and none that it takes is missing.
func TestTheSchemaSaysWhatTheParserTakes(t *testing.T) {
	fields := FileSchema().Fields["topology"].Fields
	missing := func(what string, got map[string]*Schema, want []string, leftOut ...string) {
		t.Helper()
		for _, name := range want {
			if got[name] == nil && !slices.Contains(leftOut, name) {
				t.Errorf("%s: %s is missing", what, name)
			}
		}
	}
	missing("a node", fields["nodes"].Each.Fields, mappedFields)
	missing("a link", fields["links"].Each.Fields, linkFields, "host-interface", "mode", "remote", "vni", "dst-port", "src-port", "udp-port", "impairment")
	tried := 0
	walkSchema(FileSchema(), nil, func(path []any) {
		tried++
		name := path[len(path)-1]
		unknown := fmt.Sprintf("no field %q", name)
		for _, d := range complaints(t, path) {
			if strings.Contains(d.Sentence, unknown) {
				t.Errorf("%v: %s", path, d.Sentence)
			}
		}
	})
	if tried < 150 {
		t.Errorf("only %d fields were tried", tried)
	}
	for _, path := range [][]any{{"topology", "nodes", "x", "switch", "colour"}, {"topology", "links", 0, "impair", "colour"}, {"topology", "colour"}} {
		if all := complaints(t, path); !slices.ContainsFunc(all, func(d fault.Place) bool { return strings.Contains(d.Sentence, `no field "colour"`) }) {
			t.Errorf("%v, which is no field, is taken: %v", path, all)
		}
	}
}

// walkSchema tells the path of every field; a number stands for an item.
func walkSchema(s *Schema, path []any, tell func(path []any)) {
	for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
		below := append(slices.Clone(path), name)
		tell(below)
		walkSchema(s.Fields[name], below, tell)
	}
	switch {
	case s.Each == nil:
	case s.List:
		walkSchema(s.Each, append(slices.Clone(path), 0), tell)
	default:
		walkSchema(s.Each, append(slices.Clone(path), "x"), tell)
	}
}

// complaints are the parser's of a file with one field in it.
func complaints(t *testing.T, path []any) []fault.Place {
	t.Helper()
	var value any = "1"
	for _, step := range slices.Backward(path) {
		if name, isName := step.(string); isName {
			value = map[string]any{name: value}
		} else {
			value = []any{value}
		}
	}
	text, err := yaml.Marshal(withNode(value.(map[string]any), path))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse(Input{File: "lab.clab.yml", Data: text, HasFile: func(string) bool { return true }})
	if err == nil {
		return nil
	}
	return err.(*fault.Error).Details
}

// withNode sees to it that the file has a node x of a kind that reads the field.
func withNode(file map[string]any, path []any) map[string]any {
	child := func(m map[string]any, name string) map[string]any {
		c, ok := m[name].(map[string]any)
		if !ok {
			c = map[string]any{}
			m[name] = c
		}
		return c
	}
	kind := "router"
	for _, own := range []string{"switch", "internet", "external"} {
		if slices.Contains(path, any(own)) {
			kind = own
		}
	}
	node := child(child(child(file, "topology"), "nodes"), "x")
	if node["kind"] == nil {
		node["kind"] = kind
	}
	if links, ok := child(file, "topology")["links"].([]any); ok {
		if link, ok := links[0].(map[string]any); ok && link["endpoints"] == nil {
			link["endpoints"] = []any{"x:eth1", "x:eth2"}
		}
	}
	return file
}
