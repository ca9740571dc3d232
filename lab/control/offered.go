package control

import (
	"context"
	"fmt"
	"slices"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// offersTo are the physical networks that the tenant's labs may be attached to, by name, with the tenant's VLANs only.
func (c *Controller) offersTo(ctx context.Context, tenant string) (map[string]Offer, error) {
	if c.cfg.HostStore == nil {
		return nil, nil
	}
	all, err := c.cfg.HostStore.Offers(ctx)
	if err != nil {
		return nil, err
	}
	own := map[string]Offer{}
	for _, o := range all {
		o.VLANs = slices.DeleteFunc(slices.Clone(o.VLANs), func(v OfferedVLAN) bool { return v.Tenant != tenant })
		if len(o.VLANs) > 0 {
			own[o.Network] = o
		}
	}
	return own, nil
}

// leadsTo is what an external node leads to, if that is among the offers. Other kinds lead nowhere. Code: unsupported.
func leadsTo(n *lab.Node, offers map[string]Offer) (lab.ExternalConfig, error) {
	var to lab.ExternalConfig
	if n.Kind != lab.External {
		return to, nil
	}
	if n.External != nil {
		to = *n.External
	}
	if slices.ContainsFunc(offers[to.Network].VLANs, func(v OfferedVLAN) bool { return v.VLAN == to.VLAN }) {
		return to, nil
	}
	what := "network " + to.Network
	if to.VLAN > 0 {
		what = fmt.Sprintf("VLAN %d of network %s", to.VLAN, to.Network)
	}
	return to, fault.New(fault.Unsupported, "Node %s leads to %s, which is not offered to this team. Ask an administrator of the site.", n.Name, what).
		InField("topology.nodes." + n.Name + ".external")
}

// networksOf lists the networks on offer that the host has an interface for.
func networksOf(hostID string, offers map[string]Offer) []string {
	var names []string
	for name, o := range offers {
		if o.Devices[hostID] != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
