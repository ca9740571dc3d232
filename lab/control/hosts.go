package control

import (
	"context"

	"trunkline/tenancy"
)

// Hosts is every enrolled compute host, by name: for administrators of the site.
func (c *Controller) Hosts(ctx context.Context, actor tenancy.Actor) ([]HostView, error) {
	if err := tenancy.Allow(actor, tenancy.SeeHosts, tenancy.ObjectRef{}); err != nil {
		return nil, err
	}
	records, err := c.cfg.Site.Hosts(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]HostView, len(records))
	for i, r := range records {
		now := c.fleet.current(r.ID)
		views[i] = HostView{ID: r.ID, Name: r.Name, Connected: now.connected, LastSeen: r.LastSeen, RTT: now.rtt, Info: r.Info}
		if now.connected {
			views[i].LastSeen = c.cfg.Now()
		}
		if now.known {
			views[i].Info = now.info
		}
	}
	return views, nil
}
