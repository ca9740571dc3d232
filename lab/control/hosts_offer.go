package control

import (
	"context"
	"slices"

	"trunkline/tenancy"
)

// Offers lists the physical networks that labs may be attached to, by name: for administrators of the site.
func (c *Controller) Offers(ctx context.Context, actor tenancy.Actor) ([]Offer, error) {
	if err := tenancy.Allow(actor, tenancy.SeeHosts, tenancy.ObjectRef{}); err != nil {
		return nil, err
	}
	return c.cfg.HostStore.Offers(ctx)
}

// SaveOffer makes or replaces the offer of that name. Hosts may be given by name or id, and are kept by id. Codes: invalid (with the
// field), not_found (host), conflict (a VLAN is another tenant's, or was until a moment ago).
func (c *Controller) SaveOffer(ctx context.Context, actor tenancy.Actor, offer Offer) error {
	if err := tenancy.Allow(actor, tenancy.ManageHosts, tenancy.ObjectRef{}); err != nil {
		return err
	}
	devices, err := c.devicesByID(ctx, offer.Devices)
	if err != nil {
		return err
	}
	offer.Devices = devices
	before, err := c.offered(ctx, offer.Network)
	if err != nil {
		return err
	}
	if err := c.cfg.HostStore.SaveOffer(ctx, offer); err != nil {
		return err
	}
	c.bell.ring()
	return c.recordSite(ctx, actor, tenancy.AuditNetworkChange, auditNetwork(offer.Network), before, offer)
}

func auditNetwork(name string) tenancy.AuditObject {
	return tenancy.AuditObject{Kind: "network", ID: name, Name: name}
}

// offered is the offer of that name, for the audit; nil where there is none.
func (c *Controller) offered(ctx context.Context, network string) (*Offer, error) {
	offers, err := c.cfg.HostStore.Offers(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range offers {
		if o.Network == network {
			return &o, nil
		}
	}
	return nil, nil
}

// DeleteOffer takes an offer back. Codes: not_found, conflict while a lab uses it.
func (c *Controller) DeleteOffer(ctx context.Context, actor tenancy.Actor, network string) error {
	if err := tenancy.Allow(actor, tenancy.ManageHosts, tenancy.ObjectRef{}); err != nil {
		return err
	}
	before, err := c.offered(ctx, network)
	if err != nil {
		return err
	}
	if err := c.cfg.HostStore.DeleteOffer(ctx, network); err != nil {
		return err
	}
	c.bell.ring()
	return c.recordSite(ctx, actor, tenancy.AuditNetworkDelete, auditNetwork(network), before, nil)
}

// Networks is what the actor's tenant has of identifiers and of physical networks, and nothing of another's.
func (c *Controller) Networks(ctx context.Context, actor tenancy.Actor) (Networks, error) {
	if err := tenancy.Allow(actor, tenancy.SeeNetworks, tenancy.ObjectRef{Tenant: actor.TenantID, Name: "workspace"}); err != nil {
		return Networks{}, err
	}
	blocks, err := c.cfg.Identifiers.VNIBlocks(ctx, actor.Scope())
	if err != nil {
		return Networks{}, err
	}
	offers, err := c.cfg.HostStore.Offers(ctx)
	if err != nil {
		return Networks{}, err
	}
	return Networks{Blocks: blocks, Offers: offeredTo(actor.TenantID, offers)}, nil
}

// offeredTo keeps what one tenant may know of the offers: its own VLANs, and no hosts.
func offeredTo(tenant string, offers []Offer) []Offer {
	own := []Offer{}
	for _, o := range offers {
		vlans := slices.DeleteFunc(slices.Clone(o.VLANs), func(v OfferedVLAN) bool { return v.Tenant != tenant })
		if len(vlans) > 0 {
			own = append(own, Offer{Network: o.Network, VLANs: vlans})
		}
	}
	return own
}
