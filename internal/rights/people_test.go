package rights_test

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"trunkline/internal/ident"
	"trunkline/tenancy"
)

// actor is one kind of person in one tenant, as the rule table sees him, with what signs his requests.
type actor struct {
	name   string // such as "manager of alpha"
	who    tenancy.Actor
	home   *tenant            // whose objects are his own; nobody's is the first tenant
	cookie string             // of a browser
	token  string             // of a program
	scope  tenancy.TokenScope // of the token; "": all
	remake func() *actor
}

func (a *actor) nobody() bool { return a.who.IsNobody() }

// program says that it has a token and no browser.
func (a *actor) program() bool { return a.cookie == "" && a.token != "" }

// at is the actor as an address sees him: pages know no tokens.
func (a *actor) at(one address) tenancy.Actor {
	switch who := a.who; {
	case a.nobody():
		return who
	case one.api:
		who.TokenID, who.TokenScope = "any", cmp.Or(a.scope, tenancy.ScopeAll)
		return who
	case a.program():
		return tenancy.Actor{}
	default:
		return who
	}
}

// roles are the kinds of people in each tenant. The owner of the lab is a member.
var roles = []struct {
	name string
	role tenancy.Role
	site bool
}{
	{"observer", tenancy.Observer, false}, {"member", tenancy.Member, false}, {labOwner, tenancy.Member, false}, {"manager", tenancy.Manager, false},
	{"owner", tenancy.Owner, false}, {"administrator", tenancy.Observer, true},
}

const labOwner = "lab's owner"

// person makes somebody with that role in the tenant, signed in by a browser and with an API token.
func (s *site) person(name string, home *tenant, role tenancy.Role, siteAdmin bool) *actor {
	s.t.Helper()
	account := s.name("person")
	user := tenancy.User{ID: ident.New(), Email: account, Name: account, SiteAdmin: siteAdmin, Created: time.Now()}
	must(s.t, s.store.SaveUser(s.t.Context(), user))
	must(s.t, s.admit(home.id, user.ID, role))
	a := &actor{name: name + " of " + home.name, home: home}
	a.who = tenancy.Actor{UserID: user.ID, UserName: account, TenantID: home.id, Role: role, SiteAdmin: siteAdmin}
	a.cookie = s.signIn(user.ID)
	a.token = s.newToken(a)
	a.remake = func() *actor { return s.person(name, home, role, siteAdmin) }
	return a
}

func (s *site) admit(tenantID, userID string, role tenancy.Role) error {
	return s.store.ChangeMembers(s.t.Context(), tenancy.InTenant(tenantID), func([]tenancy.TenantMember) ([]tenancy.MemberChange, error) {
		return []tenancy.MemberChange{{UserID: userID, Role: role}}, nil
	})
}

// link makes the secret of a one-time sign-in link.
func (s *site) link(userID string) string {
	s.t.Helper()
	secret := ident.Long(40)
	now := time.Now()
	must(s.t, s.store.ReplaceSignInLinks(s.t.Context(), tenancy.SignInLink{Hash: tenancy.HashSecret(secret), UserID: userID, Created: now, Expires: now.Add(time.Hour)}))
	return secret
}

// signIn returns the cookie of a new session.
func (s *site) signIn(userID string) string {
	s.t.Helper()
	for _, c := range s.send(&request{method: "POST", path: "/sign-in/" + s.link(userID)}).cookies {
		if c.Value != "" {
			return c.Name + "=" + c.Value
		}
	}
	s.t.Fatalf("nobody was signed in as %s", userID)
	return ""
}

func (s *site) newToken(a *actor) string {
	s.t.Helper()
	var made struct{ Secret string }
	s.ask(a.cookie, "POST", "/api/v1/tokens", `{"name":"matrix","scope":"all"}`, &made)
	return made.Secret
}

// ask is a request that has to succeed, signed by a cookie or a token.
func (s *site) ask(sign, method, path, body string, into any) {
	s.t.Helper()
	r := &request{method: method, path: path, body: body, kind: "application/json"}
	if strings.HasPrefix(sign, tenancy.TokenPrefix) {
		r.token = sign
	} else {
		r.cookie = sign
	}
	a := s.send(r)
	if a.status >= 300 {
		s.t.Fatalf("%s %s: %d %.400s", method, path, a.status, a.body)
	}
	if into != nil {
		must(s.t, json.Unmarshal([]byte(a.body), into))
	}
}

// request is one call.
type request struct {
	method, path, body, kind string
	cookie, token            string
}

// response is what came back.
type response struct {
	status  int
	header  http.Header
	body    string
	cookies []*http.Cookie
}

// most bounds what is read of an answer.
const most = 4 << 20

// send is one round trip. Of an answer that does not end only the beginning is read.
func (s *site) send(r *request) response {
	s.t.Helper()
	h, err := http.NewRequestWithContext(s.t.Context(), r.method, s.url+r.path, strings.NewReader(r.body))
	must(s.t, err)
	h.Header.Set("Sec-Fetch-Site", "same-origin")
	if r.kind != "" {
		h.Header.Set("Content-Type", r.kind)
	}
	if r.cookie != "" {
		h.Header.Set("Cookie", r.cookie)
	}
	if r.token != "" {
		h.Header.Set("Authorization", "Bearer "+r.token)
	}
	a, err := s.client.Do(h)
	must(s.t, err)
	defer a.Body.Close()
	answer := response{status: a.StatusCode, header: a.Header, cookies: a.Cookies()}
	if endless(a.Header) {
		return answer
	}
	body, err := io.ReadAll(io.LimitReader(a.Body, most))
	must(s.t, err)
	answer.body = string(body)
	return answer
}

// endless says that an answer goes on until somebody ends it.
func endless(h http.Header) bool {
	if h.Get("Content-Disposition") != "" {
		return false // a download ends
	}
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return kind == "text/event-stream" || kind == "application/jsonl"
}
