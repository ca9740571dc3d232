package web_test

import (
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"trunkline/internal/seal"
	"trunkline/internal/testkit"
	"trunkline/store"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
	"trunkline/web"
	"trunkline/web/webtest"
)

// campus is a house that people come into by the certified provider.
type campus struct {
	*house
	provider  *testkit.Provider
	providers *store.Providers
}

func newCampus(t *testing.T) *campus {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: filepath.Join(t.TempDir(), "house.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	server := httptest.NewUnstartedServer(nil)
	public := "http://" + server.Listener.Addr().String()
	keys, bell := seal.Random(), &tenancy.Revocations{}
	people, providers, kept := s.Identities(keys), s.Providers(keys), s.Sessions().WithKeys(keys)
	h := &house{store: s, accounts: tenancy.NewAccounts(s, s, s, nil).WithIdentities(people).WithLocal(s).WithBell(bell)}
	h.workspaces = tenancy.NewWorkspaces(s, h.accounts, bell, nil)
	service, err := login.New(login.Config{Providers: providers, Keys: keys, PublicURL: public})
	if err != nil {
		t.Fatal(err)
	}
	c := &campus{house: h, providers: providers}
	admin := &login.Admin{Service: service, Store: providers, Holdings: people, Local: h.accounts}
	pages, err := webtest.NewSite(slog.New(slog.NewTextHandler(io.Discard, nil)), func(w *web.Config) {
		w.Accounts, w.Tokens, w.Sessions, w.Workspaces, w.Bell, w.PublicURL = h.accounts, h.accounts, kept, h.workspaces, bell, public
		w.SSO = web.SSO{Door: service, People: h.accounts, Rules: providers.Rules, Admin: admin}
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = pages.Web.Handler()
	server.Start()
	t.Cleanup(func() { pages.Close(); server.Close() })
	h.site = &site{Site: pages, Server: server, t: t}
	user, err := h.accounts.Administrator(t.Context())
	h.must(err)
	h.must(h.accounts.SetPassword(t.Context(), tenancy.Actor{UserID: user.ID}, "admin", "Admin", housePassword))
	c.startProvider(public)
	return c
}

// startProvider runs the provider with ana, ben and the administrator at home there.
func (c *campus) startProvider(public string) {
	c.t.Helper()
	if os.Getenv("TRUNKLINE_NO_REAL") != "" {
		c.t.Skip("TRUNKLINE_NO_REAL leaves out the real provider")
	}
	client := map[string]any{
		"client_id": "trunkline", "client_secret": "a secret of the client", "grant_types": []string{"authorization_code", "refresh_token"},
		"redirect_uris": []string{public + "/sign-in/return/campus"}, "post_logout_redirect_uris": []string{public + "/signed-out"},
	}
	var err error
	c.provider, err = testkit.StartProvider(c.t.Context(), []map[string]any{client}, map[string]testkit.Claims{
		"ana": {"name": "Ana", "email": "ana@example.edu", "email_verified": true, "groups": []string{"net-teachers", "course-7"}},
		"ben": {"name": "Ben", "groups": []string{}}, "boss": {"name": "The boss", "groups": []string{}},
	})
	if errors.Is(err, testkit.ErrNoProvider) && os.Getenv("TRUNKLINE_REQUIRE_REAL") == "" {
		c.t.Skip(err)
	}
	c.must(err)
	c.t.Cleanup(func() {
		if err := c.provider.Stop(); c.t.Failed() || err != nil {
			c.t.Logf("the provider ended with %v and said:\n%s", err, c.provider.Output())
		}
	})
}

// setUp makes the provider by the page.
func (c *campus) setUp(admin *browser) {
	c.t.Helper()
	admin.post("/providers", url.Values{"id": {"campus"}, "name": {"Campus"}, "issuer": {c.provider.Issuer}, "clientId": {"trunkline"}, "clientSecret": {"a secret of the client"},
		"scopes": {"profile email groups"}, "patience": {"15m"}, "allowPrivate": {"1"}}).want(c.t, http.StatusSeeOther)
	for _, rule := range []url.Values{
		{"kind": {"claim"}, "claim": {"groups"}, "match": {"net-teachers"}, "tenant": {"net"}, "role": {"manager"}, "create": {"1"}},
		{"kind": {"claim"}, "claim": {"groups"}, "match": {`/course-(\d+)/`}, "tenant": {"course-$1"}, "role": {"member"}, "create": {"1"}},
		{"kind": {"domain"}, "domain": {"example.edu"}, "tenant": {"campus"}, "role": {"observer"}},
	} {
		admin.post("/providers/campus/rules", rule).want(c.t, http.StatusSeeOther)
	}
}

// goThere follows to the provider, is that person there, and returns the path that leads back here.
func (c *campus) goThere(b *browser, to, name string) string {
	c.t.Helper()
	answer, err := b.Get(to + "&login_hint=" + name)
	c.must(err)
	for ; err == nil && !strings.HasPrefix(answer.Header.Get("Location"), c.URL); answer, err = b.Get(c.at(answer)) {
	}
	c.must(err)
	answer.Body.Close()
	return strings.TrimPrefix(answer.Header.Get("Location"), c.URL)
}

func (c *campus) at(answer *http.Response) string {
	c.t.Helper()
	defer answer.Body.Close()
	to, err := answer.Location()
	if err != nil {
		text, _ := io.ReadAll(answer.Body)
		c.t.Fatalf("the provider answers %s and leads nowhere: %v\n%s", answer.Status, err, text)
	}
	return to.String()
}

// comesIn is a browser in which somebody signed in by the provider; next is where that led.
func (c *campus) comesIn(name, next string) (*browser, answer) {
	c.t.Helper()
	b := c.browser()
	begun := b.get("/sign-in/with/campus?next=" + url.QueryEscape(next))
	begun.want(c.t, http.StatusSeeOther)
	return b, b.get(c.goThere(b, begun.Header.Get("Location"), name), "Sec-Fetch-Site", "cross-site")
}

func TestPeopleComeInByTheProvider(t *testing.T) {
	c := newCampus(t)
	admin := c.signedIn("admin")
	c.browser().get("/sign-in").want(t, http.StatusOK, `name="password"`)
	c.setUp(admin)
	door := c.browser().get("/sign-in?next=/members")
	door.want(t, http.StatusOK, `href="/sign-in/with/campus?next=%2Fmembers"`, "Sign in with Campus", `<details class="password">`)

	b, came := c.comesIn("ana", "/members")
	came.want(t, http.StatusSeeOther)
	if to := came.Header.Get("Location"); to != "/members" {
		t.Errorf("it leads to %s", to)
	}
	for _, cookie := range came.Cookies() {
		if strings.HasPrefix(cookie.Name, "trunkline-sign-in-") && cookie.MaxAge >= 0 {
			t.Errorf("the cookie of the attempt stays: %v", cookie)
		}
	}
	members := b.get("/members")
	members.want(t, http.StatusOK, "by single sign-on (campus)", "/workspaces/net/use", "/workspaces/course-7/use")
	b.get("/account").want(t, http.StatusOK, "ana@example.edu", "this session")
	for _, next := range []string{"https://evil.example", "//evil.example", `/\evil.example`} {
		if _, came := c.comesIn("ana", next); came.Header.Get("Location") != "/labs" {
			t.Errorf("%s leads to %s", next, came.Header.Get("Location"))
		}
	}

	bye := b.post("/sign-out", nil)
	bye.want(t, http.StatusOK, "Signed out here", `<meta http-equiv="refresh" content="0;url=`+c.provider.Issuer+"/session/end?", "id_token_hint=", "post_logout_redirect_uri=")
	b.get("/labs").want(t, http.StatusSeeOther)
	b.get("/signed-out").want(t, http.StatusOK, "You are signed out here and at your organisation.")
}

func TestASignInThatComesToNothingSaysWhyAndLeadsBack(t *testing.T) {
	c := newCampus(t)
	c.setUp(c.signedIn("admin"))
	b := c.browser()
	begun := b.get("/sign-in/with/campus?next=/hosts")
	back := c.goThere(b, begun.Header.Get("Location"), "ana")
	c.browser().get(back).want(t, http.StatusUnprocessableEntity, "You are not signed in", "does not belong to a sign-in begun in this browser", `href="/sign-in"`, `href="/sign-in/with/campus"`)
	b.get(back).want(t, http.StatusSeeOther)
	b.get(back).want(t, http.StatusUnprocessableEntity, "does not belong to a sign-in begun in this browser") // its cookie is gone
	b.get("/sign-in/return/campus").want(t, http.StatusUnprocessableEntity)
	c.browser().get("/sign-in/with/nobody").want(t, http.StatusNotFound, "Nobody signs in by", "Other ways to sign in")
	b = c.browser()
	begun = b.get("/sign-in/with/campus")
	to, err := url.Parse(begun.Header.Get("Location"))
	c.must(err)
	refused := "/sign-in/return/campus?error=access_denied&iss=" + url.QueryEscape(c.provider.Issuer) + "&state=" + to.Query().Get("state")
	b.get(refused).want(t, http.StatusUnauthorized, "did not let you in", "Try again")
}

func TestWaysInAreLinkedByWhoIsSignedInAlone(t *testing.T) {
	c := newCampus(t)
	admin := c.signedIn("admin")
	c.setUp(admin)
	admin.get("/account").want(t, http.StatusOK, `action="/account/ways-in/campus/link"`)
	link := func(b *browser) string {
		t.Helper()
		page := b.post("/account/ways-in/campus/link", nil)
		page.want(t, http.StatusOK, "On to Campus", "prompt=login")
		return html.UnescapeString(regexp.MustCompile(`href="(` + regexp.QuoteMeta(c.provider.Issuer) + `[^"]+)"`).FindStringSubmatch(page.body)[1])
	}
	back := c.goThere(admin, link(admin), "boss")
	other := c.person("eve", "physics", tenancy.Owner)
	other.get("/labs").want(t, http.StatusOK)
	admin.get(back).want(t, http.StatusSeeOther)
	admin.get("/account").want(t, http.StatusOK, "From now on you can also sign in by Campus.", `name="subject" value="boss"`)
	in, came := c.comesIn("boss", "/providers")
	came.want(t, http.StatusSeeOther)
	in.get("/providers").want(t, http.StatusOK, "Campus") // it is the administrator
	in.post("/account/ways-in/unlink", url.Values{"issuer": {c.provider.Issuer}, "subject": {"boss"}}).want(t, http.StatusConflict, "You came in this way just now")

	// Whoever is signed in by then is not who began.
	back = c.goThere(other, link(other), "ben")
	other.post("/sign-out", nil).want(t, http.StatusSeeOther)
	other.post("/sign-in", url.Values{"email": {"admin"}, "password": {housePassword}}).want(t, http.StatusSeeOther)
	other.get(back).want(t, http.StatusForbidden, "Nothing was linked", "Whoever began to link this is not signed in here any more")
	// One that somebody has is not given to another.
	third := c.person("dan", "physics", tenancy.Member)
	third.get(c.goThere(third, link(third), "boss")).want(t, http.StatusConflict, "Somebody signs in here that way already")

	admin.post("/account/ways-in/unlink", url.Values{"issuer": {c.provider.Issuer}, "subject": {"boss"}}).want(t, http.StatusSeeOther)
	in.get("/labs").want(t, http.StatusSeeOther) // the session that it began has ended
}

func TestPasswordsAreSwitchedOffWhileAnotherDoorIsOpen(t *testing.T) {
	c := newCampus(t)
	admin := c.signedIn("admin")
	off := url.Values{"on": {"0"}}
	admin.post("/providers/local", off).want(t, http.StatusConflict, "No administrator of this site can sign in by a provider yet.")
	c.setUp(admin)
	page := admin.post("/account/ways-in/campus/link", nil)
	to := html.UnescapeString(regexp.MustCompile(`href="(http[^"]+)"`).FindStringSubmatch(page.body)[1])
	admin.get(c.goThere(admin, to, "boss")).want(t, http.StatusSeeOther)
	invited := admin.post("/members/invitations", url.Values{"role": {"member"}, "uses": {"3"}, "life": {"24h0m0s"}})
	join := regexp.MustCompile(`/join/[\w-]+`).FindString(invited.body)
	admin.post("/providers/local", off).want(t, http.StatusSeeOther)

	if door := c.browser().get("/sign-in"); strings.Contains(door.body, `name="password"`) || !strings.Contains(door.body, "Sign in with Campus") {
		t.Errorf("the door: %s", door.body)
	}
	c.browser().post("/sign-in", url.Values{"email": {"admin"}, "password": {housePassword}}).want(t, http.StatusForbidden, "Passwords are switched off on this site.")
	if page := c.browser().get(join); strings.Contains(page.body, `name="password"`) || !strings.Contains(page.body, "Sign in and join") {
		t.Errorf("the invitation: %s", page.body)
	}
	c.browser().post(join+"/account", url.Values{"email": {"new"}, "name": {"New"}, "password": {housePassword}}).want(t, http.StatusForbidden, "Passwords are switched off")
	admin.post("/providers/campus/delete", nil).want(t, http.StatusConflict, "no administrator could sign in after this")
	admin.post("/providers/campus", url.Values{"name": {"Campus"}, "issuer": {c.provider.Issuer}, "clientId": {"trunkline"}, "allowPrivate": {"1"}, "disabled": {"1"}}).want(t, http.StatusConflict)
	link, err := c.accounts.AdministratorLink(t.Context())
	c.must(err)
	c.browser().post("/sign-in/"+link, nil).want(t, http.StatusSeeOther)
	admin.post("/providers/local", url.Values{"on": {"1"}}).want(t, http.StatusSeeOther)
	c.signedIn("admin")
}
