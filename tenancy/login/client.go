package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"trunkline/internal/fault"
	"trunkline/internal/fetch"
)

// How long what a provider says of itself counts, and how soon one that did not answer is asked again.
const (
	metadataLife    = time.Hour
	metadataSoonest = 5 * time.Second
	firstWait       = time.Second
	longestWait     = time.Minute
)

// algorithms that may sign: asymmetric ones alone. With HS256 the public key would do as a secret, and none signs nothing.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

// client is one provider as we know it: it is met when it is first needed, and again after an hour or when its keys do not fit.
type client struct {
	provider    Provider
	redirectURI string
	now         func() time.Time
	http        *http.Client

	turn chan struct{} // held by whoever asks, so that many who come at once ask once

	mu       sync.Mutex
	met      *metadata
	metAt    time.Time
	failure  error
	failures int
	retryAt  time.Time
}

func newClient(p Provider, cfg Config, redirectURI string) *client {
	return &client{provider: p, redirectURI: redirectURI, now: cfg.Now, http: newHTTP(p, cfg), turn: make(chan struct{}, 1)}
}

// metadata is a provider's discovery document (OpenID Connect Discovery 1.0 section 3, RFC 8414) and its keys.
type metadata struct {
	provider *oidc.Provider
	keys     oidc.KeySet

	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserInfoEndpoint      string   `json:"userinfo_endpoint"`
	JWKS                  string   `json:"jwks_uri"`
	EndSessionEndpoint    string   `json:"end_session_endpoint"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	NamesItself           bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
}

// meet returns the metadata, asking the provider where there is none that counts. One that did not answer is not asked again at once: its
// last failure is the answer for a while, longer each time.
func (c *client) meet(ctx context.Context, notBefore time.Time) (*metadata, error) {
	if m, err, known := c.remembered(notBefore); known {
		return m, err
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if m, err, known := c.remembered(notBefore); known {
		return m, err
	}
	m, err := c.discover(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err() // whoever asked has gone: that says nothing of the provider
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if err == nil {
		c.met, c.metAt, c.failure, c.failures = m, now, nil, 0
		return m, nil
	}
	c.failure, c.failures = err, c.failures+1
	c.retryAt = now.Add(min(firstWait<<min(c.failures-1, 10), longestWait))
	return c.fallbackLocked(notBefore)
}

// remembered answers without asking: by metadata that is young enough, or while the provider is left alone after a failure.
func (c *client) remembered(notBefore time.Time) (*metadata, error, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.met != nil && now.Sub(c.metAt) < metadataLife && !c.metAt.Before(notBefore) {
		return c.met, nil, true
	}
	if c.failure != nil && now.Before(c.retryAt) {
		m, err := c.fallbackLocked(notBefore)
		return m, err, true
	}
	return nil, nil, false
}

// fallbackLocked is for a provider that does not answer: what it said an hour ago is better than nothing, unless it has to be newer.
func (c *client) fallbackLocked(notBefore time.Time) (*metadata, error) {
	if c.met != nil && !c.metAt.Before(notBefore) {
		return c.met, nil
	}
	return nil, c.failure
}

// again is when metadata has to be from, so that it is newer than what did not fit. Strangers can send what does not fit, so that it
// does not make us ask more often than every few seconds.
func (c *client) again() time.Time {
	return c.now().Add(-metadataSoonest)
}

func (c *client) discover(ctx context.Context) (*metadata, error) {
	p, err := oidc.NewProvider(c.asking(ctx), c.provider.Issuer)
	if mismatch, ok := errors.AsType[*oidc.IssuerMismatchError](err); ok {
		return nil, fault.Wrap(err, fault.Invalid, "The provider %s calls itself %q and is set up here as %q. Both have to be the same, to the last slash.",
			c.provider.Name, clip(mismatch.Discovered), clip(c.provider.Issuer))
	}
	if _, unasked := errors.AsType[*url.Error](err); err != nil && !unasked {
		return nil, fault.Wrap(err, fault.Unavailable, "%q is not the way to a provider: there is nothing that says what it can do. Check the issuer of %s.", clip(c.provider.Issuer), c.provider.Name)
	}
	if err != nil {
		return nil, fetch.Explain(err, c.who())
	}
	m := &metadata{provider: p}
	if err := p.Claims(m); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "What the provider %s says of itself cannot be read.", c.provider.Name)
	}
	switch {
	case m.AuthorizationEndpoint == "" || m.TokenEndpoint == "" || m.JWKS == "":
		return nil, fault.New(fault.Invalid, "The provider %s does not say where to sign in, where to get tokens, or where its keys are.", c.provider.Name)
	case !c.mayLead(m.AuthorizationEndpoint):
		return nil, fault.New(fault.Invalid, "%s sends people to sign in at %q, which does not begin with https://.", c.who(), clip(m.AuthorizationEndpoint))
	case m.ChallengeMethods != nil && !slices.Contains(m.ChallengeMethods, "S256"):
		return nil, fault.New(fault.Unsupported, "The provider %s supports PKCE only as %v. S256 is needed, and there is no sign-in without.", c.provider.Name, m.ChallengeMethods)
	}
	m.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), c.calm(m.JWKS)), m.JWKS)
	return m, nil
}

// mayLead says that browsers may be sent to an address that the provider names.
func (c *client) mayLead(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && c.provider.AllowPrivate)
}

// asking makes both libraries use our HTTP client.
func (c *client) asking(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, c.http) // oauth2 reads the same key
}

func (c *client) who() string { return fmt.Sprintf("The provider %s", c.provider.Name) }

// oauth is the client as the provider has registered it.
func (c *client) oauth(m *metadata) *oauth2.Config {
	style := oauth2.AuthStyleInHeader // client_secret_basic is the default: OpenID Connect Discovery 1.0 section 3
	if c.provider.ClientSecret == "" || m.TokenAuthMethods != nil && !slices.Contains(m.TokenAuthMethods, "client_secret_basic") {
		style = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: c.provider.ClientID, ClientSecret: c.provider.ClientSecret, RedirectURL: c.redirectURI, Scopes: c.provider.scopes(),
		Endpoint: oauth2.Endpoint{AuthURL: m.AuthorizationEndpoint, TokenURL: m.TokenEndpoint, AuthStyle: style},
	}
}
