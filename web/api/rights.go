package api

import (
	"context"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// lookAgain is how often rights are asked for anew where no bell rings: for tokens and sessions whose time is over.
const lookAgain = 15 * time.Second

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
		tick := time.NewTicker(lookAgain)
		defer tick.Stop()
		var told tenancy.Revocation
		for { // the first look is at what ended before it could be heard
			if why := a.ended(ctx, actor, told); why != nil {
				cancel(inWords(ctx, why, told, heard))
				return
			}
			select {
			case <-ctx.Done():
				return
			case told = <-heard:
			case <-over:
				told = tenancy.Revocation{Reason: "The time for which this lab was shared with you is over. Open the link again to go on."}
			case <-tick.C:
				told = tenancy.Revocation{}
			}
		}
	})
	return ctx, func() {
		unheard()
		cancel(nil)
		listening.Wait()
	}
}

// inWords waits a moment for the bell when rights were seen to be gone before it rang: it says who took them.
func inWords(ctx context.Context, why error, told tenancy.Revocation, heard <-chan tenancy.Revocation) error {
	if told.Reason != "" {
		return why
	}
	moment := time.NewTimer(time.Second)
	defer moment.Stop()
	select {
	case told = <-heard:
		if told.Reason != "" {
			return fault.New(fault.Forbidden, "%s", told.Reason)
		}
	case <-moment.C:
	case <-ctx.Done():
	}
	return why
}

// guestOver tells when the time of a guest is over, which no bell rings for.
func guestOver(actor tenancy.Actor) (over <-chan time.Time, stop func()) {
	if actor.Guest == nil {
		return nil, func() {}
	}
	timer := time.NewTimer(time.Until(actor.Guest.Until))
	return timer.C, func() { timer.Stop() }
}

// ended says why an actor may not go on; nil when nothing has changed. Not being able to ask is no reason to cut anybody off.
func (a *API) ended(ctx context.Context, actor tenancy.Actor, told tenancy.Revocation) error {
	now, err := a.again(ctx, actor)
	switch code := fault.CodeOf(err); {
	case code == fault.Unavailable || code == fault.Internal || ctx.Err() != nil:
		return nil
	case err == nil && now.SameRights(actor):
		return nil
	case told.Reason != "":
		return fault.New(fault.Forbidden, "%s", told.Reason)
	case err != nil:
		return fault.Wrap(err, fault.Forbidden, "%s", fault.Sentence(err))
	}
	return fault.New(fault.Forbidden, "Your rights in this workspace have changed. Ask again to go on.")
}

// again loads the actor anew, and asks whether the browser is still signed in where the request came from one.
func (a *API) again(ctx context.Context, actor tenancy.Actor) (tenancy.Actor, error) {
	if actor.SessionID != "" && a.SignedIn != nil && !actor.HasNoAccount() {
		if _, err := a.SignedIn.Current(ctx, actor.SessionID); err != nil {
			return tenancy.Actor{}, err
		}
	}
	if actor.Guest == nil || a.Shares == nil {
		return a.Accounts.Again(ctx, actor)
	}
	if actor.TokenID != "" { // it stands for the guest in its own workspace
		if _, err := a.Accounts.Again(ctx, actor); err != nil {
			return tenancy.Actor{}, err
		}
	}
	return a.Shares.Again(ctx, actor)
}

// refusal is why the context ended, when it was for lost rights.
func refusal(ctx context.Context) error {
	if cause := context.Cause(ctx); fault.Is(cause, fault.Forbidden) {
		return cause
	}
	return nil
}
