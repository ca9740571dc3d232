package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

func (s *Server) providerPage(r *Request) error {
	view, err := s.providerView(r)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, view)
}

func (s *Server) providerView(r *Request) (templates.Provider, error) {
	setup, err := s.SSO.Admin.Setup(r.Context(), r.Actor, r.Param("provider"))
	if err != nil {
		return templates.Provider{}, err
	}
	base := strings.TrimRight(s.PublicURL, "/")
	if base == "" {
		base = "http://" + r.HTTP().Host
	}
	view := templates.Provider{
		FromFile: setup.FromFile, Rules: ruleRows(setup),
		Return: base + login.ReturnPath + setup.ID, BackChannel: base + login.BackChannelPath, SignedOut: base + login.SignedOutPath,
		Form: templates.ProviderForm{
			ID: setup.ID, Name: setup.Name, Issuer: setup.Issuer, ClientID: setup.ClientID, HasSecret: setup.HasSecret, SecretLost: setup.SecretLost,
			Scopes: "profile email", AllowPrivate: setup.AllowPrivate, Patience: shortTime(setup.Waits()), Disabled: setup.Disabled,
			Version: setup.Version(),
		},
		NewRule: templates.RuleForm{Provider: setup.ID, Version: setup.Version(), At: "new", Claim: "groups", Roles: roleChoices(tenancy.Owner, tenancy.Member)},
		Domain:  templates.RuleForm{Provider: setup.ID, Version: setup.Version(), At: "domain", IsDomain: true, Roles: roleChoices(tenancy.Owner, tenancy.Member)},
	}
	if setup.Scopes != nil {
		view.Form.Scopes = strings.Join(setup.Scopes, " ")
	}
	return view, nil
}

// providerAgain shows the page with what was wrong, where change puts it.
func (s *Server) providerAgain(r *Request, cause error, change func(*templates.Provider, *fault.Error)) error {
	problem := fault.Public(cause)
	if problem.Code != fault.Invalid && problem.Code != fault.Conflict {
		return cause
	}
	view, err := s.providerView(r)
	if err != nil {
		return err
	}
	change(&view, problem)
	return r.Page(fault.Status(problem.Code), view)
}

// examineProvider asks the provider what it can do, and says so on the page.
func (s *Server) examineProvider(r *Request) error {
	found, err := s.SSO.Admin.Examine(r.Context(), r.Actor, r.Param("provider"))
	if err != nil {
		return err
	}
	view, err := s.providerView(r)
	if err != nil {
		return err
	}
	view.Finding = &templates.Finding{Error: found.Error}
	for _, line := range found.Lines {
		view.Finding.Lines = append(view.Finding.Lines, templates.FoundLine(line))
	}
	return r.Page(http.StatusOK, view)
}

// previewClaims says what claims would come to. Nothing is stored, and what was pasted is in no log.
func (s *Server) previewClaims(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	pasted := form.Raw("claims")
	preview, err := s.SSO.Admin.Preview(r.Context(), r.Actor, r.Param("provider"), pasted, nil)
	if err != nil {
		return s.providerAgain(r, err, func(page *templates.Provider, problem *fault.Error) {
			page.Preview = templates.Preview{Pasted: pasted, Error: problem.Sentence}
		})
	}
	view, err := s.providerView(r)
	if err != nil {
		return err
	}
	view.Preview = previewView(preview, pasted, view.Rules)
	return r.Page(http.StatusOK, view)
}

func previewView(p login.Preview, pasted string, rules []templates.RuleRow) templates.Preview {
	v := templates.Preview{Pasted: pasted, Done: true, Token: p.Token, Person: p.Person, Known: p.Known, Warnings: p.Warnings}
	if claims, err := json.MarshalIndent(p.Claims, "", "  "); err == nil && p.Token {
		v.Claims = string(claims)
	}
	number := map[string]int{}
	for i, rule := range rules {
		number[rule.ID] = i + 1
	}
	for _, line := range p.Lines {
		v.Lines = append(v.Lines, templates.PreviewLine{Rule: number[line.Rule], Verdict: string(line.Verdict), Text: line.Text})
	}
	for _, c := range p.Changes {
		v.Changes = append(v.Changes, templates.PreviewChange{Tenant: c.Tenant, Was: string(c.Was), Is: string(c.Is), Create: c.Create})
	}
	return v
}

// saveRule makes a rule, or changes the one that the form names.
func (s *Server) saveRule(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	rule := tenancy.Rule{
		ID: form.Text("rule"), Claim: form.Text("claim"), Match: form.Text("match"), Domain: form.Text("domain"), Tenant: form.Text("tenant"),
		Role: tenancy.Role(form.Text("role")), Create: form.Text("create") == "1", MissingIsEmpty: form.Text("missingIsEmpty") == "1",
	}
	err = rule.Check()
	if form.Text("kind") == "domain" && rule.Domain == "" {
		err = fault.New(fault.Invalid, "Give the domain of the addresses, such as example.edu.").InField("domain")
	}
	if err == nil {
		err = s.changeRules(r, form.Text("version"), func(rules []tenancy.Rule) ([]tenancy.Rule, error) {
			if rule.ID == "" {
				return append(rules, rule), nil
			}
			at, err := ruleAt(rules, rule.ID)
			if err == nil {
				rules[at] = rule
			}
			return rules, err
		})
	}
	if err != nil {
		return s.providerAgain(r, err, func(page *templates.Provider, problem *fault.Error) {
			again := ruleForm(r.Param("provider"), page.Form.Version, rule)
			again.Error, again.Field = problem.Sentence, problem.Field
			again.IsDomain = form.Text("kind") == "domain"
			page.WithRule(rule.ID, form.Text("kind") == "domain", again)
		})
	}
	r.flash("The rule is stored. It counts at the next sign-in, and at the next check of who is here.")
	return r.Redirect("/providers/" + url.PathEscape(r.Param("provider")) + "#rules")
}

func (s *Server) deleteRule(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	return s.orderRules(r, form.Text("version"), "The rule was deleted. What it gave goes at the next check.", func(rules []tenancy.Rule, at int) []tenancy.Rule {
		return slices.Delete(rules, at, at+1)
	})
}

// moveRule moves a rule by one place, whatever the others have become meanwhile.
func (s *Server) moveRule(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	return s.orderRules(r, "", "", func(rules []tenancy.Rule, at int) []tenancy.Rule {
		to := at + 1
		if form.Text("to") == "up" {
			to = at - 1
		}
		if to >= 0 && to < len(rules) {
			rules[at], rules[to] = rules[to], rules[at]
		}
		return rules
	})
}

func (s *Server) orderRules(r *Request, base, done string, change func([]tenancy.Rule, int) []tenancy.Rule) error {
	err := s.changeRules(r, base, func(rules []tenancy.Rule) ([]tenancy.Rule, error) {
		at, err := ruleAt(rules, r.Param("rule"))
		if err != nil {
			return nil, err
		}
		return change(rules, at), nil
	})
	if err != nil {
		return s.providerAgain(r, err, func(page *templates.Provider, problem *fault.Error) { page.RulesError = problem.Sentence })
	}
	r.flash(done)
	return r.Redirect("/providers/" + url.PathEscape(r.Param("provider")) + "#rules")
}

// changeRules changes the rules as they are, with a base only those that the page showed.
func (s *Server) changeRules(r *Request, base string, edit func([]tenancy.Rule) ([]tenancy.Rule, error)) error {
	_, err := s.SSO.Admin.ChangeRules(r.Context(), r.Actor, r.Param("provider"), base, edit)
	return err
}

func ruleAt(rules []tenancy.Rule, id string) (int, error) {
	at := slices.IndexFunc(rules, func(r tenancy.Rule) bool { return r.ID == id })
	if at < 0 {
		return 0, tenancy.Missing("such rule")
	}
	return at, nil
}

func ruleRows(setup login.Setup) []templates.RuleRow {
	var rows []templates.RuleRow
	for i, rule := range setup.Rules {
		form := ruleForm(setup.ID, setup.Version(), rule)
		form.At = fmt.Sprint("rule-", i+1)
		rows = append(rows, templates.RuleRow{ID: rule.ID, Number: i + 1, Is: form, Form: form, First: i == 0, Last: i == len(setup.Rules)-1})
	}
	return rows
}

func ruleForm(provider, version string, r tenancy.Rule) templates.RuleForm {
	return templates.RuleForm{
		Provider: provider, Version: version, ID: r.ID, IsDomain: r.Domain != "",
		Claim: r.Claim, Match: r.Match, Domain: r.Domain, Tenant: r.Tenant, Role: string(r.Role), Create: r.Create, MissingIsEmpty: r.MissingIsEmpty, Roles: roleChoices(tenancy.Owner, r.Role),
	}
}

// shortTime is a time as people write it: 15m, not 15m0s.
func shortTime(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
