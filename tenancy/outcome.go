package tenancy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline/internal/fault"
)

// Grant is a membership that claims give.
type Grant struct {
	TenantID string `json:"tenant"`
	Role     Role   `json:"role"`
	Create   bool   `json:"create,omitempty"`
}

// Verdict is what one rule came to.
type Verdict string

const (
	Gives   Verdict = "gives"   // the claim has what the rule asks for
	Nothing Verdict = "nothing" // it has not, and what the rule gave before is taken away
	Unknown Verdict = "unknown" // the claim is missing: what the rule gave before stays
	Refused Verdict = "refused" // the rule cannot be used, or what it comes to is no workspace
)

// Line explains what one rule came to, in words.
type Line struct {
	Rule    string  `json:"rule"` // its id
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text"`
}

// Outcome is what claims give by a provider's rules.
type Outcome struct {
	Memberships []Grant // by tenant, each once with its highest role
	Lines       []Line  // at least one for each rule, in the order of the rules

	open []matcher // the rules whose claim is missing
}

// MembershipChange is one membership that was given, changed or taken away. An empty role is none.
type MembershipChange struct {
	TenantID string
	Was, Is  Role
}

// Evaluate applies a provider's rules to claims. It is pure: the same rules and claims give the same outcome.
func Evaluate(rules []Rule, claims map[string]any) Outcome {
	e := evaluation{claims: claims, given: map[string]Grant{}}
	for _, r := range rules {
		m, err := r.compile()
		switch {
		case err != nil:
			// A rule that was stored by another build, or by hand: it takes nothing away from anybody.
			e.say(r, Refused, "The rule cannot be used, and takes nothing away: %s", fault.Sentence(err))
			e.open = append(e.open, r.unread())
		case m.Domain != "":
			e.domain(m)
		default:
			e.claim(m)
		}
	}
	o := Outcome{Lines: e.lines, open: e.open}
	for _, tenant := range slices.Sorted(maps.Keys(e.given)) {
		o.Memberships = append(o.Memberships, e.given[tenant])
	}
	return o
}

// evaluation collects an outcome.
type evaluation struct {
	claims map[string]any
	given  map[string]Grant
	lines  []Line
	open   []matcher
}

func (e *evaluation) say(r Rule, v Verdict, format string, args ...any) {
	e.lines = append(e.lines, Line{Rule: r.ID, Verdict: v, Text: fmt.Sprintf(format, args...)})
}

func (e *evaluation) give(m matcher, tenant string) {
	g, there := e.given[tenant]
	if !there || rank[m.Role] > rank[g.Role] {
		g.Role = m.Role
	}
	g.TenantID, g.Create = tenant, g.Create || m.Create
	e.given[tenant] = g
}

func (e *evaluation) claim(m matcher) {
	values, present := m.path.Values(e.claims)
	if !present {
		e.missing(m, m.path)
		return
	}
	if len(values) == 0 {
		e.say(m.Rule, Nothing, "The claim %s is empty: it gives nothing.", m.path)
		return
	}
	tenants := map[string]bool{}
	matched := 0
	for _, value := range values {
		tenant, ok := m.tenantFor(value)
		switch {
		case !ok:
			continue
		case tenant == "":
			e.say(m.Rule, Refused, "The claim %s has %q, which does not come to the id of a workspace: letters, digits, dots, dashes and underscores, 63 at most.", m.path, clip(value))
		case !tenants[tenant]:
			tenants[tenant] = true
			e.give(m, tenant)
			e.say(m.Rule, Gives, "The claim %s has %q: %s of workspace %s%s.", m.path, clip(value), m.Role, tenant, ifMissing(m.Create))
		}
		matched++
	}
	if matched == 0 {
		e.say(m.Rule, Nothing, "The claim %s has %s, and %s is not among them.", m.path, count(len(values), "value"), clip(m.Match))
	}
}

// domain captures by the verified address alone: OpenID Connect Core 1.0 section 5.1. Some providers write truth values as text.
func (e *evaluation) domain(m matcher) {
	emails, present := ClaimPath{"email"}.Values(e.claims)
	verified, told := ClaimPath{"email_verified"}.Values(e.claims)
	switch {
	case !present:
		e.missing(m, ClaimPath{"email"})
	case len(emails) == 0:
		e.say(m.Rule, Nothing, "The claim email is empty: no domain is known.")
	case len(emails) > 1:
		e.say(m.Rule, Nothing, "The claim email has several addresses: none of them counts.")
	case !ofDomain(emails[0], m.Domain):
		e.say(m.Rule, Nothing, "The address %s is not of the domain %s.", clip(emails[0]), m.Domain)
	case !told:
		e.missing(m, ClaimPath{"email_verified"})
	case len(verified) != 1 || verified[0] != "true":
		e.say(m.Rule, Nothing, "The address %s is not verified: its domain does not count.", clip(emails[0]))
	default:
		e.give(m, m.Tenant)
		e.say(m.Rule, Gives, "The address %s is of the domain %s: %s of workspace %s%s.", clip(emails[0]), m.Domain, m.Role, m.Tenant, ifMissing(m.Create))
	}
}

func ofDomain(email, domain string) bool {
	at := strings.LastIndexByte(email, '@')
	return at > 0 && strings.EqualFold(email[at+1:], domain)
}

// missing leaves as it is what the rule gave before, unless the rule says otherwise.
func (e *evaluation) missing(m matcher, path ClaimPath) {
	if m.MissingIsEmpty {
		e.say(m.Rule, Nothing, "The claim %s is missing, which this rule takes for empty: it gives nothing.", path)
		return
	}
	e.open = append(e.open, m)
	why := ""
	// OpenID Connect Core 1.0 section 5.6.2: the provider says where the claim is to be had. Entra does so above 200 groups.
	if names, ok := e.claims["_claim_names"].(map[string]any); ok && names[path[0]] != nil {
		why = " The provider keeps it elsewhere, as some do when there are too many groups: let it send only those that concern this site."
	}
	e.say(m.Rule, Unknown, "The claim %s is missing: what it gave before stays, and nothing is given.%s", path, why)
}

func ifMissing(create bool) string {
	if create {
		return ", which is made if it is not there"
	}
	return ""
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Settle returns the memberships that the user has from now on by the provider, given those that it has by it. What a rule gave whose claim is
// missing stays, up to that rule's role. Memberships of other sources are none of its business: the caller does not give them.
func (o Outcome) Settle(held []Membership) []Grant {
	settled := map[string]Grant{}
	for _, g := range o.Memberships {
		settled[g.TenantID] = g
	}
	for _, h := range held {
		for _, m := range o.open {
			if !m.mayGive.MatchString(h.TenantID) {
				continue
			}
			keep := h.Role
			if rank[m.Role] < rank[keep] {
				keep = m.Role
			}
			if g, there := settled[h.TenantID]; !there || rank[keep] > rank[g.Role] {
				settled[h.TenantID] = Grant{TenantID: h.TenantID, Role: keep, Create: g.Create}
			}
		}
	}
	return slices.SortedFunc(maps.Values(settled), func(a, b Grant) int { return cmp.Compare(a.TenantID, b.TenantID) })
}

// Compare says what changes from the held memberships to the settled ones, by tenant.
func Compare(held []Membership, settled []Grant) []MembershipChange {
	changes := map[string]MembershipChange{}
	for _, h := range held {
		changes[h.TenantID] = MembershipChange{TenantID: h.TenantID, Was: h.Role}
	}
	for _, g := range settled {
		c := changes[g.TenantID]
		c.TenantID, c.Is = g.TenantID, g.Role
		changes[g.TenantID] = c
	}
	maps.DeleteFunc(changes, func(_ string, c MembershipChange) bool { return c.Was == c.Is })
	return slices.SortedFunc(maps.Values(changes), func(a, b MembershipChange) int { return cmp.Compare(a.TenantID, b.TenantID) })
}
