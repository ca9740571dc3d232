package app

import (
	"context"
	"net/http"

	"trunkline/internal/seal"
	"trunkline/store"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
	"trunkline/web"
)

// door is how people come in by providers: what is kept of them, who asks the providers, and who sets them up.
type door struct {
	people    *store.Identities
	providers *store.Providers
	service   *login.Service
	admin     *login.Admin
}

// openDoor reads the providers of the file where one is named. Without a file those that came from one stay as they are.
func (c *Controller) openDoor(ctx context.Context, keys *seal.Ring, public string) (err error) {
	d := &door{people: c.store.Identities(keys), providers: c.store.Providers(keys)}
	if file := c.settings.Providers; file != "" {
		all, err := login.ReadFile(file)
		if err != nil {
			return err
		}
		if err := d.providers.SyncFile(ctx, all); err != nil {
			return err
		}
		c.log.Info("providers were read from the file", "file", file, "providers", len(all))
	}
	if d.service, err = login.New(login.Config{Providers: d.providers, Keys: keys, PublicURL: public}); err != nil {
		return err
	}
	c.accounts.WithIdentities(d.people).WithLocal(c.store).WithBell(c.bell)
	d.admin = &login.Admin{Service: d.service, Store: d.providers, Holdings: d.people, Local: c.accounts, Audit: c.audit}
	c.door = d
	return nil
}

// pages is what the pages need of it.
func (d *door) pages(accounts *tenancy.Accounts) web.SSO {
	return web.SSO{Door: d.service, People: accounts, Rules: d.providers.Rules, Admin: d.admin}
}

// watchPeople asks the providers again and again about everybody who is here.
func (c *Controller) watchPeople(ctx context.Context) error {
	return c.door.service.Watching(ctx, login.Watch{
		People: c.door.people, Desk: c.accounts, Begun: c.door.people, Rules: c.door.providers.Rules, Log: c.log, Told: c.told,
	})
}

// told ends what somebody may not go on with. What cannot be ended now is found again by the next round.
func (c *Controller) told(ctx context.Context, n login.Notice) {
	if n.Gone {
		where := tenancy.SessionsWhere{Issuer: n.Identity.Issuer, Subject: n.Identity.Subject}
		if err := c.endSessions(ctx, where, n.Identity.Provider, n.Reason); err != nil {
			c.log.Error("sessions of who is gone could not be ended", "provider", n.Identity.Provider, "err", err)
		}
	}
	for _, v := range n.Admitted.Revocations(n.Admitted.User.ID, n.Reason) {
		c.bell.Publish(v)
	}
}

// backChannel takes what providers say about who logged out there.
func (c *Controller) backChannel() http.Handler {
	return c.door.service.BackChannel(func(ctx context.Context, e login.Ended) error {
		where := tenancy.SessionsWhere{Issuer: e.Issuer, Subject: e.Subject}
		if e.SessionID != "" {
			where = tenancy.SessionsWhere{Issuer: e.Issuer, SID: e.SessionID}
		}
		return c.endSessions(ctx, where, e.Provider, "You signed out at your organisation, and so here too. Sign in again to go on.")
	}, c.log)
}

// endSessions ends them and writes down that a provider did it.
func (c *Controller) endSessions(ctx context.Context, where tenancy.SessionsWhere, provider, reason string) error {
	ended, err := c.signedIn.EndWhere(ctx, where, reason)
	if err != nil || ended == 0 {
		return err
	}
	return tenancy.Record(ctx, c.audit, tenancy.AuditEvent{
		Actor: tenancy.AuditPerson{Name: "Trunkline"}, Verb: tenancy.AuditSessionEnd, Object: tenancy.AuditObject{Kind: "identity", ID: where.Subject, Name: provider},
		After: map[string]any{"ended": ended, "why": reason},
	})
}
