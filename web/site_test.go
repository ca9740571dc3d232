package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"trunkline/internal/fault"
	"trunkline/web"
	"trunkline/web/webtest"
)

func TestATokenIsShownOnceAndWorksUntilItIsRevoked(t *testing.T) {
	s := newSite(t, func(c *web.Config) {
		c.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			actor, err := web.Authenticated(r)
			if err != nil {
				w.WriteHeader(fault.Status(fault.CodeOf(err)))
				return
			}
			json.NewEncoder(w).Encode(actor)
		})
	})
	b := s.as("mia")
	b.post("/account/tokens", url.Values{"name": {""}}).want(t, http.StatusUnprocessableEntity, "Give the token a name")
	a := b.post("/account/tokens", url.Values{"name": {"my laptop"}})
	a.want(t, http.StatusOK, "my laptop", "not shown again")
	secret := regexp.MustCompile(`tlk_[0-9A-Za-z]{49}`).FindString(a.body)
	again := b.get("/account")
	again.want(t, http.StatusOK, "my laptop", secret[:8])
	if regexp.MustCompile(`tlk_[0-9A-Za-z]{49}`).MatchString(again.body) {
		t.Error("the secret is shown twice")
	}
	nobody := s.browser()
	nobody.get("/api/v1/me").want(t, http.StatusUnauthorized)
	nobody.get("/api/v1/me", "Authorization", "Bearer "+secret).want(t, http.StatusOK, `"userName":"mia"`)
	nobody.get("/api/v1/me", "Authorization", "Bearer wrong").want(t, http.StatusUnauthorized)
	b.get("/api/v1/me").want(t, http.StatusOK, `"userName":"mia"`)
	id := regexp.MustCompile(`/account/tokens/([0-9a-z]+)/revoke`).FindStringSubmatch(again.body)[1]
	b.post("/account/tokens/"+id+"/revoke", nil).want(t, http.StatusSeeOther)
	b.get("/account").want(t, http.StatusOK, "The token was revoked")
}

func TestAPasswordIsTypedTwice(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("mia")
	b.get("/account").want(t, http.StatusOK, "Current password", `autocomplete="current-password"`)
	b.post("/account/password", url.Values{"current": {webtest.Password}, "password": {"another good one"}, "again": {"another bad one"}}).want(t, http.StatusUnprocessableEntity, "not the same")
	b.post("/account/password", url.Values{"current": {"a guess"}, "password": {"another good one"}, "again": {"another good one"}}).
		want(t, http.StatusUnprocessableEntity, "not the password that you have now", `name="current" type="password" autocomplete="current-password" required aria-invalid="true"`)
	b.get("/welcome").want(t, http.StatusSeeOther)
	b.post("/welcome", url.Values{"password": {"another good one"}}).want(t, http.StatusForbidden, "Only who comes by a one-time link")
	b.post("/account/password", url.Values{"current": {webtest.Password}, "password": {"another good one"}, "again": {"another good one"}}).want(t, http.StatusSeeOther)
	s.browser().post("/sign-in", url.Values{"email": {"mia"}, "password": {"another good one"}}).want(t, http.StatusSeeOther)
}

func TestHealthAndReadiness(t *testing.T) {
	broken := fault.New(fault.Unavailable, "The database does not answer.")
	var state error
	s := newSite(t, func(c *web.Config) { c.Ready = func(context.Context) error { return state } })
	b := s.browser()
	b.get("/healthz").want(t, http.StatusOK, "ok")
	b.get("/readyz").want(t, http.StatusOK, "ready")
	state = broken
	b.get("/readyz").want(t, http.StatusServiceUnavailable, "The database does not answer.")
	b.get("/healthz").want(t, http.StatusOK)
}

func TestThemeIsReadFromTheCookie(t *testing.T) {
	s := newSite(t, nil)
	s.browser().get("/sign-in", "Cookie", "theme=dark").want(t, http.StatusOK, `<html lang="en" data-theme="dark">`)
	s.browser().get("/sign-in", "Cookie", `theme=x"y`).want(t, http.StatusOK, `<html lang="en">`)
}

func TestLicencesAreListed(t *testing.T) {
	s := newSite(t, nil)
	s.as("mia").get("/about").want(t, http.StatusOK, "htmx.org", "4.0.1", "@xterm/xterm", "OFL-1.1")
}
