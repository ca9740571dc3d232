package templates

// Providers is the page of the providers that people sign in by.
type Providers struct {
	List      []ProviderRow
	Passwords bool // local accounts are on
	Error     string
}

// Template names its file.
func (Providers) Template() string { return "providers" }

// Title of the page.
func (Providers) Title() string { return "Providers" }

// ProviderRow is one of them.
type ProviderRow struct {
	ID, Name, Issuer   string
	FromFile, Disabled bool
	Rules              int
	CanUp, CanDown     bool
}

// Provider is the page of one provider, or with Form.Fresh of one that is to be made.
type Provider struct {
	Form     ProviderForm
	FromFile bool

	Return, BackChannel, SignedOut string // to register there
	Finding                        *Finding

	Rules      []RuleRow
	RulesError string
	NewRule    RuleForm
	Domain     RuleForm // a new one for a domain
	Preview    Preview
}

// Template names its file.
func (Provider) Template() string { return "provider" }

// Title of the page.
func (p Provider) Title() string {
	if p.Form.Fresh {
		return "New provider"
	}
	return p.Form.Name
}

// WithRule puts a form that was refused where it came from.
func (p *Provider) WithRule(id string, domain bool, form RuleForm) {
	for i := range p.Rules {
		if id != "" && p.Rules[i].ID == id {
			form.At = p.Rules[i].Form.At
			p.Rules[i].Form, p.Rules[i].Open = form, true
			return
		}
	}
	if domain {
		form.At = p.Domain.At
		p.Domain = form
	} else {
		form.At = p.NewRule.At
		p.NewRule = form
	}
}

// ProviderForm is its settings, without the secret.
type ProviderForm struct {
	Fresh                              bool
	ID, Name, Issuer, ClientID, Scopes string
	HasSecret, SecretLost, DropSecret  bool
	AllowPrivate, Disabled             bool
	Patience                           string
	Error, Field                       string
}

// Finding is what a provider said of itself.
type Finding struct {
	Error string
	Lines []FoundLine
}

// FoundLine is one thing that was looked at.
type FoundLine struct {
	Good bool
	Text string
}

// RuleRow is one rule with the form that changes it.
type RuleRow struct {
	ID          string
	Number      int
	Form        RuleForm
	First, Last bool
	Open        bool // the form was refused
}

// RuleForm is a rule as it is written.
type RuleForm struct {
	Provider string
	ID       string // "" for a new one
	At       string // before the ids of its fields
	IsDomain bool

	Claim, Match, Domain, Tenant, Role string
	Create, MissingIsEmpty             bool
	Roles                              []Choice
	Error, Field                       string
}

// Any says that every value of the claim fits.
func (f RuleForm) Any() bool { return f.Match == "/.+/" || f.Match == "/.*/" }

// Preview is what claims would come to.
type Preview struct {
	Pasted   string
	Error    string
	Done     bool
	Token    bool   // its signature was not checked
	Claims   string // of the token
	Person   string
	Known    bool
	Warnings []string
	Lines    []PreviewLine
	Changes  []PreviewChange
}

// PreviewLine is what one rule came to.
type PreviewLine struct {
	Rule    int
	Verdict string
	Text    string
}

// PreviewChange is one membership before and after; "" is none.
type PreviewChange struct {
	Tenant, Was, Is string
	Create          bool
}
