package login

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"trunkline/internal/fault"
	"trunkline/internal/fetch"
)

// signed is what a token says whose signature was checked: RFC 7519 section 4.1 and OpenID Connect Core 1.0 section 2.
type signed struct {
	id      *oidc.IDToken
	typ     string
	payload []byte

	Issuer    string       `json:"iss"`
	Subject   string       `json:"sub"`
	Party     string       `json:"azp"`
	Expiry    *json.Number `json:"exp"`
	NotBefore *json.Number `json:"nbf"`
	Issued    *json.Number `json:"iat"`
	SessionID string       `json:"sid"`
	TokenID   string       `json:"jti"`
	// Raw, because it counts whether they are there.
	Nonce  json.RawMessage `json:"nonce"`
	Events json.RawMessage `json:"events"`
}

// verify checks the algorithm and the signature of a token, and reads it. A signature that does not fit makes us look for newer keys, and at
// last for a newer discovery document. It checks nothing else: check does.
func (c *client) verify(ctx context.Context, m *metadata, what, raw string) (*signed, error) {
	typ, err := c.header(what, raw)
	if err != nil {
		return nil, err
	}
	id, err := c.signature(ctx, m, raw)
	if errors.Is(err, errNoFit) || fault.Is(err, fault.Unavailable) && ctx.Err() == nil { // the keys may be somewhere else now
		if newer, failed := c.meet(ctx, c.again()); failed == nil && newer != m {
			id, err = c.signature(ctx, newer, raw)
		}
	}
	switch {
	case errors.Is(err, errNoFit):
		return nil, fault.Wrap(err, fault.Invalid, "The %s of %s is not signed by a key of that provider.", what, c.provider.Name)
	case err != nil:
		return nil, err
	}
	s := &signed{id: id, typ: typ}
	var payload json.RawMessage
	if err := errors.Join(id.Claims(&payload), id.Claims(s)); err != nil {
		return nil, c.unreadable(what, err)
	}
	s.payload = payload
	return s, nil
}

// header refuses algorithms that prove nothing, before anything else is read.
func (c *client) header(what, raw string) (typ string, err error) {
	parts := strings.Split(raw, ".")
	if len(parts) == 5 {
		return "", fault.New(fault.Unsupported, "The %s of %s is encrypted. Set the provider up to sign it only.", what, c.provider.Name)
	}
	var head struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
	}
	if len(parts) != 3 {
		return "", c.unreadable(what, errors.New("it has not three parts"))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err == nil {
		err = json.Unmarshal(text, &head)
	}
	switch {
	case err != nil:
		return "", c.unreadable(what, err)
	case strings.EqualFold(head.Algorithm, "none") || head.Algorithm == "":
		return "", fault.New(fault.Invalid, "The %s of %s is not signed at all. Nobody is signed in by it.", what, c.provider.Name)
	case strings.HasPrefix(head.Algorithm, "HS"):
		return "", fault.New(fault.Invalid, "The %s of %s is signed by a shared secret (%s), which everybody may know. Set the provider up to sign by RS256 or ES256.", what, c.provider.Name, clip(head.Algorithm))
	case !slices.Contains(algorithms, head.Algorithm):
		return "", fault.New(fault.Unsupported, "The %s of %s is signed by %s, which is not known here. Set the provider up to sign by RS256 or ES256.", what, c.provider.Name, clip(head.Algorithm))
	}
	return head.Type, nil
}

func (c *client) unreadable(what string, cause error) error {
	return fault.Wrap(cause, fault.Invalid, "The %s of %s cannot be read.", what, c.provider.Name)
}

var errNoFit = errors.New("no key fits the signature")

// signature checks it by the provider's keys. errNoFit: no key fits.
func (c *client) signature(ctx context.Context, m *metadata, raw string) (*oidc.IDToken, error) {
	keys := &observed{KeySet: m.keys}
	verifier := oidc.NewVerifier(c.provider.Issuer, keys, &oidc.Config{
		SupportedSigningAlgs: algorithms,
		// Checked by us, with a tolerance and a sentence for each.
		SkipClientIDCheck: true, SkipExpiryCheck: true, SkipIssuerCheck: true,
	})
	id, err := verifier.Verify(ctx, raw)
	switch {
	case err == nil:
		return id, nil
	case keys.err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Unwrap(keys.err) != nil: // what kept it from getting the keys; that none fits wraps nothing
		return nil, fetch.Explain(keys.err, "The place of the keys of the provider "+c.provider.Name)
	case keys.err != nil:
		return nil, errNoFit
	}
	return nil, c.unreadable("token", err)
}

// observed keeps the error that go-oidc does not wrap.
type observed struct {
	oidc.KeySet
	err error
}

func (o *observed) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := o.KeySet.VerifySignature(ctx, jwt)
	o.err = err
	return payload, err
}

// check compares what a token says with what it has to say here and now: OpenID Connect Core 1.0 section 3.1.3.7.
func (c *client) check(what string, s *signed, now time.Time) error {
	wrong := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "The "+what+" of "+strings.ReplaceAll(c.provider.Name, "%", "%%")+" "+format, args...)
	}
	switch {
	case s.Issuer != c.provider.Issuer:
		return wrong("was issued by another provider (%s). Nobody is signed in by it.", clip(s.Issuer))
	case !slices.Contains(s.id.Audience, c.provider.ClientID):
		return wrong("is for another site (%s). Nobody is signed in by it.", clip(strings.Join(s.id.Audience, ", ")))
	case s.Party != "" && s.Party != c.provider.ClientID, len(s.id.Audience) > 1 && s.Party == "":
		return wrong("was given to another site (%s), though it is for this one too. Nobody is signed in by it.", clip(s.Party))
	}
	expiry, issued, notBefore := instant(s.Expiry), instant(s.Issued), instant(s.NotBefore)
	switch {
	case expiry.IsZero() || issued.IsZero():
		return wrong("does not say when it was made or until when it counts.")
	case !now.Before(expiry.Add(skew)):
		return wrong("has expired, at %s. Is the clock of this site or of the provider wrong?", expiry.Format(time.RFC3339))
	case s.NotBefore != nil && now.Add(skew).Before(notBefore):
		return wrong("does not count yet, but from %s on. Is the clock of this site or of the provider wrong?", notBefore.Format(time.RFC3339))
	case now.Add(skew).Before(issued):
		return wrong("was made in the future, at %s. Is the clock of this site or of the provider wrong?", issued.Format(time.RFC3339))
	}
	return nil
}

// instant reads a NumericDate (RFC 7519 section 2). The zero time: there is none, or it is none.
func instant(n *json.Number) time.Time {
	if n == nil {
		return time.Time{}
	}
	seconds, err := n.Float64()
	if err != nil || seconds <= 0 || seconds > 253402300799 || math.IsNaN(seconds) { // the year 9999
		return time.Time{}
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC()
}

// object reads JSON claims, with numbers as they are written.
func object(text []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var claims map[string]any
	if err := decoder.Decode(&claims); err != nil {
		return nil, err
	}
	if claims == nil {
		return nil, errors.New("it is null")
	}
	return claims, nil
}
