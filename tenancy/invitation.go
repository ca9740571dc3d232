package tenancy

import (
	"context"
	"errors"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
)

// InvitationPrefix starts the secret of every invitation, so that secret scanners know one when they see it.
const InvitationPrefix = "tli_"

// Bounds of an invitation.
const (
	InvitationLife = 7 * 24 * time.Hour // unless the request says otherwise
	longestLife    = 90 * 24 * time.Hour
	mostUses       = 1000
)

// Invitation is a link that makes whoever follows it a member, without its secret.
type Invitation struct {
	ID       string    `json:"id"`
	TenantID string    `json:"tenantId"`
	Role     Role      `json:"role"`
	Uses     int       `json:"uses"` // how many people may come by it
	Used     int       `json:"used"` // how many have
	Domain   string    `json:"domain,omitempty"`
	By       string    `json:"by"` // user id
	ByName   string    `json:"byName"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
}

// InviteRequest is what an inviter decides. Zero fields are a member, seven days, one use, any address.
type InviteRequest struct {
	Role   Role
	Life   time.Duration
	Uses   int
	Domain string // of the e-mail address, such as example.edu
}

// Acceptance is somebody who follows an invitation.
type Acceptance struct {
	Hash     string
	UserID   string
	Newcomer *User // made in the same transaction; nil: the user is there
	At       time.Time
}

// Accepted is what became of it.
type Accepted struct {
	Workspace Tenant
	Role      Role
	Already   bool // the person was in with that role or more, and no use was taken
}

// InvitationStore keeps invitations. A missing one, and one that has expired, is fault.NotFound.
type InvitationStore interface {
	SaveInvitation(ctx context.Context, scope Scope, invitation Invitation, hash string) error
	// Invitations lists the scope's that can still be used, the newest first.
	Invitations(ctx context.Context, scope Scope, now time.Time) ([]Invitation, error)
	DeleteInvitation(ctx context.Context, scope Scope, id string) error
	// InvitationByHash returns one that can still be used, with its tenant.
	InvitationByHash(ctx context.Context, hash string, now time.Time) (Invitation, Tenant, error)
	// Accept takes one use and makes the user a member, in one transaction: of many who come for the last use one wins, the others get
	// fault.NotFound. admit may refuse by the invitation and the user's address.
	Accept(ctx context.Context, a Acceptance, admit func(Invitation, User) error) (Accepted, error)
}

// Invite makes an invitation to the chosen workspace, with a role that is not above the actor's own. The secret is returned once and not kept.
func (w *Workspaces) Invite(ctx context.Context, actor Actor, request InviteRequest) (Invitation, string, error) {
	if err := w.allow(actor, InviteMembers); err != nil {
		return Invitation{}, "", err
	}
	if err := request.clean(); err != nil {
		return Invitation{}, "", err
	}
	if !actor.SiteAdmin && !actor.Role.Includes(request.Role) {
		return Invitation{}, "", fault.New(fault.Forbidden, "You are %s in this workspace and cannot invite anybody as %s.", actor.Role, request.Role).InField("role")
	}
	now := w.now().UTC().Truncate(time.Microsecond)
	invitation := Invitation{
		ID: ident.New(), TenantID: actor.TenantID, Role: request.Role, Uses: request.Uses, Domain: request.Domain,
		By: actor.UserID, ByName: actor.UserName, Created: now, Expires: now.Add(request.Life),
	}
	secret := newSecret(InvitationPrefix)
	if err := w.invitations.SaveInvitation(ctx, actor.Scope(), invitation, HashSecret(secret)); err != nil {
		return Invitation{}, "", err
	}
	if err := RecordFirst(ctx, w.audit, actor.AuditEvent(AuditInvite, auditInvitation(invitation)).changed(nil, invitation)); err != nil {
		return Invitation{}, "", errors.Join(err, w.invitations.DeleteInvitation(ctx, actor.Scope(), invitation.ID)) // nobody has seen its secret
	}
	return invitation, secret, nil
}

func auditInvitation(i Invitation) AuditObject {
	return AuditObject{Kind: "invitation", ID: i.ID, Name: "as " + string(i.Role)}
}

func (r *InviteRequest) clean() error {
	if r.Role == "" {
		r.Role = Member
	}
	if r.Life == 0 {
		r.Life = InvitationLife
	}
	if r.Uses == 0 {
		r.Uses = 1
	}
	r.Domain = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(r.Domain)), "@")
	switch {
	case rank[r.Role] == 0:
		return fault.New(fault.Invalid, "There is no role %q. Take owner, manager, member or observer.", r.Role).InField("role")
	case r.Life < time.Minute || r.Life > longestLife:
		return fault.New(fault.Invalid, "An invitation works for a minute to 90 days. Choose a time between.").InField("life")
	case r.Uses < 1 || r.Uses > mostUses:
		return fault.New(fault.Invalid, "An invitation lets in 1 to %d people. Choose a number between.", mostUses).InField("uses")
	case r.Domain != "" && (len(r.Domain) > 253 || !domainName.MatchString(r.Domain)):
		return fault.New(fault.Invalid, "Give the domain of e-mail addresses, such as example.edu, or leave it empty.").InField("domain")
	}
	return nil
}

// Invitations lists the chosen workspace's that can still be used, the newest first.
func (w *Workspaces) Invitations(ctx context.Context, actor Actor) ([]Invitation, error) {
	if err := w.allow(actor, InviteMembers); err != nil {
		return nil, err
	}
	return w.invitations.Invitations(ctx, actor.Scope(), w.now())
}

// RevokeInvitation ends one at once; who has come by it stays. One that gives more than the actor's own role is for those above.
func (w *Workspaces) RevokeInvitation(ctx context.Context, actor Actor, id string) error {
	open, err := w.Invitations(ctx, actor)
	if err != nil {
		return err
	}
	gone := Invitation{ID: id}
	for _, one := range open {
		if one.ID == id && !actor.SiteAdmin && !actor.Role.Includes(one.Role) {
			return fault.New(fault.Forbidden, "This invitation gives more than your own role. Ask an owner to take it back.")
		}
		if one.ID == id {
			gone = one
		}
	}
	if err := w.invitations.DeleteInvitation(ctx, actor.Scope(), id); err != nil {
		return err
	}
	return Record(ctx, w.audit, actor.AuditEvent(AuditInviteWithdraw, auditInvitation(gone)).changed(gone, nil))
}

var errSpent = fault.New(fault.NotFound, "This invitation was used up, was taken back or has expired. Ask for a new one.")

// LookAtInvitation shows what a link leads to. Wrong links are counted by address: too many are fault.Exhausted.
func (w *Workspaces) LookAtInvitation(ctx context.Context, secret, address string) (Invitation, Tenant, error) {
	if err := w.known(secret, address); err != nil {
		return Invitation{}, Tenant{}, err
	}
	invitation, tenant, err := w.invitations.InvitationByHash(ctx, HashSecret(secret), w.now())
	return invitation, tenant, w.strange(err, address)
}

// Accept makes the person who is signed in a member. The use is taken only when it gives something.
func (w *Workspaces) Accept(ctx context.Context, actor Actor, secret string) (Accepted, error) {
	switch {
	case actor.IsNobody():
		return Accepted{}, fault.New(fault.Unauthenticated, "Sign in first.")
	case actor.TokenID != "":
		return Accepted{}, fault.New(fault.Forbidden, "An API token is bound to its workspace. Open the invitation in a browser.")
	}
	if err := actor.refuseActing(); err != nil {
		return Accepted{}, err
	}
	accepted, err := w.accept(ctx, Acceptance{UserID: actor.UserID}, secret, actor.Address)
	if err != nil {
		return Accepted{}, err
	}
	return accepted, w.recordAccepted(ctx, actor, accepted)
}

// AcceptAsNew makes a local account and lets it in, both or neither, and returns who it is.
func (w *Workspaces) AcceptAsNew(ctx context.Context, secret, email, name, password, address string) (Actor, Accepted, error) {
	if err := w.known(secret, address); err != nil {
		return Actor{}, Accepted{}, err
	}
	if !w.newcomers.allow(address, w.now()) {
		return Actor{}, Accepted{}, errTooMany
	}
	if _, _, err := w.invitations.InvitationByHash(ctx, HashSecret(secret), w.now()); err != nil {
		return Actor{}, Accepted{}, w.strange(err, address) // before a password is hashed for nothing
	}
	user, err := w.accounts.newcomer(ctx, email, name, password)
	if err != nil {
		return Actor{}, Accepted{}, err
	}
	accepted, err := w.accept(ctx, Acceptance{UserID: user.ID, Newcomer: &user}, secret, address)
	if err != nil {
		return Actor{}, Accepted{}, err
	}
	actor, err := w.accounts.ActorOf(ctx, user.ID, accepted.Workspace.ID)
	if err != nil {
		return Actor{}, Accepted{}, err
	}
	if err := Record(ctx, w.audit, actor.AuditEvent(AuditUserCreate, AuditUser(user.ID, user.Name)).changed(nil, map[string]string{"email": user.Email, "by": "invitation"})); err != nil {
		return Actor{}, Accepted{}, err
	}
	return actor, accepted, w.recordAccepted(ctx, actor, accepted)
}

// recordAccepted tells the workspace's audit who has come by an invitation.
func (w *Workspaces) recordAccepted(ctx context.Context, actor Actor, accepted Accepted) error {
	if accepted.Already {
		return nil
	}
	event := actor.AuditEvent(AuditMemberAdd, AuditUser(actor.UserID, actor.UserName)).of(accepted.Workspace.ID)
	return Record(ctx, w.audit, event.changed(nil, roleDetail{accepted.Role, "invitation"}))
}

func (w *Workspaces) accept(ctx context.Context, a Acceptance, secret, address string) (Accepted, error) {
	if err := w.known(secret, address); err != nil {
		return Accepted{}, err
	}
	a.Hash, a.At = HashSecret(secret), w.now()
	accepted, err := w.invitations.Accept(ctx, a, admit)
	if err != nil {
		return Accepted{}, w.strange(err, address)
	}
	if !accepted.Already {
		w.tell(a.UserID, accepted.Workspace.ID, "Your role in the workspace "+accepted.Workspace.Name+" is "+string(accepted.Role)+" now.")
	}
	return accepted, nil
}

func admit(invitation Invitation, user User) error {
	if invitation.Domain == "" || ofDomain(user.Email, invitation.Domain) {
		return nil
	}
	return fault.New(fault.Forbidden, "This invitation is for people with an e-mail address of %s. Sign in with an account that has one.", invitation.Domain).InField("email")
}

var errTooMany = fault.New(fault.Exhausted, "There were too many attempts from your address. Wait a minute and try again.")

// known refuses at once what cannot be a secret of ours, and addresses that have tried too many.
func (w *Workspaces) known(secret, address string) error {
	if w.strangers.spent(address, w.now()) {
		return errTooMany
	}
	if !strings.HasPrefix(secret, InvitationPrefix) || len(secret) > 128 {
		return w.strange(errSpent, address)
	}
	return nil
}

// strange counts a link that leads nowhere.
func (w *Workspaces) strange(err error, address string) error {
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	w.strangers.allow(address, w.now())
	return errSpent
}
