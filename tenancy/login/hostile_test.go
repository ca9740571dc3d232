package login_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy/login"
)

// hostile is one way to misbehave. bend changes the provider a before, twist the answer after it was given.
type hostile struct {
	name  string
	bend  func(r *rig)
	twist func(r *rig, a *attempt)
	code  fault.Code
	words string
}

func claim(name string, value any) func(*rig) {
	return func(r *rig) { r.a.claims = func(c map[string]any) { c[name] = value } }
}

func claimAt(name string, ahead time.Duration) func(*rig) {
	return func(r *rig) { r.a.claims = func(c map[string]any) { c[name] = r.clock.now().Add(ahead).Unix() } }
}

func tokens(change func(map[string]any)) func(*rig) {
	return func(r *rig) { r.a.tokens = change }
}

var hostiles = []hostile{
	{"wrong iss", claim("iss", "https://evil.example"), nil, fault.Invalid, "issued by another provider (https://evil.example)"},
	{"wrong aud", claim("aud", "another-site"), nil, fault.Invalid, "for another site (another-site)"},
	{"aud of two, azp of the other", func(r *rig) {
		r.a.claims = func(c map[string]any) { c["aud"], c["azp"] = []string{clientID, "other"}, "other" }
	}, nil, fault.Invalid, "given to another site (other)"},
	{"wrong nonce", claim("nonce", "of another sign-in"), nil, fault.Invalid, "for another sign-in"},
	{"alg none", func(r *rig) {
		r.a.header = func(h map[string]any) { h["alg"] = "none" }
		r.a.sign = func(head, payload string) string { return head + "." + payload + "." }
	}, nil, fault.Invalid, "not signed at all"},
	{"HS256 with the public key", func(r *rig) {
		r.a.header = func(h map[string]any) { h["alg"] = "HS256" }
		r.a.sign = hs256(&r.a.key.PublicKey)
	}, nil, fault.Invalid, "shared secret (HS256)"},
	{"an algorithm that nobody knows", func(r *rig) { r.a.header = func(h map[string]any) { h["alg"] = "XX1" } }, nil, fault.Unsupported, "signed by XX1"},
	{"signed by another key", func(r *rig) { r.a.sign = rs256(keys()[1]) }, nil, fault.Invalid, "not signed by a key of that provider"},
	{"encrypted", tokens(func(m map[string]any) { m["id_token"] = "a.b.c.d.e" }), nil, fault.Unsupported, "encrypted"},
	{"no token but text", tokens(func(m map[string]any) { m["id_token"] = "hello" }), nil, fault.Invalid, "ID token of A cannot be read"},
	{"expired", claimAt("exp", -61*time.Second), nil, fault.Invalid, "has expired"},
	{"not yet valid", claimAt("nbf", 62*time.Second), nil, fault.Invalid, "does not count yet"},
	{"made in the future", claimAt("iat", 62*time.Second), nil, fault.Invalid, "made in the future"},
	{"without an end", claim("exp", nil), nil, fault.Invalid, "until when it counts"},
	{"no ID token", tokens(func(m map[string]any) { delete(m, "id_token") }), nil, fault.Invalid, "gave no ID token"},
	{"no subject", func(r *rig) { r.a.person["sub"] = "" }, nil, fault.Invalid, "does not say who you are"},
	{"another's access token", claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), nil, fault.Invalid, "do not belong together"},
	{"userinfo of another person", claim("sub", "ben"), nil, fault.Invalid, "speaks of another person"},
	{"a token of 5 MB", tokens(func(m map[string]any) { m["id_token"] = strings.Repeat("x", 5<<20) }), nil, fault.Invalid, "more than 1 MiB"},
	{"replayed answer", nil, func(r *rig, a *attempt) {
		_, err := r.finish(a)
		must(r.t, err)
	}, fault.Invalid, "used already. Begin again"},
	{"replayed code", nil, func(r *rig, a *attempt) {
		other := r.begin("a")
		_, err := r.finish(other)
		must(r.t, err)
		a.query.Set("code", other.query.Get("code"))
	}, fault.Unauthenticated, "The code of A was used already"},
	{"a code of another sign-in, injected", nil, func(r *rig, a *attempt) {
		a.query.Set("code", r.begin("a").query.Get("code")) // PKCE: its challenge is another
	}, fault.Unauthenticated, "The code of A was used already, or has expired"},
	{"swapped state", nil, func(r *rig, a *attempt) { a.query.Set("state", r.begin("a").query.Get("state")) }, fault.Invalid, "begun in this browser"},
	{"state twice", nil, func(r *rig, a *attempt) { a.query.Add("state", "x") }, fault.Invalid, "has state twice"},
	{"code twice", nil, func(r *rig, a *attempt) { a.query.Add("code", "x") }, fault.Invalid, "has code twice"},
	{"no code", nil, func(r *rig, a *attempt) { a.query.Del("code") }, fault.Invalid, "has no code"},
	{"mix-up: the answer names the other provider", nil, func(r *rig, a *attempt) { a.query.Set("iss", r.b.URL) }, fault.Invalid, "names another provider"},
	{"mix-up: the answer names nobody", nil, func(r *rig, a *attempt) { a.query.Del("iss") }, fault.Invalid, "this answer has no name"},
	{"mix-up: the answer came to the other's address", nil, func(r *rig, a *attempt) { a.provider = "b" }, fault.Invalid, "came from another provider"},
	{"took too long", nil, func(r *rig, a *attempt) { r.clock.move(login.FlowLife) }, fault.Unauthenticated, "longer than 10 minutes"},
	{"says no", nil, func(r *rig, a *attempt) { a.query.Set("error", "access_denied") }, fault.Unauthenticated, "did not let you in"},
	{"refuses in its own words", nil, func(r *rig, a *attempt) {
		a.query.Set("error", "invalid_scope")
		a.query.Set("error_description", "<b>no</b>")
	}, fault.Invalid, "(invalid_scope: <b>no</b>)"},
	{"refuses this site", func(r *rig) { r.listed.all[0].ClientSecret = "wrong" }, nil, fault.Unavailable, "does not accept the client id or secret"},
	{"answers with a page", tokens(func(m map[string]any) { delete(m, "access_token") }), nil, fault.Invalid, "something else than tokens"},
}

// alike are those that come to the same as one before them, and may be told in its words.
var alike = map[string]bool{"a code of another sign-in, injected": true, "discovery of 5 MB": true}

func TestAHostileProviderIsRefusedInWords(t *testing.T) {
	said := map[string]string{}
	var report strings.Builder
	table := tabwriter.NewWriter(&report, 0, 0, 2, ' ', 0)
	for _, c := range append(hostiles, hostileDiscoveries...) {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			if c.bend != nil {
				r.a.bend(func() { c.bend(r) })
			}
			err := r.try(c)
			wantCode(t, err, c.code, c.words)
			sentence := strings.NewReplacer(r.a.URL, "https://a.example", r.b.URL, "https://b.example").Replace(fault.Sentence(err))
			if other, twice := said[sentence]; twice && !alike[c.name] {
				t.Errorf("it is refused with the words for %q", other)
			}
			said[sentence] = c.name
			fmt.Fprintf(table, "%s\t%s\t%s\n", c.name, c.code, sentence)
		})
	}
	table.Flush()
	t.Logf("%d ways to misbehave:\n%s", len(hostiles)+len(hostileDiscoveries), report.String())
}

// try signs in by the provider a and returns what it is refused with.
func (r *rig) try(c hostile) error {
	start, err := r.Begin(r.t.Context(), "a", "", "", "__Host-")
	if err != nil {
		return err
	}
	a := &attempt{provider: "a", start: start, query: r.consent(start.URL)}
	if c.twist != nil {
		c.twist(r, a)
	}
	done, err := r.finish(a)
	if err == nil {
		r.t.Fatalf("it was taken: %+v", done.Identity)
	}
	if done.Identity.Subject != "" {
		r.t.Errorf("it was refused, and still says who it is: %+v", done.Identity)
	}
	return err
}

func metadata(name string, value any) func(*rig) {
	return func(r *rig) { r.a.metadata = func(m map[string]any) { m[name] = value } }
}

// asIfPublic lets only the provider a be asked, as if it were outside.
func asIfPublic(r *rig) {
	public := netip.MustParseAddrPort(strings.TrimPrefix(r.a.URL, "http://"))
	s, err := login.New(login.Config{Providers: r.listed, Keys: r.keys, PublicURL: site, Now: r.clock.now, Reachable: func(a netip.AddrPort) bool { return a == public }})
	must(r.t, err)
	r.listed.change(func(all []login.Provider) { all[0].AllowPrivate = false })
	r.Service = s
}

func inside(r *rig) string {
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.t.Error("the inside was asked")
		w.WriteHeader(http.StatusOK)
	}))
	r.t.(*testing.T).Cleanup(secret.Close)
	return secret.URL
}

var hostileDiscoveries = []hostile{
	{"discovery redirects to a private address", func(r *rig) {
		asIfPublic(r)
		to := inside(r)
		r.a.discover = func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, to, http.StatusFound) }
	}, nil, fault.Forbidden, "its address 127.0.0.1 is of the machine itself"},
	{"discovery redirects to a cloud machine's credentials", func(r *rig) {
		r.a.discover = func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, "http://169.254.169.254/latest", http.StatusFound)
		}
	}, nil, fault.Forbidden, "169.254.169.254 is link-local"},
	{"discovery names another issuer", metadata("issuer", "https://evil.example"), nil, fault.Invalid, `calls itself "https://evil.example"`},
	{"discovery without keys", metadata("jwks_uri", ""), nil, fault.Invalid, "where its keys are"},
	{"discovery of 5 MB", metadata("filler", strings.Repeat("x", 5<<20)), nil, fault.Invalid, "answered with more than 1 MiB"},
	{"discovery is a page", func(r *rig) {
		r.a.discover = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }
	}, nil, fault.Unavailable, "is not the way to a provider"},
	{"PKCE only as plain", metadata("code_challenge_methods_supported", []string{"plain"}), nil, fault.Unsupported, "supports PKCE only as [plain]"},
	{"sends people to a script", metadata("authorization_endpoint", "javascript:alert(1)"), nil, fault.Invalid, "javascript:alert(1)"},
	{"keys inside", func(r *rig) {
		asIfPublic(r)
		to := inside(r)
		r.a.metadata = func(m map[string]any) {
			m["jwks_uri"], m["authorization_endpoint"] = to+"/keys", strings.Replace(r.a.URL, "http:", "https:", 1)+"/authorize"
		}
	}, nil, fault.Forbidden, "The place of the keys of the provider A is not asked: its address 127.0.0.1"},
	{"no sign-in page by https", asIfPublic, nil, fault.Invalid, "which does not begin with https://"},
}

// other is a text of the same length with another character in its middle. The last ones of base64 may mean nothing.
func other(text string) string {
	at, with := len(text)/2, "A"
	if text[at] == 'A' {
		with = "B"
	}
	return text[:at] + with + text[at+1:]
}

func TestAStrangersBrowserCannotFinish(t *testing.T) {
	r := newRig(t)
	a := r.begin("a")
	_, err := r.Finish(t.Context(), "a", a.query, login.CookieOf(a.query, "__Host-"), "")
	wantCode(t, err, fault.Invalid, "begun in this browser")
	for name, value := range map[string]string{
		"a changed cookie": other(a.start.Cookie.Value), "a cookie of text": "x", "another's": r.begin("a").start.Cookie.Value,
	} {
		_, err := r.Finish(t.Context(), "a", a.query, a.start.Cookie.Name, value)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Sentence(err), "begun in this browser") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if name := login.CookieOf(url.Values{"state": {strings.Repeat("x", 200)}}, ""); name != "" {
		t.Errorf("a state without end names the cookie %s", name)
	}
	if _, err := r.finish(a); err != nil {
		t.Errorf("after all this, the true answer is refused: %v", err)
	}
	// Whoever reads the cookie learns nothing of it.
	for _, piece := range strings.FieldsFunc(a.start.Cookie.Value, func(c rune) bool { return c == '.' }) {
		if plain, err := base64.RawURLEncoding.DecodeString(piece); err == nil && strings.Contains(string(plain), a.query.Get("state")) {
			t.Error("the cookie can be read")
		}
	}
}
