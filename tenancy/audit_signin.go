package tenancy

import (
	"context"
	"log/slog"
)

// refusedSignIn is what is known of somebody who was not let in. There is no password in it, and no secret of a link.
type refusedSignIn struct {
	By     string // password, link, provider
	Name   string // as it was typed
	UserID string // of whom that name belongs to
	Why    string
}

// noteRefused records that somebody was not let in. The person is refused anyway, so that a record that fails goes to the log. What an address may add to the audit is
// bounded, since nobody is signed in: what comes on top of that is the limiters' affair and tells nothing new.
func (a *Accounts) noteRefused(ctx context.Context, r refusedSignIn) {
	origin, _ := ctx.Value(originKey{}).(Origin)
	if a.audit == nil || !a.refusals.allow(origin.Address, a.now()) {
		return
	}
	event := AuditEvent{Verb: AuditSignInRefused, Object: AuditUser(r.UserID, r.Name), After: map[string]string{"by": r.By, "why": r.Why}}
	if err := Record(ctx, a.audit, event); err != nil {
		slog.WarnContext(ctx, "a refused sign-in could not be written to the audit", "name", r.Name, "address", origin.Address, "err", err)
	}
}

// recordOwn records what somebody changed of the own account: what others see of it, and that there is another password.
func (a *Accounts) recordOwn(ctx context.Context, actor Actor, before, after User) error {
	type account struct {
		Email string `json:"email"`
		Name  string `json:"name"`
	}
	object := AuditUser(after.ID, after.displayName())
	if was, is := (account{before.Email, before.Name}), (account{after.Email, after.Name}); was != is {
		if err := Record(ctx, a.audit, actor.AuditEvent(AuditUserChange, object).of("").changed(was, is)); err != nil {
			return err
		}
	}
	return Record(ctx, a.audit, actor.AuditEvent(AuditPassword, object).of(""))
}
