package control

import (
	"context"
	"errors"
	"maps"
	"slices"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// What the agent of a host reads when its link is cut.
const (
	revokedReason = "This host was revoked by an administrator. Join it anew with a new token if it should come back."
	removedReason = "This host was removed by an administrator. Join it anew with a new token if it should come back."
)

// ChangeHost changes what an administrator may change of a host, all of it or nothing. Codes: not_found, invalid (with the field), conflict (name).
func (c *Controller) ChangeHost(ctx context.Context, actor tenancy.Actor, ref string, change HostChange) (HostView, error) {
	r, err := c.findHost(ctx, actor, tenancy.ManageHosts, ref)
	if err != nil {
		return HostView{}, err
	}
	if err := change.check(); err != nil {
		return HostView{}, err
	}
	var before hostDetail
	r, err = c.cfg.HostStore.ChangeHost(ctx, r.ID, func(r *HostRecord) error {
		if !r.RevokedAt.IsZero() {
			return fault.New(fault.Conflict, "Host %s is revoked, so there is nothing to change. Remove it, or join it anew with a new token.", r.Name)
		}
		before = settingsOf(*r)
		change.apply(r)
		return nil
	})
	if err != nil {
		return HostView{}, err
	}
	if err := c.recordSite(ctx, actor, tenancy.AuditHostChange, auditHost(r), before, settingsOf(r)); err != nil {
		return HostView{}, errors.Join(err, c.hostChanged(ctx, r.ID))
	}
	if err := c.hostChanged(ctx, r.ID); err != nil {
		return HostView{}, err
	}
	given, err := c.cfg.HostStore.Given(ctx, "")
	if err != nil {
		return HostView{}, err
	}
	return c.viewHost(r, given[r.ID]), nil
}

// hostDetail is what an administrator has decided about a host.
type hostDetail struct {
	Name       string            `json:"name"`
	Labels     map[string]string `json:"labels,omitempty"`
	Drained    bool              `json:"drained"`
	Tenants    []string          `json:"tenants,omitempty"`
	OverCommit OverCommit        `json:"overCommit,omitzero"`
}

func settingsOf(r HostRecord) hostDetail {
	return hostDetail{r.Name, maps.Clone(r.Labels), r.Drained, slices.Clone(r.Tenants), r.OverCommit}
}

func (h HostChange) apply(r *HostRecord) {
	if h.Name != nil {
		r.Name = *h.Name
	}
	if h.Labels != nil {
		r.Labels = *h.Labels
	}
	if h.Drained != nil {
		r.Drained = *h.Drained
	}
	if h.Tenants != nil {
		r.Tenants = slices.Compact(slices.Sorted(slices.Values(*h.Tenants)))
	}
	if h.OverCommit != nil {
		r.OverCommit = *h.OverCommit
	}
}

// hostChanged takes a host's new name and settings over, and looks at the labs that are placed there: a drained host is to be emptied.
func (c *Controller) hostChanged(ctx context.Context, hostID string) error {
	if err := c.readHosts(ctx); err != nil {
		return err
	}
	defer c.bell.ring()
	labs, err := c.cfg.HostStore.PlacedOn(ctx, hostID)
	if err != nil {
		return err
	}
	c.wakeLabs(labs)
	return nil
}

func (c *Controller) wakeLabs(labs []HostLab) {
	for _, l := range labs {
		c.wake(l.ID)
	}
}

// RotateHostKey gives a linked host a new key. Codes: not_found, unavailable (it is not linked), unsupported (its agent is too old).
func (c *Controller) RotateHostKey(ctx context.Context, actor tenancy.Actor, ref string) error {
	r, err := c.findHost(ctx, actor, tenancy.ManageHosts, ref)
	if err != nil {
		return err
	}
	if c.cfg.Tunnel == nil {
		return fault.New(fault.Unsupported, "This controller cannot give hosts new keys. Revoke the host and join it anew.")
	}
	if err := c.cfg.Tunnel.Rotate(ctx, r.ID); err != nil {
		return err
	}
	c.bell.ring()
	return c.recordSite(ctx, actor, tenancy.AuditHostKey, auditHost(r), nil, nil)
}

// RevokeHost refuses a host's key from now on and cuts its link at once. What it had counts as lost: its nodes are placed anew where the
// lab's policy says so. Revoking twice is no error. Code: not_found.
func (c *Controller) RevokeHost(ctx context.Context, actor tenancy.Actor, ref string) error {
	r, err := c.findHost(ctx, actor, tenancy.ManageHosts, ref)
	if err != nil {
		return err
	}
	labs, err := c.cfg.HostStore.PlacedOn(ctx, r.ID)
	if err != nil {
		return err
	}
	if err := c.expel(r.ID, revokedReason, func() error { return c.cfg.HostStore.RevokeHost(ctx, r.ID) }); err != nil {
		return err
	}
	c.wakeLabs(labs)
	return c.recordSite(ctx, actor, tenancy.AuditHostRevoke, auditHost(r), nil, map[string]int{"labs": len(labs)})
}

// RemoveHost forgets a host that was revoked, was never seen, or is drained and empty. Codes: not_found, conflict.
func (c *Controller) RemoveHost(ctx context.Context, actor tenancy.Actor, ref string) error {
	r, err := c.findHost(ctx, actor, tenancy.ManageHosts, ref)
	if err != nil {
		return err
	}
	labs, err := c.cfg.HostStore.PlacedOn(ctx, r.ID)
	if err != nil {
		return err
	}
	if err := c.mayRemove(r, len(labs)); err != nil {
		return err
	}
	if err := c.expel(r.ID, removedReason, func() error { return c.cfg.HostStore.RemoveHost(ctx, r.ID) }); err != nil {
		return err
	}
	return c.recordSite(ctx, actor, tenancy.AuditHostRemove, auditHost(r), settingsOf(r), nil)
}

// mayRemove says what to do first. What is only left over on a revoked host is out of reach and no reason to keep its record.
func (c *Controller) mayRemove(r HostRecord, placed int) error {
	now := c.fleet.current(r.ID)
	switch {
	case !r.RevokedAt.IsZero() && placed > 0:
		return fault.New(fault.Conflict, "Host %s is still the place of %s. Deploy or destroy what is placed there, then remove the host.", r.Name, count(placed, "lab"))
	case !r.RevokedAt.IsZero():
		return nil
	case r.LastSeen.IsZero() && !now.connected && placed == 0:
		return nil
	case !r.Drained:
		return fault.New(fault.Conflict, "Host %s is in use. Drain it and wait until it is empty, or revoke it if it is lost; then remove it.", r.Name)
	case placed > 0:
		return fault.New(fault.Conflict, "Host %s still has nodes of %s. Wait until they have moved, or destroy what cannot move.", r.Name, count(placed, "lab"))
	case now.labs > 0:
		return fault.New(fault.Conflict, "Host %s still clears %s away. Wait a moment and try again.", r.Name, count(now.labs, "lab"))
	}
	return nil
}

// expel stores that a host does not belong here any more, forgets it, cuts its link, and tells its peers by leaving it out.
func (c *Controller) expel(hostID, reason string, store func() error) error {
	c.enrolling.Lock()
	err := store()
	var touched []string
	if err == nil {
		touched = c.fleet.expel(hostID)
	}
	c.enrolling.Unlock()
	if err != nil {
		return err
	}
	if c.cfg.Tunnel != nil {
		c.cfg.Tunnel.Drop(hostID, reason)
	}
	c.wake(touched...)
	c.bell.ring()
	return nil
}
