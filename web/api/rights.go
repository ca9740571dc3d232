package api

import (
	"context"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// whileAllowed is ctx until the actor's rights have ended: then it ends with a fault that says why as its cause. stop returns when nothing of it
// is left.
func (a *API) whileAllowed(ctx context.Context, actor tenancy.Actor) (allowed context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if a.Bell == nil || a.Accounts == nil {
		return ctx, func() { cancel(nil) }
	}
	heard, unheard := a.Bell.Listen(actor, actor.SessionID)
	var listening sync.WaitGroup
	listening.Go(func() {
		over, stop := guestOver(actor)
		defer stop()
		for {
			var told tenancy.Revocation
			select {
			case <-ctx.Done():
				return
			case told = <-heard:
			case <-over:
				told.Reason = "The time for which this lab was shared with you is over. Open the link again to go on."
			}
			now, err := a.again(ctx, actor)
			if code := fault.CodeOf(err); code == fault.Unavailable || code == fault.Internal {
				continue // not being able to ask is no reason to cut anybody off
			}
			if err != nil || !now.SameRights(actor) {
				cancel(fault.New(fault.Forbidden, "%s", told.Reason))
				return
			}
		}
	})
	return ctx, func() {
		unheard()
		cancel(nil)
		listening.Wait()
	}
}

// guestOver tells when the time of a guest is over, which no bell rings for.
func guestOver(actor tenancy.Actor) (over <-chan time.Time, stop func()) {
	if actor.Guest == nil {
		return nil, func() {}
	}
	timer := time.NewTimer(time.Until(actor.Guest.Until))
	return timer.C, func() { timer.Stop() }
}

// again loads the actor anew, and asks whether the browser is still signed in where the request came from one.
func (a *API) again(ctx context.Context, actor tenancy.Actor) (tenancy.Actor, error) {
	if actor.SessionID != "" && a.SignedIn != nil && !actor.HasNoAccount() {
		if _, err := a.SignedIn.Current(ctx, actor.SessionID); err != nil {
			return tenancy.Actor{}, err
		}
	}
	if actor.Guest != nil && a.Shares != nil {
		return a.Shares.Again(ctx, actor)
	}
	return a.Accounts.ActorOf(ctx, actor.UserID, actor.TenantID)
}

// refusal is why the context ended, when it was for lost rights.
func refusal(ctx context.Context) error {
	if cause := context.Cause(ctx); fault.Is(cause, fault.Forbidden) {
		return cause
	}
	return nil
}
