package web_test

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"trunkline/web"
)

func TestDownloadsAreSandboxedAndNotKept(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ospf-triangle")
	a := s.as("mia").get("/labs/" + id + "/export")
	a.want(t, http.StatusOK)
	if policy := a.Header.Get("Content-Security-Policy"); policy != "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox" {
		t.Errorf("the policy of a download is %q", policy)
	}
	if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("a download comes with %v", a.Header)
	}
}

func TestJSONThatIsNestedTooDeeplyIsRefused(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ospf-triangle")
	mia := s.as("mia")
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	mia.do("POST", "/labs/"+id+"/positions", strings.NewReader(deep), "Content-Type", "application/json", "Accept", "application/json").
		want(t, http.StatusUnprocessableEntity)
	flat := `{"` + strings.Repeat("[{", 70) + `":{"x":1,"y":2}}` // brackets inside of a string are text
	mia.do("POST", "/labs/"+id+"/positions", strings.NewReader(flat), "Content-Type", "application/json").want(t, http.StatusNotFound, "There is no ")
}

func TestWhoTriesSecretsIsSlowedDownByAddress(t *testing.T) {
	s := newSite(t, func(c *web.Config) { c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	guesser := s.browser()
	refusedAfter(t, 400, func(try int) answer {
		return guesser.post("/sign-in/wrong-"+strconv.Itoa(try), nil, "X-Forwarded-For", "203.0.113.9")
	})
	refusedAfter(t, 10, func(int) answer { return guesser.get("/join/any", "X-Forwarded-For", "203.0.113.9") }) // one try comes back every two seconds
	s.browser().post("/sign-in/first", nil, "X-Forwarded-For", "203.0.113.10").want(t, http.StatusSeeOther)
}

func TestUploadsAreBoundedByPerson(t *testing.T) {
	s := newSite(t, nil)
	mia := s.as("mia")
	refusedAfter(t, 400, func(int) answer {
		return mia.do("POST", "/labs", strings.NewReader("yaml="), "Content-Type", "application/x-www-form-urlencoded")
	})
	if a := s.as("admin").post("/labs", nil); a.StatusCode == http.StatusTooManyRequests {
		t.Error("somebody else is refused as well")
	}
}

// refusedAfter asks until it is refused, which has to come with how long to wait, and before so many tries.
func refusedAfter(t *testing.T, most int, ask func(try int) answer) {
	t.Helper()
	for try := range most {
		a := ask(try)
		if a.StatusCode != http.StatusTooManyRequests {
			continue
		}
		if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 60 {
			t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
		}
		if !strings.Contains(a.body, "Try again in ") {
			t.Errorf("the answer does not say when: %.300s", a.body)
		}
		return
	}
	t.Errorf("%d tries were not refused", most)
}

func TestHSTSIsSentWhereTheAddressIsTLS(t *testing.T) {
	for public, want := range map[string]string{"https://lab.example.org": "max-age=31536000; includeSubDomains", "http://lab.example.org": ""} {
		s := newSite(t, func(c *web.Config) { c.PublicURL = public })
		for _, path := range []string{"/sign-in", "/static/none", "/healthz", "/api/v1/none", "/nothing"} {
			if got := s.browser().get(path).Header.Get("Strict-Transport-Security"); got != want {
				t.Errorf("%s at %s: %q", path, public, got)
			}
		}
	}
}
