package format

import (
	"path"
	"slices"
	"strings"

	"trunkline/internal/fault"
)

// FindLabFile picks the lab file among the slash-separated paths of a project: the one *.clab.yml or *.clab.yaml, else the
// one lab.yml or lab.yaml, else the only YAML file, each looked for in the folder nearest to the root. Several or none are
// Invalid, and the sentence names them.
func FindLabFile(paths []string) (string, error) {
	rules := []func(name string) bool{
		func(name string) bool {
			return strings.HasSuffix(name, ".clab.yml") || strings.HasSuffix(name, ".clab.yaml")
		},
		func(name string) bool { return name == "lab.yml" || name == "lab.yaml" },
		func(name string) bool { return strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml") },
	}
	for _, fits := range rules {
		found := nearest(paths, fits)
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return "", fault.New(fault.Invalid, "There are several lab files here: %s. Say which one to take.", strings.Join(found[:min(len(found), 8)], ", ")).InField("file")
		}
	}
	if found := nearest(paths, func(name string) bool { return strings.HasSuffix(name, ".gotmpl") }); len(found) > 0 {
		return "", fault.New(fault.Invalid, "There is only a template here (%s). Render it first, then import the result.", found[0]).InField("file")
	}
	return "", fault.New(fault.Invalid, "There is no lab file here. It should be called something like topology.clab.yml.").InField("file")
}

// nearest returns the fitting paths of the least depth, sorted.
func nearest(paths []string, fits func(name string) bool) []string {
	var found []string
	depth := -1
	for _, p := range paths {
		p = path.Clean(p)
		name := path.Base(p)
		if strings.HasPrefix(name, ".") || strings.HasPrefix(p, "__MACOSX/") || !fits(name) {
			continue
		}
		d := strings.Count(p, "/")
		if depth < 0 || d < depth {
			depth, found = d, nil
		}
		if d == depth {
			found = append(found, p)
		}
	}
	slices.Sort(found)
	return found
}
