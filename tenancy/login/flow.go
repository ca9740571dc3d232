package login

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"trunkline/internal/fault"
)

// FlowLife is how long somebody may take at the provider.
const FlowLife = 10 * time.Minute

const flowPurpose = "sign-in flow"

// Start is what Begin asks of the caller: send the browser to URL, with the cookie.
type Start struct {
	URL    string
	Cookie Cookie
}

// Cookie keeps one sign-in that is under way: HttpOnly, SameSite=Lax, for MaxAge and for the path "/". Its name differs for each, so that sign-ins
// begun in two tabs do not disturb each other.
type Cookie struct {
	Name   string
	Value  string
	MaxAge time.Duration
}

// flow is what the cookie holds, sealed.
type flow struct {
	Provider string    `json:"p"`
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	Note     string    `json:"w"`
	Begun    time.Time `json:"t"`
}

// Begin starts a sign-in. note comes back from Finish as it is: where to go on, or who wants to link an identity. prompt is "" or, such as
// for linking, "login" or "select_account". The prefix of the cookie's name is the caller's, such as "__Host-".
func (s *Service) Begin(ctx context.Context, providerID, note, prompt, prefix string) (Start, error) {
	c, err := s.client(ctx, providerID)
	if err != nil {
		return Start{}, err
	}
	m, err := c.meet(ctx, time.Time{})
	if err != nil {
		return Start{}, err
	}
	f := flow{Provider: providerID, State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), Note: note, Begun: s.cfg.Now()}
	plain, err := json.Marshal(f)
	if err != nil {
		return Start{}, fault.Wrap(err, fault.Internal, "A sign-in cannot be kept.")
	}
	name := cookieName(prefix, f.State)
	sealed, err := s.cfg.Keys.Seal(flowPurpose, name, plain)
	if err != nil {
		return Start{}, err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(f.Verifier), oauth2.SetAuthURLParam("nonce", f.Nonce)}
	if prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", prompt))
	}
	return Start{URL: c.oauth(m).AuthCodeURL(f.State, options...), Cookie: Cookie{Name: name, Value: sealed, MaxAge: FlowLife}}, nil
}

// Finished is a sign-in that came back.
type Finished struct {
	Identity Identity
	Note     string // as it was given to Begin
}

// CookieOf names the cookie that an answer needs, so that the caller can read it, and delete it whatever comes out. "" for an answer that no
// sign-in can have begun.
func CookieOf(query url.Values, prefix string) string {
	state, err := single(query, "state")
	if err != nil || state == "" || len(state) > 128 {
		return ""
	}
	return cookieName(prefix, state)
}

// Finish takes the provider's answer: the query of the address it came to, the provider of that address, and the cookie named by CookieOf ("" when
// the browser has none). Codes: unauthenticated (the person did not sign in, or took too long), invalid (the answer is not what we asked for),
// unavailable (the provider did not answer us).
func (s *Service) Finish(ctx context.Context, providerID string, query url.Values, name, value string) (Finished, error) {
	f, err := s.unseal(query, name, value)
	if err != nil {
		return Finished{}, err
	}
	if f.Provider != providerID {
		return Finished{}, fault.New(fault.Invalid, "The answer came from another provider than the one you chose. Nobody is signed in; begin again, and tell the administrator if it happens twice.")
	}
	c, err := s.client(ctx, providerID)
	if err != nil {
		return Finished{}, err
	}
	m, err := c.meet(ctx, time.Time{})
	if err != nil {
		return Finished{}, err
	}
	// Before anything is sent: an answer that came back is spent, also when it fails.
	if !s.used.take(f.State, s.cfg.Now(), f.Begun.Add(FlowLife)) {
		return Finished{}, fault.New(fault.Invalid, "This answer of the provider was used already. Begin again on the sign-in page.")
	}
	code, err := c.answer(m, query)
	if err != nil {
		return Finished{}, err
	}
	id, err := c.exchange(ctx, m, code, f)
	if err != nil {
		return Finished{}, err
	}
	return Finished{Identity: id, Note: f.Note}, nil
}

// unseal finds the sign-in that an answer belongs to.
func (s *Service) unseal(query url.Values, name, value string) (flow, error) {
	foreign := "This answer does not belong to a sign-in begun in this browser. Begin again on the sign-in page, and allow cookies."
	state, err := single(query, "state")
	if err != nil {
		return flow{}, err
	}
	if name == "" || value == "" {
		return flow{}, fault.New(fault.Invalid, "%s", foreign)
	}
	plain, err := s.cfg.Keys.Open(flowPurpose, name, value)
	if err != nil {
		return flow{}, fault.Wrap(err, fault.Invalid, "%s", foreign)
	}
	var f flow
	if err := json.Unmarshal(plain, &f); err != nil {
		return flow{}, fault.Wrap(err, fault.Invalid, "%s", foreign)
	}
	if state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(f.State)) != 1 {
		return flow{}, fault.New(fault.Invalid, "%s", foreign)
	}
	if now := s.cfg.Now(); now.Sub(f.Begun) >= FlowLife || f.Begun.Sub(now) > skew {
		return flow{}, fault.New(fault.Unauthenticated, "Signing in took longer than %d minutes. Begin again.", int(FlowLife.Minutes()))
	}
	return f, nil
}

// answer reads the code of the provider's answer: RFC 6749 section 4.1.2, RFC 9207.
func (c *client) answer(m *metadata, query url.Values) (code string, err error) {
	iss, err := single(query, "iss")
	if err != nil {
		return "", err
	}
	switch {
	case iss == "" && m.NamesItself:
		return "", fault.New(fault.Invalid, "%s names itself in its answers, and this answer has no name. Nobody is signed in; begin again.", c.who())
	case iss != "" && iss != c.provider.Issuer:
		return "", fault.New(fault.Invalid, "The answer names another provider (%s) than the one you chose. Nobody is signed in; begin again, and tell the administrator if it happens twice.", clip(iss))
	}
	problem, err := single(query, "error")
	if err != nil {
		return "", err
	}
	if problem != "" {
		return "", c.refusal(problem, query.Get("error_description"))
	}
	code, err = single(query, "code")
	if err != nil {
		return "", err
	}
	if code == "" || len(code) > 4096 {
		return "", fault.New(fault.Invalid, "The answer of %s has no code to sign in with. Begin again.", c.provider.Name)
	}
	return code, nil
}

// refusal says what a provider's error means: OpenID Connect Core 1.0 section 3.1.2.6.
func (c *client) refusal(problem, description string) error {
	switch problem {
	case "access_denied":
		return fault.New(fault.Unauthenticated, "%s did not let you in, or you said no there. Begin again, or choose another way to sign in.", c.who())
	case "login_required", "interaction_required", "account_selection_required", "consent_required":
		return fault.New(fault.Unauthenticated, "%s wants you to sign in there first. Begin again.", c.who())
	case "temporarily_unavailable", "server_error":
		return fault.New(fault.Unavailable, "%s has a problem of its own just now. Try again in a moment.", c.who())
	}
	return fault.New(fault.Invalid, "%s refused what this site asked for (%s: %s). Tell the administrator of this site.", c.who(), clip(problem), clip(description))
}

// single returns a parameter that may be there once: RFC 6749 section 3.1.
func single(query url.Values, name string) (string, error) {
	if len(query[name]) > 1 {
		return "", fault.New(fault.Invalid, "The answer of the provider has %s twice. Nobody is signed in; begin again.", name)
	}
	return query.Get(name), nil
}

func cookieName(prefix, state string) string {
	sum := sha256.Sum256([]byte(state))
	return prefix + "trunkline-sign-in-" + hex.EncodeToString(sum[:8])
}

func random() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
