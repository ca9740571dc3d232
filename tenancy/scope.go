package tenancy

// Scope limits what a query may see. The zero value sees nothing.
type Scope struct {
	tenant string
	all    bool
}

// InTenant sees the rows of one tenant.
func InTenant(id string) Scope { return Scope{tenant: id} }

// Everywhere sees the rows of all tenants. It is for the controller's own work, never for a request.
func Everywhere() Scope { return Scope{all: true} }

// Scope is what the actor may see: the tenant that was chosen, and nothing without one.
func (a Actor) Scope() Scope { return InTenant(a.TenantID) }

// Tenant returns the tenant the scope is limited to; all reports that it is not limited.
func (s Scope) Tenant() (id string, all bool) { return s.tenant, s.all }
