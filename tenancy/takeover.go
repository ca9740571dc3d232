package tenancy

import (
	"context"
	"errors"
	"sync"
	"time"

	"trunkline/internal/fault"
)

// ActingIdle is how long an administrator acts as somebody else without doing anything.
const ActingIdle = 30 * time.Minute

// TakeOvers is which administrators act as somebody else, to see what that person sees and help. It belongs to one browser session, is kept in memory alone, and so
// ends with the controller: nobody finds himself as somebody else the next day. Everything that is done counts for the person, with the administrator behind.
type TakeOvers struct {
	accounts *Accounts
	bell     *Revocations
	audit    Auditor
	now      func() time.Time

	mu sync.Mutex
	by map[string]*takeOver // by the id of the session
}

type takeOver struct {
	admin       AuditPerson
	user        AuditPerson
	tenant      string // in which it began
	began, seen time.Time
}

// NewTakeOvers asks the accounts who people are, rings the bell when a take-over ends, and tells the audit. now nil is time.Now.
func NewTakeOvers(accounts *Accounts, bell *Revocations, audit Auditor, now func() time.Time) *TakeOvers {
	if now == nil {
		now = time.Now
	}
	t := &TakeOvers{accounts: accounts, bell: bell, audit: audit, now: now, by: map[string]*takeOver{}}
	accounts.takeOvers = t
	return t
}

// Begin lets an administrator of the site act as a member of the chosen workspace, in this browser session. Codes: forbidden (for other administrators, by a token),
// conflict (he acts as somebody already), not_found.
func (t *TakeOvers) Begin(ctx context.Context, actor Actor, userID string) (Actor, error) {
	switch {
	case actor.Behind.ID != "":
		return Actor{}, fault.New(fault.Conflict, "You are acting as %s. End that first.", actor.UserName)
	case !actor.IsNobody() && actor.SessionID == "":
		return Actor{}, fault.New(fault.Forbidden, "An API token cannot act as somebody else. Do this on the page.")
	}
	if err := Allow(actor, ActAs, ObjectRef{}); err != nil {
		return Actor{}, err
	}
	if userID == actor.UserID {
		return Actor{}, fault.New(fault.Invalid, "That is you yourself. Choose somebody else.")
	}
	as, err := t.accounts.ActorOf(ctx, userID, actor.TenantID)
	switch {
	case fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unauthenticated) || err == nil && (actor.TenantID == "" || as.Service):
		return Actor{}, noMember
	case err != nil:
		return Actor{}, err
	case as.SiteAdmin:
		return Actor{}, fault.New(fault.Forbidden, "Nobody can act as another administrator of this site.")
	}
	one := &takeOver{admin: AuditPerson{actor.UserID, actor.UserName}, user: AuditPerson{as.UserID, as.UserName}, tenant: actor.TenantID, began: t.now(), seen: t.now()}
	if err := RecordFirst(ctx, t.audit, actor.AuditEvent(AuditTakeOver, AuditUser(as.UserID, as.UserName))); err != nil {
		return Actor{}, err
	}
	t.mu.Lock()
	t.by[actor.SessionID] = one
	t.mu.Unlock()
	as.Behind, as.SessionID, as.Address, as.RequestID = one.admin, actor.SessionID, actor.Address, actor.RequestID
	return as, nil
}

// Of is whom the session's person acts as, in the workspace chosen; false when it is nobody. A take-over that may not go on ends here.
func (t *TakeOvers) Of(ctx context.Context, session Session, tenant string) (as Actor, acting bool, err error) {
	one, is := t.find(session.ID)
	if !is {
		return Actor{}, false, nil
	}
	why, err := t.over(ctx, one)
	if err != nil {
		return Actor{}, false, err
	}
	if why == "" {
		as, err = t.accounts.ActorOf(ctx, one.user.ID, tenant)
		if fault.Is(err, fault.NotFound) {
			as, err = t.accounts.ActorOf(ctx, one.user.ID, "")
		}
		switch {
		case err == nil && !as.SiteAdmin:
			t.Touch(session.ID)
			as.Behind, as.SessionID = one.admin, session.ID
			return as, true, nil
		case err == nil:
			why = "an administrator now"
		case fault.Is(err, fault.Unauthenticated):
			why = "the person is gone"
		default:
			return Actor{}, false, err
		}
	}
	return Actor{}, false, t.end(ctx, session.ID, why, Actor{})
}

// over says why a take-over may not go on: "" while it may.
func (t *TakeOvers) over(ctx context.Context, one takeOver) (why string, err error) {
	if t.now().Sub(one.seen) > ActingIdle {
		return "nothing was done for 30 minutes", nil
	}
	admin, err := t.accounts.ActorOf(ctx, one.admin.ID, "")
	switch {
	case fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.NotFound) || err == nil && !admin.SiteAdmin:
		return "no administrator any more", nil
	}
	return "", err
}

// Touch notes that something is done.
func (t *TakeOvers) Touch(sessionID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.by[sessionID]; one != nil {
		one.seen = t.now()
	}
}

func (t *TakeOvers) find(sessionID string) (takeOver, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.by[sessionID]; one != nil {
		return *one, true
	}
	return takeOver{}, false
}

// End ends what the actor's session is acting as. Where it acts as nobody that is no error.
func (t *TakeOvers) End(ctx context.Context, actor Actor) error {
	return t.end(ctx, actor.SessionID, "by hand", actor)
}

// end takes it away first, and then tells who lives on it and the audit.
func (t *TakeOvers) end(ctx context.Context, sessionID, why string, by Actor) error {
	t.mu.Lock()
	one := t.by[sessionID]
	delete(t.by, sessionID)
	t.mu.Unlock()
	if one == nil {
		return nil
	}
	t.bell.Publish(Revocation{SessionID: sessionID, Reason: "Acting as " + one.user.Name + " has ended. Reload the page to go on as yourself."})
	event := AuditEvent{
		Actor: one.admin, Tenant: one.tenant, Verb: AuditTakeOverEnd, Object: AuditUser(one.user.ID, one.user.Name), Address: by.Address, RequestID: by.RequestID,
		After: map[string]any{"why": why, "seconds": t.now().Sub(one.began).Round(time.Second).Seconds()},
	}
	return Record(ctx, t.audit, event)
}

// Close ends all, when the controller stops.
func (t *TakeOvers) Close(ctx context.Context) error {
	t.mu.Lock()
	ids := make([]string, 0, len(t.by))
	for id := range t.by {
		ids = append(ids, id)
	}
	t.mu.Unlock()
	var failed []error
	for _, id := range ids {
		failed = append(failed, t.end(ctx, id, "Trunkline stopped", Actor{}))
	}
	return errors.Join(failed...)
}

// still is nil for who acts as nobody, and while a take-over goes on. Code: unauthenticated.
func (t *TakeOvers) still(ctx context.Context, actor Actor) error {
	if actor.Behind.ID == "" {
		return nil
	}
	over := fault.New(fault.Unauthenticated, "Acting as %s has ended. Reload the page to go on as yourself.", actor.UserName)
	if t == nil {
		return over
	}
	one, is := t.find(actor.SessionID)
	if !is || one.user.ID != actor.UserID {
		return over
	}
	why, err := t.over(ctx, one)
	if err == nil && why != "" {
		return over
	}
	return err
}

// notWhileActing is what stays the person's own affair.
var notWhileActing = map[Verb]bool{OwnTokens: true, OwnSessions: true, ManageServices: true}

// refuseActing refuses what has to do with how the person comes in.
func (a Actor) refuseActing() error {
	if a.Behind.ID == "" {
		return nil
	}
	return fault.New(fault.Forbidden, "You are acting as %s. Passwords, ways to sign in, sessions and tokens are theirs alone.", a.UserName)
}

// ShownName is the name by which others see the actor, with the real person where one acts as another.
func (a Actor) ShownName() string {
	if a.Behind.ID == "" {
		return a.UserName
	}
	return a.UserName + " (" + a.Behind.Name + ")"
}
