package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"trunkline/internal/cli"
	"trunkline/lab/edit"
)

// valueOps turns --set and --unset into changes.
func valueOps(set, unset []string) ([]edit.Op, error) {
	var ops []edit.Op
	for _, pair := range set {
		path, text, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, cli.UsageError{Err: fmt.Errorf("--set takes PATH=VALUE, not %q", pair)}
		}
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			return nil, cli.UsageError{Err: fmt.Errorf("the value of %q is no YAML: %w", path, err)}
		}
		if text == "" {
			value = ""
		}
		op, err := valueOp(path)
		if err != nil {
			return nil, err
		}
		op.Value = edit.Of(value)
		ops = append(ops, op)
	}
	for _, path := range unset {
		op, err := valueOp(path)
		if err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// inTopology are the parts of a lab file's topology, which a path may begin with.
var inTopology = map[string]bool{"nodes": true, "links": true, "kinds": true, "groups": true, "defaults": true, "addressing": true}

// valueOp is a change at a path such as nodes.r1.image or topology.nodes.r1.image.
func valueOp(text string) (edit.Op, error) {
	path, err := splitPath(text)
	if err != nil {
		return edit.Op{}, err
	}
	if inTopology[path[0]] {
		path = append([]string{"topology"}, path...)
	}
	if len(path) > 3 && path[0] == "topology" && path[1] == "nodes" {
		return edit.Op{Op: edit.Set, Node: path[2], Path: path[3:]}, nil
	}
	return edit.Op{Op: edit.Set, Path: path}, nil
}

// splitPath cuts a path at its dots; a backslash takes the meaning from the character behind it.
func splitPath(text string) ([]string, error) {
	var path []string
	var key strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			key.WriteByte(text[i])
		case text[i] == '.':
			path = append(path, key.String())
			key.Reset()
		default:
			key.WriteByte(text[i])
		}
	}
	path = append(path, key.String())
	for _, key := range path {
		if key == "" {
			return nil, cli.UsageError{Err: fmt.Errorf("%q is no path: write keys with dots between them, such as nodes.r1.image", text)}
		}
	}
	return path, nil
}

// completePaths offers the nodes of the lab, as paths that go on.
func (o *options) completePaths(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	const goesOn = cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	c, err := o.client()
	if err != nil || len(args) == 0 {
		return nil, goesOn
	}
	detail, err := c.Lab(cmd.Context(), args[0])
	if err != nil {
		return nil, goesOn
	}
	paths := []string{"defaults.", "kinds.", "mgmt.", "addressing."}
	for _, n := range detail.Nodes {
		paths = append(paths, "nodes."+strings.ReplaceAll(n.Name, ".", `\.`)+".")
	}
	return paths, goesOn
}
