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

// WithRule puts a form that was refused where it came from; one of a rule that is gone is for a new one.
func (p *Provider) WithRule(id string, domain bool, form RuleForm) {
	for i := range p.Rules {
		if id != "" && p.Rules[i].ID == id {
			form.At = p.Rules[i].Form.At
			p.Rules[i].Form, p.Rules[i].Open = form, true
			return
		}
	}
	form.ID = ""
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
	Version                            string // of what is stored: a form that was made from another one is refused
	Error, Field                       string
	Now                                []Stored // what is stored otherwise than it is written here, when others changed it meanwhile
}

// Stored is a setting as it is stored.
type Stored struct{ Name, Value string }

// Refused puts the form as it was sent in the place of what is stored.
func (p *Provider) Refused(sent ProviderForm) {
	stored := p.Form
	sent.HasSecret, sent.SecretLost, sent.Version = stored.HasSecret, stored.SecretLost, stored.Version
	if sent.Field == "base" {
		sent.Now = stored.otherThan(sent)
	}
	p.Form = sent
}

// otherThan lists what is stored otherwise than it was sent.
func (p ProviderForm) otherThan(sent ProviderForm) []Stored {
	yes := map[bool]string{true: "yes", false: "no"}
	var list []Stored
	for _, one := range []struct{ name, is, sent string }{
		{"Name", p.Name, sent.Name}, {"Issuer", p.Issuer, sent.Issuer}, {"Client id", p.ClientID, sent.ClientID}, {"Scopes", p.Scopes, sent.Scopes},
		{"People stay while it is silent for", p.Patience, sent.Patience}, {"It is inside", yes[p.AllowPrivate], yes[sent.AllowPrivate]}, {"Switched off", yes[p.Disabled], yes[sent.Disabled]},
	} {
		if one.is != one.sent {
			list = append(list, Stored{one.name, one.is})
		}
	}
	return list
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
	Is          RuleForm // as it is stored
	Form        RuleForm
	First, Last bool
	Open        bool // the form was refused
}

// RuleForm is a rule as it is written.
type RuleForm struct {
	Provider string
	ID       string // "" for a new one
	Version  string // of the rules that it was made from
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
