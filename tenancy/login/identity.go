package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"trunkline/internal/fault"
	"trunkline/internal/fetch"
)

// exchange trades the code for tokens, checks them, and asks for userinfo where the provider has it.
func (c *client) exchange(ctx context.Context, m *metadata, code string, f flow) (Identity, error) {
	token, err := c.oauth(m).Exchange(c.asking(ctx), code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return Identity{}, c.tokenError(err, "The code of %s was used already, or has expired. Begin again on the sign-in page.")
	}
	id, err := c.identity(ctx, m, token)
	if err != nil {
		return Identity{}, err
	}
	if id.IDToken == "" {
		return Identity{}, fault.New(fault.Invalid, "%s gave no ID token. Set it up to let this site ask for openid.", c.who())
	}
	if nonce, _ := id.Claims["nonce"].(string); subtle.ConstantTimeCompare([]byte(nonce), []byte(f.Nonce)) != 1 {
		return Identity{}, fault.New(fault.Invalid, "The ID token of %s is for another sign-in than this one. Begin again on the sign-in page.", c.provider.Name)
	}
	if m.UserInfoEndpoint != "" {
		if id, err = c.withUserInfo(ctx, m, id); err != nil {
			return Identity{}, err
		}
	}
	return described(id), nil
}

// tokenError says what went wrong at the token endpoint. spent is the sentence for a grant that does not count, with %s for the provider.
func (c *client) tokenError(err error, spent string) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		if asked := fetch.Explain(err, c.who()); !fault.Is(asked, fault.Unavailable) {
			return asked
		}
		if strings.Contains(err.Error(), "cannot parse") || strings.Contains(err.Error(), "missing access_token") {
			return fault.Wrap(err, fault.Invalid, "%s answered with something else than tokens. Tell the administrator of this site.", c.who())
		}
		return fetch.Explain(err, c.who())
	}
	switch refused.ErrorCode {
	case "invalid_grant":
		return fault.Wrap(err, fault.Unauthenticated, spent, c.provider.Name)
	case "invalid_client", "unauthorized_client":
		return fault.Wrap(err, fault.Unavailable, "%s does not accept the client id or secret of this site. Tell the administrator of this site.", c.who())
	}
	return fault.Wrap(err, fault.Unavailable, "%s gave no tokens (%s). Try again in a moment; if it stays so, tell the administrator of this site.", c.who(), clip(refused.ErrorCode))
}

// identity reads what came from the token endpoint. Without an ID token it has tokens and no claims.
func (c *client) identity(ctx context.Context, m *metadata, token *oauth2.Token) (Identity, error) {
	id := Identity{Provider: c.provider.ID, Issuer: c.provider.Issuer, AccessToken: token.AccessToken, RefreshToken: token.RefreshToken, Expiry: token.Expiry}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return id, nil
	}
	const what = "ID token"
	s, err := c.verify(ctx, m, what, raw)
	if err != nil {
		return Identity{}, err
	}
	if err := c.check(what, s, c.now()); err != nil {
		return Identity{}, err
	}
	if s.Subject == "" || len(s.Subject) > 255 || len(s.Events) > 0 || s.typ == logoutType {
		return Identity{}, fault.New(fault.Invalid, "The ID token of %s does not say who you are.", c.provider.Name)
	}
	if s.id.AccessTokenHash != "" {
		if err := s.id.VerifyAccessToken(token.AccessToken); err != nil {
			return Identity{}, fault.Wrap(err, fault.Invalid, "The ID token and the access token of %s do not belong together. Begin again.", c.provider.Name)
		}
	}
	if id.Claims, err = object(s.payload); err != nil {
		return Identity{}, c.unreadable(what, err)
	}
	id.Subject, id.SessionID, id.IDToken = s.Subject, s.SessionID, raw
	return id, nil
}

// errAccess is the userinfo endpoint's answer to an access token that does not count.
var errAccess = errors.New("the access token does not count")

// withUserInfo adds what the userinfo endpoint says: OpenID Connect Core 1.0 section 5.3. It is younger than the token, and the only one that is asked
// again, so that its claims win; the claims that make the token what it is stay. An access token that does not count is errAccess.
func (c *client) withUserInfo(ctx context.Context, m *metadata, id Identity) (Identity, error) {
	said, err := c.userInfo(ctx, m, id.AccessToken)
	if err != nil {
		return id, err
	}
	if sub, _ := said["sub"].(string); sub != id.Subject {
		return id, fault.New(fault.Invalid, "%s speaks of another person in its userinfo than in its ID token. Nobody is signed in.", c.who())
	}
	claims := maps.Clone(said)
	for name, value := range id.Claims {
		if _, there := said[name]; !there || slices.Contains(ofTheToken, name) {
			claims[name] = value
		}
	}
	id.Claims = claims
	return id, nil
}

var ofTheToken = strings.Fields("iss sub aud azp exp nbf iat jti nonce at_hash c_hash s_hash sid acr amr auth_time")

func (c *client) userInfo(ctx context.Context, m *metadata, access string) (map[string]any, error) {
	what := "userinfo"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserInfoEndpoint, nil)
	if err != nil {
		return nil, c.unreadable("address for "+what, err)
	}
	r.Header.Set("Authorization", "Bearer "+access)
	r.Header.Set("Accept", "application/json, application/jwt")
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fetch.Explain(err, c.who())
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return nil, fetch.Explain(err, c.who())
	case answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusForbidden:
		return nil, fault.Wrap(errAccess, fault.Unavailable, "%s does not say who you are with the token that it gave. Begin again.", c.who())
	case answer.StatusCode != http.StatusOK:
		return nil, fault.Wrap(errors.New(answer.Status), fault.Unavailable, "%s has a problem of its own just now. Try again in a moment.", c.who())
	}
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind == "application/jwt" {
		s, err := c.verify(ctx, m, what, string(body))
		if err != nil {
			return nil, err
		}
		if s.Issuer != c.provider.Issuer || !slices.Contains(s.id.Audience, c.provider.ClientID) {
			return nil, fault.New(fault.Invalid, "The userinfo of %s is of another provider or for another site.", c.provider.Name)
		}
		body = s.payload
	}
	claims, err := object(body)
	if err != nil {
		return nil, c.unreadable(what, err)
	}
	return claims, nil
}

// described fills in what pages show, from the claims that are there.
func described(id Identity) Identity {
	text := func(name string) string { v, _ := id.Claims[name].(string); return strings.TrimSpace(v) }
	if email := text("email"); email != "" {
		id.Email = email
		// Some providers write truth values as text.
		id.EmailVerified = id.Claims["email_verified"] == true || text("email_verified") == "true"
	}
	for _, name := range []string{"nickname", "preferred_username", "name"} { // the best last
		if name := text(name); name != "" {
			id.Name = name
		}
	}
	return id
}
