package login

import (
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"trunkline/internal/fault"
)

// Refresh asks the provider again about somebody who signed in by it: by the refresh token, or by userinfo as long as the access token counts.
// Codes: unauthenticated, the person is gone or has left this site; unavailable, it could not be asked, which says nothing of the person.
//
// Keep what is returned, with an error too: providers take a refresh token back once it was used, and the new one is in there. Claims that are nil
// mean that the provider said nothing of them. Ask about one identity once at a time: two at once use the same refresh token, which providers take
// for theft.
func (s *Service) Refresh(ctx context.Context, id Identity) (Identity, error) {
	id.Claims = nil
	c, err := s.client(ctx, id.Provider)
	if fault.Is(err, fault.NotFound) {
		return id, fault.Wrap(err, fault.Unauthenticated, "Nobody signs in by that provider here any more.")
	}
	if err != nil {
		return id, couldNotAsk(err)
	}
	if c.provider.Issuer != id.Issuer {
		return id, fault.New(fault.Unauthenticated, "The provider %s is another one than when you signed in. Sign in again.", c.provider.Name)
	}
	m, err := c.meet(ctx, time.Time{})
	if err != nil {
		return id, couldNotAsk(err)
	}
	if id.RefreshToken != "" {
		return c.byRefreshToken(ctx, m, id)
	}
	return c.byAccessToken(ctx, m, id)
}

func (c *client) byRefreshToken(ctx context.Context, m *metadata, id Identity) (Identity, error) {
	token, err := c.oauth(m).TokenSource(c.asking(ctx), &oauth2.Token{RefreshToken: id.RefreshToken}).Token()
	if err != nil {
		err = c.tokenError(err, "%s says that you are not signed in there any more. Sign in again.")
		if fault.Is(err, fault.Unauthenticated) {
			return id, err
		}
		return id, couldNotAsk(err)
	}
	id.AccessToken, id.RefreshToken, id.Expiry = token.AccessToken, token.RefreshToken, token.Expiry
	fresh, err := c.identity(ctx, m, token)
	switch {
	case err != nil:
		return id, couldNotAsk(err)
	case fresh.IDToken != "" && fresh.Subject != id.Subject: // OpenID Connect Core 1.0 section 12.2
		return id, fault.New(fault.Unauthenticated, "%s now speaks of another person. Sign in again.", c.who())
	case fresh.IDToken != "":
		id.IDToken, id.Claims = fresh.IDToken, fresh.Claims
	}
	if m.UserInfoEndpoint == "" {
		return described(id), nil
	}
	return c.askAgain(ctx, m, id)
}

func (c *client) byAccessToken(ctx context.Context, m *metadata, id Identity) (Identity, error) {
	switch {
	case id.AccessToken == "" || m.UserInfoEndpoint == "":
		return id, fault.New(fault.Unavailable, "%s gave nothing to ask it again with. Sign in again.", c.who())
	case !id.Expiry.IsZero() && !c.now().Before(id.Expiry):
		return id, fault.New(fault.Unavailable, "%s gave no refresh token, and its access token has expired. Sign in again.", c.who())
	}
	return c.askAgain(ctx, m, id)
}

// askAgain asks userinfo by an access token that should count: when it does not, the person is gone.
func (c *client) askAgain(ctx context.Context, m *metadata, id Identity) (Identity, error) {
	asked, err := c.withUserInfo(ctx, m, id)
	switch {
	case errors.Is(err, errAccess):
		return without(id), fault.Wrap(err, fault.Unauthenticated, "%s says that you are not signed in there any more. Sign in again.", c.who())
	case err != nil:
		return without(id), couldNotAsk(err)
	}
	return described(asked), nil
}

// without is the identity with its tokens alone: half of the claims would pass for all of them.
func without(id Identity) Identity {
	id.Claims = nil
	return id
}

// couldNotAsk gives whatever kept us from an answer its one code.
func couldNotAsk(err error) error {
	if fault.Is(err, fault.Unavailable) || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "Your provider could not be asked whether you are still there: %s", fault.Sentence(err))
}
