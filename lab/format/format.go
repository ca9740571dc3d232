// Package format reads and writes the lab file: containerlab's topology YAML and our own fields.
//
// It knows the text, its positions, inheritance and what of containerlab we map, change, drop or refuse, each said in a
// sentence with its line. It refuses to know file systems, environments and archives: what it may look at comes with the
// Input. What makes a lab valid, whatever it was written in, is package lab's.
package format

import (
	"fmt"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// Limits of a lab file. They keep a hostile file from costing more than a second or some tens of megabytes.
const (
	MaxBytes  = 1 << 20 // size of the file
	MaxDepth  = 64      // nesting, aliases followed
	MaxValues = 200_000 // keys and values after aliases are followed
	MaxNodes  = 10_000
	MaxLinks  = 40_000
	// maxInherited bounds what defaults, kinds and groups may multiply to over all nodes.
	maxInherited = 500_000
)

// Input is a lab file and what it may refer to.
type Input struct {
	File string            // its slash-separated path inside the project, such as "labs/ring.clab.yml"; in every complaint
	Data []byte            // its content
	Env  map[string]string // what ${NAME} may expand to; nothing else is looked at

	// The project's other files, by slash-separated path from the project's root. All nil for a single file.
	HasFile   func(path string) bool
	ListFiles func() []string                   // every path; nil: folders cannot be bound
	ReadFile  func(path string) ([]byte, error) // wanted for env-files only
}

// Result is a lab and the report of how it came to be.
type Result struct {
	Lab     *lab.Lab
	Mapped  []fault.Place // taken as it is, or under our name for it
	Changed []fault.Place // taken with a difference
	Dropped []fault.Place // left out, and why
	Files   []string      // project files that the lab uses, sorted, each once
}

// Parse reads a lab file. A refusal is a *fault.Error of code Invalid whose Details hold every complaint with its place;
// the Result then still holds what could be mapped, unless the file is not even YAML.
func Parse(in Input) (*Result, error) {
	p := &parser{in: in, report: newReport(in.File)}
	root := p.load()
	if root == nil {
		return nil, p.report.refusal()
	}
	p.readLab(root)
	p.validate()
	p.summarise()
	result := p.report.result()
	result.Lab, result.Files = p.lab, p.usedFiles()
	if len(p.report.refused) > 0 {
		return result, p.report.refusal()
	}
	return result, nil
}

// parser holds the state of one Parse.
type parser struct {
	in       Input
	report   *report
	lab      *lab.Lab
	defs     definitions
	skipped  map[string]bool // refused nodes: their links raise no further complaint
	outside  map[string]bool // nodes that stand for the machine itself
	renamed  map[string]string
	bridges  map[string]bool // switches whose ports containerlab makes in the host's namespace
	hostEnds map[string]int  // names taken in that namespace, to the line that took them
	linkAt   []int           // index in lab.Links to index in the file
	used     map[string]bool // project files
	files    []string        // cache of ListFiles, sorted
	inherits int             // values handed down so far, against maxInherited
}

func (p *parser) summarise() {
	if p.lab == nil || len(p.lab.Nodes) == 0 {
		return
	}
	verb := "are"
	if len(p.report.refused) > 0 {
		verb = "could be"
	}
	sentence := fmt.Sprintf("%s and %s %s taken.", count(len(p.lab.Nodes), "node"), count(len(p.lab.Links), "link"), verb)
	p.report.mapped = append([]fault.Place{p.report.place("topology", sentence)}, p.report.mapped...)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
