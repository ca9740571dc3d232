package templates

// Account is one's own account: where one is signed in, API tokens and the password.
type Account struct {
	UserName  string
	Tokens    []Token
	New       NewToken // shown once
	TokenForm TokenForm
	Sessions  []SessionRow
	MayTokens bool // whoever is a member of the workspace

	HasPassword bool // which is asked for when it is changed
	Error       string
	Field       string
	Ways        *WaysIn // nil: the site has no providers
	Saved       bool
	Address     string // of this installation, for the example
}

// Template names its file.
func (Account) Template() string { return "account" }

// Title of the page.
func (Account) Title() string { return "Account" }

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
