package templates

// SignIn is the page for people with a local account.
type SignIn struct {
	Email string
	Next  string
	Error string

	Providers []SignInButton
	Passwords bool // local accounts are on
}

// Template names its file.
func (SignIn) Template() string { return "signin" }

// Title of the page.
func (SignIn) Title() string { return "Sign in" }

// Welcome asks somebody who came by a one-time link for a name and a password.
type Welcome struct {
	Email, Name string
	Known       bool // has an address and a name, and forgot the password
	Error       string
	Field       string // email, name or password: where the error is
}

// Template names its file.
func (Welcome) Template() string { return "welcome" }

// Title of the page.
func (Welcome) Title() string { return "Welcome" }

// LinkUsed is the page for a one-time link that is no good any more.
type LinkUsed struct{}

// Template names its file.
func (LinkUsed) Template() string { return "linkused" }

// Title of the page.
func (LinkUsed) Title() string { return "This link was used" }
