package tenancy

import (
	"context"
	"time"

	"trunkline/internal/fault"
)

// touchAfter keeps the note of a token's last use from writing at each request.
const touchAfter = time.Minute

var unknownToken = fault.New(fault.Unauthenticated, "This API token is unknown, revoked or expired. Make a new one on the page or with `trunkline login`.")

// ActorOfToken answers whom an API token stands for. Unknown and expired ones are fault.Unauthenticated.
func (a *Accounts) ActorOfToken(ctx context.Context, secret string) (Actor, error) {
	if !LooksLikeToken(secret) {
		return Actor{}, unknownToken
	}
	grant, err := a.tokens.TokenGrant(ctx, TokenKey{Hash: HashSecret(secret)})
	if err != nil {
		return Actor{}, orUnknown(err)
	}
	actor, err := a.actorOfGrant(ctx, grant)
	if err != nil {
		return Actor{}, err
	}
	if now := a.now(); now.Sub(grant.LastUsed) > touchAfter {
		origin, _ := ctx.Value(originKey{}).(Origin)
		_ = a.tokens.TouchToken(ctx, grant.ID, now, origin.Address) // a note of its last use is not worth refusing the request
	}
	return actor, nil
}

func (a *Accounts) actorOfGrant(ctx context.Context, grant TokenGrant) (Actor, error) {
	if !grant.Expires.IsZero() && !a.now().Before(grant.Expires) {
		return Actor{}, unknownToken
	}
	actor, err := a.ActorOf(ctx, grant.UserID, grant.TenantID)
	if err != nil {
		return Actor{}, orUnknown(err)
	}
	actor.TokenID, actor.TokenScope = grant.ID, grant.Scope
	return actor, nil
}

func orUnknown(err error) error {
	if fault.Is(err, fault.NotFound) {
		return unknownToken
	}
	return err
}

// Again loads an actor anew, in the same workspace, and by the same token where he came by one: for what stays open. Codes: unauthenticated, not_found.
func (a *Accounts) Again(ctx context.Context, actor Actor) (Actor, error) {
	if err := a.takeOvers.still(ctx, actor); err != nil {
		return Actor{}, err
	}
	if actor.TokenID == "" {
		return a.ActorOf(ctx, actor.UserID, actor.TenantID)
	}
	grant, err := a.tokens.TokenGrant(ctx, TokenKey{ID: actor.TokenID})
	if err != nil {
		return Actor{}, orUnknown(err)
	}
	return a.actorOfGrant(ctx, grant)
}
