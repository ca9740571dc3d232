package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"trunkline/web"
)

func TestAShellWantsATicketOfItsOwn(t *testing.T) {
	s := newSite(t, nil)
	id := running(t, s)
	shell, other := "/labs/"+id+"/nodes/r1/shell", "/labs/"+id+"/nodes/r2/shell"
	mia := s.as("mia")
	used := mia.ticket(shell)
	mia.dial(withTicket(shell, used)).until("root@r1")
	for name, c := range map[string]struct {
		browser      *browser
		path, ticket string
	}{
		"none":                     {mia, shell, ""},
		"made up":                  {mia, shell, strings.Repeat("A", 43)},
		"used already":             {mia, shell, used},
		"of another path":          {mia, other, mia.ticket(shell)},
		"of another session":       {s.as("mia"), shell, mia.ticket(shell)},
		"of another person":        {s.as("otto"), shell, mia.ticket(shell)},
		"of somebody of elsewhere": {s.as("eve"), shell, mia.ticket(shell)},
	} {
		refused := c.browser.dial(withTicket(c.path, c.ticket)).until("refused:")["refused"]
		if refused["code"] != "forbidden" || !strings.Contains(refused["reason"].(string), "its ticket is missing") {
			t.Errorf("%s: %v", name, refused)
		}
	}
}

func TestOnlyOurOwnOriginOpensShells(t *testing.T) {
	for name, c := range map[string]struct {
		public string
		origin []string
		ok     bool
	}{
		"the same host, none set":          {"", []string{"http://HOST"}, true},
		"missing, none set":                {"", nil, false},
		"null, none set":                   {"", []string{"null"}, false},
		"two of them":                      {"", []string{"http://HOST", "http://HOST"}, false},
		"another port, none set":           {"", []string{"http://127.0.0.1:1"}, false},
		"a subdomain, none set":            {"", []string{"http://evil.HOST"}, false},
		"another name behind it, none set": {"", []string{"http://HOST.evil.example"}, false},
		"with a path, none set":            {"", []string{"http://HOST/"}, false},
		"another scheme, none set":         {"", []string{"file://HOST"}, false},
		"a public loopback address":        {"http://localhost:8080", []string{"http://HOST"}, true},
		"the public address":               {"https://Lab.example.org:443", []string{"https://lab.example.org"}, true},
		"the public address by http":       {"https://lab.example.org", []string{"http://lab.example.org"}, false},
		"the public address, another port": {"https://lab.example.org", []string{"https://lab.example.org:8443"}, false},
		"a subdomain of the public one":    {"https://lab.example.org", []string{"https://evil.lab.example.org"}, false},
		"a parent of the public one":       {"https://lab.example.org", []string{"https://example.org"}, false},
		"missing, public set":              {"https://lab.example.org", nil, false},
		"null, public set":                 {"https://lab.example.org", []string{"null"}, false},
		"the host, public set":             {"https://lab.example.org", []string{"http://HOST"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(c_ *web.Config) { c_.PublicURL = c.public })
			host := strings.TrimPrefix(s.URL, "http://")
			headers := http.Header{"Sec-Fetch-Site": {"same-origin"}}
			for _, o := range c.origin {
				headers.Add("Origin", strings.ReplaceAll(o, "HOST", host))
			}
			cookie := s.cookieOf("mia")
			headers.Set("Cookie", cookie)
			conn, response, err := websocket.Dial(context.Background(), strings.Replace(s.URL, "http", "ws", 1)+"/labs/none/nodes/r1/shell", &websocket.DialOptions{HTTPHeader: headers})
			if c.ok {
				if err != nil {
					t.Fatal(err)
				}
				(&line{conn, t, t.Context()}).until("ticket is missing") // it came as far as that
				conn.CloseNow()
				return
			}
			if err == nil || response.StatusCode != http.StatusForbidden {
				t.Fatalf("%v, %v", response, err)
			}
		})
	}
}

// cookieOf signs somebody in and returns the cookie, also where only TLS would send it.
func (s *site) cookieOf(name string) string {
	s.t.Helper()
	a := s.browser().post("/sign-in", map[string][]string{"email": {name}, "password": {"correct horse battery"}})
	a.want(s.t, http.StatusSeeOther)
	cookies := a.Cookies()
	if len(cookies) != 1 {
		s.t.Fatalf("%d cookies", len(cookies))
	}
	return cookies[0].Name + "=" + cookies[0].Value
}
