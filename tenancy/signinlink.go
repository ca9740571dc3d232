package tenancy

import (
	"context"
	"slices"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
)

// SignInLink is a one-time link without its secret.
type SignInLink struct {
	Hash    string
	UserID  string
	Created time.Time
	Expires time.Time
}

// LinkStore keeps sign-in links.
type LinkStore interface {
	// ReplaceSignInLinks stores the link and takes back the user's earlier ones.
	ReplaceSignInLinks(ctx context.Context, link SignInLink) error
	// UseSignInLink takes the link away and returns it; of two who come at once one wins. A missing one is fault.NotFound.
	UseSignInLink(ctx context.Context, hash string) (SignInLink, error)
}

// signInLinkLife is how long a printed link works.
const signInLinkLife = 24 * time.Hour

// Administrator makes sure that the default tenant and an administrator of the site exist, and returns the first one.
// It may be called at each start.
func (a *Accounts) Administrator(ctx context.Context) (User, error) {
	administrators, err := a.users.Administrators(ctx)
	if err != nil {
		return User{}, err
	}
	var first User
	if len(administrators) > 0 {
		first = administrators[0]
	} else {
		first = User{ID: ident.New(), SiteAdmin: true, Created: a.now()}
		if err := a.users.SaveUser(ctx, first); err != nil {
			return User{}, err
		}
		if err := Record(ctx, a.audit, siteItself(AuditUserCreate, AuditUser(first.ID, first.displayName())).changed(nil, map[string]any{"siteAdmin": true})); err != nil {
			return User{}, err
		}
	}
	owner := Membership{UserID: first.ID, TenantID: DefaultTenant, Role: Owner}
	return first, a.users.EnsureTenant(ctx, DefaultTenant, "Default", owner)
}

// AdministratorLink makes the secret of a new one-time link that signs the administrator in. It works for a day, and takes the
// earlier ones back.
func (a *Accounts) AdministratorLink(ctx context.Context) (string, error) {
	administrator, err := a.Administrator(ctx)
	if err != nil {
		return "", err
	}
	secret := newSecret("")
	link := SignInLink{Hash: HashSecret(secret), UserID: administrator.ID, Created: a.now(), Expires: a.now().Add(signInLinkLife)}
	event := siteItself(AuditTokenCreate, AuditObject{Kind: "sign-in link", Name: "for " + administrator.displayName()})
	if err := RecordFirst(ctx, a.audit, event.changed(nil, map[string]any{"expires": link.Expires})); err != nil {
		return "", err
	}
	return secret, a.links.ReplaceSignInLinks(ctx, link)
}

// UseSignInLink consumes a one-time link. A used, expired or unknown one is fault.Unauthenticated.
func (a *Accounts) UseSignInLink(ctx context.Context, secret string) (Actor, error) {
	spent := fault.New(fault.Unauthenticated, "This link was used or has expired. Ask who gave it to you for a new one, or sign in with your password.")
	link, err := a.links.UseSignInLink(ctx, HashSecret(secret))
	if fault.Is(err, fault.NotFound) {
		a.noteRefused(ctx, refusedSignIn{By: "link", Why: "unknown or used"})
		return Actor{}, spent
	}
	if err != nil {
		return Actor{}, err
	}
	if !a.now().Before(link.Expires) {
		a.noteRefused(ctx, refusedSignIn{By: "link", UserID: link.UserID, Why: "expired"})
		return Actor{}, spent
	}
	return a.ActorOf(ctx, link.UserID, "")
}

// forgottenLinkLife is how long a link works that is made for somebody who forgot the password.
const forgottenLinkLife = time.Hour

// LinkFor makes the secret of a one-time link by which a member who forgot the password comes in and chooses another one. It works for an
// hour, and takes the person's earlier ones back. Whoever has it is that person, so it is made only by who may do all that the person may: a manager or
// owner of the one workspace the person is in, of a higher role, or an administrator of the site. Codes: not_found, forbidden, conflict.
func (a *Accounts) LinkFor(ctx context.Context, actor Actor, userID string) (secret string, expires time.Time, err error) {
	user, err := a.forgetful(ctx, actor, userID)
	if err != nil {
		return "", time.Time{}, err
	}
	secret = newSecret("")
	link := SignInLink{Hash: HashSecret(secret), UserID: user.ID, Created: a.now(), Expires: a.now().Add(forgottenLinkLife)}
	event := actor.AuditEvent(AuditTokenCreate, AuditObject{Kind: "sign-in link", ID: user.ID, Name: "for " + user.displayName()})
	if err := RecordFirst(ctx, a.audit, event.changed(nil, map[string]any{"expires": link.Expires})); err != nil {
		return "", time.Time{}, err
	}
	return secret, link.Expires, a.links.ReplaceSignInLinks(ctx, link)
}

// forgetful is the member for whom the actor may make a link.
func (a *Accounts) forgetful(ctx context.Context, actor Actor, userID string) (User, error) {
	if err := Allow(actor, InviteMembers, ObjectRef{Tenant: actor.TenantID}); err != nil {
		return User{}, err
	}
	if err := actor.refuseActing(); err != nil {
		return User{}, err
	}
	if actor.TokenID != "" {
		return User{}, fault.New(fault.Forbidden, "An API token cannot let people in. Do this on the members page.")
	}
	if err := a.needPasswords(ctx); err != nil {
		return User{}, err
	}
	memberships, err := a.users.Memberships(ctx, userID)
	if err != nil {
		return User{}, err
	}
	at := slices.IndexFunc(memberships, func(m Membership) bool { return m.TenantID == actor.TenantID })
	if at < 0 {
		return User{}, Missing("such member")
	}
	user, err := a.users.User(ctx, userID)
	if err != nil {
		return User{}, err
	}
	switch {
	case user.Service:
		return User{}, Missing("such member") // it is no person, and comes in by tokens alone
	case user.ID == actor.UserID:
		return User{}, fault.New(fault.Conflict, "That is you. Change your password on your account page.")
	case !actor.SiteAdmin && (user.SiteAdmin || len(memberships) > 1 || memberships[at].Role.Includes(actor.Role)):
		return User{}, fault.New(fault.Forbidden, "%s may do things that you may not. Ask an administrator of this site for the link.", user.displayName())
	case user.PasswordHash == "":
		return User{}, fault.New(fault.Conflict, "%s signs in by the organisation and has no password here.", user.displayName())
	}
	return user, nil
}
