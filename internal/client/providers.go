package client

import (
	"context"
	"net/url"

	"trunkline/tenancy/login"
	"trunkline/web/api"
)

// Providers lists by which providers people sign in.
func (c *Client) Providers(ctx context.Context) (list []api.Provider, err error) {
	return list, c.json(ctx, "GET", "/providers", nil, nil, &list)
}

// Provider returns one. Code: not_found.
func (c *Client) Provider(ctx context.Context, id string) (one api.Provider, err error) {
	return one, c.json(ctx, "GET", path("providers", id), nil, nil, &one)
}

// SaveProvider makes or changes one; dryRun only says what it would come to.
func (c *Client) SaveProvider(ctx context.Context, id string, settings api.ProviderSettings, dryRun bool) (saved api.ProviderSaved, err error) {
	query := url.Values{}
	if dryRun {
		query.Set("dryRun", "true")
	}
	return saved, c.json(ctx, "PUT", path("providers", id), query, settings, &saved)
}

// DeleteProvider deletes one with what it gave.
func (c *Client) DeleteProvider(ctx context.Context, id string) error {
	return c.json(ctx, "DELETE", path("providers", id), nil, nil, nil)
}

// ExamineProvider lets the controller ask a provider what it can do.
func (c *Client) ExamineProvider(ctx context.Context, id string) (found login.Finding, err error) {
	return found, c.json(ctx, "POST", path("providers", id, "examine"), nil, nil, &found)
}

// PreviewClaims says what claims would give.
func (c *Client) PreviewClaims(ctx context.Context, id string, request api.PreviewRequest) (preview login.Preview, err error) {
	return preview, c.json(ctx, "POST", path("providers", id, "preview"), nil, request, &preview)
}
