package control

import (
	"cmp"
	"context"
	"slices"
	"time"

	"trunkline/tenancy"
)

// Hosts is every compute host, by name, revoked ones too until they are removed: for administrators of the site.
func (c *Controller) Hosts(ctx context.Context, actor tenancy.Actor) ([]HostView, error) {
	if err := tenancy.Allow(actor, tenancy.SeeHosts, tenancy.ObjectRef{}); err != nil {
		return nil, err
	}
	records, err := c.cfg.Site.Hosts(ctx)
	if err != nil {
		return nil, err
	}
	revoked, err := c.cfg.HostStore.RevokedHosts(ctx)
	if err != nil {
		return nil, err
	}
	given, err := c.cfg.HostStore.Given(ctx, "")
	if err != nil {
		return nil, err
	}
	records = append(records, revoked...)
	slices.SortStableFunc(records, func(a, b HostRecord) int { return cmp.Compare(a.Name, b.Name) })
	views := make([]HostView, len(records))
	for i, r := range records {
		views[i] = c.viewHost(r, given[r.ID])
	}
	return views, nil
}

// viewHost puts together what is stored of a host and what it says now.
func (c *Controller) viewHost(r HostRecord, given Given) HostView {
	now := c.fleet.current(r.ID)
	v := HostView{
		ID: r.ID, Name: r.Name, Connected: now.connected, Lost: c.lost(now), LastSeen: r.LastSeen, RTT: now.rtt, Info: r.Info,
		Labels: r.Labels, Drained: r.Drained, Revoked: !r.RevokedAt.IsZero(), Tenants: r.Tenants, OverCommit: r.OverCommit.orDefault(),
		Nodes: given.Nodes, Given: given, Use: now.use, Error: now.trouble, ErrorAt: now.troubledAt,
	}
	if now.connected {
		v.LastSeen = c.cfg.Now()
	}
	if now.known {
		v.Info = now.info
	}
	return v
}

// usePeriod is how much of a host's use is shown.
const usePeriod = 24 * time.Hour

// Host is one compute host with all that an administrator may want to know. ref is its id or its name. Code: not_found.
func (c *Controller) Host(ctx context.Context, actor tenancy.Actor, ref string) (HostDetail, error) {
	r, err := c.findHost(ctx, actor, tenancy.SeeHosts, ref)
	if err != nil {
		return HostDetail{}, err
	}
	given, err := c.cfg.HostStore.Given(ctx, "")
	if err != nil {
		return HostDetail{}, err
	}
	labs, err := c.cfg.HostStore.PlacedOn(ctx, r.ID)
	if err != nil {
		return HostDetail{}, err
	}
	use, err := c.cfg.HostStore.UseSince(ctx, r.ID, c.cfg.Now().Add(-usePeriod))
	if err != nil {
		return HostDetail{}, err
	}
	return HostDetail{
		HostView: c.viewHost(r, given[r.ID]), Address: r.Address, Created: r.Created, Labs: labs, Use: use, Reach: c.fleet.reachFrom(r.ID),
	}, nil
}

// findHost is the enrolled host that ref names, for an actor who may do the verb.
func (c *Controller) findHost(ctx context.Context, actor tenancy.Actor, verb tenancy.Verb, ref string) (HostRecord, error) {
	if err := tenancy.Allow(actor, verb, tenancy.ObjectRef{}); err != nil {
		return HostRecord{}, err
	}
	return c.cfg.HostStore.HostRecord(ctx, ref)
}

// Matrix is the way from every host to every other, as both see it, ordered by names.
func (c *Controller) Matrix(ctx context.Context, actor tenancy.Actor) ([]HostReach, error) {
	if err := tenancy.Allow(actor, tenancy.SeeHosts, tenancy.ObjectRef{}); err != nil {
		return nil, err
	}
	if err := c.readHosts(ctx); err != nil { // one that joined and never linked is in it too
		return nil, err
	}
	return c.fleet.matrix(), nil
}

// WatchHosts tells that something about the hosts changed, many changes as one. The channel is closed when ctx or the controller ends.
func (c *Controller) WatchHosts(ctx context.Context, actor tenancy.Actor) (<-chan struct{}, error) {
	if err := tenancy.Allow(actor, tenancy.SeeHosts, tenancy.ObjectRef{}); err != nil {
		return nil, err
	}
	return c.bell.listen(ctx), nil
}
