// Package examples holds the labs that come with Trunkline, each a folder with its lab file and a README.
//
// It knows their names, titles and files. It refuses to know how a lab is stored or run: an example is imported like
// anybody's folder.
package examples

import (
	"bytes"
	"embed"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"trunkline/internal/fault"
	"trunkline/lab/format"
)

//go:embed */*.clab.yml */README.md
var files embed.FS

// order is that of the list: what teaches first comes first.
var order = []string{"ospf-triangle", "vlans-router-on-a-stick", "internet-access", "nlan-bgp", "nlan-ospf", "ring-100"}

// Example is one lab to start from.
type Example struct {
	Name    string // its folder, and its name in addresses
	Title   string // the heading of its README
	Summary string // the first paragraph of its README
	Nodes   int
	Links   int
}

// List returns every example.
func List() []Example { return list() }

var list = sync.OnceValue(func() []Example {
	all := make([]Example, 0, len(order))
	for _, name := range order {
		all = append(all, describe(name))
	}
	return all
})

func describe(name string) Example {
	e := Example{Name: name}
	if readme, err := files.ReadFile(path.Join(name, "README.md")); err == nil {
		heading, rest, _ := strings.Cut(string(readme), "\n")
		e.Title = strings.TrimPrefix(heading, "# ")
		paragraph, _, _ := strings.Cut(strings.TrimSpace(rest), "\n\n")
		e.Summary = strings.Join(strings.Fields(paragraph), " ")
	}
	if data, err := files.ReadFile(path.Join(name, LabFile)); err == nil {
		if result, err := format.Parse(format.Input{File: LabFile, Data: data}); err == nil {
			e.Nodes, e.Links = len(result.Lab.Nodes), len(result.Lab.Links)
		}
	}
	return e
}

// LabFile is the name of every example's lab file.
const LabFile = "topology.clab.yml"

// Files opens an example's folder. An unknown name is not_found.
func Files(name string) (*Source, error) {
	for _, known := range order {
		if known != name {
			continue
		}
		entries, err := fs.ReadDir(files, name)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "The example %s cannot be read.", name)
		}
		s := &Source{folder: name}
		for _, e := range entries {
			s.names = append(s.names, e.Name())
		}
		return s, nil
	}
	return nil, fault.New(fault.NotFound, "There is no example %q.", name)
}

// Source yields an example's files one by one.
type Source struct {
	folder string
	names  []string
}

// Next returns the next file, its path inside the example's folder and its permission bits; io.EOF after the last.
func (s *Source) Next() (name string, mode uint32, content io.Reader, err error) {
	if len(s.names) == 0 {
		return "", 0, nil, io.EOF
	}
	name, s.names = s.names[0], s.names[1:]
	data, err := files.ReadFile(path.Join(s.folder, name))
	if err != nil {
		return "", 0, nil, fault.Wrap(err, fault.Internal, "The example %s cannot be read.", s.folder)
	}
	return name, 0o644, bytes.NewReader(data), nil
}
