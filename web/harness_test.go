package web_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"trunkline/web"
	"trunkline/web/webtest"
)

// site is the pages on a world in memory, behind a real HTTP server.
type site struct {
	*webtest.Site
	*httptest.Server
	t *testing.T
}

func newSite(t *testing.T, change func(*web.Config)) *site {
	t.Helper()
	s, err := webtest.NewSite(nil, change)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Web.Handler())
	t.Cleanup(func() {
		s.Close()
		server.Close()
	})
	return &site{Site: s, Server: server, t: t}
}

// browser keeps cookies, does not follow redirects, and sends what browsers send.
type browser struct {
	*http.Client
	site *site
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{site: s, Client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as is a browser in which somebody is signed in.
func (s *site) as(name string) *browser {
	s.t.Helper()
	b := s.browser()
	a := b.post("/sign-in", url.Values{"email": {name}, "password": {webtest.Password}})
	if a.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("signing in as %s: %d %s", name, a.StatusCode, a.body)
	}
	return b
}

type answer struct {
	*http.Response
	body string
}

func (b *browser) do(method, path string, body io.Reader, headers ...string) answer {
	b.site.t.Helper()
	r, err := http.NewRequest(method, b.site.URL+path, body)
	if err != nil {
		b.site.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := b.Do(r)
	if err != nil {
		b.site.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.site.t.Fatal(err)
	}
	return answer{response, string(text)}
}

func (b *browser) get(path string, headers ...string) answer {
	return b.do("GET", path, nil, headers...)
}

func (b *browser) post(path string, form url.Values, headers ...string) answer {
	headers = append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)
	return b.do("POST", path, strings.NewReader(form.Encode()), headers...)
}

func (a answer) want(t *testing.T, status int, parts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("status %d, want %d: %.400s", a.StatusCode, status, a.body)
	}
	for _, part := range parts {
		if !strings.Contains(a.body, part) {
			t.Errorf("the answer does not say %q: %.600s", part, a.body)
		}
	}
}

var nonce = regexp.MustCompile(`nonce(="|-)[A-Z2-7]+`)

// same is the body without what differs between any two answers.
func (a answer) same() string { return nonce.ReplaceAllString(a.body, "") }

func (s *site) example(owner, name string) string {
	s.t.Helper()
	id, err := s.World.AddExample(s.World.Actor(owner), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}
