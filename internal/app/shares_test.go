package app

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/tenancy"
)

const sharedFile = `name: campus
topology:
  nodes:
    n1: {kind: linux, image: trunkline/tiny}
    n2: {kind: linux, image: trunkline/tiny}
  links:
    - endpoints: ["n1:eth1", "n2:eth1"]
`

// person is somebody of the site with an API token in a workspace.
type person struct {
	t     *testing.T
	url   string
	token string
	actor tenancy.Actor
}

func (s *site) person(name, tenant string, role tenancy.Role) *person {
	s.t.Helper()
	ctx := s.t.Context()
	must(s.t, s.store.SaveUser(ctx, tenancy.User{ID: "u-" + name, Email: name + "@example.org", Name: name}))
	must(s.t, s.store.EnsureTenant(ctx, tenant, tenant, tenancy.Membership{UserID: "u-" + name, TenantID: tenant, Role: role}))
	actor, err := s.accounts.ActorOf(ctx, "u-"+name, tenant)
	must(s.t, err)
	_, secret, err := s.accounts.CreateToken(ctx, actor, tenancy.TokenRequest{Name: "test"})
	must(s.t, err)
	return &person{s.t, s.LocalURL + "/api/v1", secret, actor}
}

func (p *person) open(ctx context.Context, method, path, body string) *http.Response {
	p.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
	must(p.t, err)
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(body, "name:") {
		r.Header.Set("Content-Type", "application/yaml")
	}
	answer, err := http.DefaultClient.Do(r)
	must(p.t, err)
	return answer
}

func (p *person) ask(method, path, body string, status int) string {
	p.t.Helper()
	answer := p.open(p.t.Context(), method, path, body)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(p.t, err)
	if answer.StatusCode != status {
		p.t.Fatalf("%s %s: %d, want %d: %s", method, path, answer.StatusCode, status, text)
	}
	return string(text)
}

// TestAGuestRunsALabOfAnotherWorkspace: the whole controller with a host, two workspaces, and a lab that is shared between them.
func TestAGuestRunsALabOfAnotherWorkspace(t *testing.T) {
	s := newSite(t)
	s.join("host-a", "192.0.2.1")
	s.awaitLinked("host-a")
	mia, eve := s.person("mia", "physics", tenancy.Member), s.person("eve", "maths", tenancy.Owner)
	var made struct{ Lab struct{ ID string } }
	must(t, json.Unmarshal([]byte(mia.ask("POST", "/labs", sharedFile, http.StatusCreated)), &made))
	at := "/labs/" + made.Lab.ID
	missing := eve.ask("GET", "/labs/000000000000", "", http.StatusNotFound)
	alike := func(when string) {
		t.Helper()
		if got := strings.ReplaceAll(eve.ask("GET", at, "", http.StatusNotFound), made.Lab.ID, "000000000000"); got != missing {
			t.Errorf("%s, the lab answers %s, a missing one %s", when, got, missing)
		}
	}
	alike("before it is shared")
	var share struct{ ID string }
	must(t, json.Unmarshal([]byte(mia.ask("POST", at+"/shares", `{"with":"eve@example.org","level":"edit","life":"7d"}`, http.StatusCreated)), &share))
	if list := eve.ask("GET", "/shared", "", http.StatusOK); !strings.Contains(list, `"name":"campus","owner":"mia","level":"edit"`) {
		t.Errorf("shared with eve: %s", list)
	}
	eve.ask("GET", "/labs/campus", "", http.StatusNotFound)
	eve.ask("POST", "/labs?replace=campus", sharedFile, http.StatusNotFound)
	eve.ask("POST", "/labs?replace="+made.Lab.ID, sharedFile, http.StatusCreated)
	eve.ask("GET", at+"/shares", "", http.StatusForbidden)
	eve.ask("POST", at+"/deploy", "", http.StatusAccepted)
	await(t, "the lab to run", func() bool { return strings.Contains(mia.ask("GET", at, "", http.StatusOK), `"state":"running"`) })
	if theirs, own := eve.ask("GET", at, "", http.StatusOK), mia.ask("GET", at, "", http.StatusOK); strings.Contains(theirs, "host-a") || !strings.Contains(own, "host-a") {
		t.Errorf("the guest sees %s, the owner %s", theirs, own)
	}
	if labs := eve.ask("GET", "/labs", "", http.StatusOK); strings.TrimSpace(labs) != "[]" {
		t.Errorf("the guest lists %s", labs)
	}

	stream := eve.open(t.Context(), "GET", at+"/events", "")
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	if !lines.Scan() || !strings.Contains(lines.Text(), made.Lab.ID) {
		t.Fatalf("the stream begins with %q", lines.Text())
	}
	began := time.Now()
	mia.ask("PATCH", at+"/shares/"+share.ID, `{"level":"view"}`, http.StatusOK)
	last := ""
	for lines.Scan() {
		last = lines.Text()
		if strings.Contains(last, "host-a") {
			t.Errorf("the stream names a host: %s", last)
		}
	}
	if took := time.Since(began); took > 10*time.Second || !strings.Contains(last, "mia has changed what you may do with lab campus: you may look on now.") {
		t.Errorf("the stream ended after %v with %s", took, last)
	} else {
		t.Logf("the stream ended after %v", took.Round(time.Millisecond))
	}
	refused := eve.ask("POST", at+"/stop", "", http.StatusForbidden)
	if !strings.Contains(refused, "Lab campus was shared with you only to look at.") {
		t.Errorf("refused with %s", refused)
	}
	mia.ask("DELETE", at+"/shares/"+share.ID, "", http.StatusNoContent)
	alike("when it is shared no more")
	mia.ask("POST", at+"/shares", `{"with":"eve@example.org"}`, http.StatusCreated)
	eve.ask("GET", at, "", http.StatusOK)
	must(t, s.store.ChangeMembers(t.Context(), tenancy.InTenant("physics"), func([]tenancy.TenantMember) ([]tenancy.MemberChange, error) {
		return []tenancy.MemberChange{{UserID: mia.actor.UserID}}, nil
	}))
	alike("when who shared it is in the workspace no more")
}
