package templates

import "time"

// Shares is the dialog that says with whom a lab is shared, and shares it.
type Shares struct {
	LabID, LabName string
	Alone          bool // it is a page, and not in a dialog
	People, Links  []ShareRow
	Members        []string // names to choose from
	Levels, Lives  []Choice // of the form for a person

	LinkLevels, LinkLives []Choice
	With, Uses            string // what was typed
	Guests                bool
	OfLink                bool // the error is about the form for a link
	Error, Field          string
	Done                  string // what was just done
	New                   *NewShare
}

// Template names its file.
func (Shares) Template() string { return "shares" }

// Title of the page.
func (v Shares) Title() string { return "Share " + v.LabName }

// ShareRow is a person or a link that a lab is shared with.
type ShareRow struct {
	ID, Name, Level, By string
	Levels, Lives       []Choice
	Uses, Used          int
	Guests              bool
	Expires             time.Time
	Came                []ShareGuest
}

// ShareGuest is somebody who came by a link.
type ShareGuest struct {
	ID, Name string
	Account  bool
	Came     time.Time
}

// NewShare is a link that was just made.
type NewShare struct {
	Link, May string
	QR        QR
	Expires   time.Time
	Uses      int
	Guests    bool
}

// GuestLine says to a guest whose lab he sees.
type GuestLine struct {
	Owner, By, May string
	Until          time.Time
}

// SharedLab is a lab of somebody else in the list.
type SharedLab struct {
	ID, Name, Owner, By, May string
	Until                    time.Time
}

// LabLink is the page that a link to a lab leads to.
type LabLink struct {
	Path, SignIn   string
	Lab, Owner, By string
	May            string
	Until          time.Time
	Guests         bool
	SignedIn       bool
	UserName       string
	Name, Error    string
}

// Template names its file.
func (LabLink) Template() string { return "lablink" }

// Title of the page.
func (v LabLink) Title() string { return "Shared lab" }

// LabLinkRefused is the page of a link that leads nowhere.
type LabLinkRefused struct {
	Sentence string
	SignedIn bool
}

// Template names its file.
func (LabLinkRefused) Template() string { return "lablinkrefused" }

// Title of the page.
func (LabLinkRefused) Title() string { return "Shared lab" }

// Until says how long it is to t, in the largest unit that fits.
func Until(t time.Time) string { return until(t) }
