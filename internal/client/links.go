package client

import (
	"context"

	"trunkline/lab/control"
)

// SetLink changes a link of a lab, and at once of what runs.
func (c *Client) SetLink(ctx context.Context, lab, link string, change control.LinkChange) (result control.EditResult, err error) {
	return result, c.json(ctx, "PATCH", path("labs", lab, "links", link), nil, change, &result)
}
