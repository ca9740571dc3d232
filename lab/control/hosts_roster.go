package control

import (
	"cmp"
	"context"
	"reflect"
	"time"

	"trunkline/lab/hostapi"
)

// hostLearnt keeps what a host said of itself, so that its address, its size and its images are known while it is away.
func (c *Controller) hostLearnt(ctx context.Context, hostID string, info hostapi.HostInfo) {
	if c.fleet.saved(hostID, info) {
		return
	}
	if err := c.cfg.Site.SaveHostInfo(ctx, hostID, info); err != nil {
		if ctx.Err() == nil {
			c.log.Warn("What a host said of itself could not be stored.", "host", hostID, "err", err)
		}
		return
	}
	c.fleet.save(hostID, info)
}

// saved reports that what the host says of itself is stored already.
func (f *fleet) saved(hostID string, info hostapi.HostInfo) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return reflect.DeepEqual(f.roster[hostID].Info, info)
}

// save notes that it was stored.
func (f *fleet) save(hostID string, info hostapi.HostInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, enrolled := f.roster[hostID]; enrolled {
		r.Info = info
		f.roster[hostID] = r
	}
}

// hostUsed gives the store a sample of what a host has in use.
func (c *Controller) hostUsed(ctx context.Context, hostID string, use hostapi.Use) {
	if err := c.cfg.HostStore.AddUse(ctx, hostID, use); err != nil && ctx.Err() == nil {
		c.log.Warn("What a host has in use could not be stored.", "host", hostID, "err", err)
	}
}

// hostRefused cuts the link of a host that was revoked or removed while it dialled.
func (c *Controller) hostRefused(hostID string) {
	if c.cfg.Tunnel != nil {
		c.cfg.Tunnel.Drop(hostID, revokedReason)
	}
}

// readHosts takes over the hosts, the enrolled and the revoked ones. What is read before a host is revoked is never taken over after that.
func (c *Controller) readHosts(ctx context.Context) error {
	c.enrolling.Lock()
	defer c.enrolling.Unlock()
	hosts, err := c.cfg.Site.Hosts(ctx)
	if err != nil {
		return err
	}
	revoked, err := c.cfg.HostStore.RevokedHosts(ctx)
	if err != nil {
		return err
	}
	hosts = append(hosts, revoked...)
	c.mu.Lock()
	for _, h := range hosts {
		c.names[h.ID] = h.Name
	}
	c.mu.Unlock()
	c.fleet.enrolled(hosts)
	return nil
}

// namePatience bounds how long a name is looked for: it is only for people.
const namePatience = 2 * time.Second

// hostName is the host's name, or its id when nobody has said it. A host that has just joined is asked for.
func (c *Controller) hostName(id string) string {
	name := c.knownName(id)
	if name == "" {
		ctx, cancel := context.WithTimeout(c.life, namePatience)
		defer cancel()
		if err := c.readHosts(ctx); err == nil {
			name = c.knownName(id)
		}
	}
	return cmp.Or(name, id)
}

func (c *Controller) knownName(id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.names[id]
}
