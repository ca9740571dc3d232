package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"trunkline/tenancy"
	"trunkline/web"
	"trunkline/web/webtest"
)

// cookies is what the browser sends to the site.
func (b *browser) cookies() string {
	u, _ := url.Parse(b.site.URL)
	var all []string
	for _, c := range b.Jar.Cookies(u) {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

func TestACookieOfBeforeSigningInIsWorthNothingAfter(t *testing.T) {
	s := newSite(t, nil)
	planted := s.browser()
	u, _ := url.Parse(s.URL)
	planted.Jar.SetCookies(u, []*http.Cookie{{Name: "trunkline", Value: strings.Repeat("A", 43)}})
	before := planted.cookies()
	planted.post("/sign-in", url.Values{"email": {"mia"}, "password": {webtest.Password}}).want(t, http.StatusSeeOther)
	first := planted.cookies()
	if first == before {
		t.Fatal("signing in kept the secret that was planted")
	}
	thief := s.browser()
	thief.get("/account", "Cookie", before).want(t, http.StatusSeeOther)
	planted.post("/sign-in", url.Values{"email": {"mia"}, "password": {webtest.Password}}).want(t, http.StatusSeeOther)
	if planted.cookies() == first {
		t.Fatal("signing in anew kept the secret")
	}
	thief.get("/account", "Cookie", first).want(t, http.StatusSeeOther)
	planted.get("/account").want(t, http.StatusOK, "You are signed in here and nowhere else.")
}

func TestTheSecretChangesWhenRightsRise(t *testing.T) {
	h := newHouse(t)
	ada, mia := h.person("ada", "campus", tenancy.Owner), h.person("mia", "campus", tenancy.Member)
	mia.get("/account").want(t, http.StatusOK)
	before := mia.cookies()
	mia.get("/account")
	if mia.cookies() != before {
		t.Fatal("the secret changes without a reason")
	}
	ada.post("/members/u-mia/role", url.Values{"role": {"manager"}}).want(t, http.StatusSeeOther)
	mia.get("/account", "HX-Request", "true").want(t, http.StatusOK)
	mia.get("/account", "Sec-Fetch-Mode", "cors").want(t, http.StatusOK)
	if mia.cookies() != before {
		t.Fatal("a part of a page changes the secret")
	}
	mia.get("/account", "Sec-Fetch-Mode", "navigate").want(t, http.StatusOK, "this one")
	after := mia.cookies()
	if after == before {
		t.Fatal("the secret stays when rights rise")
	}
	h.browser().get("/account", "Cookie", before).want(t, http.StatusSeeOther)
	mia.get("/account").want(t, http.StatusOK)
	ada.post("/members/u-mia/role", url.Values{"role": {"observer"}}).want(t, http.StatusSeeOther)
	mia.get("/account")
	if mia.cookies() != after {
		t.Error("the secret changes when rights fall")
	}
}

func TestAnEndedSessionClosesWhatLivesOnIt(t *testing.T) {
	s := newSite(t, nil)
	id := running(t, s)
	here, there := s.as("mia"), s.as("mia")
	stream, kept := events(t, there, "/labs/events"), events(t, here, "/labs/events")
	next(t, stream, "rows ")
	next(t, kept, "rows ")
	shell := there.shell("/labs/" + id + "/nodes/r1/shell")
	shell.until("root@r1")
	page := here.get("/account")
	ends := regexp.MustCompile(`/account/sessions/([0-9a-z]+)/end"`).FindAllStringSubmatch(page.body, -1)
	if strings.Count(page.body, "this one") != 1 {
		t.Errorf("the session that asks is marked %d times", strings.Count(page.body, "this one"))
	}
	started := time.Now()
	for _, one := range ends { // also those of running's browsers
		here.post("/account/sessions/"+one[1]+"/end", nil).want(t, http.StatusSeeOther)
	}
	const reason = "You ended this session from another one. Sign in again to go on."
	if e := next(t, stream, "revoked "); e != `revoked "`+reason+`"` {
		t.Error(e)
	}
	if closed := shell.closed(); closed.Code != 4403 || closed.Reason != reason {
		t.Errorf("the shell closes with %+v", closed)
	}
	took := time.Since(started)
	t.Logf("a stream and a shell were closed in %s", took)
	if took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	there.get("/account").want(t, http.StatusSeeOther)
	here.get("/account").want(t, http.StatusOK, "You are signed in here and nowhere else.")
	select {
	case e, open := <-kept:
		if !open || strings.HasPrefix(e, "revoked") {
			t.Errorf("the session that stays was cut off: %q", e)
		}
	default:
	}
}

func TestOneEndsAllOthersAndNobodyElses(t *testing.T) {
	s := newSite(t, nil)
	here, there, otto := s.as("mia"), s.as("mia"), s.as("otto")
	own := regexp.MustCompile(`/account/sessions/([0-9a-z]+)/end"`).FindStringSubmatch(here.get("/account").body)[1]
	otto.post("/account/sessions/"+own+"/end", nil).want(t, http.StatusNotFound)
	if a, b := otto.post("/account/sessions/"+own+"/end", nil), otto.post("/account/sessions/none/end", nil); strings.ReplaceAll(a.same(), own, "none") != b.same() {
		t.Error("somebody else's session is told from a missing one")
	}
	here.post("/account/sessions/end-others", nil).want(t, http.StatusSeeOther)
	here.get("/account").want(t, http.StatusOK, "1 other session was ended")
	there.get("/account").want(t, http.StatusSeeOther)
	otto.get("/account").want(t, http.StatusOK)
	otto.post("/members/u-mia/sign-out", nil).want(t, http.StatusNotFound) // the world has no workspaces, so no such page
}

func TestWhoSignsOutIsOutInEveryTab(t *testing.T) {
	s := newSite(t, nil)
	mia := s.as("mia")
	other := events(t, mia, "/labs/events")
	next(t, other, "rows ")
	cookie := mia.cookies()
	mia.post("/sign-out", nil).want(t, http.StatusSeeOther)
	next(t, other, `revoked "You signed out.`)
	s.browser().get("/account", "Cookie", cookie).want(t, http.StatusSeeOther)
}

func TestAnAdministratorSignsSomebodyOut(t *testing.T) {
	h := newHouse(t)
	mia := h.person("mia", "campus", tenancy.Manager)
	stream := events(t, mia, "/labs/events")
	next(t, stream, "rows ")
	ada := h.person("ada", "campus", tenancy.Owner)
	ada.post("/members/u-mia/sign-out", nil).want(t, http.StatusForbidden)
	admin := h.browser()
	admin.post("/sign-in", url.Values{"email": {"admin"}, "password": {housePassword}}).want(t, http.StatusSeeOther)
	admin.post("/members/u-mia/sign-out", nil).want(t, http.StatusSeeOther)
	next(t, stream, `revoked "An administrator of this site signed you out.`)
	mia.get("/account").want(t, http.StatusSeeOther)
	ada.get("/account").want(t, http.StatusOK)
}

func TestTheCookieIsBoundToItsHostUnderTLS(t *testing.T) {
	s := newSite(t, func(c *web.Config) { c.PublicURL = "https://lab.example.org" })
	a := s.browser().post("/sign-in", url.Values{"email": {"mia"}, "password": {webtest.Password}})
	cookie := a.Header.Get("Set-Cookie")
	for _, part := range []string{"__Host-trunkline=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("%s is missing in %s", part, cookie)
		}
	}
	if strings.Contains(cookie, "Domain") {
		t.Errorf("the cookie names a domain: %s", cookie)
	}
}

func TestAServiceAccountOnThePage(t *testing.T) {
	h := newHouse(t)
	services := tenancy.NewServices(h.store, h.accounts, nil)
	h.Web.Services = services
	ada, otto := h.person("ada", "campus", tenancy.Owner), h.person("otto", "campus", tenancy.Observer)
	ada.post("/members/services", url.Values{"name": {""}, "role": {"member"}}).want(t, http.StatusUnprocessableEntity, "Give the service account a name")
	ada.post("/members/services", url.Values{"name": {"nightly"}, "role": {"member"}}).want(t, http.StatusSeeOther)
	page := ada.get("/members")
	page.want(t, http.StatusOK, "Service accounts", "nightly", "It has no token", "2 people")
	base := regexp.MustCompile(`/members/services/[0-9a-z]+/tokens`).FindString(page.body)
	ada.post(base, url.Values{"name": {"ci"}, "scope": {"more"}}).want(t, http.StatusUnprocessableEntity, "There is no scope")
	made := ada.post(base, url.Values{"name": {"ci"}, "scope": {"read"}, "expires": {"30d"}})
	made.want(t, http.StatusOK, "not shown again", "look, change nothing")
	secret := regexp.MustCompile(`tlk_[0-9A-Za-z]{49}`).FindString(made.body)
	h.browser().get("/api/v1/me", "Authorization", "Bearer "+secret).want(t, http.StatusOK, `"service":true`, `"tokenScope":"read"`)
	seen := otto.get("/members")
	seen.want(t, http.StatusOK, "nightly")
	if strings.Contains(seen.body, secret[:10]) || strings.Contains(seen.body, base) {
		t.Error("an observer sees tokens of service accounts")
	}
	otto.post(base, url.Values{"name": {"x"}}).want(t, http.StatusForbidden)
	role := strings.TrimSuffix(base, "/tokens") + "/role"
	otto.post(role, url.Values{"role": {"observer"}}).want(t, http.StatusForbidden)
	ada.post(role, url.Values{"role": {"god"}}).want(t, http.StatusUnprocessableEntity, "There is no role", `-wrong"`)
	ada.post(role, url.Values{"role": {"observer"}}).want(t, http.StatusSeeOther)
	ada.get("/members").want(t, http.StatusOK, "Role of nightly</label>", `<option value="observer" selected>`)
	h.browser().get("/api/v1/me", "Authorization", "Bearer "+secret).want(t, http.StatusOK, `"role":"observer"`)
	ada.post(strings.TrimSuffix(base, "/tokens")+"/remove", nil).want(t, http.StatusSeeOther)
	h.browser().get("/api/v1/me", "Authorization", "Bearer "+secret).want(t, http.StatusForbidden)
}
