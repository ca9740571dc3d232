package app

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/tenancy"
)

func TestAnAdministratorActsAsSomebodyElseAndNobodyIsDeceived(t *testing.T) {
	s := newReaders(t)
	s.ada.post("/workspaces/"+s.course+"/use", "next", "/labs")
	s.miaID = s.idOf("/members", "name", "Mia")
	refused := func(v *visitor, method, path, body, want string) {
		t.Helper()
		if text := v.send(method, path, strings.NewReader(body), "application/x-www-form-urlencoded", 403, 404, 409, 422); !strings.Contains(text, want) {
			t.Errorf("%s %s answers %s, want %q", method, path, text, want)
		}
	}
	refused(s.mia, "POST", "/members/"+s.idOf("/members", "name", "Ben")+"/act", "", "Only an administrator of this site may act as somebody else.")
	refused(s.ada, "POST", "/members/nobody/act", "", "There is no such member here.")
	if page := s.mia.get("/members"); strings.Contains(page, "Act as") {
		t.Error("an owner is offered to act as others")
	}
	if page := s.ada.get("/members"); strings.Count(page, `/act"`) != 2 {
		t.Error("the administrator is not offered to act as each of the two others")
	}

	s.ada.post("/members/" + s.miaID + "/act")
	page := s.ada.get("/labs")
	for _, part := range []string{"You are acting as <b>Mia</b>", "done by Ada", `action="/acting/end"`} {
		if !strings.Contains(page, part) {
			t.Errorf("the page has not %q", part)
		}
	}
	if strings.Contains(page, `href="/hosts"`) {
		t.Error("who acts as Mia still has the administrator's menu")
	}
	const theirs = "You are acting as Mia. Passwords, ways to sign in, sessions and tokens are theirs alone."
	refused(s.ada, "GET", "/account", "", theirs)
	refused(s.ada, "POST", "/account/password", "current=x&password=a+new+password&again=a+new+password", theirs)
	refused(s.ada, "POST", "/welcome", "email=mia2&name=Mia&password=a+new+password", "Only who comes by a one-time link chooses a password here.")
	refused(s.ada, "POST", "/account/tokens", "name=stolen", theirs)
	refused(s.ada, "POST", "/api/v1/tokens", "", "")
	refused(s.ada, "POST", "/members/"+s.miaID+"/act", "", "You are acting as Mia. End that first.")
	refused(s.ada, "POST", "/hosts/join", "life=1h0m0s", "Only an administrator of this site")
	s.mia.post("/sign-out")
	s.mia.post("/sign-in", "email", "mia", "password", s.passwords[2]) // her password is what it was
	if !strings.Contains(s.mia.get("/labs"), "campus") {
		t.Error("Mia cannot come in")
	}

	s.host = s.join("host-a", "192.0.2.1")
	s.awaitLinked("host-a")
	s.lab = s.idOf("/labs", "name", "campus")
	s.ada.post("/labs/" + s.lab + "/deploy")
	s.settled("running")
	shell, id := s.ada.openShell("")
	infos := s.shells.List(s.course, s.lab)
	if len(infos) != 1 || infos[0].Owner != "Mia (Ada)" || len(infos[0].Viewers) != 1 || infos[0].Viewers[0].Name != "Mia (Ada)" {
		t.Errorf("the shell %s is shown as %+v", id, infos)
	}
	before := s.newest()
	s.ada.post("/acting/end")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if _, _, err := shell.Read(ctx); err != nil {
			if ctx.Err() != nil || websocket.CloseStatus(err) == -1 {
				t.Errorf("the shell did not close with a reason: %v", err)
			}
			break
		}
	}
	if ended := s.since(before, tenancy.AuditTakeOverEnd); len(ended) != 1 || ended[0].Who() != "Ada" || ended[0].Object.Name != "Mia" {
		t.Errorf("the audit tells of the end: %+v", ended)
	}
	page = s.ada.get("/account")
	if strings.Contains(page, "acting as") || !strings.Contains(page, `href="/hosts"`) {
		t.Error("Ada is not herself again")
	}
	for _, e := range s.since(0, tenancy.AuditLabDeploy) {
		if e.Who() != "Ada, acting as Mia," || e.Behind.Name != "Ada" {
			t.Errorf("the deploy counts for %s", e.Who())
		}
	}
	refusedToken := s.visitor()
	request, err := http.NewRequestWithContext(t.Context(), "POST", s.LocalURL+"/members/"+s.miaID+"/act", nil)
	must(t, err)
	answer, err := refusedToken.client.Do(request)
	must(t, err)
	answer.Body.Close()
	if answer.StatusCode != 401 && answer.Request.URL.Path != "/sign-in" {
		t.Errorf("nobody is answered %s at %s", answer.Status, answer.Request.URL)
	}
}

func TestActingEndsByItself(t *testing.T) {
	s := newReaders(t)
	clock := time.Now()
	over := tenancy.NewTakeOvers(s.accounts, s.bell, s.audit, func() time.Time { return clock })
	admin, err := s.accounts.ActorOf(t.Context(), s.site.admin.UserID, s.course)
	must(t, err)
	admin.SessionID = "one"
	miaID := ""
	members := s.since(0, tenancy.AuditMemberAdd)
	for _, m := range members {
		if m.Object.Name == "Mia" {
			miaID = m.Object.ID
		}
	}
	begin := func() tenancy.Actor {
		t.Helper()
		as, err := over.Begin(t.Context(), admin, miaID)
		must(t, err)
		return as
	}
	heard, stop := s.bell.Listen(tenancy.Actor{UserID: miaID, TenantID: s.course}, "one")
	defer stop()
	session := tenancy.Session{ID: "one", UserID: admin.UserID}
	as := begin()
	if as.UserName != "Mia" || as.Behind.Name != "Ada" || as.SiteAdmin {
		t.Errorf("it begins as %+v", as)
	}
	clock = clock.Add(29 * time.Minute)
	if now, acting, err := over.Of(t.Context(), session, s.course); err != nil || !acting || now.Role != tenancy.Owner {
		t.Errorf("after 29 minutes: %+v %v %v", now, acting, err)
	}
	clock = clock.Add(29 * time.Minute)
	if _, err := s.accounts.Again(t.Context(), as); err != nil {
		t.Errorf("what is open ends too early: %v", err)
	}
	clock = clock.Add(2 * time.Minute)
	if _, err := s.accounts.Again(t.Context(), as); err == nil {
		t.Error("what is open goes on after 30 minutes")
	}
	if _, acting, err := over.Of(t.Context(), session, s.course); err != nil || acting {
		t.Errorf("after 31 minutes without anything: %v %v", acting, err)
	}
	if told := <-heard; !strings.Contains(told.Reason, "Acting as Mia has ended") {
		t.Errorf("it is told as %+v", told)
	}
	begin()
	if _, err := over.Begin(t.Context(), as, miaID); err == nil {
		t.Error("somebody acts as one while acting as another")
	}
	must(t, over.Close(t.Context()))
	ends := s.since(0, tenancy.AuditTakeOverEnd)
	if len(ends) != 2 || !strings.Contains(ends[0].After, "Trunkline stopped") || !strings.Contains(ends[1].After, "30 minutes") {
		t.Errorf("the audit tells %+v", ends)
	}
}
