package login_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/seal"
	"trunkline/tenancy/login"
)

func TestASignInSaysWhoItIs(t *testing.T) {
	r := newRig(t)
	a := r.begin("a")
	q, err := url.Parse(a.start.URL)
	must(t, err)
	for name, want := range map[string]string{"response_type": "code", "client_id": clientID, "redirect_uri": site + "/sign-in/return/a", "scope": "openid profile email", "code_challenge_method": "S256", "prompt": ""} {
		if got := q.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(q.Query().Get("state")) < 43 || len(q.Query().Get("nonce")) < 43 || len(q.Query().Get("code_challenge")) != 43 {
		t.Errorf("something is short in %s", q.RawQuery)
	}
	if c := a.start.Cookie; !strings.HasPrefix(c.Name, "__Host-trunkline-sign-in-") || c.MaxAge != login.FlowLife || len(c.Value) > 1024 {
		t.Errorf("cookie %+v", c)
	}
	done, err := r.finish(a)
	must(t, err)
	id := done.Identity
	if done.Note != "/labs" || id.Provider != "a" || id.Issuer != r.a.URL || id.Subject != "ana" || id.SessionID != "session1" || id.Email != "ana@example.org" || !id.EmailVerified ||
		id.Name != "Ana" || id.RefreshToken == "" || id.AccessToken == "" || id.IDToken == "" || id.Expiry.IsZero() {
		t.Errorf("%+v", done)
	}
	if groups, _ := id.Claims["groups"].([]any); len(groups) != 1 || groups[0] != "staff" || id.Claims["iss"] != r.a.URL {
		t.Errorf("claims %v", id.Claims)
	}
}

func TestTwoTabsTwoProvidersAndARestartDoNotDisturbEachOther(t *testing.T) {
	r := newRig(t)
	first, second, other := r.begin("a"), r.begin("a"), r.begin("b")
	r.Service = r.restart()
	for _, a := range []*attempt{second, other, first} {
		done, err := r.finish(a)
		must(t, err)
		if done.Identity.Provider != a.provider {
			t.Errorf("signed in by %s", done.Identity.Provider)
		}
	}
	if first.start.Cookie.Name == second.start.Cookie.Name {
		t.Error("two tabs share a cookie")
	}
	lost := r.begin("a")
	r.keys = seal.Random()
	r.Service = r.restart()
	_, err := r.finish(lost)
	wantCode(t, err, fault.Invalid, "begun in this browser")
}

func TestClocksMayDifferByAMinute(t *testing.T) {
	for name, ahead := range map[string]map[string]time.Duration{"expired 59 s ago": {"exp": -59 * time.Second}, "counts in 59 s": {"nbf": 59 * time.Second}, "made in 59 s": {"iat": 59 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.a.bend(func() {
				r.a.claims = func(c map[string]any) {
					for claim, by := range ahead {
						c[claim] = r.clock.now().Add(by).Unix()
					}
				}
			})
			r.signIn("a")
		})
	}
}

func TestNewKeysAreFound(t *testing.T) {
	r := newRig(t)
	r.signIn("a")
	r.a.bend(func() { r.a.key, r.a.kid = keys()[1], "two" })
	r.signIn("a")
	r.a.bend(func() { r.a.key = keys()[2] }) // under the same name
	r.signIn("a")
	// At another address: the discovery document has to be read again, though not at once after it was read.
	r.clock.move(10 * time.Second)
	r.a.bend(func() { r.a.key, r.a.kid, r.a.keysPath = keys()[0], "three", "/keys/new" })
	r.signIn("a")
	if n := r.a.count("/.well-known/openid-configuration"); n != 2 {
		t.Errorf("the discovery document was read %d times", n)
	}
}

func TestStrangersCannotMakeUsAskForKeysWithoutEnd(t *testing.T) {
	r := newRig(t)
	r.signIn("a")
	before := r.a.count("/keys")
	r.a.bend(func() { r.a.sign = rs256(keys()[1]) })
	for range 60 {
		_, _, err := r.LogoutToken(t.Context(), r.a.token(map[string]any{"jti": "x", "sub": "ana", "events": logoutEvents}))
		wantCode(t, err, fault.Invalid, "not signed by a key")
	}
	if n := r.a.count("/keys") - before; n > 6 {
		t.Errorf("60 forged tokens made us ask %d times", n)
	}
	r.a.bend(func() { r.a.sign = nil })
	r.signIn("a")
}

func TestAProviderThatIsDownIsLeftAloneForAWhile(t *testing.T) {
	r := newRig(t)
	const path = "/.well-known/openid-configuration"
	begin := func() error { _, err := r.Begin(t.Context(), "a", "", "", ""); return err }
	r.a.bend(func() { r.a.down[path] = http.StatusBadGateway })
	for range 20 {
		if err := begin(); !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
	}
	if n := r.a.count(path); n != 1 {
		t.Errorf("20 people made us ask %d times", n)
	}
	for i := range 12 {
		r.clock.move(time.Minute)
		if err := begin(); !fault.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
		if n := r.a.count(path); n != i+2 {
			t.Errorf("after a minute it was asked %d times", n)
		}
	}
	r.a.bend(func() { delete(r.a.down, path) })
	r.clock.move(time.Minute)
	must(t, begin())
	// What it said counts for an hour, and longer when it is down then.
	asked := r.a.count(path)
	r.clock.move(59 * time.Minute)
	must(t, begin())
	if r.a.count(path) != asked {
		t.Error("it was asked again within the hour")
	}
	r.a.bend(func() { r.a.down[path] = http.StatusInternalServerError })
	r.clock.move(2 * time.Minute)
	must(t, begin())
	if r.a.count(path) != asked+1 {
		t.Error("it was not asked again after an hour")
	}
}

func TestManyAtOnceAskOnce(t *testing.T) {
	r := newRig(t)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			if _, err := r.Begin(t.Context(), "a", "", "", ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := r.a.count("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
}

func TestSettingsThatChangeCountAtOnce(t *testing.T) {
	r := newRig(t)
	r.signIn("a")
	a := r.begin("a")
	r.listed.change(func(all []login.Provider) { all[0].Issuer = r.b.URL })
	if start, err := r.Begin(t.Context(), "a", "", "", ""); err != nil || !strings.HasPrefix(start.URL, r.b.URL) {
		t.Errorf("%s, %v", start.URL, err)
	}
	_, err := r.finish(a)
	wantCode(t, err, fault.Invalid, "names another provider")
	r.listed.change(func(all []login.Provider) { all[1].Disabled = true })
	_, err = r.Begin(t.Context(), "b", "", "", "")
	wantCode(t, err, fault.NotFound, "Nobody signs in by")
	_, err = r.Begin(t.Context(), "nobody", "", "", "")
	wantCode(t, err, fault.NotFound, `"nobody"`)
	buttons, err := r.Buttons(t.Context())
	if err != nil || len(buttons) != 1 || buttons[0] != (login.Button{ID: "a", Name: "A", Path: "/sign-in/with/a"}) {
		t.Errorf("%v, %v", buttons, err)
	}
}

func TestAProviderWithoutTheFinePoints(t *testing.T) {
	r := newRig(t)
	r.a.bend(func() {
		r.a.metadata = func(m map[string]any) {
			for _, name := range []string{"userinfo_endpoint", "end_session_endpoint", "code_challenge_methods_supported", "authorization_response_iss_parameter_supported"} {
				delete(m, name)
			}
		}
		r.a.claims = func(c map[string]any) { c["groups"], c["preferred_username"] = []string{"net"}, "ana7" }
	})
	a := r.begin("a")
	a.query.Del("iss")
	done, err := r.finish(a)
	must(t, err)
	if id := done.Identity; id.Name != "ana7" || id.Email != "" || id.EmailVerified || len(id.Claims["groups"].([]any)) != 1 {
		t.Errorf("%+v", id)
	}
	if at, err := r.LogoutURL(t.Context(), done.Identity, "", ""); err != nil || at != "" {
		t.Errorf("%q, %v", at, err)
	}
}

func TestTheWayOutLeadsThroughTheProvider(t *testing.T) {
	r := newRig(t)
	id := r.signIn("a")
	at, err := r.LogoutURL(t.Context(), id, site+"/sign-in", "x")
	must(t, err)
	u, err := url.Parse(at)
	must(t, err)
	q := u.Query()
	if !strings.HasPrefix(at, r.a.URL+"/end?") || q.Get("tenant") != "1" || q.Get("id_token_hint") != id.IDToken || q.Get("client_id") != clientID ||
		q.Get("post_logout_redirect_uri") != site+"/sign-in" || q.Get("state") != "x" {
		t.Error(at)
	}
	id.IDToken = strings.Repeat("x", 7<<10)
	if at, err := r.LogoutURL(t.Context(), id, "", ""); err != nil || len(at) > 1024 {
		t.Errorf("an address of %d bytes, %v", len(at), err)
	}
	id.Issuer = "https://else.example"
	if at, err := r.LogoutURL(t.Context(), id, "", ""); err != nil || at != "" {
		t.Errorf("somebody of another issuer is sent to %q, %v", at, err)
	}
}
