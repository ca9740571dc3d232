package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"trunkline/web"
)

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	id := s.example("admin", "ospf-triangle")
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
	} {
		b.post("/labs/"+id+"/destroy", url.Values{"forget": {"1"}}, headers...).want(t, http.StatusForbidden, "another site")
	}
	b.get("/labs/"+id).want(t, http.StatusOK)
}

func TestThePublicAddressMayPost(t *testing.T) {
	s := newSite(t, func(c *web.Config) { c.PublicURL = "http://lab.example.org" })
	a := s.browser().post("/sign-in", url.Values{}, "Sec-Fetch-Site", "", "Origin", "http://lab.example.org")
	a.want(t, http.StatusUnauthorized)
}

func TestWebsocketsOfOtherSitesAreRefused(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	id := s.example("admin", "ospf-triangle")
	_, response, err := websocket.Dial(context.Background(), strings.Replace(s.URL, "http", "ws", 1)+"/labs/"+id+"/nodes/r1/shell", &websocket.DialOptions{
		HTTPClient: b.Client, HTTPHeader: http.Header{"Origin": {"https://evil.example"}},
	})
	if err == nil || response.StatusCode != http.StatusForbidden {
		t.Fatalf("%v %v", response, err)
	}
}

func TestThePolicyAllowsNothingInline(t *testing.T) {
	s := newSite(t, nil)
	a := s.as("admin").get("/labs")
	policy := a.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "'strict-dynamic'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%s is missing in %s", part, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
	for _, inline := range []string{" style=\"", " onclick=", "<style"} {
		if strings.Contains(a.body, inline) {
			t.Errorf("the page has %s", inline)
		}
	}
	if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("X-Request-Id") == "" {
		t.Error(a.Header)
	}
	if again := s.as("admin").get("/labs"); again.Header.Get("Content-Security-Policy") == policy {
		t.Error("the nonce is used twice")
	}
}

func TestLargeFormsAreRefused(t *testing.T) {
	s := newSite(t, nil)
	s.browser().post("/sign-in", url.Values{"email": {strings.Repeat("a", 2<<20)}}).want(t, http.StatusUnprocessableEntity, "more than the 1024 KiB")
}

func TestEveryRouteButTheDoorWantsSomebody(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser()
	for _, r := range web.Routes() {
		path := strings.NewReplacer(":lab", "x", ":node", "y", ":action", "stop", ":token", "z", ":secret", "q").Replace(r.Path)
		a := b.do(r.Method, path, nil, "Accept", "application/json")
		if public := !strings.Contains(a.body, `"code":"unauthenticated"`); public != r.Public {
			t.Errorf("%s %s: %d, public %v", r.Method, r.Path, a.StatusCode, r.Public)
		}
	}
}
