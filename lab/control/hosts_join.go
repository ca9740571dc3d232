package control

import (
	"context"
	"errors"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// How long a join token works.
const (
	joinLife     = time.Hour
	joinLifeMost = 30 * 24 * time.Hour
)

// CreateJoinToken makes a token that lets one host join, with the secret that is shown once. Codes: invalid (with the field), conflict (name).
func (c *Controller) CreateJoinToken(ctx context.Context, actor tenancy.Actor, request JoinRequest) (JoinToken, error) {
	if err := tenancy.Allow(actor, tenancy.ManageHosts, tenancy.ObjectRef{}); err != nil {
		return JoinToken{}, err
	}
	if request.Life == 0 {
		request.Life = joinLife
	}
	if request.Life < time.Minute || request.Life > joinLifeMost {
		return JoinToken{}, fault.New(fault.Invalid, "A join token works for a minute at least and 30 days at most.").InField("life")
	}
	if request.Name != "" {
		if err := c.checkFreeName(ctx, request.Name); err != nil {
			return JoinToken{}, err
		}
	}
	if err := checkLabels(request.Labels); err != nil {
		return JoinToken{}, err
	}
	token, err := c.cfg.HostStore.CreateJoinToken(ctx, request)
	if err != nil {
		return JoinToken{}, err
	}
	c.bell.ring()
	event := actor.AuditEvent(tenancy.AuditHostInvite, auditJoinToken(token))
	event.Tenant, event.After = "", token
	if err := tenancy.RecordFirst(ctx, c.cfg.Audit, event); err != nil {
		return JoinToken{}, errors.Join(err, c.cfg.HostStore.DeleteJoinToken(ctx, token.ID)) // nobody has seen its secret
	}
	return token, nil
}

func auditJoinToken(t JoinToken) tenancy.AuditObject {
	return tenancy.AuditObject{Kind: "join token", ID: t.ID, Name: t.Name}
}

// checkFreeName refuses a name that a host has: the one that joins would get another, which nobody expects who gave it one.
func (c *Controller) checkFreeName(ctx context.Context, name string) error {
	if err := checkHostName(name); err != nil {
		return err
	}
	taken, err := c.cfg.HostStore.HostRecord(ctx, name)
	switch {
	case err == nil && !taken.RevokedAt.IsZero():
		return fault.New(fault.Conflict, "A host %s was revoked and still has its name. Remove it first, or give another name.", name).InField("name")
	case err == nil:
		return fault.New(fault.Conflict, "There is a host %s already. Give another name, or none to take the machine's own.", name).InField("name")
	case fault.Is(err, fault.NotFound):
		return nil
	}
	return err
}

// JoinTokens lists the tokens that still work, without their secrets.
func (c *Controller) JoinTokens(ctx context.Context, actor tenancy.Actor) ([]JoinToken, error) {
	if err := tenancy.Allow(actor, tenancy.ManageHosts, tenancy.ObjectRef{}); err != nil {
		return nil, err
	}
	return c.cfg.HostStore.JoinTokens(ctx)
}

// DeleteJoinToken makes a token useless. Code: not_found.
func (c *Controller) DeleteJoinToken(ctx context.Context, actor tenancy.Actor, id string) error {
	if err := tenancy.Allow(actor, tenancy.ManageHosts, tenancy.ObjectRef{}); err != nil {
		return err
	}
	if err := c.cfg.HostStore.DeleteJoinToken(ctx, id); err != nil {
		return err
	}
	c.bell.ring()
	return c.recordSite(ctx, actor, tenancy.AuditHostInviteEnd, auditJoinToken(JoinToken{ID: id}), nil, nil)
}
