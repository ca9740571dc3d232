package tenancy

import (
	"context"
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
	spent := fault.New(fault.Unauthenticated, "This link was used or has expired. Start Trunkline again to get a new one, or sign in with your password.")
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
