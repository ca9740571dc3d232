package tenancy

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
)

// Token is an API token without its secret.
type Token struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Prefix      string     `json:"prefix"` // the first characters, to recognise it by
	Scope       TokenScope `json:"scope"`
	Workspace   string     `json:"workspace"` // name of the one it is bound to
	Created     time.Time  `json:"created"`
	LastUsed    time.Time  `json:"lastUsed,omitzero"`
	LastAddress string     `json:"lastAddress,omitzero"`
	Expires     time.Time  `json:"expires,omitzero"` // zero: never
}

// TokenGrant is a stored token with whom it stands for.
type TokenGrant struct {
	Token
	Hash     string
	UserID   string
	TenantID string
}

// TokenRequest is a token that somebody wants.
type TokenRequest struct {
	Name  string
	Scope TokenScope    // "" is ScopeAll
	Life  time.Duration // 0 is TokenLife
	Never bool          // it does not expire, whatever Life says
}

// Bounds of tokens.
const (
	TokenLife      = 90 * 24 * time.Hour // where none is asked for
	LeastTokenLife = time.Minute
	MostTokenLife  = 5 * 366 * 24 * time.Hour
	tokensOfOne    = 100
)

// TokenStore keeps API tokens.
type TokenStore interface {
	// SaveToken stores a token. A name that its user has already used is fault.Conflict.
	SaveToken(ctx context.Context, grant TokenGrant) error
	// TokenGrant finds a token by HashSecret of its secret, or by its id. Code: not_found.
	TokenGrant(ctx context.Context, key TokenKey) (TokenGrant, error)
	TokensOf(ctx context.Context, userID string) ([]Token, error)
	// DeleteToken removes a user's token and returns it; one of somebody else is fault.NotFound as a missing one.
	DeleteToken(ctx context.Context, userID, id string) (Token, error)
	TouchToken(ctx context.Context, id string, at time.Time, address string) error
}

// TokenKey names one token: by its id, or by the hash of its secret.
type TokenKey struct{ ID, Hash string }

// Tokens lists the actor's tokens, the oldest first.
func (a *Accounts) Tokens(ctx context.Context, actor Actor) ([]Token, error) {
	if err := Allow(actor, OwnTokens, ObjectRef{}); err != nil {
		return nil, err
	}
	return a.tokens.TokensOf(ctx, actor.UserID)
}

// CreateToken makes a token for the actor in the chosen tenant. The secret is returned once and not kept. A token that makes another makes none that
// outlives it. Codes: invalid (with its field), conflict (name), exhausted (too many).
func (a *Accounts) CreateToken(ctx context.Context, actor Actor, request TokenRequest) (Token, string, error) {
	if err := Allow(actor, OwnTokens, ObjectRef{}); err != nil {
		return Token{}, "", err
	}
	return a.grant(ctx, actor, actor.UserID, AuditObject{Kind: "token"}, request)
}

// grant makes a token for a user, who need not be the actor, and records it.
func (a *Accounts) grant(ctx context.Context, actor Actor, userID string, object AuditObject, request TokenRequest) (Token, string, error) {
	request, err := request.clean()
	if err != nil {
		return Token{}, "", err
	}
	expires, err := a.tokenExpiry(ctx, actor, request)
	if err != nil {
		return Token{}, "", err
	}
	token, secret, err := a.mint(ctx, userID, actor.TenantID, request, expires)
	if err != nil {
		return Token{}, "", err
	}
	object.ID, object.Name = token.ID, token.Name
	event := actor.AuditEvent(AuditTokenCreate, object)
	event.After = map[string]any{"scope": token.Scope, "expires": token.Expires, "user": userID}
	if err := RecordFirst(ctx, a.audit, event); err != nil {
		_, undo := a.tokens.DeleteToken(context.WithoutCancel(ctx), userID, token.ID)
		if undo != nil {
			return Token{}, "", undo
		}
		return Token{}, "", err
	}
	return token, secret, nil
}

// clean fills in what is usual.
func (r TokenRequest) clean() (TokenRequest, error) {
	r.Name = strings.TrimSpace(r.Name)
	if r.Scope == "" {
		r.Scope = ScopeAll
	}
	if r.Life == 0 {
		r.Life = TokenLife
	}
	switch {
	case r.Name == "" || utf8.RuneCountInString(r.Name) > 80 || strings.ContainsFunc(r.Name, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return r, fault.New(fault.Invalid, "Give the token a name of 1 to 80 characters, such as what it is used for.").InField("name")
	case !r.Scope.Known():
		return r, fault.New(fault.Invalid, "There is no scope %q. Take read, labs or all.", r.Scope).InField("scope")
	case !r.Never && (r.Life < LeastTokenLife || r.Life > MostTokenLife):
		return r, fault.New(fault.Invalid, "A token works for a minute at least and five years at most, or is asked for without an end.").InField("expires")
	}
	return r, nil
}

// tokenExpiry is when the token ends; zero: never.
func (a *Accounts) tokenExpiry(ctx context.Context, actor Actor, request TokenRequest) (time.Time, error) {
	var expires time.Time
	if !request.Never {
		expires = a.now().Add(request.Life)
	}
	if actor.TokenID == "" {
		return expires, nil
	}
	maker, err := a.tokens.TokenGrant(ctx, TokenKey{ID: actor.TokenID})
	if err != nil {
		return expires, err
	}
	if end := maker.Expires; !end.IsZero() && (expires.IsZero() || expires.After(end)) {
		if request.Never || request.Life != TokenLife {
			return expires, fault.New(fault.Invalid, "The token that asks ends on %s, and makes none that lives longer. Choose a shorter time, or make it on the page.", end.UTC().Format("2 January 2006")).InField("expires")
		}
		expires = end
	}
	return expires, nil
}

func (a *Accounts) mint(ctx context.Context, userID, tenantID string, request TokenRequest, expires time.Time) (Token, string, error) {
	before, err := a.tokens.TokensOf(ctx, userID)
	if err != nil {
		return Token{}, "", err
	}
	if len(before) >= tokensOfOne {
		return Token{}, "", fault.New(fault.Exhausted, "There are %d tokens already. Revoke those that nothing uses.", len(before))
	}
	secret := newTokenSecret()
	token := Token{ID: ident.New(), Name: request.Name, Prefix: secret[:len(TokenPrefix)+6], Scope: request.Scope, Created: a.now(), Expires: expires}
	err = a.tokens.SaveToken(ctx, TokenGrant{Token: token, Hash: HashSecret(secret), UserID: userID, TenantID: tenantID})
	if err != nil {
		return Token{}, "", err
	}
	stored, err := a.tokens.TokenGrant(ctx, TokenKey{ID: token.ID}) // with the name of its workspace
	return stored.Token, secret, err
}

// RevokeToken ends a token at once, with the streams and commands that it has open.
func (a *Accounts) RevokeToken(ctx context.Context, actor Actor, id string) error {
	if err := Allow(actor, OwnTokens, ObjectRef{}); err != nil {
		return err
	}
	return a.revoke(ctx, actor, actor.UserID, id)
}

func (a *Accounts) revoke(ctx context.Context, actor Actor, userID, id string) error {
	token, err := a.tokens.DeleteToken(ctx, userID, id)
	if err != nil {
		return err
	}
	a.bell.Publish(Revocation{UserID: userID, TokenID: id, Reason: "This API token was revoked. Make another one to go on."})
	return Record(ctx, a.audit, actor.AuditEvent(AuditTokenRevoke, AuditObject{Kind: "token", ID: id, Name: token.Name}))
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
			if _, err := a.tokens.DeleteToken(ctx, administrator.ID, token.ID); err != nil && !fault.Is(err, fault.NotFound) {
				return "", err
			}
		}
	}
	var expires time.Time
	if life > 0 {
		expires = a.now().Add(life)
	}
	event := siteItself(AuditTokenCreate, AuditObject{Kind: "token", Name: name})
	event.After = map[string]any{"scope": ScopeAll, "user": administrator.ID}
	if err := RecordFirst(ctx, a.audit, event); err != nil {
		return "", err
	}
	_, secret, err := a.mint(ctx, administrator.ID, DefaultTenant, TokenRequest{Name: name, Scope: ScopeAll}, expires)
	return secret, err
}

// ParseTokenLife reads how long a token shall work: a number of days or hours such as 90d or 12h, never, or "" for the usual. Code: invalid, in the field "expires".
func ParseTokenLife(text string) (life time.Duration, never bool, err error) {
	wrong := fault.New(fault.Invalid, "Say how long the token works as a number of days or hours, such as 90d or 12h, or never. %q is neither.", text).InField("expires")
	switch text {
	case "":
		return 0, false, nil
	case "never":
		return 0, true, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 5000 {
			return 0, false, wrong
		}
		return time.Duration(n) * 24 * time.Hour, false, nil
	}
	life, err = time.ParseDuration(text)
	if err != nil || life <= 0 {
		return 0, false, wrong
	}
	return life, false, nil
}
