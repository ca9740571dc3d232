package tenancy

import (
	"regexp"
	"strings"

	"trunkline/internal/fault"
)

// Rule says what a provider's claims give: whoever has a value in a claim gets a role in a workspace. With Domain in the place of Claim and
// Match, it is for everyone whose verified e-mail address is of that domain.
type Rule struct {
	ID       string `json:"id"`
	Provider string `json:"provider"`

	Claim string `json:"claim,omitempty"` // path: see ParseClaimPath
	Match string `json:"match,omitempty"` // a value, or /an RE2 expression/ that has to match a whole value

	Domain string `json:"domain,omitempty"` // such as example.edu; not those below it

	Tenant string `json:"tenant"` // id; where Match is an expression, with $1, ${1} or ${name} for its groups, and $$ for a dollar
	Role   Role   `json:"role"`
	Create bool   `json:"create,omitempty"` // make the workspace when it is not there

	// MissingIsEmpty is for providers that leave a claim out when it is empty. Without it, a claim that is missing changes nothing.
	MissingIsEmpty bool `json:"missingIsEmpty,omitempty"`
}

// Bounds of what administrators write.
const (
	maxMatchBytes = 1024
	maxRules      = 1000
)

// tenantID is what a tenant may be called by a rule. A value that does not fit is refused, not bent: two values must not become one workspace.
var tenantID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// matcher is a rule that was read.
type matcher struct {
	Rule
	path     ClaimPath
	pattern  *regexp.Regexp // nil: the value itself
	mayGive  *regexp.Regexp // which tenants the template can become
	template bool
}

// Check refuses a rule that cannot be used, by its field. Code: invalid.
func (r Rule) Check() error {
	_, err := r.compile()
	return err
}

// CheckRules refuses a set of rules that is too large, or holds one that cannot be used.
func CheckRules(rules []Rule) error {
	if len(rules) > maxRules {
		return fault.New(fault.Invalid, "A provider can have %d rules at most. Join several by an expression, such as /(ops|net)-team/.", maxRules)
	}
	for _, r := range rules {
		if err := r.Check(); err != nil {
			return err
		}
	}
	return nil
}

func (r Rule) compile() (matcher, error) {
	m := matcher{Rule: r}
	if rank[r.Role] == 0 {
		return m, fault.New(fault.Invalid, "A rule gives the role observer, member, manager or owner, and not %q.", clip(string(r.Role))).InField("role")
	}
	if r.Domain != "" {
		err := m.compileDomain()
		return m, err
	}
	path, err := ParseClaimPath(r.Claim)
	if err != nil {
		return m, err
	}
	m.path = path
	if err := m.compileMatch(); err != nil {
		return m, err
	}
	err = m.compileTenant()
	return m, err
}

// unread is a rule that cannot be used. It may have given what it names, with any role, so that nothing is taken away for it.
func (r Rule) unread() matcher {
	m := matcher{Rule: r, mayGive: regexp.MustCompile(``)}
	if tenantID.MatchString(r.Tenant) {
		m.mayGive = regexp.MustCompile(`\A` + regexp.QuoteMeta(r.Tenant) + `\z`)
	}
	m.Role = Owner
	return m
}

func (m *matcher) compileDomain() error {
	m.Domain = strings.ToLower(m.Domain)
	switch {
	case m.Claim != "" || m.Match != "":
		return fault.New(fault.Invalid, "A rule is for a domain or for a claim, not for both. Make two rules.").InField("domain")
	case !domainName.MatchString(m.Domain) || len(m.Domain) > 253:
		return fault.New(fault.Invalid, "%q is no domain. Write it as in an e-mail address after the @, such as example.edu.", clip(m.Domain)).InField("domain")
	}
	return m.compileTenant()
}

func (m *matcher) compileMatch() error {
	switch {
	case m.Match == "":
		return fault.New(fault.Invalid, "Say which value of the claim the rule is for: the value itself, or an expression between slashes; /.+/ is any.").InField("match")
	case len(m.Match) > maxMatchBytes:
		return fault.New(fault.Invalid, "What a rule matches has %d bytes at most.", maxMatchBytes).InField("match")
	case len(m.Match) < 2 || m.Match[0] != '/' || m.Match[len(m.Match)-1] != '/':
		return nil
	}
	inner := m.Match[1 : len(m.Match)-1]
	// Compiled alone first: "a)(b" would be whole between the brackets that anchor it.
	if _, err := regexp.Compile(inner); err != nil {
		return fault.Wrap(err, fault.Invalid, "The expression %s cannot be read: %s. Its language is RE2's.", clip(m.Match), strings.TrimPrefix(err.Error(), "error parsing regexp: ")).InField("match")
	}
	pattern, err := regexp.Compile(`\A(?:` + inner + `)\z`)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "The expression %s cannot be read.", clip(m.Match)).InField("match")
	}
	m.pattern = pattern
	return nil
}

// compileTenant reads the template, and from it which tenants it can become: literal parts as they are, groups as anything.
func (m *matcher) compileTenant() error {
	wrong := func(why string) error {
		return fault.New(fault.Invalid, "The workspace %q cannot be used: %s.", clip(m.Tenant), why).InField("tenant")
	}
	if len(m.Tenant) > 256 {
		return wrong("it is too long")
	}
	if !strings.Contains(m.Tenant, "$") {
		if !tenantID.MatchString(m.Tenant) {
			return wrong("an id has up to 63 letters, digits, dots, dashes and underscores, and begins with a letter or digit")
		}
		m.mayGive = regexp.MustCompile(`\A` + regexp.QuoteMeta(m.Tenant) + `\z`)
		return nil
	}
	if m.pattern == nil {
		return wrong("$ stands for a group of an expression, and this rule has none")
	}
	m.template = true
	var may strings.Builder
	may.WriteString(`\A`)
	for rest := m.Tenant; rest != ""; {
		literal, after, found := strings.Cut(rest, "$")
		may.WriteString(regexp.QuoteMeta(literal))
		if !found {
			break
		}
		name, left, ok := reference(after)
		switch {
		case !ok:
			return wrong("after $ there has to be the number or name of a group, as in $1 or ${name}; $$ is a dollar")
		case name == "$":
			may.WriteString(`\$`)
		case !m.hasGroup(name):
			return wrong("the expression has no group " + clip(name))
		default:
			may.WriteString(`.*`)
		}
		rest = left
	}
	may.WriteString(`\z`)
	mayGive, err := regexp.Compile(may.String())
	if err != nil {
		return wrong("it cannot be read")
	}
	m.mayGive = mayGive
	return nil
}

// reference reads what regexp.Expand reads after a $: a name in letters, digits and underscores, in braces or as long as possible.
func reference(text string) (name, rest string, ok bool) {
	if text == "" {
		return "", "", false
	}
	if text[0] == '$' {
		return "$", text[1:], true
	}
	if text[0] == '{' {
		name, rest, ok = strings.Cut(text[1:], "}")
		return name, rest, ok && name != "" && strings.Trim(name, wordBytes) == ""
	}
	end := len(text) - len(strings.TrimLeft(text, wordBytes))
	return text[:end], text[end:], end > 0
}

const wordBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

func (m *matcher) hasGroup(name string) bool {
	if name[0] >= '0' && name[0] <= '9' {
		n := 0
		for _, digit := range name {
			if digit < '0' || digit > '9' || n > m.pattern.NumSubexp() {
				return false
			}
			n = n*10 + int(digit-'0')
		}
		return n <= m.pattern.NumSubexp()
	}
	return m.pattern.SubexpIndex(name) >= 0
}

// tenantFor returns the tenant that a value gives; matched is false when the rule is not for the value. A tenant that cannot be one is "".
func (m *matcher) tenantFor(value string) (tenant string, matched bool) {
	if m.pattern == nil {
		return m.Tenant, value == m.Match
	}
	groups := m.pattern.FindStringSubmatchIndex(value)
	if groups == nil {
		return "", false
	}
	if !m.template {
		return m.Tenant, true
	}
	if tenant = string(m.pattern.ExpandString(nil, m.Tenant, value, groups)); !tenantID.MatchString(tenant) {
		return "", true
	}
	return tenant, true
}
