package templates

// SignInLink is the page of a one-time link: its button signs in, so that programs which only look at addresses do not use the link up.
type SignInLink struct {
	Path string // of the page itself
}

// Template names its file.
func (SignInLink) Template() string { return "signinlink" }

// Title of the page.
func (SignInLink) Title() string { return "Sign in" }
