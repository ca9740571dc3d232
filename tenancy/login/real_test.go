package login_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/seal"
	"trunkline/internal/testkit"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

// startCertified runs the certified provider until the test ends. It skips where it cannot be run, or where real parts are left out; where they are required, it
// fails.
func startCertified(t *testing.T, client map[string]any, accounts map[string]testkit.Claims) *testkit.Provider {
	t.Helper()
	if os.Getenv("TRUNKLINE_NO_REAL") != "" {
		t.Skip("TRUNKLINE_NO_REAL leaves out the real provider")
	}
	p, err := testkit.StartProvider(t.Context(), []map[string]any{client}, accounts)
	if errors.Is(err, testkit.ErrNoProvider) && os.Getenv("TRUNKLINE_REQUIRE_REAL") == "" {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() {
		if err := p.Stop(); t.Failed() || err != nil {
			t.Logf("the provider ended with %v and said:\n%s", err, p.Output())
		}
	})
	return p
}

// realSite is our side: the service, and the back channel where the provider reaches it.
type realSite struct {
	*login.Service
	back    *httptest.Server
	ended   chan login.Ended
	refused func() string
}

func newRealSite(t *testing.T) (*realSite, *listed) {
	providers := &listed{}
	s := &realSite{ended: make(chan login.Ended, 8)}
	var log safeBuffer
	var err error
	s.Service, err = login.New(login.Config{Providers: providers, Keys: seal.Random(), PublicURL: "http://127.0.0.1:9", Now: time.Now})
	must(t, err)
	s.back = httptest.NewServer(s.BackChannel(func(_ context.Context, e login.Ended) error { s.ended <- e; return nil }, slog.New(slog.NewTextHandler(&log, nil))))
	t.Cleanup(s.back.Close)
	s.refused = log.String
	return s, providers
}

type safeBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}
func (b *safeBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.text.String() }

// browser keeps cookies, and stops where the provider leads back to us.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), "http://127.0.0.1:9/") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

// comeIn signs in as sub.
func (s *realSite) comeIn(t *testing.T, b *http.Client, sub string) login.Identity {
	t.Helper()
	start, err := s.Begin(t.Context(), "real", "/labs", "", "")
	must(t, err)
	answer, err := b.Get(start.URL + "&login_hint=" + sub)
	must(t, err)
	answer.Body.Close()
	back, err := answer.Location()
	if err != nil {
		t.Fatalf("the provider answers %s: %v", answer.Status, err)
	}
	done, err := s.Finish(t.Context(), "real", back.Query(), login.CookieOf(back.Query(), ""), start.Cookie.Value)
	must(t, err)
	return done.Identity
}

var xsrf = regexp.MustCompile(`action="([^"]+)".*name="xsrf" value="([^"]+)"`)

// goOut signs out at the provider, by the page that it shows, and returns where that leads.
func (s *realSite) goOut(t *testing.T, b *http.Client, id login.Identity) *url.URL {
	t.Helper()
	at, err := s.LogoutURL(t.Context(), id, "http://127.0.0.1:9/sign-in", "bye")
	must(t, err)
	page, err := b.Get(at)
	must(t, err)
	defer page.Body.Close()
	text, err := io.ReadAll(page.Body)
	must(t, err)
	found := xsrf.FindStringSubmatch(string(text))
	if found == nil {
		t.Fatalf("the provider shows no form to log out (%s):\n%s", page.Status, text)
	}
	answer, err := b.PostForm(found[1], url.Values{"xsrf": {found[2]}, "logout": {"yes"}})
	must(t, err)
	answer.Body.Close()
	to, err := answer.Location()
	must(t, err)
	return to
}

func TestTheCertifiedProvider(t *testing.T) {
	site, providers := newRealSite(t)
	ana := map[string]any{"email": "ana@example.edu", "email_verified": true, "name": "Ana", "groups": []string{"net-teachers", "course-7"}, "realm_access": map[string]any{"roles": []string{"lab"}}}
	client := map[string]any{
		"client_id": "trunkline", "client_secret": "a secret of the client", "grant_types": []string{"authorization_code", "refresh_token"},
		"redirect_uris": []string{site.RedirectURI("real")}, "post_logout_redirect_uris": []string{"http://127.0.0.1:9/sign-in"},
		"backchannel_logout_uri": site.back.URL, "backchannel_logout_session_required": true,
	}
	provider := startCertified(t, client, map[string]testkit.Claims{"ana": ana, "ben": {"name": "Ben"}})
	providers.all = []login.Provider{{ID: "real", Name: "Campus", Issuer: provider.Issuer, ClientID: "trunkline", ClientSecret: "a secret of the client",
		Scopes: []string{"profile", "email", "groups"}, AllowPrivate: true}}
	rules := []tenancy.Rule{
		{ID: "1", Claim: "groups", Match: "net-teachers", Tenant: "net", Role: tenancy.Manager},
		{ID: "2", Claim: "groups", Match: `/course-(\d+)/`, Tenant: "course$1", Role: tenancy.Member, Create: true},
		{ID: "3", Claim: "realm_access.roles", Match: "lab", Tenant: "lab", Role: tenancy.Observer},
		{ID: "4", Domain: "example.edu", Tenant: "campus", Role: tenancy.Member},
	}
	b := browser(t)
	id := site.comeIn(t, b, "ana")
	if id.Subject != "ana" || id.Issuer != provider.Issuer || id.Email != "ana@example.edu" || !id.EmailVerified || id.Name != "Ana" || id.SessionID == "" || id.RefreshToken == "" {
		t.Errorf("%+v", id)
	}
	first := tenancy.Evaluate(rules, id.Claims)
	if got := tenants(first.Memberships); got != "campus:member course7:member lab:observer net:manager" {
		t.Errorf("the claims give %q: %+v", got, first.Lines)
	}
	held := asHeld(first.Memberships)

	t.Run("a group that is taken away is seen at the next refresh", func(t *testing.T) {
		ana["groups"] = []string{"course-7"}
		must(t, provider.SetAccount(t.Context(), "ana", ana))
		began := time.Now()
		var err error
		id, err = site.Refresh(t.Context(), id)
		must(t, err)
		if got := tenants(tenancy.Evaluate(rules, id.Claims).Settle(held)); got != "campus:member course7:member lab:observer" {
			t.Errorf("the claims settle to %q", got)
		}
		t.Logf("the refresh took %s", time.Since(began).Round(time.Millisecond))
	})
	t.Run("a missing claim takes nothing, an empty one all of its own", func(t *testing.T) {
		delete(ana, "groups")
		must(t, provider.SetAccount(t.Context(), "ana", ana))
		var err error
		id, err = site.Refresh(t.Context(), id)
		must(t, err)
		if got := tenants(tenancy.Evaluate(rules, id.Claims).Settle(held)); got != "campus:member course7:member lab:observer net:manager" {
			t.Errorf("without the claim it settles to %q", got)
		}
		ana["groups"] = []string{}
		must(t, provider.SetAccount(t.Context(), "ana", ana))
		id, err = site.Refresh(t.Context(), id)
		must(t, err)
		if got := tenants(tenancy.Evaluate(rules, id.Claims).Settle(held)); got != "campus:member lab:observer" {
			t.Errorf("with an empty claim it settles to %q", got)
		}
	})
	t.Run("whoever is removed is gone at the next refresh", func(t *testing.T) {
		ben := site.comeIn(t, browser(t), "ben")
		must(t, provider.SetAccount(t.Context(), "ben", nil))
		_, err := site.Refresh(t.Context(), ben)
		wantCode(t, err, fault.Unauthenticated, "not signed in there any more")
	})
	t.Run("a session that the provider ends by itself is told by the back channel", func(t *testing.T) {
		b := browser(t)
		id := site.comeIn(t, b, "ana")
		must(t, provider.LogOut(t.Context(), "ana"))
		if ended := <-site.ended; ended.SessionID != id.SessionID || ended.Issuer != provider.Issuer {
			t.Errorf("%+v, and the session was %s", ended, id.SessionID)
		}
	})
	t.Run("signing out there leads back here, and the back channel says so", func(t *testing.T) {
		began := time.Now()
		if to := site.goOut(t, b, id); to.Path != "/sign-in" || to.Query().Get("state") != "bye" {
			t.Errorf("it leads to %s", to)
		}
		select {
		case ended := <-site.ended:
			if ended.Provider != "real" || ended.Issuer != provider.Issuer || ended.SessionID != id.SessionID {
				t.Errorf("%+v, and the session was %s", ended, id.SessionID)
			}
			t.Logf("the logout token arrived and was checked after %s", time.Since(began).Round(time.Millisecond))
		case <-time.After(time.Minute):
			t.Fatalf("no logout token came: %s", site.refused())
		}
		_, err := site.Refresh(t.Context(), id)
		wantCode(t, err, fault.Unauthenticated, "not signed in there any more")
	})
}

func tenants(grants []tenancy.Grant) string {
	var all []string
	for _, g := range grants {
		all = append(all, g.TenantID+":"+string(g.Role))
	}
	return strings.Join(all, " ")
}

func asHeld(grants []tenancy.Grant) []tenancy.Membership {
	var held []tenancy.Membership
	for _, g := range grants {
		held = append(held, tenancy.Membership{TenantID: g.TenantID, Role: g.Role})
	}
	return held
}
