package client

import (
	"context"
	"net/url"

	"trunkline/tenancy"
	"trunkline/web/api"
)

// Tokens lists one's API tokens.
func (c *Client) Tokens(ctx context.Context) (tokens []tenancy.Token, err error) {
	return tokens, c.json(ctx, "GET", "/tokens", nil, nil, &tokens)
}

// CreateToken makes a token.
func (c *Client) CreateToken(ctx context.Context, body api.TokenBody) (token api.NewToken, err error) {
	return token, c.json(ctx, "POST", "/tokens", nil, body, &token)
}

// RevokeToken ends a token.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.json(ctx, "DELETE", path("tokens", id), nil, nil, nil)
}

// Sessions lists the browsers in which one is signed in; user is somebody else's id, for administrators of the site.
func (c *Client) Sessions(ctx context.Context, user string) (sessions []api.Session, err error) {
	return sessions, c.json(ctx, "GET", "/sessions", ofUser(user), nil, &sessions)
}

// EndSession signs one browser out.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.json(ctx, "DELETE", path("sessions", id), nil, nil, nil)
}

// EndSessions signs every browser out, of oneself or of somebody else.
func (c *Client) EndSessions(ctx context.Context, user string) (int, error) {
	var ended api.Ended
	err := c.json(ctx, "DELETE", "/sessions", ofUser(user), nil, &ended)
	return ended.Ended, err
}

func ofUser(user string) url.Values {
	if user == "" {
		return nil
	}
	return url.Values{"user": {user}}
}

// Services lists the service accounts of the workspace.
func (c *Client) Services(ctx context.Context) (services []tenancy.ServiceAccount, err error) {
	return services, c.json(ctx, "GET", "/services", nil, nil, &services)
}

// CreateService makes a service account.
func (c *Client) CreateService(ctx context.Context, name string, role tenancy.Role) (service tenancy.ServiceAccount, err error) {
	return service, c.json(ctx, "POST", "/services", nil, map[string]string{"name": name, "role": string(role)}, &service)
}

// ChangeServiceRole changes the role of a service account.
func (c *Client) ChangeServiceRole(ctx context.Context, service string, role tenancy.Role) error {
	return c.json(ctx, "PATCH", path("services", service), nil, map[string]tenancy.Role{"role": role}, nil)
}

// RemoveService ends a service account.
func (c *Client) RemoveService(ctx context.Context, service string) error {
	return c.json(ctx, "DELETE", path("services", service), nil, nil, nil)
}

// CreateServiceToken makes a token for a service account.
func (c *Client) CreateServiceToken(ctx context.Context, service string, body api.TokenBody) (token api.NewToken, err error) {
	return token, c.json(ctx, "POST", path("services", service, "tokens"), nil, body, &token)
}

// RevokeServiceToken ends a token of a service account.
func (c *Client) RevokeServiceToken(ctx context.Context, service, id string) error {
	return c.json(ctx, "DELETE", path("services", service, "tokens", id), nil, nil, nil)
}
