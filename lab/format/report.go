package format

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// maxComplaints bounds a report; a file with more is broken in one way, not in a thousand.
const maxComplaints = 200

// report collects what is said of a file and knows where each of its fields stands.
type report struct {
	file string
	at   map[string]position // field path to where its value stands
	said map[fault.Place]bool

	mapped, changed, dropped, refused []fault.Place
}

type position struct{ line, column int }

func newReport(file string) *report {
	return &report{file: file, at: map[string]position{}, said: map[fault.Place]bool{}}
}

// find returns the position of the field or of the nearest thing around it.
func (r *report) find(path string) position {
	for path != "" {
		if at, ok := r.at[path]; ok {
			return at
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return position{}
}

// place makes a complaint or note about a field, with the position known for it.
func (r *report) place(path, sentence string) fault.Place {
	return r.placeAt(r.find(path), path, sentence)
}

func (r *report) placeAt(at position, path, sentence string) fault.Place {
	return fault.Place{File: r.file, Line: at.line, Column: at.column, Field: path, Sentence: sentence}
}

// add appends unless the same was said of the same place: a default's fault is told once, not once a node.
func (r *report) add(list *[]fault.Place, p fault.Place) {
	key := p
	key.Field = ""
	if r.said[key] || len(*list) >= maxComplaints {
		return
	}
	r.said[key] = true
	*list = append(*list, p)
}

func (r *report) refuse(path, format string, args ...any) {
	r.add(&r.refused, r.place(path, fmt.Sprintf(format, args...)))
}

func (r *report) refuseAt(n *yaml.Node, path, format string, args ...any) {
	r.add(&r.refused, r.placeAt(position{n.Line, n.Column}, path, fmt.Sprintf(format, args...)))
}

// drop says what is left out at a value; change what is taken differently at a path.
func (r *report) drop(v value, format string, args ...any) {
	r.add(&r.dropped, r.placeAt(v.at, v.path, fmt.Sprintf(format, args...)))
}

func (r *report) dropAt(path, format string, args ...any) {
	r.add(&r.dropped, r.place(path, fmt.Sprintf(format, args...)))
}

func (r *report) change(path, format string, args ...any) {
	r.add(&r.changed, r.place(path, fmt.Sprintf(format, args...)))
}

func (r *report) mapTo(path, format string, args ...any) {
	r.add(&r.mapped, r.place(path, fmt.Sprintf(format, args...)))
}

// near is lab.DidYouMean for the first complaints.
func (r *report) near(word string, candidates []string) string {
	if len(r.refused) > 20 {
		return ""
	}
	return lab.DidYouMean(word, candidates)
}

func (r *report) result() *Result {
	return &Result{Mapped: r.mapped, Changed: r.changed, Dropped: r.dropped}
}

// refusal is the error for everything refused.
func (r *report) refusal() *fault.Error {
	first := r.refused[0]
	first.File = ""
	sentence := "The lab file cannot be taken: " + first.String()
	if more := len(r.refused) - 1; more > 0 {
		sentence += " (and " + count(more, "more complaint") + ")"
	}
	e := fault.New(fault.Invalid, "%s", sentence).InField(r.refused[0].Field)
	e.Details = r.refused
	return e
}
