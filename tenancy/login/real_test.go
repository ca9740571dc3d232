package login_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/seal"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

// certified is the npm oidc-provider, in a process of its own.
type certified struct {
	t      *testing.T
	issuer string
}

// needReal skips where node is missing, or where real parts are left out; where they are required, it fails.
func needReal(t *testing.T) {
	t.Helper()
	if os.Getenv("TRUNKLINE_NO_REAL") != "" {
		t.Skip("TRUNKLINE_NO_REAL leaves out the real provider")
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("TRUNKLINE_REQUIRE_REAL") != "" {
				t.Fatalf("%s is needed for the real provider: %v", program, err)
			}
			t.Skipf("there is no %s to run the real provider with", program)
		}
	}
}

// installed returns a folder with the provider and what it needs, by the lock file. It is made once for each content of testdata/provider.
func installed(t *testing.T) string {
	t.Helper()
	files := map[string][]byte{}
	sum := sha256.New()
	for _, name := range []string{"package.json", "package-lock.json", "compat.mjs", "hooks.mjs", "crypto.mjs", "provider.mjs"} {
		text, err := os.ReadFile(filepath.Join("testdata", "provider", name))
		must(t, err)
		files[name] = text
		sum.Write(text)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	folder := filepath.Join(cache, "trunkline-test", "oidc-provider-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	if _, err := os.Stat(folder); err == nil {
		return folder
	}
	must(t, os.MkdirAll(filepath.Dir(folder), 0o755))
	draft, err := os.MkdirTemp(filepath.Dir(folder), ".draft-*")
	must(t, err)
	defer os.RemoveAll(draft)
	for name, text := range files {
		must(t, os.WriteFile(filepath.Join(draft, name), text, 0o644))
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = draft
	if out, err := install.CombinedOutput(); err != nil {
		text := "the certified provider cannot be installed by npm: " + err.Error() + "\n" + string(out)
		if os.Getenv("TRUNKLINE_REQUIRE_REAL") != "" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	if err := os.Rename(draft, folder); err != nil {
		if _, there := os.Stat(folder); there != nil { // somebody else was quicker otherwise
			t.Fatal(err)
		}
	}
	return folder
}

// startCertified runs the provider until the test ends.
func startCertified(t *testing.T, client map[string]any, accounts map[string]any) *certified {
	t.Helper()
	needReal(t)
	folder := installed(t)
	settings, err := json.Marshal(map[string]any{"clients": []any{client}, "accounts": accounts})
	must(t, err)
	program := exec.Command("node", "provider.mjs", string(settings))
	program.Dir = folder
	var complaints bytes.Buffer
	program.Stderr = &complaints
	in, err := program.StdinPipe()
	must(t, err)
	out, err := program.StdoutPipe()
	must(t, err)
	must(t, program.Start())
	t.Cleanup(func() {
		err := errors.Join(in.Close(), program.Wait())
		if t.Failed() || err != nil {
			t.Logf("the provider ended with %v and said:\n%s", err, complaints.String())
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var ready struct{ Issuer string }
	if err = errors.Join(err, json.Unmarshal(line, &ready)); err != nil {
		t.Fatalf("the provider did not start: %v", err)
	}
	return &certified{t: t, issuer: ready.Issuer}
}

// account changes what somebody is; nil: the person is gone.
func (c *certified) account(sub string, claims map[string]any) {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"sub": sub, "claims": claims})
	must(c.t, err)
	answer, err := http.Post(c.issuer+"/test/account", "application/json", bytes.NewReader(body))
	must(c.t, err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		c.t.Fatal(answer.Status)
	}
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
	return &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
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
	provider := startCertified(t, client, map[string]any{"ana": ana, "ben": map[string]any{"name": "Ben"}})
	providers.all = []login.Provider{{ID: "real", Name: "Campus", Issuer: provider.issuer, ClientID: "trunkline", ClientSecret: "a secret of the client",
		Scopes: []string{"profile", "email", "groups"}, AllowPrivate: true}}
	rules := []tenancy.Rule{
		{ID: "1", Claim: "groups", Match: "net-teachers", Tenant: "net", Role: tenancy.Manager},
		{ID: "2", Claim: "groups", Match: `/course-(\d+)/`, Tenant: "course$1", Role: tenancy.Member, Create: true},
		{ID: "3", Claim: "realm_access.roles", Match: "lab", Tenant: "lab", Role: tenancy.Observer},
		{ID: "4", Domain: "example.edu", Tenant: "campus", Role: tenancy.Member},
	}
	b := browser(t)
	id := site.comeIn(t, b, "ana")
	if id.Subject != "ana" || id.Issuer != provider.issuer || id.Email != "ana@example.edu" || !id.EmailVerified || id.Name != "Ana" || id.SessionID == "" || id.RefreshToken == "" {
		t.Errorf("%+v", id)
	}
	first := tenancy.Evaluate(rules, id.Claims)
	if got := tenants(first.Memberships); got != "campus:member course7:member lab:observer net:manager" {
		t.Errorf("the claims give %q: %+v", got, first.Lines)
	}
	held := asHeld(first.Memberships)

	t.Run("a group that is taken away is seen at the next refresh", func(t *testing.T) {
		ana["groups"] = []string{"course-7"}
		provider.account("ana", ana)
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
		provider.account("ana", ana)
		var err error
		id, err = site.Refresh(t.Context(), id)
		must(t, err)
		if got := tenants(tenancy.Evaluate(rules, id.Claims).Settle(held)); got != "campus:member course7:member lab:observer net:manager" {
			t.Errorf("without the claim it settles to %q", got)
		}
		ana["groups"] = []string{}
		provider.account("ana", ana)
		id, err = site.Refresh(t.Context(), id)
		must(t, err)
		if got := tenants(tenancy.Evaluate(rules, id.Claims).Settle(held)); got != "campus:member lab:observer" {
			t.Errorf("with an empty claim it settles to %q", got)
		}
	})
	t.Run("whoever is removed is gone at the next refresh", func(t *testing.T) {
		ben := site.comeIn(t, browser(t), "ben")
		provider.account("ben", nil)
		_, err := site.Refresh(t.Context(), ben)
		wantCode(t, err, fault.Unauthenticated, "not signed in there any more")
	})
	t.Run("signing out there leads back here, and the back channel says so", func(t *testing.T) {
		began := time.Now()
		if to := site.goOut(t, b, id); to.Path != "/sign-in" || to.Query().Get("state") != "bye" {
			t.Errorf("it leads to %s", to)
		}
		select {
		case ended := <-site.ended:
			if ended.Provider != "real" || ended.Issuer != provider.issuer || ended.SessionID != id.SessionID {
				t.Errorf("%+v, and the session was %s", ended, id.SessionID)
			}
			t.Logf("the logout token arrived and was checked after %s", time.Since(began).Round(time.Millisecond))
		case <-time.After(20 * time.Second):
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
