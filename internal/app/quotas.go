package app

import "trunkline/tenancy"

// quotas is what people may use: a change counts for what runs at once.
func (c *Controller) quotas() *tenancy.Quotas {
	return tenancy.NewQuotas(tenancy.QuotaConfig{Store: c.store, Members: c.store, Tenants: c.store, Audit: c.audit, Changed: c.labs.QuotasChanged})
}
