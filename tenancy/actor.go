// Package tenancy is who may do what in which workspace.
//
// It knows tenants, users, memberships, roles, the one rule table Allow, and by which rules tenants get network identifiers. It refuses to
// know HTTP, the database and labs: objects reach it as an ObjectRef with a tenant.
package tenancy

// Role is what a member may do in a tenant. Each role includes the ones below it.
type Role string

const (
	Observer Role = "observer" // sees labs and watches shells
	Member   Role = "member"   // makes and runs labs, types in shells
	Manager  Role = "manager"  // a teacher: may act on everyone's labs in the tenant
	Owner    Role = "owner"    // settings and members of the tenant
)

// Actor is who is asking, in which tenant. The zero value is nobody.
type Actor struct {
	UserID     string     `json:"userId"`
	UserName   string     `json:"userName"`
	TenantID   string     `json:"tenantId"`
	Guest      *GuestOf   `json:"guest,omitempty"` // one lab of the tenant that is shared with him; nil: none is
	Role       Role       `json:"role"`
	SiteAdmin  bool       `json:"siteAdmin,omitempty"`
	TokenID    string     `json:"tokenId,omitempty"`    // set when an API token is used
	TokenScope TokenScope `json:"tokenScope,omitempty"` // of that token
	Service    bool       `json:"service,omitempty"`    // no person but an account of programs, which belongs to the workspace
	SessionID  string     `json:"-"`                    // of the browser session; "" for tokens
	// Behind is the real person, where an administrator acts as this one.
	Behind    AuditPerson `json:"-"`
	Address   string      `json:"-"`
	RequestID string      `json:"-"`
}

// IsNobody reports that no one is signed in.
func (a Actor) IsNobody() bool { return a.UserID == "" }

// Standing orders what actors may do, within one workspace and over all: when it rises, secrets that stood for less are changed.
func (a Actor) Standing() int {
	standing := rank[a.Role]
	if a.SiteAdmin {
		standing += len(rank) + 1
	}
	return standing
}
