package main

import (
	"context"

	"trunkline/tenancy"
	"trunkline/web/webtest"
)

// limit gives the workspace and its people limits, some of which are nearly used up or are.
func limit(ctx context.Context, q *webtest.Quota) error {
	const gib = 1 << 30
	q.Use("campus", "u-admin", tenancy.Amounts{tenancy.QuotaLabs: 6, tenancy.QuotaNodes: 31, tenancy.QuotaCPU: 27_500, tenancy.QuotaMemory: 11 * gib, tenancy.QuotaDisk: 9 * gib,
		tenancy.QuotaUploads: 40 << 20, tenancy.QuotaHours: 3600 * 61})
	q.Use("campus", "u-mia", tenancy.Amounts{tenancy.QuotaLabs: 3, tenancy.QuotaNodes: 10, tenancy.QuotaCPU: 8500, tenancy.QuotaMemory: 3*gib + gib/2, tenancy.QuotaDisk: 5 * gib / 2,
		tenancy.QuotaUploads: 900 << 20, tenancy.QuotaHours: 3600 * 17})
	err := q.ChangeQuota(ctx, tenancy.Scope{}, func(l *tenancy.QuotaLimits) error {
		l.SiteWorkspace = tenancy.Limits{tenancy.QuotaLabs: 50, tenancy.QuotaNodes: 200}
		return nil
	})
	if err != nil {
		return err
	}
	return q.ChangeQuota(ctx, tenancy.InTenant("campus"), func(l *tenancy.QuotaLimits) error {
		l.Workspace = tenancy.Limits{tenancy.QuotaNodes: 60, tenancy.QuotaCPU: 48_000, tenancy.QuotaMemory: 16 * gib, tenancy.QuotaEgress: 50_000_000}
		l.Person = tenancy.Limits{tenancy.QuotaLabs: 12, tenancy.QuotaNodes: 20, tenancy.QuotaUploads: gib, tenancy.QuotaHours: 3600 * 20, tenancy.QuotaEgress: 10_000_000}
		l.People = map[string]tenancy.Limits{
			"u-admin": {tenancy.QuotaNodes: 40, tenancy.QuotaHours: tenancy.Unlimited, tenancy.QuotaLabs: tenancy.Unlimited},
			"u-mia":   {tenancy.QuotaNodes: 10, tenancy.QuotaMemory: 4 * gib},
		}
		return nil
	})
}
