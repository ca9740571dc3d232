package templates

import "time"

// Audit is the page of what was done, the newest first, with a filter that is kept in its address.
type Audit struct {
	Of        string   // workspace, site or all
	Views     []Choice // for administrators of the site; others have their workspace alone
	Workspace string   // name of the one that is chosen

	Chain AuditChain

	Groups []Choice
	Person string
	About  string
	Text   string
	From   string // a date
	Until  string
	People []string // names that the field of the person proposes

	Days     []AuditDay
	Filtered bool
	Older    string // address of the page after; "": there is none
	Newest   string // address of the first page, on all others
	Export   string // address of all that the filter chooses, as JSON lines

	Error, Field string
}

// Template names its file.
func (Audit) Template() string { return "audit" }

// Title of the page.
func (Audit) Title() string { return "Audit" }

// AuditChain says whether the audit is what was written.
type AuditChain struct {
	State string // ok, bad, wait
	Text  string
}

// AuditDay is the events of one day.
type AuditDay struct {
	Day    string
	Events []AuditEvent
}

// AuditEvent is one thing that was done.
type AuditEvent struct {
	At         time.Time
	Clock      string
	Who, Did   string
	Refused    bool // somebody was kept out
	Facts      []AuditFact
	Changes    []AuditChange
	HasBefore  bool
	PersonLink string // address of what else the person did
	ObjectLink string // and of what else was done to the object
}

// AuditFact is one thing that is known of an event.
type AuditFact struct{ Name, Value string }

// AuditChange is one value before and after.
type AuditChange struct {
	Name, Before, After string
	Differs             bool
}
