package login

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/internal/fetch"
)

// Finding is what a provider says of itself, and what that means here.
type Finding struct {
	Error   string       `json:"error,omitempty"` // a sentence: people cannot sign in by it now
	Lines   []FoundLine  `json:"lines"`
	Address FoundAddress `json:"addresses"` // to register there
}

// FoundLine is one thing that was looked at.
type FoundLine struct {
	Good bool   `json:"good"` // otherwise it works with a restriction, which the text names
	Text string `json:"text"`
}

// FoundAddress is what to register at the provider.
type FoundAddress struct {
	Return      string `json:"return"`
	BackChannel string `json:"backChannel"`
	SignedOut   string `json:"signedOut"`
}

// SignedOutPath is where a provider leads back to after somebody signed out there.
const SignedOutPath = "/signed-out"

// SignedOutURI is the address of it.
func (s *Service) SignedOutURI() string { return s.cfg.PublicURL + SignedOutPath }

// Examine asks a provider anew what it can do: its discovery document and its keys. One that is switched off is asked too. Code: not_found.
func (s *Service) Examine(ctx context.Context, providerID string) (Finding, error) {
	f := Finding{Address: FoundAddress{Return: s.RedirectURI(providerID), BackChannel: s.cfg.PublicURL + BackChannelPath, SignedOut: s.SignedOutURI()}}
	p, err := s.cfg.Providers.Provider(ctx, providerID)
	if err != nil {
		return f, err
	}
	c := newClient(p, s.cfg, f.Address.Return) // nothing that was remembered of it
	m, err := c.discover(ctx)
	if err != nil {
		f.Error = fault.Sentence(err)
		return f, nil
	}
	f.say(true, "%s answers at %s and is the one that was set up.", p.Name, p.Issuer)
	keys, err := c.countKeys(ctx, m)
	switch {
	case err != nil:
		f.Error = fault.Sentence(err)
	case keys == 0:
		f.Error = "The provider has no key that could sign: its ID tokens cannot be checked."
	default:
		f.say(true, "It has %s to check its tokens with.", countOf(keys, "key"))
	}
	said, err := m.more()
	if err != nil {
		f.Error = fault.Sentence(err)
		return f, nil
	}
	f.judge(p, m, said)
	return f, nil
}

// said is what matters beside what signing in needs.
type said struct {
	Scopes          []string `json:"scopes_supported"`
	Algorithms      []string `json:"id_token_signing_alg_values_supported"`
	Grants          []string `json:"grant_types_supported"`
	BackChannel     bool     `json:"backchannel_logout_supported"`
	BackChannelSID  bool     `json:"backchannel_logout_session_supported"`
	ClaimsSupported []string `json:"claims_supported"`
}

func (m *metadata) more() (s said, err error) {
	if err := m.provider.Claims(&s); err != nil {
		return s, fault.Wrap(err, fault.Invalid, "What the provider says of itself cannot be read.")
	}
	return s, nil
}

func (f *Finding) say(good bool, format string, args ...any) {
	f.Lines = append(f.Lines, FoundLine{Good: good, Text: fmt.Sprintf(format, args...)})
}

// judge says in words what works and what does not.
func (f *Finding) judge(p Provider, m *metadata, s said) {
	switch {
	case m.ChallengeMethods == nil:
		f.say(true, "It does not say whether it checks PKCE; this site sends it anyway (S256).")
	default:
		f.say(true, "It checks PKCE (S256).")
	}
	if s.Algorithms != nil && !slices.ContainsFunc(s.Algorithms, func(a string) bool { return slices.Contains(algorithms, a) }) {
		f.Error = "The provider signs ID tokens by " + strings.Join(s.Algorithms, ", ") + " alone. Let it sign by RS256 or another asymmetric one."
	}
	f.say(m.UserInfoEndpoint != "", "%s", yesNo(m.UserInfoEndpoint != "", "It has userinfo, which is asked for groups at each check.", "It has no userinfo: claims come from ID tokens alone."))
	refreshing := s.Grants == nil || slices.Contains(s.Grants, "refresh_token")
	f.say(refreshing, "%s", yesNo(refreshing, "It gives refresh tokens where this client may have them: people who are removed lose access within a minute.",
		"It gives no refresh tokens: people sign in again when their access token has expired."))
	f.say(s.BackChannel, "%s", yesNo(s.BackChannel, "It can tell this site at once when somebody logs out there (back-channel logout).", "It cannot tell this site when somebody logs out there."))
	f.say(m.EndSessionEndpoint != "", "%s", yesNo(m.EndSessionEndpoint != "", "Signing out here can sign out there too.", "Signing out here does not sign out there: it has no page for that."))
	if s.Scopes != nil {
		for _, scope := range p.scopes() {
			if !slices.Contains(s.Scopes, scope) {
				f.say(false, "It does not list the scope %s, which this site asks for.", scope)
			}
		}
	}
}

func yesNo(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// countKeys asks for the provider's keys and counts those that may sign.
func (c *client) countKeys(ctx context.Context, m *metadata) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.JWKS, nil)
	if err != nil {
		return 0, fault.Wrap(err, fault.Invalid, "%s names no address for its keys.", c.who())
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return 0, fetch.Explain(err, c.who())
	}
	defer answer.Body.Close()
	var set struct {
		Keys []struct {
			Use string `json:"use"`
			Kty string `json:"kty"`
		} `json:"keys"`
	}
	if answer.StatusCode != http.StatusOK {
		return 0, fault.New(fault.Unavailable, "%s answers %s when asked for its keys.", c.who(), answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		return 0, fault.Wrap(err, fault.Unavailable, "The keys of %s cannot be read.", c.provider.Name)
	}
	n := 0
	for _, key := range set.Keys {
		if key.Use != "enc" && key.Kty != "oct" {
			n++
		}
	}
	return n, nil
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
