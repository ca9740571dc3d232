package tenancy

import (
	"context"
	"runtime"
	"time"

	"trunkline/internal/fault"
)

// UserStore keeps people and where they belong. A missing one is fault.NotFound.
type UserStore interface {
	User(ctx context.Context, id string) (User, error)
	UserByEmail(ctx context.Context, email string) (User, error)
	// SaveUser makes or replaces a user. An address that someone else has is fault.Conflict.
	SaveUser(ctx context.Context, user User) error
	Administrators(ctx context.Context) ([]User, error)
	// Memberships lists a user's tenants in the order they were joined.
	Memberships(ctx context.Context, userID string) ([]Membership, error)
	// EnsureTenant makes the tenant when it is not there, and gives the user the role in it.
	EnsureTenant(ctx context.Context, tenantID, name string, member Membership) error
}

// Accounts answers who somebody is: by password, one-time link, session or API token.
type Accounts struct {
	users  UserStore
	links  LinkStore
	tokens TokenStore
	now    func() time.Time

	identities IdentityStore // nil: nobody comes in by a provider
	audit      Auditor       // nil: nothing is recorded
	takeOvers  *TakeOvers    // nil: nobody acts as somebody else
	bell       *Revocations  // nil: nobody is told when a provider changes rights
	local      LocalStore    // nil: local accounts are always on

	sessions *Sessions // nil: none end when a password is changed

	hasher *hasher

	byAddress *limiter
	byAccount *limiter
	refusals  *limiter // how many refused sign-ins are recorded, by address
}

// NewAccounts uses the stores given. now is the clock; nil is time.Now.
func NewAccounts(users UserStore, links LinkStore, tokens TokenStore, now func() time.Time) *Accounts {
	if now == nil {
		now = time.Now
	}
	return &Accounts{
		users: users, links: links, tokens: tokens, now: now,
		hasher:    newHasher(min(runtime.NumCPU(), 4)),
		byAddress: newLimiter(3*time.Second, 20, 10_000),
		byAccount: newLimiter(10*time.Second, 10, 10_000),
		refusals:  newLimiter(3*time.Second, 20, 10_000),
	}
}

// WithAudit records what is done about accounts.
func (a *Accounts) WithAudit(audit Auditor) *Accounts {
	a.audit = audit
	return a
}

// SignIn checks a local account. Wrong name and wrong password answer alike and cost alike (fault.Unauthenticated); too many
// attempts from an address or at an account are fault.Exhausted.
func (a *Accounts) SignIn(ctx context.Context, email, password, address string) (Actor, error) {
	if err := a.needPasswords(ctx); err != nil {
		return Actor{}, err
	}
	wrong := fault.New(fault.Unauthenticated, "That name and password do not go together. Check both and try again.")
	account, err := CleanEmail(email)
	if err != nil {
		account = "" // nobody has it; the password is checked all the same
	}
	now := a.now()
	if !a.byAddress.allow(address, now) || !a.byAccount.allow(account, now) {
		a.noteRefused(ctx, refusedSignIn{By: "password", Name: email, Why: "too many attempts"})
		return Actor{}, fault.New(fault.Exhausted, "There were too many attempts to sign in. Wait a minute and try again.")
	}
	user, err := a.users.UserByEmail(ctx, account)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Actor{}, err
	}
	if account == "" {
		user = User{}
	}
	ok, err := a.hasher.matches(ctx, user.PasswordHash, password)
	if err != nil {
		return Actor{}, err
	}
	if !ok {
		a.noteRefused(ctx, refusedSignIn{By: "password", Name: email, UserID: user.ID, Why: "wrong name or password"})
		return Actor{}, wrong
	}
	a.byAccount.forgive(account)
	return a.ActorOf(ctx, user.ID, "")
}

// ActorOf loads the actor of a session's user in the tenant chosen; "" is the first one joined. A user who is gone is
// fault.Unauthenticated, a tenant that the user is not in is fault.NotFound.
func (a *Accounts) ActorOf(ctx context.Context, userID, tenantID string) (Actor, error) {
	user, err := a.users.User(ctx, userID)
	if fault.Is(err, fault.NotFound) {
		return Actor{}, fault.Wrap(err, fault.Unauthenticated, "You are signed out. Sign in again.")
	}
	if err != nil {
		return Actor{}, err
	}
	memberships, err := a.users.Memberships(ctx, userID)
	if err != nil {
		return Actor{}, err
	}
	actor := Actor{UserID: user.ID, UserName: user.displayName(), SiteAdmin: user.SiteAdmin, Service: user.Service}
	for _, m := range memberships {
		if tenantID == "" || m.TenantID == tenantID {
			actor.TenantID, actor.Role = m.TenantID, m.Role
			return actor, nil
		}
	}
	if tenantID == "" {
		return actor, nil // signed in, and a member of nothing yet
	}
	return Actor{}, Missing("such workspace")
}

func (u User) displayName() string {
	switch {
	case u.Name != "":
		return u.Name
	case u.Email != "":
		return u.Email
	}
	return "administrator"
}

// HasPassword reports that the actor's account has one: ChangePassword then asks for it.
func (a *Accounts) HasPassword(ctx context.Context, actor Actor) (bool, error) {
	if actor.IsNobody() {
		return false, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	user, err := a.users.User(ctx, actor.UserID)
	return user.PasswordHash != "", err
}

// ChangePassword gives the actor's own account another password. current is the one it has: a browser that somebody left open is not enough
// to take the account over. Codes: invalid, with field current or password; exhausted.
func (a *Accounts) ChangePassword(ctx context.Context, actor Actor, current, password string) error {
	if err := a.proveOwn(ctx, actor, current); err != nil {
		return err
	}
	return a.SetPassword(ctx, actor, "", "", password)
}

// proveOwn checks the password that the actor's account has, if it has one. Attempts count as those at the door do.
func (a *Accounts) proveOwn(ctx context.Context, actor Actor, current string) error {
	if actor.IsNobody() || actor.TokenID != "" || actor.refuseActing() != nil {
		return nil // refused for that
	}
	user, err := a.users.User(ctx, actor.UserID)
	if err != nil || user.PasswordHash == "" {
		return err
	}
	if !a.byAccount.allow(user.Email, a.now()) {
		return fault.New(fault.Exhausted, "There were too many attempts. Wait a minute and try again.").InField("current")
	}
	ok, err := a.hasher.matches(ctx, user.PasswordHash, current)
	if err != nil {
		return err
	}
	if !ok {
		a.noteRefused(ctx, refusedSignIn{By: "password", Name: user.Email, UserID: user.ID, Why: "wrong current password"})
		return fault.New(fault.Invalid, "That is not the password that you have now. If you forgot it, ask a manager of your workspace for a sign-in link.").InField("current")
	}
	a.byAccount.forgive(user.Email)
	return nil
}

// SetPassword gives the actor's own account an address, a name and a password; empty email and name stay as they are.
// The first administrator names himself this way.
func (a *Accounts) SetPassword(ctx context.Context, actor Actor, email, name, password string) error {
	if actor.IsNobody() {
		return fault.New(fault.Unauthenticated, "Sign in first.")
	}
	if actor.TokenID != "" {
		return fault.New(fault.Forbidden, "An API token cannot change a password. Sign in on the page.")
	}
	if err := actor.refuseActing(); err != nil {
		return err
	}
	user, err := a.users.User(ctx, actor.UserID)
	if err != nil {
		return err
	}
	before := user
	if email != "" || user.Email == "" {
		if user.Email, err = CleanEmail(email); err != nil {
			return err
		}
	}
	if name != "" || user.Name == "" {
		if user.Name, err = CleanName(name, user.Email); err != nil {
			return err
		}
	}
	if err := CheckPassword(password, user.Email, user.Name); err != nil {
		return err
	}
	if user.PasswordHash, err = a.hasher.hash(ctx, password); err != nil {
		return err
	}
	if err := a.users.SaveUser(ctx, user); err != nil {
		return err
	}
	if err := a.endOtherSessions(ctx, actor); err != nil {
		return err
	}
	return a.recordOwn(ctx, actor, before, user)
}
