package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"trunkline/lab/control"
	"trunkline/web/api"
)

// Hosts lists the compute hosts.
func (c *Client) Hosts(ctx context.Context) (hosts []api.Host, err error) {
	return hosts, c.json(ctx, "GET", "/hosts", nil, nil, &hosts)
}

// Host shows one.
func (c *Client) Host(ctx context.Context, host string) (detail api.HostDetail, err error) {
	return detail, c.json(ctx, "GET", path("hosts", host), nil, nil, &detail)
}

// ChangeHost changes what is named of a host.
func (c *Client) ChangeHost(ctx context.Context, host string, change control.HostChange) (now api.Host, err error) {
	return now, c.json(ctx, "PATCH", path("hosts", host), nil, change, &now)
}

// RotateHostKey gives a host a new key.
func (c *Client) RotateHostKey(ctx context.Context, host string) error {
	return c.json(ctx, "POST", path("hosts", host, "rotate"), nil, nil, nil)
}

// RevokeHost refuses a host's key from now on.
func (c *Client) RevokeHost(ctx context.Context, host string) error {
	return c.json(ctx, "POST", path("hosts", host, "revoke"), nil, nil, nil)
}

// RemoveHost forgets a host.
func (c *Client) RemoveHost(ctx context.Context, host string) error {
	return c.json(ctx, "DELETE", path("hosts", host), nil, nil, nil)
}

// HostLog reads the last lines of its agent's log, the oldest first.
func (c *Client) HostLog(ctx context.Context, host string, lines int) (log []string, err error) {
	return log, c.json(ctx, "GET", path("hosts", host, "log"), url.Values{"lines": {strconv.Itoa(lines)}}, nil, &log)
}

// Matrix shows how the hosts reach each other.
func (c *Client) Matrix(ctx context.Context) (ways []control.HostReach, err error) {
	return ways, c.json(ctx, "GET", "/hosts/matrix", nil, nil, &ways)
}

// CreateJoinToken makes a join command; a life of 0 takes the site's usual one.
func (c *Client) CreateJoinToken(ctx context.Context, request control.JoinRequest) (token api.NewJoinToken, err error) {
	body := map[string]any{"name": request.Name, "labels": request.Labels}
	if request.Labels == nil {
		delete(body, "labels")
	}
	if request.Life > 0 {
		body["life"] = request.Life.Round(time.Second).String()
	}
	return token, c.json(ctx, "POST", "/hosts/join-tokens", nil, body, &token)
}

// JoinTokens lists those that nobody has used yet.
func (c *Client) JoinTokens(ctx context.Context) (tokens []control.JoinToken, err error) {
	return tokens, c.json(ctx, "GET", "/hosts/join-tokens", nil, nil, &tokens)
}

// DeleteJoinToken revokes one.
func (c *Client) DeleteJoinToken(ctx context.Context, id string) error {
	return c.json(ctx, "DELETE", path("hosts", "join-tokens", id), nil, nil, nil)
}
