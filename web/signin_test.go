package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"trunkline/web"
	"trunkline/web/webtest"
)

func TestWhoIsNotSignedInIsSentToTheDoorAndBack(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	a := b.get("/labs/abc?x=1")
	a.want(t, http.StatusSeeOther)
	if at := a.Header.Get("Location"); at != "/sign-in?next="+url.QueryEscape("/labs/abc?x=1") {
		t.Fatal(at)
	}
	a = b.post("/sign-in", url.Values{"email": {"admin"}, "password": {webtest.Password}, "next": {"/labs/abc?x=1"}})
	if at := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || at != "/labs/abc?x=1" {
		t.Fatalf("%d %s", a.StatusCode, at)
	}
}

func TestAWrongPasswordComesBackFilledIn(t *testing.T) {
	s := newSite(t, nil)
	a := s.browser().post("/sign-in", url.Values{"email": {"ana <b>"}, "password": {"no"}})
	a.want(t, http.StatusUnauthorized, `value="ana &lt;b&gt;"`, "do not go together")
	if strings.Contains(a.body, `value="no"`) {
		t.Error("the password came back")
	}
}

func TestAnotherSessionIsMadeAtSignIn(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("mia")
	at, _ := url.Parse(s.URL)
	before := b.Jar.Cookies(at)[0].Value
	b.post("/sign-in", url.Values{"email": {"admin"}, "password": {webtest.Password}})
	if after := b.Jar.Cookies(at)[0].Value; after == before {
		t.Error("the cookie of before still counts")
	}
}

func TestRedirectsStayInside(t *testing.T) {
	s := newSite(t, nil)
	for _, next := range []string{"//evil.example", "https://evil.example/", `/\evil.example`, "evil", "/\tx", ""} {
		a := s.browser().post("/sign-in", url.Values{"email": {"admin"}, "password": {webtest.Password}, "next": {next}})
		if at := a.Header.Get("Location"); at != "/labs" {
			t.Errorf("%q leads to %q", next, at)
		}
	}
}

func TestTheOneTimeLinkWorksOnceAndAsksForAPassword(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	b.get("/sign-in/first").want(t, http.StatusOK, `method="post" action="/sign-in/first"`) // looking at it does not use it up
	a := b.post("/sign-in/first", nil)
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/welcome" {
		t.Fatalf("%d %s", a.StatusCode, a.Header.Get("Location"))
	}
	b.get("/welcome").want(t, http.StatusOK, "Not now", `name="password"`)
	b.post("/welcome", url.Values{"email": {"ana@example.org"}, "name": {"Ana"}, "password": {"short"}}).
		want(t, http.StatusUnprocessableEntity, `value="ana@example.org"`, `value="Ana"`, "at least 10 characters", `aria-invalid="true"`)
	a = b.post("/welcome", url.Values{"email": {"ana@example.org"}, "name": {"Ana"}, "password": {"a few words in a row"}})
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/labs" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	b.get("/labs").want(t, http.StatusOK, "Next time you can sign in with your password")
	if again := b.get("/labs"); strings.Contains(again.body, "Next time you can sign in") {
		t.Error("the message is shown twice")
	}
	b.post("/welcome", url.Values{"password": {"more words in a row"}}).want(t, http.StatusForbidden) // once
	s.browser().post("/sign-in/first", nil).want(t, http.StatusNotFound, "This link was used")
	a = s.browser().post("/sign-in", url.Values{"email": {"ana@example.org"}, "password": {"a few words in a row"}})
	a.want(t, http.StatusSeeOther)
}

func TestLostRightsCountAtOnce(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("mia")
	b.get("/labs").want(t, http.StatusOK)
	s.World.Remove("mia")
	b.get("/labs").want(t, http.StatusSeeOther)
}

func TestSigningOutEndsTheSession(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("mia")
	b.post("/sign-out", nil).want(t, http.StatusSeeOther)
	b.get("/labs").want(t, http.StatusSeeOther)
}

func TestTheCookieIsBoundToTheHostWhereThereIsTLS(t *testing.T) {
	sign := func(public string) *http.Cookie {
		s := newSite(t, func(c *web.Config) { c.PublicURL = public })
		a := s.browser().post("/sign-in", url.Values{"email": {"admin"}, "password": {webtest.Password}})
		return a.Cookies()[0]
	}
	plain, tls := sign(""), sign("https://lab.example.org")
	if plain.Name != "trunkline" || plain.Secure || !plain.HttpOnly || plain.SameSite != http.SameSiteLaxMode {
		t.Errorf("%v", plain)
	}
	if tls.Name != "__Host-trunkline" || !tls.Secure || tls.Path != "/" || tls.Domain != "" {
		t.Errorf("%v", tls)
	}
}
