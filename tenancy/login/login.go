// Package login signs people in by OpenID Connect providers.
//
// It knows providers, the authorisation code flow, tokens, userinfo, refresh and logout: who somebody is, as a tenancy.Identity. It refuses to know
// sessions, pages and the database, and what claims are worth: tenancy.Evaluate says that. It is the only importer of go-oidc.
//
// A sign-in that is under way is kept in a sealed cookie of its own, one for each tab: see Begin.
package login

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/fetch"
	"trunkline/internal/seal"
	"trunkline/tenancy"
)

// Identity is who a provider says somebody is.
type Identity = tenancy.Identity

// ProviderStore knows the providers as they are set up now. A missing one is fault.NotFound.
type ProviderStore interface {
	Providers(ctx context.Context) ([]Provider, error)
	Provider(ctx context.Context, id string) (Provider, error)
}

// Paths under the public address. A provider is registered with ReturnPath followed by its id, and with BackChannelPath.
const (
	BeginPath       = "/sign-in/with/"
	ReturnPath      = "/sign-in/return/"
	BackChannelPath = "/logout/back-channel"
)

// skew is how far a provider's clock may be from ours.
const skew = time.Minute

// Config of a Service. Providers, Keys and PublicURL are needed.
type Config struct {
	Providers ProviderStore
	Keys      *seal.Ring // seals sign-ins that are under way
	PublicURL string     // where browsers reach this site, such as https://lab.example.org
	Now       func() time.Time

	// Reachable lets providers be asked at an address that is not public; nil: only those of providers with AllowPrivate.
	Reachable func(netip.AddrPort) bool
}

// Service signs people in. Its methods may be called at once.
type Service struct {
	cfg Config

	mu    sync.Mutex
	known map[string]*client // by provider id

	used   *once // states that came back
	logout *once // logout tokens that were taken
}

// New makes a service; it asks nobody yet.
func New(cfg Config) (*Service, error) {
	if cfg.Providers == nil || cfg.Keys == nil || cfg.PublicURL == "" {
		return nil, fault.New(fault.Internal, "Sign-in by providers needs the providers, a key and the public address.")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.PublicURL = strings.TrimRight(cfg.PublicURL, "/")
	return &Service{cfg: cfg, known: map[string]*client{}, used: newOnce(), logout: newOnce()}, nil
}

// Buttons are the providers that people may choose, in the order they are kept.
func (s *Service) Buttons(ctx context.Context) ([]Button, error) {
	providers, err := s.cfg.Providers.Providers(ctx)
	if err != nil {
		return nil, err
	}
	var buttons []Button
	for _, p := range providers {
		if !p.Disabled {
			buttons = append(buttons, Button{ID: p.ID, Name: p.Name, Path: BeginPath + p.ID})
		}
	}
	return buttons, nil
}

// Button leads to one provider.
type Button struct{ ID, Name, Path string }

// RedirectURI is what a provider sends browsers back to, exactly. Each provider has its own, so that an answer of one cannot pass for another's,
// also with those that do not name themselves in it: RFC 9700 section 4.4.2.
func (s *Service) RedirectURI(providerID string) string {
	return s.cfg.PublicURL + ReturnPath + providerID
}

// client returns what is known of a provider that may be used. One whose settings have changed is met anew.
func (s *Service) client(ctx context.Context, providerID string) (*client, error) {
	p, err := s.cfg.Providers.Provider(ctx, providerID)
	if fault.Is(err, fault.NotFound) || err == nil && p.Disabled {
		return nil, fault.New(fault.NotFound, "Nobody signs in by %q here. Choose one of the ways on the sign-in page.", clip(providerID))
	}
	if err != nil {
		return nil, err
	}
	if p.SecretLost {
		return nil, fault.New(fault.Unavailable, "The secret of the provider %s cannot be opened: the key file is another one than when it was stored. Put the old key back, or give the secret again.", p.Name)
	}
	return s.clientOf(p), nil
}

func (s *Service) clientOf(p Provider) *client {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.known[p.ID]
	if known == nil || !known.provider.same(p) {
		known = newClient(p, s.cfg, s.RedirectURI(p.ID))
		s.known[p.ID] = known
	}
	return known
}

// newHTTP makes the client that asks one provider.
func newHTTP(p Provider, cfg Config) *http.Client {
	return fetch.Client(fetch.Options{AllowPrivate: p.AllowPrivate, Allow: cfg.Reachable})
}

func clip(text string) string {
	const most = 80
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "?")
}
