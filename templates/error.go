package templates

import "net/http"

// Place is one complaint with where it is.
type Place struct {
	File         string
	Line, Column int
	Field        string
	Sentence     string
	Excerpt      []ExcerptLine // the lines around it, when the text is at hand
}

// ExcerptLine is one line of a file.
type ExcerptLine struct {
	Number int
	Text   string
	Here   bool
}

// Error is the page for 403, 404, 500 and their kin.
type Error struct {
	Status    int
	Sentence  string
	Details   []Place
	RequestID string // shown only when the log has more to say
	SignedIn  bool
}

// Template names its file.
func (Error) Template() string { return "error" }

// Heading is what happened in a few words.
func (e Error) Heading() string {
	switch e.Status {
	case http.StatusNotFound:
		return "Nothing is plugged in here"
	case http.StatusForbidden:
		return "This port is closed to you"
	case http.StatusInternalServerError:
		return "We dropped that one"
	case http.StatusServiceUnavailable:
		return "No carrier"
	}
	return "That did not work"
}

// Title of the page.
func (e Error) Title() string { return e.Heading() }

// Toast is a short message in the corner.
type Toast struct {
	Kind     string // "info", "error"
	Sentence string
	Details  []Place
}

// Template names its file.
func (Toast) Template() string { return "toast" }
