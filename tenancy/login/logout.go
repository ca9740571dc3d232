package login

import (
	"context"
	"net/url"
	"time"
)

// longestHint bounds the ID token in an address: servers cut or refuse long ones.
const longestHint = 6 << 10

// LogoutURL leads the browser to the provider to sign out there too, and from there back to after, which has to be registered at the provider:
// OpenID Connect RP-Initiated Logout 1.0. "" when the provider has no such page.
func (s *Service) LogoutURL(ctx context.Context, id Identity, after, state string) (string, error) {
	c, err := s.client(ctx, id.Provider)
	if err != nil {
		return "", err
	}
	m, err := c.meet(ctx, time.Time{})
	if err != nil || m.EndSessionEndpoint == "" || c.provider.Issuer != id.Issuer {
		return "", err
	}
	at, err := url.Parse(m.EndSessionEndpoint)
	if err != nil || !c.mayLead(m.EndSessionEndpoint) {
		return "", nil // a page that nobody can be sent to is no page
	}
	q := at.Query()
	q.Set("client_id", c.provider.ClientID)
	if id.IDToken != "" && len(id.IDToken) <= longestHint {
		q.Set("id_token_hint", id.IDToken)
	}
	if after != "" {
		q.Set("post_logout_redirect_uri", after)
	}
	if state != "" {
		q.Set("state", state)
	}
	at.RawQuery = q.Encode()
	return at.String(), nil
}
