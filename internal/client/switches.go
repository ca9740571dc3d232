package client

import (
	"context"

	"trunkline/lab/control"
)

// Switch returns the live tables of a switch, hub or lan.
func (c *Client) Switch(ctx context.Context, lab, node string) (view control.SwitchView, err error) {
	return view, c.json(ctx, "GET", path("labs", lab, "switches", node), nil, nil, &view)
}
