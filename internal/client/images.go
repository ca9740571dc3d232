package client

import (
	"context"
	"net/url"

	"trunkline/lab/control"
)

// ImagePolicy shows what the workspace or the site says of images.
func (c *Client) ImagePolicy(ctx context.Context, scope control.PolicyScope) (policy control.ImagePolicy, err error) {
	return policy, c.json(ctx, "GET", "/image-policy", url.Values{"scope": {string(scope)}}, nil, &policy)
}

// SetImagePolicy replaces it; with the revision that was read it is fault.Conflict when somebody else was faster.
func (c *Client) SetImagePolicy(ctx context.Context, scope control.PolicyScope, policy control.ImagePolicy) (stored control.ImagePolicy, err error) {
	return stored, c.json(ctx, "PUT", "/image-policy", url.Values{"scope": {string(scope)}}, policy, &stored)
}
