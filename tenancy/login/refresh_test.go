package login_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy/login"
)

func TestRefreshSeesWhatHasChanged(t *testing.T) {
	r := newRig(t)
	id := r.signIn("a")
	r.a.bend(func() { r.a.person["groups"] = []any{} })
	again, err := r.Refresh(t.Context(), id)
	must(t, err)
	if groups, there := again.Claims["groups"].([]any); !there || len(groups) != 0 {
		t.Errorf("groups are %v", again.Claims["groups"])
	}
	if again.RefreshToken == id.RefreshToken || again.AccessToken == id.AccessToken || again.SessionID != "session1" || again.Subject != "ana" || again.Name != "Ana" {
		t.Errorf("%+v", again)
	}
	// The old refresh token was taken back.
	_, err = r.Refresh(t.Context(), id)
	wantCode(t, err, fault.Unauthenticated, "not signed in there any more")
	_, err = r.Refresh(t.Context(), again)
	must(t, err)
}

func TestGoneAndCouldNotAskDiffer(t *testing.T) {
	for name, c := range map[string]struct {
		bend  func(r *rig, id *login.Identity)
		code  fault.Code
		words string
		kept  bool // the new refresh token comes back with the error
	}{
		"the provider took the refresh token back": {func(r *rig, _ *login.Identity) { clear(r.a.refresh) }, fault.Unauthenticated, "not signed in there any more", false},
		"userinfo does not take a fresh token":     {func(r *rig, _ *login.Identity) { r.a.down["/userinfo"] = http.StatusForbidden }, fault.Unauthenticated, "not signed in there any more", true},
		"it speaks of another person":              {func(r *rig, _ *login.Identity) { r.a.person["sub"] = "ben" }, fault.Unauthenticated, "another person", true},
		"userinfo is down":                         {func(r *rig, _ *login.Identity) { r.a.down["/userinfo"] = http.StatusBadGateway }, fault.Unavailable, "problem of its own", true},
		"tokens are down":                          {func(r *rig, _ *login.Identity) { r.a.down["/token"] = http.StatusServiceUnavailable }, fault.Unavailable, "gave no tokens", false},
		"it refuses this site":                     {func(r *rig, _ *login.Identity) { r.listed.all[0].ClientSecret = "old" }, fault.Unavailable, "client id or secret", false},
		"it is gone altogether":                    {func(r *rig, _ *login.Identity) { r.listed.all[0].Issuer = "http://127.0.0.1:1" }, fault.Unauthenticated, "another one than when you signed in", false},
		"nobody listens there": {func(r *rig, id *login.Identity) {
			r.listed.all[0].Issuer, id.Issuer = "http://127.0.0.1:1", "http://127.0.0.1:1"
		}, fault.Unavailable, "did not answer", false},
		"it was switched off here":                                      {func(r *rig, _ *login.Identity) { r.listed.all[0].Disabled = true }, fault.Unauthenticated, "any more", false},
		"its new ID token is forged":                                    {func(r *rig, _ *login.Identity) { r.a.sign = rs256(keys()[1]) }, fault.Unavailable, "could not be asked", true},
		"there is no refresh token and the access token has expired":    {func(r *rig, id *login.Identity) { id.RefreshToken, id.Expiry = "", r.clock.now() }, fault.Unavailable, "gave no refresh token", false},
		"there is nothing to ask with":                                  {func(_ *rig, id *login.Identity) { id.RefreshToken, id.AccessToken = "", "" }, fault.Unavailable, "nothing to ask it again with", false},
		"there is no refresh token and the access token was taken back": {func(r *rig, id *login.Identity) { id.RefreshToken = ""; clear(r.a.access) }, fault.Unauthenticated, "not signed in there any more", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			id := r.signIn("a")
			before := id.RefreshToken
			r.a.bend(func() { c.bend(r, &id) })
			after, err := r.Refresh(t.Context(), id)
			wantCode(t, err, c.code, c.words)
			if after.Claims != nil {
				t.Errorf("it says %v all the same", after.Claims)
			}
			if kept := after.RefreshToken != before && after.RefreshToken != ""; kept != c.kept {
				t.Errorf("the refresh token was %q and is %q", before, after.RefreshToken)
			}
		})
	}
}

func TestWithoutARefreshTokenUserinfoIsAsked(t *testing.T) {
	r := newRig(t)
	r.a.bend(func() { r.a.tokens = func(m map[string]any) { delete(m, "refresh_token") } })
	id := r.signIn("a")
	r.a.bend(func() { delete(r.a.person, "groups") })
	asked := r.a.count("/token")
	again, err := r.Refresh(t.Context(), id)
	must(t, err)
	if _, there := again.Claims["groups"]; there || again.Claims["name"] != "Ana" || r.a.count("/token") != asked {
		t.Errorf("%v", again.Claims)
	}
}

func TestARefreshWithoutWordsLeavesClaimsNil(t *testing.T) {
	r := newRig(t)
	r.a.bend(func() {
		r.a.metadata = func(m map[string]any) { delete(m, "userinfo_endpoint") }
	})
	id := r.signIn("a")
	r.a.bend(func() { r.a.tokens = func(m map[string]any) { delete(m, "id_token"); delete(m, "refresh_token") } })
	again, err := r.Refresh(t.Context(), id)
	must(t, err)
	if again.Claims != nil || again.RefreshToken != id.RefreshToken {
		t.Errorf("%+v", again)
	}
}

func TestSettingsAreCheckedByField(t *testing.T) {
	good := settings("campus", "https://id.example.org/realm")
	good.AllowPrivate = false
	must(t, good.Check())
	for name, c := range map[string]struct {
		change func(*login.Provider)
		field  string
	}{
		"an id with capitals":          {func(p *login.Provider) { p.ID = "Campus" }, "id"},
		"an id too long":               {func(p *login.Provider) { p.ID = strings.Repeat("a", 41) }, "id"},
		"no name":                      {func(p *login.Provider) { p.Name = " " }, "name"},
		"no client":                    {func(p *login.Provider) { p.ClientID = "" }, "clientId"},
		"a secret without end":         {func(p *login.Provider) { p.ClientSecret = strings.Repeat("a", 5000) }, "clientSecret"},
		"patience without end":         {func(p *login.Provider) { p.Patience = 25 * time.Hour }, "patience"},
		"two scopes in one":            {func(p *login.Provider) { p.Scopes = []string{"a b"} }, "scopes"},
		"no address":                   {func(p *login.Provider) { p.Issuer = "campus" }, "issuer"},
		"the address of the discovery": {func(p *login.Provider) { p.Issuer += "/.well-known/openid-configuration" }, "issuer"},
		"no TLS":                       {func(p *login.Provider) { p.Issuer = "http://id.example.org" }, "issuer"},
		"another scheme":               {func(p *login.Provider) { p.Issuer = "ftp://id.example.org"; p.AllowPrivate = true }, "issuer"},
		"a question":                   {func(p *login.Provider) { p.Issuer += "?a=b" }, "issuer"},
		"a password":                   {func(p *login.Provider) { p.Issuer = "https://a:b@id.example.org" }, "issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			c.change(&p)
			err := p.Check()
			if !fault.Is(err, fault.Invalid) || fault.Public(err).Field != c.field {
				t.Errorf("%v in field %q", err, fault.Public(err).Field)
			}
		})
	}
	if good.Waits() != login.DefaultPatience || (login.Provider{Patience: time.Minute}).Waits() != time.Minute {
		t.Error("patience")
	}
}
