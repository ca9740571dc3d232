package acceptance

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// page is somebody who looks at the pages with a browser, signed in by the one-time link.
type page struct {
	t    *testing.T
	r    *rig
	http *http.Client
}

func newPage(r *rig) *page {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	p := &page{t: r.t, r: r, http: &http.Client{Jar: jar}}
	if code, text := p.send("POST", strings.TrimPrefix(r.SignInLink, r.URL), nil); code != http.StatusOK {
		r.t.Fatalf("the sign-in link answers %d:\n%.500s", code, text)
	}
	return p
}

// send asks for a page, or sends a form as the page does, and follows to where it leads.
func (p *page) send(method, path string, form url.Values) (int, string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.r.limited(), method, p.r.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", p.r.URL)
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	response, err := p.http.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// shows expects a page with the words in it, written as HTML writes them.
func (p *page) shows(path string, words ...string) {
	p.t.Helper()
	code, text := p.send("GET", path, nil)
	if code != http.StatusOK {
		p.t.Errorf("%s answers %d", path, code)
	}
	p.says(path, text, words...)
}

// plain is what a page says without the escapes of HTML.
func plain(text string) string {
	return strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&quot;", `"`, "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

func (p *page) says(path, text string, words ...string) {
	p.t.Helper()
	for _, word := range words {
		if !strings.Contains(plain(text), word) {
			p.t.Errorf("%s does not say %q:\n%.3000s", path, word, plain(text))
		}
	}
}
