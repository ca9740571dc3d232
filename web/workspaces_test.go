package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/store"
	"trunkline/tenancy"
	"trunkline/web"
	"trunkline/web/webtest"
)

// house is the pages on a world of labs in memory, with people and workspaces in a real store.
type house struct {
	*site
	store      *store.Store
	accounts   *tenancy.Accounts
	workspaces *tenancy.Workspaces
	shares     *tenancy.Shares
	audit      *store.AuditLog
}

const housePassword = "three words in a row"

func newHouse(t *testing.T) *house {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: filepath.Join(t.TempDir(), "house.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	h := &house{store: s, audit: s.OpenAudit(quiet)}
	t.Cleanup(h.audit.Close)
	h.accounts = tenancy.NewAccounts(s, s, s, nil).WithAudit(h.audit)
	bell := &tenancy.Revocations{}
	h.workspaces = tenancy.NewWorkspaces(s, h.accounts, bell, nil).WithAudit(h.audit)
	h.shares = tenancy.NewShares(s, h.accounts, bell, nil).WithAudit(h.audit)
	pages, err := webtest.NewSite(quiet, func(c *web.Config) {
		c.Audit, c.Trail = h.audit, tenancy.NewAudits(h.audit, h.audit)
		c.Acting = tenancy.NewTakeOvers(h.accounts, bell, h.audit, time.Now)
		c.Accounts, c.Tokens, c.Sessions, c.Workspaces, c.Bell = h.accounts, h.accounts, s.Sessions(), h.workspaces, bell
		c.Shares = h.shares
		c.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			actor, err := web.Authenticated(r)
			if err != nil {
				w.WriteHeader(http.StatusForbidden)
				io.WriteString(w, err.Error())
				return
			}
			json.NewEncoder(w).Encode(actor)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pages.Web.Handler())
	t.Cleanup(func() { pages.Close(); server.Close() })
	h.site = &site{Site: pages, Server: server, t: t}
	user, err := h.accounts.Administrator(t.Context())
	h.must(err)
	h.must(h.accounts.SetPassword(t.Context(), tenancy.Actor{UserID: user.ID}, "admin", "Admin", housePassword))
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// person is a browser in which somebody is signed in who is in the workspace with that role, "" is in none.
func (h *house) person(name, tenant string, role tenancy.Role) *browser {
	h.t.Helper()
	h.must(h.store.SaveUser(h.t.Context(), tenancy.User{ID: "u-" + name, Email: name + "@example.edu", Name: name}))
	h.must(h.accounts.SetPassword(h.t.Context(), tenancy.Actor{UserID: "u-" + name}, name+"@example.edu", name, housePassword))
	if role != "" {
		h.must(h.store.EnsureTenant(h.t.Context(), tenant, strings.ToUpper(tenant[:1])+tenant[1:], tenancy.Membership{UserID: "u-" + name, TenantID: tenant, Role: role}))
	}
	return h.signedIn(name + "@example.edu")
}

func (h *house) signedIn(name string) *browser {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	h.must(err)
	b := &browser{site: h.site, Client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	b.post("/sign-in", url.Values{"email": {name}, "password": {housePassword}}).want(h.t, http.StatusSeeOther)
	return b
}

func TestTheSwitcherChoosesAWorkspaceForTheSession(t *testing.T) {
	h := newHouse(t)
	h.person("ada", "physics", tenancy.Owner)
	b := h.person("ada", "maths", tenancy.Observer)
	b.get("/labs").want(t, http.StatusOK, `id="switcher"`, `<span class="workspace-name">Physics</span>`, `action="/workspaces/maths/use"`)
	b.post("/workspaces/maths/use", url.Values{"next": {"/members"}}).want(t, http.StatusSeeOther)
	b.get("/members").want(t, http.StatusOK, "Who works in Maths.", `<input type="hidden" name="next" value="/members">`)
	b.get("/api/v1/me").want(t, http.StatusOK, `"tenantId":"maths","role":"observer"`)
	b.get("/api/v1/me", web.WorkspaceHeader, "physics").want(t, http.StatusOK, `"tenantId":"physics","role":"owner"`)
	b.get("/api/v1/me", web.WorkspaceHeader, "Default").want(t, http.StatusForbidden, "You are in no workspace")
	h.person("eve", "chemistry", tenancy.Owner)
	theirs, missing := b.post("/workspaces/chemistry/use", nil), b.post("/workspaces/nothing00/use", nil)
	theirs.want(t, http.StatusNotFound)
	if strings.ReplaceAll(theirs.same(), "chemistry", "X") != strings.ReplaceAll(missing.same(), "nothing00", "X") {
		t.Error("another's workspace is told from a missing one")
	}
	token := regexp.MustCompile(tenancy.TokenPrefix + `[\w-]+`).FindString(b.post("/account/tokens", url.Values{"name": {"ci"}}).body)
	program := h.browser()
	program.get("/api/v1/me", "Authorization", "Bearer "+token, web.WorkspaceHeader, "Maths").want(t, http.StatusOK, `"tenantId":"maths"`)
	program.get("/api/v1/me", "Authorization", "Bearer "+token, web.WorkspaceHeader, "Physics").want(t, http.StatusForbidden, "bound to another workspace than Physics")
}

func TestWorkspacesByTheirPages(t *testing.T) {
	h := newHouse(t)
	admin := h.signedIn("admin")
	admin.post("/workspaces", url.Values{"name": {" "}}).want(t, http.StatusUnprocessableEntity, "Give the workspace a name")
	admin.post("/workspaces", url.Values{"name": {"Physics"}}).want(t, http.StatusSeeOther)
	admin.get("/members").want(t, http.StatusOK, "Who works in Physics.", "The workspace Physics is yours")
	bob := h.person("bob", "maths", tenancy.Owner)
	bob.get("/workspaces").want(t, http.StatusOK, "Maths")
	bob.post("/workspaces", url.Values{"name": {"Mine"}}).want(t, http.StatusForbidden, "Only an administrator of this site may make workspaces.")
	bob.post("/workspaces/open", url.Values{"open": {"1"}}).want(t, http.StatusForbidden)
	admin.post("/workspaces/open", url.Values{"open": {"1"}}).want(t, http.StatusSeeOther)
	bob.post("/workspaces", url.Values{"name": {"Physics"}}).want(t, http.StatusConflict, "There is a workspace", `value="Physics"`)
	bob.post("/workspaces", url.Values{"name": {"Mine"}}).want(t, http.StatusSeeOther)
	bob.post("/workspace/rename", url.Values{"name": {"Ours"}}).want(t, http.StatusSeeOther)
	bob.post("/workspace/delete", url.Values{"name": {"Mine"}}).want(t, http.StatusUnprocessableEntity, "Type the workspace&#39;s name, Ours")
	bob.post("/workspace/delete", url.Values{"name": {"Ours"}}).want(t, http.StatusSeeOther)
	page := bob.get("/workspaces")
	page.want(t, http.StatusOK, "Deleted by bob", "in 7 days", "/restore")
	admin.get("/workspaces").want(t, http.StatusOK, "Ours", "Become an owner")
	id := regexp.MustCompile(`/workspaces/([0-9a-z]+)/restore`).FindStringSubmatch(page.body)[1]
	bob.post("/workspaces/"+id+"/restore", nil).want(t, http.StatusSeeOther)
	bob.post("/workspaces/"+id+"/restore", nil).want(t, http.StatusConflict, "is not being deleted")
	bob.post("/workspaces/maths/adopt", nil).want(t, http.StatusForbidden)
	admin.post("/workspaces/maths/adopt", nil).want(t, http.StatusSeeOther)
	bob.post("/workspaces/maths/use", nil).want(t, http.StatusSeeOther)
	bob.get("/members").want(t, http.StatusOK, "Admin", "2 people")
}

func TestMembersByTheirPage(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada", "physics", tenancy.Owner)
	mia := h.person("mia", "physics", tenancy.Member)
	h.person("zoe", "maths", tenancy.Owner)
	ada.get("/members").want(t, http.StatusOK, "mia@example.edu", "the last one", "by hand", `action="/members/u-mia/role"`)
	page := mia.get("/members")
	page.want(t, http.StatusOK, "ada", "Leave this workspace")
	for _, hidden := range []string{"ada@example.edu", "/role", "/remove", "Invite by link", "/workspace/delete", "/workspace/rename", "/workspace/transfer"} {
		if strings.Contains(page.body, hidden) {
			t.Errorf("a member sees %s", hidden)
		}
	}
	for _, refused := range []string{"/members/u-ada/role", "/members/u-ada/remove", "/members/invitations", "/workspace/rename", "/workspace/delete", "/workspace/transfer"} {
		mia.post(refused, url.Values{"role": {"observer"}, "name": {"x"}, "user": {"u-mia"}, "life": {"1h"}, "uses": {"1"}}).want(t, http.StatusForbidden, "Only ")
	}
	ada.post("/members/u-ada/role", url.Values{"role": {"member"}}).want(t, http.StatusConflict, "The last owner of a workspace cannot be demoted.")
	ada.post("/members/u-ada/remove", nil).want(t, http.StatusConflict, "The last owner of a workspace cannot be removed.")
	ada.post("/workspace/leave", nil).want(t, http.StatusConflict, "The last owner")
	theirs, missing := ada.post("/members/u-zoe/remove", nil), ada.post("/members/u-none/remove", nil)
	theirs.want(t, http.StatusNotFound)
	if theirs.same() != missing.same() {
		t.Error("a member of another workspace is told from nobody")
	}
	ada.post("/members/u-mia/role", url.Values{"role": {"manager"}}).want(t, http.StatusSeeOther)
	mia.get("/members").want(t, http.StatusOK, "Invite by link")
	ada.post("/workspace/transfer", url.Values{"user": {"u-mia"}}).want(t, http.StatusSeeOther)
	mia.get("/members").want(t, http.StatusOK, "/workspace/delete")
	ada.post("/workspace/leave", nil).want(t, http.StatusSeeOther)
	ada.get("/workspaces").want(t, http.StatusOK, "You are in no workspace.", "No workspace")
	ada.get("/members").want(t, http.StatusForbidden, "Ask an owner for an invitation")
}

func TestAnInvitationByItsPages(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada", "physics", tenancy.Owner)
	form := url.Values{"role": {"observer"}, "life": {"24h"}, "uses": {"x"}, "domain": {"example.edu"}}
	ada.post("/members/invitations", form).want(t, http.StatusUnprocessableEntity, "as a number", `value="x"`, `<option value="24h" selected>`, `<option value="observer" selected>`)
	form.Set("uses", "3")
	made := ada.post("/members/invitations", form)
	made.want(t, http.StatusOK, `<svg class="qr"`, `data-copy="#invite-link"`, "not shown again", "0 of 3")
	link := regexp.MustCompile(`/join/(tli_[\w-]+)`).FindString(made.body)
	if link == "" || strings.Contains(ada.get("/members").body, "/join/") {
		t.Fatalf("the link is %q, or is shown twice", link)
	}
	stranger := h.browser()
	stranger.get(link).want(t, http.StatusOK, "Join Physics", "ada invites you as an observer", "is for addresses of example.edu", "/sign-in?next=%2Fjoin%2F")
	if a := stranger.post(link, nil); a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), "/sign-in?next=%2Fjoin%2F") {
		t.Errorf("somebody who is not signed in is sent to %q", a.Header.Get("Location"))
	}
	account := url.Values{"email": {"new@example.com"}, "name": {"New"}, "password": {"short"}}
	stranger.post(link+"/account", account).want(t, http.StatusUnprocessableEntity, "at least 10 characters", `value="new@example.com"`)
	account.Set("password", housePassword)
	stranger.post(link+"/account", account).want(t, http.StatusForbidden, "This invitation is for people with an e-mail address of example.edu")
	account.Set("email", "new@example.edu")
	stranger.post(link+"/account", account).want(t, http.StatusSeeOther)
	stranger.get("/labs").want(t, http.StatusOK, "Welcome to Physics. You are an observer here.", `<span class="workspace-name">Physics</span>`)

	bob := h.person("bob", "maths", tenancy.Owner)
	bob.get(link).want(t, http.StatusOK, "Join as bob")
	bob.post(link, nil).want(t, http.StatusSeeOther)
	bob.get("/members").want(t, http.StatusOK, "Who works in Physics.")
	bob.post(link, nil).want(t, http.StatusSeeOther)
	bob.get("/labs").want(t, http.StatusOK, "You are in Physics already.")

	id := regexp.MustCompile(`/members/invitations/([0-9a-z]+)/revoke`).FindStringSubmatch(ada.get("/members").body)[1]
	ada.post("/members/invitations/"+id+"/revoke", nil).want(t, http.StatusSeeOther)
	gone, never := stranger.get(link), stranger.get("/join/tli_nothing")
	gone.want(t, http.StatusNotFound, "This invitation leads nowhere", "Ask for a new one")
	if gone.same() != never.same() {
		t.Error("an invitation that was taken back is told from one that never was")
	}
	guesser := h.browser()
	last := guesser.get("/join/tli_guess")
	for tries := 1; last.StatusCode != http.StatusTooManyRequests && tries < 400; tries++ {
		last = guesser.get("/join/tli_guess")
	}
	last.want(t, http.StatusTooManyRequests, "too many attempts")
}

func TestWhoIsRemovedIsCutOffAtOnce(t *testing.T) {
	h := newHouse(t)
	ada := h.person("ada", "campus", tenancy.Owner)
	mia, otto := h.person("mia", "campus", tenancy.Manager), h.person("otto", "campus", tenancy.Manager)
	lab, err := h.World.AddExample(tenancy.Actor{UserID: "u-mia", UserName: "mia", TenantID: "campus", Role: tenancy.Member}, "ospf-triangle")
	h.must(err)
	mia.post("/labs/"+lab+"/deploy", nil)
	waitFor(t, "the lab runs", func() bool {
		return strings.Contains(mia.get("/labs/"+lab).body, `id="lab-status" data-state="running"`)
	})
	list, page, others := events(t, mia, "/labs/events"), events(t, mia, "/labs/"+lab+"/events"), events(t, otto, "/labs/events")
	next(t, list, "rows ")
	next(t, page, "lab ")
	next(t, others, "rows ")
	shell := mia.shell("/labs/" + lab + "/nodes/r1/shell")
	shell.until("root@r1")

	started := time.Now()
	ada.post("/members/u-mia/remove", nil).want(t, http.StatusSeeOther)
	const reason = "You were removed from this workspace by ada."
	for _, stream := range []<-chan string{list, page} {
		if e := next(t, stream, "revoked "); e != `revoked "`+reason+`"` {
			t.Error(e)
		}
	}
	closed := shell.closed()
	if closed.Code != 4403 || closed.Reason != reason {
		t.Errorf("the shell closes with %+v", closed)
	}
	took := time.Since(started)
	t.Logf("two streams and a shell were closed in %s", took.Round(time.Millisecond))
	if took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	mia.get("/labs/"+lab+"/events", "Accept", "application/json").want(t, http.StatusNotFound)

	ada.post("/members/u-otto/role", url.Values{"role": {"observer"}}).want(t, http.StatusSeeOther)
	if e := next(t, others, "revoked "); !strings.Contains(e, "Your role in this workspace was changed to observer by ada.") {
		t.Error(e)
	}
}

// closed reads until the connection ends and returns how.
func (l *line) closed() websocket.CloseError {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.ctx, time.Minute)
	defer cancel()
	for {
		if _, _, err := l.Read(ctx); err != nil {
			var end websocket.CloseError
			if !errors.As(err, &end) {
				l.t.Fatalf("the connection ended with %v", err)
			}
			return end
		}
	}
}
