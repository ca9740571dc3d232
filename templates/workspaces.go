package templates

import "time"

// WorkspaceChoice is one entry of the switcher in the header.
type WorkspaceChoice struct {
	ID, Name, Role string
	Here           bool
}

// Workspaces is the page of one's workspaces, and for administrators of all.
type Workspaces struct {
	Mine      []WorkspaceRow
	CanCreate bool
	Admin     bool
	Others    []WorkspaceRow // for administrators: those that they are not in
	Open      bool           // everybody may make workspaces
	ShareDays int            // how long a lab may be shared; 0: labs are not
	Name      string         // as it was sent
	Error     string
	Field     string
}

// Template names its file.
func (Workspaces) Template() string { return "workspaces" }

// Title of the page.
func (Workspaces) Title() string { return "Workspaces" }

// WorkspaceRow is one workspace of a list.
type WorkspaceRow struct {
	ID, Name, Role string
	People, Labs   string
	Here           bool
	Ends           time.Time // zero: it is open
	EndedBy        string
}

// ARole is a role with its article.
func ARole(role string) string {
	if role == "owner" || role == "observer" {
		return "an " + role
	}
	return "a " + role
}
