package tenancy

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
)

// TokenPrefix starts every API token, so that secret scanners know one when they see it.
const TokenPrefix = "tlk_"

// Token is an API token without its secret.
type Token struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Prefix   string    `json:"prefix"` // the first characters, to recognise it by
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"lastUsed,omitzero"`
	Expires  time.Time `json:"expires,omitzero"` // zero: never
}

// TokenGrant is a stored token with whom it stands for.
type TokenGrant struct {
	Token
	Hash     string
	UserID   string
	TenantID string
}

// TokenStore keeps API tokens.
type TokenStore interface {
	// SaveToken stores a token. A name that its user has already used is fault.Conflict.
	SaveToken(ctx context.Context, grant TokenGrant) error
	TokenByHash(ctx context.Context, hash string) (TokenGrant, error)
	TokensOf(ctx context.Context, userID string) ([]Token, error)
	// DeleteToken removes a user's token; one of somebody else is fault.NotFound as a missing one.
	DeleteToken(ctx context.Context, userID, id string) error
	TouchToken(ctx context.Context, id string, at time.Time) error
}

// Tokens lists the actor's tokens, the oldest first.
func (a *Accounts) Tokens(ctx context.Context, actor Actor) ([]Token, error) {
	if err := Allow(actor, OwnTokens, ObjectRef{}); err != nil {
		return nil, err
	}
	return a.tokens.TokensOf(ctx, actor.UserID)
}

// CreateToken makes a token for the actor in the chosen tenant. The secret is returned once and not kept.
func (a *Accounts) CreateToken(ctx context.Context, actor Actor, name string) (Token, string, error) {
	if err := Allow(actor, OwnTokens, ObjectRef{}); err != nil {
		return Token{}, "", err
	}
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > 80 {
		return Token{}, "", fault.New(fault.Invalid, "Give the token a name of 1 to 80 characters, such as what it is used for.").InField("name")
	}
	return a.mint(ctx, actor.UserID, actor.TenantID, name, time.Time{})
}

func (a *Accounts) mint(ctx context.Context, userID, tenantID, name string, expires time.Time) (Token, string, error) {
	secret := newSecret(TokenPrefix)
	token := Token{ID: ident.New(), Name: name, Prefix: secret[:len(TokenPrefix)+6], Created: a.now(), Expires: expires}
	err := a.tokens.SaveToken(ctx, TokenGrant{Token: token, Hash: HashSecret(secret), UserID: userID, TenantID: tenantID})
	if err != nil {
		return Token{}, "", err
	}
	return token, secret, nil
}

// RevokeToken ends a token at once.
func (a *Accounts) RevokeToken(ctx context.Context, actor Actor, id string) error {
	if err := Allow(actor, OwnTokens, ObjectRef{}); err != nil {
		return err
	}
	return a.tokens.DeleteToken(ctx, actor.UserID, id)
}

// AdministratorToken makes a token of the administrator under a fixed name, in the place of the one made before under it.
// It is what scripts on this machine use.
func (a *Accounts) AdministratorToken(ctx context.Context, name string, life time.Duration) (string, error) {
	administrator, err := a.Administrator(ctx)
	if err != nil {
		return "", err
	}
	earlier, err := a.tokens.TokensOf(ctx, administrator.ID)
	if err != nil {
		return "", err
	}
	for _, token := range earlier {
		if token.Name == name {
			if err := a.tokens.DeleteToken(ctx, administrator.ID, token.ID); err != nil && !fault.Is(err, fault.NotFound) {
				return "", err
			}
		}
	}
	var expires time.Time
	if life > 0 {
		expires = a.now().Add(life)
	}
	_, secret, err := a.mint(ctx, administrator.ID, DefaultTenant, name, expires)
	return secret, err
}

// touchAfter keeps the note of a token's last use from writing at each request.
const touchAfter = time.Minute

// ActorOfToken answers whom an API token stands for. Unknown and expired ones are fault.Unauthenticated.
func (a *Accounts) ActorOfToken(ctx context.Context, secret string) (Actor, error) {
	unknown := fault.New(fault.Unauthenticated, "This API token is unknown, revoked or expired. Make a new one on the page or with `trunkline login`.")
	if !strings.HasPrefix(secret, TokenPrefix) || len(secret) > 128 {
		return Actor{}, unknown
	}
	grant, err := a.tokens.TokenByHash(ctx, HashSecret(secret))
	if fault.Is(err, fault.NotFound) {
		return Actor{}, unknown
	}
	if err != nil {
		return Actor{}, err
	}
	now := a.now()
	if !grant.Expires.IsZero() && !now.Before(grant.Expires) {
		return Actor{}, unknown
	}
	actor, err := a.ActorOf(ctx, grant.UserID, grant.TenantID)
	if fault.Is(err, fault.NotFound) {
		return Actor{}, unknown
	}
	if err != nil {
		return Actor{}, err
	}
	if now.Sub(grant.LastUsed) > touchAfter {
		_ = a.tokens.TouchToken(ctx, grant.ID, now) // a note of its last use is not worth refusing the request
	}
	actor.TokenID = grant.ID
	return actor, nil
}
