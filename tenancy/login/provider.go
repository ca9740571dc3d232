package login

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
)

// Provider is how one provider is set up here.
type Provider struct {
	ID           string   `json:"id"`   // in addresses: small letters, digits and dashes
	Name         string   `json:"name"` // on its button
	Issuer       string   `json:"issuer"`
	ClientID     string   `json:"clientId"`
	ClientSecret string   `json:"-"`                // "": a public client, which PKCE alone protects
	Scopes       []string `json:"scopes,omitempty"` // nil: profile and email; openid is always asked for

	// AllowPrivate lets the provider be inside: at private and loopback addresses, and without TLS.
	AllowPrivate bool `json:"allowPrivate,omitempty"`
	// Patience is how long somebody stays signed in while the provider cannot be asked; 0: DefaultPatience.
	Patience time.Duration `json:"patience,omitempty"`
	Disabled bool          `json:"disabled,omitempty"`

	SecretLost bool `json:"-"` // there is one, and the key that opens it is gone
}

// DefaultPatience is how long people stay while their provider is down.
const DefaultPatience = 15 * time.Minute

// Waits is the patience with this provider.
func (p Provider) Waits() time.Duration {
	if p.Patience <= 0 {
		return DefaultPatience
	}
	return p.Patience
}

var providerID = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// Check refuses settings that cannot work, by their field. Code: invalid.
func (p Provider) Check() error {
	wrong := func(field, format string, args ...any) error {
		return fault.New(fault.Invalid, format, args...).InField(field)
	}
	switch {
	case !providerID.MatchString(p.ID):
		return wrong("id", "A provider's id has up to 40 small letters, digits and dashes, such as campus. %q has not.", clip(p.ID))
	case p.ID == "new" || p.ID == "local":
		return wrong("id", "The id %s is an address of this site's own. Choose another.", p.ID)
	case strings.TrimSpace(p.Name) == "" || len(p.Name) > 80:
		return wrong("name", "Give the provider %s a name of 1 to 80 characters: it is on its button.", p.ID)
	case p.ClientID == "" || len(p.ClientID) > 512:
		return wrong("clientId", "Give the client id that the provider %s has registered this site under.", p.ID)
	case len(p.ClientSecret) > 4096:
		return wrong("clientSecret", "The secret of the provider %s is too long.", p.ID)
	case p.Patience < 0 || p.Patience > 24*time.Hour:
		return wrong("patience", "People can stay while the provider %s cannot be asked for 24 hours at most.", p.ID)
	}
	for _, scope := range p.Scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r == '"' || r == '\\' || r > '~' }) {
			return wrong("scopes", "%q is no scope of the provider %s: write each by itself, without spaces.", clip(scope), p.ID)
		}
	}
	return p.checkIssuer(wrong)
}

func (p Provider) checkIssuer(wrong func(field, format string, args ...any) error) error {
	u, err := url.Parse(p.Issuer)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || len(p.Issuer) > 2048:
		return wrong("issuer", "The issuer of the provider %s is an address such as https://id.example.org, without ? and #.", p.ID)
	case strings.HasSuffix(p.Issuer, "/.well-known/openid-configuration"):
		return wrong("issuer", "Give the issuer of the provider %s without /.well-known/openid-configuration at its end.", p.ID)
	case u.Scheme == "http" && !p.AllowPrivate:
		return wrong("issuer", "The issuer of the provider %s has to begin with https://. Only one inside, which you allow by allowPrivate, may do without.", p.ID)
	case u.Scheme != "https" && u.Scheme != "http":
		return wrong("issuer", "The issuer of the provider %s has to begin with https://.", p.ID)
	}
	return nil
}

// scopes are what is asked for.
func (p Provider) scopes() []string {
	asked := p.Scopes
	if asked == nil {
		asked = []string{"profile", "email"}
	}
	if slices.Contains(asked, "openid") {
		return asked
	}
	return append([]string{"openid"}, asked...)
}

func (p Provider) same(other Provider) bool {
	return p.Issuer == other.Issuer && p.ClientID == other.ClientID && p.ClientSecret == other.ClientSecret &&
		p.AllowPrivate == other.AllowPrivate && p.Name == other.Name && slices.Equal(p.Scopes, other.Scopes)
}
