package client

import (
	"context"

	"trunkline/tenancy"
	"trunkline/web/api"
)

// ShareRequest is what Share sends; zero fields leave the choice to the controller, no With makes a link.
type ShareRequest struct {
	With   string        `json:"with,omitempty"`
	Level  tenancy.Level `json:"level,omitempty"`
	Life   string        `json:"life,omitempty"`
	Uses   int           `json:"uses,omitempty"`
	Guests bool          `json:"guests,omitempty"`
}

// Share shares a lab with a person, or by a link.
func (c *Client) Share(ctx context.Context, lab string, request ShareRequest) (made api.NewShare, err error) {
	return made, c.json(ctx, "POST", path("labs", lab, "shares"), nil, request, &made)
}

// Shares lists with whom a lab is shared.
func (c *Client) Shares(ctx context.Context, lab string) (list []tenancy.Share, err error) {
	return list, c.json(ctx, "GET", path("labs", lab, "shares"), nil, nil, &list)
}

// EndShare ends a share, or sends away one who came by a link.
func (c *Client) EndShare(ctx context.Context, lab, id string) error {
	return c.json(ctx, "DELETE", path("labs", lab, "shares", id), nil, nil, nil)
}

// SharedLabs lists the labs that others share with whom the token is of.
func (c *Client) SharedLabs(ctx context.Context) (list []tenancy.SharedLab, err error) {
	return list, c.json(ctx, "GET", "/shared", nil, nil, &list)
}
