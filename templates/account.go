package templates

import "time"

// Account is one's own account: password and API tokens.
type Account struct {
	UserName  string
	Tokens    []Token
	NewSecret string // shown once
	NewName   string
	Error     string
	Field     string
	Ways      *WaysIn // nil: the site has no providers
	Saved     bool
	Address   string // of this installation, for the example
}

// Template names its file.
func (Account) Template() string { return "account" }

// Title of the page.
func (Account) Title() string { return "Account" }

// Token is an API token without its secret.
type Token struct {
	ID, Name, Prefix           string
	Created, LastUsed, Expires time.Time
}

// About is the page with the version and the licences.
type About struct {
	Version  string
	Vendored []Vendored
}

// Vendored is one library that the browser is sent.
type Vendored struct{ Name, Version, Licence string }

// Template names its file.
func (About) Template() string { return "about" }

// Title of the page.
func (About) Title() string { return "About" }
