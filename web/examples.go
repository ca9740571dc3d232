package web

import (
	"trunkline/internal/fault"
	"trunkline/templates"
)

// Examples are the labs that come with Trunkline.
type Examples interface {
	List() []Example
	// Files opens an example; an unknown name is fault.NotFound.
	Files(name string) (FileSource, error)
}

// Example is one of them.
type Example struct {
	Name    string // in addresses
	Title   string
	Summary string // one or two sentences
	Nodes   int
	Links   int
}

type noExamples struct{}

func (noExamples) List() []Example { return nil }

func (noExamples) Files(string) (FileSource, error) {
	return nil, fault.New(fault.NotFound, "There is no such example.")
}

func (s *Server) exampleViews() []templates.Example {
	var views []templates.Example
	for _, e := range s.Examples.List() {
		views = append(views, templates.Example(e))
	}
	return views
}
