package client

import (
	"context"
	"net/url"

	"trunkline/tenancy"
)

// OwnQuota is what one may use in the token's workspace, and does use.
func (c *Client) OwnQuota(ctx context.Context) (own tenancy.OwnQuota, err error) {
	return own, c.json(ctx, "GET", "/quota", nil, nil, &own)
}

// WorkspaceQuota is what everybody in the token's workspace may use, and does use.
func (c *Client) WorkspaceQuota(ctx context.Context) (all tenancy.WorkspaceQuota, err error) {
	return all, c.json(ctx, "GET", "/quota/workspace", nil, nil, &all)
}

// SiteQuota is the site's defaults and what every workspace uses.
func (c *Client) SiteQuota(ctx context.Context) (site tenancy.SiteQuota, err error) {
	return site, c.json(ctx, "GET", "/quota/site", nil, nil, &site)
}

// SetQuota says limits; with dryRun it only tells what would change.
func (c *Client) SetQuota(ctx context.Context, change tenancy.QuotaChange, dryRun bool) (changed tenancy.QuotaChanged, err error) {
	query := url.Values{}
	if dryRun {
		query.Set("dry-run", "true")
	}
	to := map[tenancy.QuotaTarget]string{
		tenancy.ForSiteWorkspaces: "/quota/site/workspaces", tenancy.ForSitePeople: "/quota/site/people", tenancy.ForEach: "/quota/each",
		tenancy.ForWorkspace: path("quota", "workspaces", change.Workspace), tenancy.ForPerson: path("quota", "people", change.Person),
	}
	body := map[string]any{"limits": change.Limits}
	return changed, c.json(ctx, "PATCH", to[change.Target], query, body, &changed)
}
