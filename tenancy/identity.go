package tenancy

import (
	"context"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
)

// Identity is who a provider says somebody is. (Issuer, Subject) names the person; the e-mail address never does.
type Identity struct {
	Provider string // id of the provider's settings
	Issuer   string
	Subject  string

	SessionID     string // "sid" of the session at the provider; "" where it tells none
	Email         string
	EmailVerified bool
	Name          string
	Claims        map[string]any // of the ID token and the userinfo answer together; numbers are json.Number

	IDToken      string // as signed, for the hint of a logout
	AccessToken  string
	RefreshToken string    // "" where the provider gave none
	Expiry       time.Time // of the access token; zero: unknown
}

// LinkedIdentity is an identity as it is kept with its user.
type LinkedIdentity struct {
	UserID   string
	Provider string
	Issuer   string
	Subject  string
	Email    string
	Name     string
	Created  time.Time
	LastUsed time.Time // the last sign-in
	Checked  time.Time // when the provider last said that the person is there

	AccessToken  string
	RefreshToken string
	Expiry       time.Time
}

// Identity is what Refresh of the provider needs.
func (l LinkedIdentity) Identity() Identity {
	return Identity{Provider: l.Provider, Issuer: l.Issuer, Subject: l.Subject, Email: l.Email, Name: l.Name,
		AccessToken: l.AccessToken, RefreshToken: l.RefreshToken, Expiry: l.Expiry}
}

// Admission is one identity that comes in, or that was asked about again.
type Admission struct {
	Identity Identity
	Newcomer User // who it becomes when nobody has it; an empty ID: then it is fault.NotFound
	At       time.Time
	SignIn   bool // the person is here, and not only asked about
	// Settle says which memberships of the provider the user has from now on, given those it has; nil: the same.
	Settle func(held []Membership) []Grant
}

// Admitted is what became of an admission.
type Admitted struct {
	User User
	New  bool
	Settled
}

// Settled is what became of the memberships that a provider gives to somebody.
type Settled struct {
	Changes []MembershipChange
	Skipped []Grant  // their workspaces are not there, and were not to be made or could not be
	Kept    []string // ids of workspaces that would have lost their last owner: the person stays it
}

// IdentityStore keeps who has which identity. A missing one is fault.NotFound.
type IdentityStore interface {
	// Admit finds the identity's user or makes the newcomer, and gives and takes memberships of the provider, in one transaction. A
	// newcomer whose address somebody else has is made without it. The last owner of a workspace stays: see Settled.Kept.
	Admit(ctx context.Context, a Admission) (Admitted, error)
	// Attach gives the identity to the user. One that somebody else has is fault.Conflict.
	Attach(ctx context.Context, userID string, id Identity, at time.Time) error
	// Detach takes the identity from the user, with the memberships of its provider if it was the user's only one there.
	Detach(ctx context.Context, userID, issuer, subject string) (Settled, error)
	// Withdraw takes away what the provider gave to the identity's user, and the tokens kept of it. The identity stays known.
	Withdraw(ctx context.Context, provider, issuer, subject string, at time.Time) (Admitted, error)
	IdentitiesOf(ctx context.Context, userID string) ([]LinkedIdentity, error)
}

// WithIdentities lets people in by the identities kept there.
func (a *Accounts) WithIdentities(store IdentityStore) *Accounts {
	a.identities = store
	return a
}

func (a *Accounts) identityStore() (IdentityStore, error) {
	if a.identities == nil {
		return nil, fault.New(fault.Unsupported, "Nobody is signed in by a provider here. Sign in with your password.")
	}
	return a.identities, nil
}

// SignInBy lets in whom a provider vouches for. An identity seen for the first time becomes a new user: it is never given to a user of the
// same address, who may be somebody else.
func (a *Accounts) SignInBy(ctx context.Context, id Identity, outcome Outcome) (Actor, Admitted, error) {
	store, err := a.identityStore()
	if err != nil {
		return Actor{}, Admitted{}, err
	}
	if err := id.check(); err != nil {
		return Actor{}, Admitted{}, err
	}
	admitted, err := store.Admit(ctx, Admission{Identity: id, Newcomer: id.newcomer(a.now()), At: a.now(), SignIn: true, Settle: outcome.Settle})
	if err != nil {
		return Actor{}, Admitted{}, err
	}
	a.tell(admitted.User, admitted.Settled, "Your provider says that you are in other groups now, and your rights here have changed.")
	if err := a.recordAdmitted(ctx, id, admitted); err != nil {
		return Actor{}, admitted, err
	}
	actor, err := a.ActorOf(ctx, admitted.User.ID, "")
	return actor, admitted, err
}

// Reassess keeps what a refresh brought: new tokens, and the memberships that the claims give now. Nobody is signed in by it, and nobody made:
// an identity that no user has is fault.NotFound. The caller tells the person.
func (a *Accounts) Reassess(ctx context.Context, id Identity, outcome Outcome) (Admitted, error) {
	store, err := a.identityStore()
	if err != nil {
		return Admitted{}, err
	}
	if err := id.check(); err != nil {
		return Admitted{}, err
	}
	again := Admission{Identity: id, At: a.now(), Settle: outcome.Settle}
	if id.Claims == nil { // the provider said that the person is there, and nothing of claims
		again.Settle = nil
	}
	admitted, err := store.Admit(ctx, again)
	if err != nil {
		return admitted, err
	}
	return admitted, a.recordAdmitted(ctx, id, admitted)
}

// Withdraw is for an identity whose provider says that the person is gone: what the provider gave is taken away. The user, and what was given
// by hand, stay: the caller ends the sessions that this identity began, and tells the person.
func (a *Accounts) Withdraw(ctx context.Context, provider, issuer, subject string) (Admitted, error) {
	store, err := a.identityStore()
	if err != nil {
		return Admitted{}, err
	}
	admitted, err := store.Withdraw(ctx, provider, issuer, subject, a.now())
	if err != nil {
		return admitted, err
	}
	return admitted, a.recordSettled(ctx, provider, admitted.User, admitted.Settled)
}

// LinkIdentity gives one more way in to the person who is signed in. One that somebody has already is fault.Conflict.
func (a *Accounts) LinkIdentity(ctx context.Context, actor Actor, id Identity) error {
	store, err := a.mayChangeOwn(actor)
	if err != nil {
		return err
	}
	if err := id.check(); err != nil {
		return err
	}
	if err := store.Attach(ctx, actor.UserID, id, a.now()); err != nil {
		return err
	}
	return Record(ctx, a.audit, ofSite(actor.AuditEvent(AuditIdentityLink, AuditObject{Kind: "identity", ID: id.Subject, Name: id.Provider}), nil, id.told()))
}

// UnlinkIdentity takes a way in from the person who is signed in. The last way in stays: fault.Conflict.
func (a *Accounts) UnlinkIdentity(ctx context.Context, actor Actor, issuer, subject string) (Settled, error) {
	store, err := a.mayChangeOwn(actor)
	if err != nil {
		return Settled{}, err
	}
	user, err := a.users.User(ctx, actor.UserID)
	if err != nil {
		return Settled{}, err
	}
	linked, err := store.IdentitiesOf(ctx, actor.UserID)
	if err != nil {
		return Settled{}, err
	}
	passwords, err := a.PasswordsOn(ctx)
	if err != nil {
		return Settled{}, err
	}
	if (user.PasswordHash == "" || !passwords) && len(linked) == 1 && linked[0].Issuer == issuer && linked[0].Subject == subject {
		return Settled{}, fault.New(fault.Conflict, "This is your only way in. Choose a password first, or link another provider.")
	}
	settled, err := store.Detach(ctx, actor.UserID, issuer, subject)
	if err != nil {
		return settled, err
	}
	a.tell(user, settled, "You cannot sign in by that provider any more, and what it gave you here is gone.")
	var was LinkedIdentity
	for _, one := range linked {
		if one.Issuer == issuer && one.Subject == subject {
			was = one
		}
	}
	event := actor.AuditEvent(AuditIdentityUnlink, AuditObject{Kind: "identity", ID: subject, Name: was.Provider})
	if err := Record(ctx, a.audit, ofSite(event, was.Identity().told(), nil)); err != nil {
		return settled, err
	}
	return settled, a.recordSettled(ctx, was.Provider, user, settled)
}

// Identities lists the actor's own ways in, without their tokens.
func (a *Accounts) Identities(ctx context.Context, actor Actor) ([]LinkedIdentity, error) {
	if actor.IsNobody() {
		return nil, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	if a.identities == nil {
		return nil, nil
	}
	linked, err := a.identities.IdentitiesOf(ctx, actor.UserID)
	for i := range linked {
		linked[i].AccessToken, linked[i].RefreshToken = "", ""
	}
	return linked, err
}

func (a *Accounts) mayChangeOwn(actor Actor) (IdentityStore, error) {
	switch {
	case actor.IsNobody():
		return nil, fault.New(fault.Unauthenticated, "Sign in first.")
	case actor.TokenID != "":
		return nil, fault.New(fault.Forbidden, "An API token cannot change how you sign in. Sign in on the page.")
	}
	if err := actor.refuseActing(); err != nil {
		return nil, err
	}
	return a.identityStore()
}

// check refuses an identity that names nobody. OpenID Connect Core 1.0 section 2 bounds the subject.
func (i Identity) check() error {
	if i.Provider == "" || i.Issuer == "" || i.Subject == "" || len(i.Subject) > 255 || len(i.Issuer) > 2048 {
		return fault.New(fault.Invalid, "The provider does not say who you are. Tell the administrator of this site.")
	}
	return nil
}

// newcomer is the user that the identity becomes. An address counts when the provider has verified it.
func (i Identity) newcomer(now time.Time) User {
	u := User{ID: ident.New(), Created: now}
	if i.EmailVerified {
		if email, err := CleanEmail(i.Email); err == nil && strings.Contains(email, "@") { // never a plain account name, such as "admin"
			u.Email = email
		}
	}
	for _, name := range []string{i.Name, u.Email, i.Subject} {
		if clean, err := CleanName(name, ""); err == nil && clean != "" {
			u.Name = clean
			break
		}
	}
	return u
}
