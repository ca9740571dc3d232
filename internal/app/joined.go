package app

import (
	"context"
	"errors"

	"trunkline/hostlink"
	"trunkline/store"
	"trunkline/tenancy"
)

// joined is the store as the host link asks it, which tells the audit of each host that joins. A host of which nothing can be written down is revoked again at once: its
// token is used up, and it has to join by another.
type joined struct {
	*store.Store
	audit tenancy.Auditor
}

// Enrol implements hostlink.Authority.
func (j joined) Enrol(ctx context.Context, request hostlink.Enrolment) (string, error) {
	id, err := j.Store.Enrol(ctx, request)
	if err != nil {
		return "", err
	}
	host, err := j.HostRecord(ctx, id)
	if err != nil {
		return "", errors.Join(err, j.RevokeHost(ctx, id))
	}
	event := tenancy.AuditEvent{
		Actor: tenancy.AuditPerson{Name: "host " + host.Name}, Verb: tenancy.AuditHostJoin,
		Object: tenancy.AuditObject{Kind: "host", ID: host.ID, Name: host.Name}, After: map[string]any{"name": host.Name, "labels": host.Labels},
	}
	if err := tenancy.RecordFirst(ctx, j.audit, event); err != nil {
		return "", errors.Join(err, j.RevokeHost(ctx, id))
	}
	return id, nil
}
