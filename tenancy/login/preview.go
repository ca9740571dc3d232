package login

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// previewMost bounds what is pasted, in bytes: 250 groups of a directory are some 20 KiB.
const previewMost = 512 << 10

// Preview is what claims would come to, and why.
type Preview struct {
	Claims   map[string]any  `json:"claims"`
	Token    bool            `json:"token,omitempty"` // it was a token, whose signature was not checked
	Lines    []tenancy.Line  `json:"lines"`           // at least one a rule
	Person   string          `json:"person,omitempty"`
	Known    bool            `json:"known"`       // somebody here has that identity
	Changes  []PreviewChange `json:"memberships"` // by workspace
	Warnings []string        `json:"warnings,omitempty"`
}

// PreviewChange is one membership, before and after. An empty role is none.
type PreviewChange struct {
	Tenant string       `json:"tenant"`
	Was    tenancy.Role `json:"was,omitempty"`
	Is     tenancy.Role `json:"is,omitempty"`
	Create bool         `json:"create,omitempty"`
}

// Preview says what a provider's rules make of claims: JSON, or a token whose claims are read without checking it. Nothing is changed. With rules nil those that
// are stored count. Codes: invalid (what was pasted cannot be read), not_found.
func (a *Admin) Preview(ctx context.Context, actor tenancy.Actor, id, pasted string, rules []tenancy.Rule) (Preview, error) {
	setup, err := a.Setup(ctx, actor, id)
	if err != nil {
		return Preview{}, err
	}
	if rules == nil {
		rules = setup.Rules
	}
	var p Preview
	if p.Claims, p.Token, err = readClaims(pasted); err != nil {
		return p, err
	}
	outcome := tenancy.Evaluate(rules, p.Claims)
	p.Lines = outcome.Lines
	p.warn(setup.Provider)
	var held []tenancy.Membership
	if subject, _ := p.Claims["sub"].(string); subject != "" {
		user, has, err := a.Holdings.Held(ctx, id, setup.Issuer, subject)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return p, err
		}
		if err == nil {
			p.Known, p.Person, held = true, user.Name, has
		}
	}
	p.compare(held, outcome.Settle(held))
	return p, nil
}

// compare lists what stays as well as what changes.
func (p *Preview) compare(held []tenancy.Membership, settled []tenancy.Grant) {
	p.Changes = []PreviewChange{}
	for _, g := range settled {
		c := PreviewChange{Tenant: g.TenantID, Is: g.Role, Create: g.Create}
		for _, h := range held {
			if h.TenantID == g.TenantID {
				c.Was = h.Role
			}
		}
		p.Changes = append(p.Changes, c)
	}
	for _, c := range tenancy.Compare(held, settled) {
		if c.Is == "" {
			p.Changes = append(p.Changes, PreviewChange{Tenant: c.TenantID, Was: c.Was})
		}
	}
}

// warn names what would be refused at a real sign-in.
func (p *Preview) warn(provider Provider) {
	if issuer, there := p.Claims["iss"].(string); there && issuer != provider.Issuer {
		p.Warnings = append(p.Warnings, "These claims are of another issuer ("+clip(issuer)+"): nobody would be signed in by them here.")
	}
	if _, there := p.Claims["sub"]; !there {
		p.Warnings = append(p.Warnings, "There is no claim sub, so that it is not known whose claims these are: they are looked at as those of somebody new.")
	}
}

// readClaims reads an object, or the middle part of a token. Numbers stay as they are written.
func readClaims(pasted string) (claims map[string]any, token bool, err error) {
	pasted = strings.TrimSpace(pasted)
	if len(pasted) > previewMost {
		return nil, false, fault.New(fault.Invalid, "That is more than the %d KiB that are looked at.", previewMost>>10).InField("claims")
	}
	if pasted == "" {
		return nil, false, fault.New(fault.Invalid, "Paste the claims as JSON, or a token.").InField("claims")
	}
	text := []byte(pasted)
	if parts := strings.Split(pasted, "."); len(parts) == 3 && !strings.HasPrefix(pasted, "{") {
		token = true
		if text, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "=")); err != nil {
			return nil, true, fault.Wrap(err, fault.Invalid, "That looks like a token, and its middle part cannot be read. Copy it whole.").InField("claims")
		}
	}
	if !json.Valid(text) || !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return nil, token, fault.New(fault.Invalid, "That is neither a JSON object, such as {\"groups\": [\"net-teachers\"]}, nor a token.").InField("claims")
	}
	claims, err = object(text)
	if err != nil {
		return nil, token, fault.Wrap(err, fault.Invalid, "The claims cannot be read.").InField("claims")
	}
	return claims, token, nil
}
