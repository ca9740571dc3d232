package tenancy

import (
	"strings"

	"trunkline/internal/fault"
)

// Verb is one thing that an actor may want to do. The set is closed: a verb without a rule is refused.
type Verb string

const (
	SeeLab      Verb = "see-lab"      // read, export, watch
	CreateLab   Verb = "create-lab"   // import, check
	EditLab     Verb = "edit-lab"     // replace the file, move the drawing
	RunLab      Verb = "run-lab"      // deploy, stop, destroy, cancel, node actions
	UseNode     Verb = "use-node"     // commands, shells and files of a node
	ShareLab    Verb = "share-lab"    // let others see, use or change one lab
	SeeImages   Verb = "see-images"   // images allowed to the tenant
	SeeNetworks Verb = "see-networks" // the tenant's network identifiers and the physical networks offered to it
	SeeHosts    Verb = "see-hosts"    // compute hosts and what they have
	ManageHosts Verb = "manage-hosts" // join tokens, removal
	ManageSite  Verb = "manage-site"  // settings of the whole installation
	OwnTokens   Verb = "own-tokens"   // API tokens of oneself
	OwnSessions Verb = "own-sessions" // browsers in which one is signed in

	ManageTenant Verb = "manage-tenant" // settings of the workspace

	SeeMembers     Verb = "see-members"
	InviteMembers  Verb = "invite-members"  // make, list and take back invitations
	ManageMembers  Verb = "manage-members"  // change roles, remove people
	LeaveTenant    Verb = "leave-tenant"    // oneself
	TransferTenant Verb = "transfer-tenant" // give the workspace away
	DeleteTenant   Verb = "delete-tenant"   // and restore it
	ManageServices Verb = "manage-services" // accounts of programs, and their tokens
	SeeQuota       Verb = "see-quota"       // what everybody in the workspace uses; what one uses oneself goes with SeeLab
	ManageQuota    Verb = "manage-quota"    // limits of workspaces, and the site's defaults
	SeeAudit       Verb = "see-audit"       // what was done in the workspace
	SeeSiteAudit   Verb = "see-site-audit"  // what was done in all workspaces and to the site
	ActAs          Verb = "act-as"          // be somebody else for a while, to help
	CreateTenant   Verb = "create-tenant"   // make a workspace; the site may open this to everybody
	ManageTenants  Verb = "manage-tenants"  // all workspaces of the site
)

// Verbs lists every verb.
var Verbs = []Verb{SeeLab, CreateLab, EditLab, RunLab, UseNode, ShareLab, SeeImages, SeeNetworks, SeeHosts, ManageHosts, ManageSite, OwnTokens, ManageTenant,
	SeeMembers, InviteMembers, ManageMembers, LeaveTenant, TransferTenant, DeleteTenant, CreateTenant, ManageTenants, SeeQuota, ManageQuota, SeeAudit, SeeSiteAudit, OwnSessions, ManageServices, ActAs}

// ObjectRef is what a verb is about. Tenant "" is an object of the site.
type ObjectRef struct {
	Tenant string
	Owner  string // user id; "" when nobody owns it
	Lab    string // id of the lab that it is, or is part of; "" when it is none
	Name   string // as a person knows it, such as "lab campus"
}

// rule is the least role that a verb needs. An empty role means: nobody by role.
type rule struct {
	any  Role   // on anybody's object
	own  Role   // on one's own object
	site bool   // only an administrator of the site
	self bool   // on oneself: whoever is signed in, and no service account
	why  string // what to tell who may not
}

var rules = map[Verb]rule{
	SeeLab:      {any: Observer},
	CreateLab:   {any: Member, why: "You may look at labs in this workspace, not make them. Ask its owner for the role of a member."},
	EditLab:     {any: Manager, own: Member, why: "Only its owner or a manager of this workspace may change %s."},
	RunLab:      {any: Manager, own: Member, why: "Only its owner or a manager of this workspace may run or end %s."},
	UseNode:     {any: Manager, own: Member, why: "Only its owner or a manager of this workspace may work in the nodes of %s."},
	ShareLab:    {any: Manager, own: Member, why: "Only its owner or a manager of this workspace may share %s."},
	SeeImages:   {any: Observer},
	SeeNetworks: {any: Observer},
	SeeHosts:    {site: true, why: "Only an administrator of this site may see the compute hosts."},
	ManageHosts: {site: true, why: "Only an administrator of this site may change the compute hosts."},
	ManageSite:  {site: true, why: "Only an administrator of this site may change its settings."},
	OwnTokens:   {any: Observer, why: "Only members of a workspace have API tokens in it."},
	OwnSessions: {self: true},

	ManageTenant: {any: Owner, why: "Only an owner of this workspace may change its settings."},

	SeeMembers:     {any: Observer},
	InviteMembers:  {any: Manager, why: "Only a manager or an owner of this workspace may invite people."},
	ManageMembers:  {any: Owner, why: "Only an owner of this workspace may change who is in it."},
	LeaveTenant:    {any: Observer},
	TransferTenant: {any: Owner, why: "Only an owner of this workspace may give it away."},
	DeleteTenant:   {any: Owner, why: "Only an owner of this workspace may delete it."},
	ManageServices: {any: Manager, why: "Only a manager or an owner of this workspace may see and change the tokens of its service accounts."},
	SeeQuota:       {any: Manager, why: "Only a manager or an owner of this workspace may see what everybody in it uses."},
	ManageQuota:    {site: true, why: "Only an administrator of this site may change what workspaces may use."},
	SeeAudit:       {any: Manager, why: "Only a manager or an owner of this workspace may see what was done in it."},
	SeeSiteAudit:   {site: true, why: "Only an administrator of this site may see what was done on all of it."},
	ActAs:          {site: true, why: "Only an administrator of this site may act as somebody else."},
	CreateTenant:   {site: true, why: "Only an administrator of this site may make workspaces."},
	ManageTenants:  {site: true, why: "Only an administrator of this site may see all workspaces."},
}

var rank = map[Role]int{Observer: 1, Member: 2, Manager: 3, Owner: 4}

// Includes reports whether the role is at least the other. An unknown role includes nothing.
func (r Role) Includes(other Role) bool { return rank[other] > 0 && rank[r] >= rank[other] }

// Allow is the one place that decides. nil means yes. Codes: unauthenticated (nobody is signed in), not_found (the object is
// another tenant's), forbidden. An administrator of the site may do everything in the tenant that is chosen, and only there. A guest may do with
// the lab that is shared with him what the share gives, beside what his role allows.
// What his role allows, an API token may do only within its scope.
func Allow(actor Actor, verb Verb, object ObjectRef) error {
	if err := allowed(actor, verb, object); err != nil {
		return err
	}
	if notWhileActing[verb] {
		if err := actor.refuseActing(); err != nil {
			return err
		}
	}
	return actor.within(verb)
}

func allowed(actor Actor, verb Verb, object ObjectRef) error {
	if actor.IsNobody() {
		return fault.New(fault.Unauthenticated, "Sign in first.")
	}
	if object.Tenant != "" && object.Tenant != actor.TenantID {
		return Missing(object.Name)
	}
	r, known := rules[verb]
	switch {
	case !known:
		return fault.New(fault.Forbidden, "This is not allowed.")
	case actor.OnlyGuest():
		if actor.Guest.gives(verb, object) {
			return nil
		}
		return refuseGuest(actor.Guest, verb, object)
	case r.self:
		return refuseService(actor)
	case verb == OwnTokens && actor.Service:
		return refuseService(actor)
	case actor.SiteAdmin:
		return nil
	case r.site:
		return fault.New(fault.Forbidden, "%s", r.why)
	case r.any != "" && actor.Role.Includes(r.any):
		return nil
	case r.own != "" && object.Owner != "" && object.Owner == actor.UserID && actor.Role.Includes(r.own):
		return nil
	case actor.Guest.gives(verb, object):
		return nil
	}
	return refuse(r, object)
}

func refuse(r rule, object ObjectRef) error {
	switch {
	case r.why == "":
		return fault.New(fault.Forbidden, "You are not a member of this workspace. Ask its owner to invite you.")
	case !strings.Contains(r.why, "%s"):
		return fault.New(fault.Forbidden, "%s", r.why)
	}
	name := object.Name
	if name == "" {
		name = "it"
	}
	return fault.New(fault.Forbidden, r.why, name)
}

// Missing is the answer for an object that is not there, or is another tenant's: the two must not be told apart.
func Missing(name string) error {
	return fault.New(fault.NotFound, "There is no %s here.", name)
}
