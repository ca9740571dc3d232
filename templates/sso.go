package templates

import "time"

// SignInButton leads to one provider.
type SignInButton struct{ Name, Path string }

// SignInFailed is the page of a sign-in by a provider that came to nothing.
type SignInFailed struct {
	Sentence  string
	Back      string // to the other ways to sign in
	Again     string // the same way; "" when that is no use
	SignedIn  bool
	RequestID string
}

// Template names its file.
func (SignInFailed) Template() string { return "signinfailed" }

// Title of the page.
func (SignInFailed) Title() string { return "Not signed in" }

// Onward leads to another site by itself, and by a link for whom it does not.
type Onward struct{ Heading, Sentence, URL, Word string }

// Template names its file.
func (Onward) Template() string { return "onward" }

// Title of the page.
func (o Onward) Title() string { return o.Heading }

// SignedOut is where people come back to after they signed out at their provider.
type SignedOut struct {
	StillThere bool // the provider could not be asked to sign out too
}

// Template names its file.
func (SignedOut) Template() string { return "signedout" }

// Title of the page.
func (SignedOut) Title() string { return "Signed out" }

// WaysIn is the part of the account page about how one signs in by providers.
type WaysIn struct {
	Passwords bool // local accounts are on
	Linked    []WayIn
	Providers []SignInButton // to link one more
}

// WayIn is one identity at a provider.
type WayIn struct {
	Name, Who, Issuer, Subject string
	Linked, Used, Checked      time.Time
	Current                    bool // this session began by it
}
