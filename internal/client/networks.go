package client

import (
	"context"

	"trunkline/lab/control"
)

// Networks lists what the workspace has.
func (c *Client) Networks(ctx context.Context) (has control.Networks, err error) {
	return has, c.json(ctx, "GET", "/networks", nil, nil, &has)
}

// Offers lists the physical networks.
func (c *Client) Offers(ctx context.Context) (offers []control.Offer, err error) {
	return offers, c.json(ctx, "GET", "/offers", nil, nil, &offers)
}

// SaveOffer makes or replaces one.
func (c *Client) SaveOffer(ctx context.Context, offer control.Offer) error {
	body := map[string]any{"devices": offer.Devices, "vlans": offer.VLANs}
	if offer.Devices == nil {
		body["devices"] = map[string]string{}
	}
	if offer.VLANs == nil {
		body["vlans"] = []control.OfferedVLAN{}
	}
	return c.json(ctx, "PUT", path("offers", offer.Network), nil, body, nil)
}

// DeleteOffer takes one back.
func (c *Client) DeleteOffer(ctx context.Context, network string) error {
	return c.json(ctx, "DELETE", path("offers", network), nil, nil, nil)
}
