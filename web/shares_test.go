package web_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

// sharedLab is a running lab of mia's, kept in the world of labs and in the store of shares.
func (h *house) sharedLab(owner, tenant, name string) string {
	h.t.Helper()
	actor, err := h.accounts.ActorOf(h.t.Context(), "u-"+owner, tenant)
	h.must(err)
	id, err := h.World.AddExample(actor, name)
	h.must(err)
	l := &lab.Lab{Name: name, Nodes: []*lab.Node{{Name: "r1", Kind: lab.Router}}}
	h.must(h.store.CreateLab(h.t.Context(), actor.Scope(), &control.Record{
		ID: id, Tenant: tenant, Name: name, OwnerID: actor.UserID, Owner: actor.UserName, CreatedAt: time.Now(), UpdatedAt: time.Now(),
		Revision: control.Revision{Number: 1, File: "lab.yml", Source: "name: " + name, Lab: l, CreatedAt: time.Now()}, Observed: control.Observed{State: control.Stored},
	}))
	h.must(h.World.Deploy(h.t.Context(), actor, id))
	waitFor(h.t, "the lab runs", func() bool {
		d, err := h.World.Get(h.t.Context(), actor, id)
		return err == nil && d.State == control.Running
	})
	return id
}

var shareID = regexp.MustCompile(`/shares/([0-9a-z]{12})/end`)

func TestALabIsSharedByItsDialog(t *testing.T) {
	h := newHouse(t)
	h.person("mia", "physics", tenancy.Member)
	mia, otto, eve := h.signedIn("mia@example.edu"), h.person("otto", "physics", tenancy.Observer), h.person("eve", "maths", tenancy.Owner)
	id := h.sharedLab("mia", "physics", "ospf-triangle")
	secret := h.sharedLab("mia", "physics", "nlan-bgp")
	at := "/labs/" + id
	mia.get(at).want(t, http.StatusOK, `id="do-share"`)
	if strings.Contains(otto.get(at).body, `id="do-share"`) {
		t.Error("who may not share is shown the button")
	}
	missing := eve.get("/labs/000000000000")
	missing.want(t, http.StatusNotFound)
	alike := func(what string) {
		t.Helper()
		a := eve.get(at)
		if a.StatusCode != missing.StatusCode || strings.ReplaceAll(a.same(), id, "000000000000") != missing.same() {
			t.Errorf("%s: the lab is told from a missing one", what)
		}
	}
	alike("not shared")
	mia.get(at+"/shares", "HX-Request", "true").want(t, http.StatusOK, "With nobody yet.", `<option value="otto">`, "Make a link")
	mia.post(at+"/shares", url.Values{"with": {"Eve Adams"}, "level": {"view"}, "life": {"168h0m0s"}}, "HX-Request", "true").
		want(t, http.StatusUnprocessableEntity, "There is no member &#34;Eve Adams&#34;", `value="Eve Adams"`, `aria-invalid="true"`)
	mia.post(at+"/shares", url.Values{"link": {"1"}, "uses": {"x"}, "level": {"view"}, "life": {"168h0m0s"}}, "HX-Request", "true").
		want(t, http.StatusUnprocessableEntity, "as a number", `value="x"`)
	for _, refused := range []*browser{otto, eve} {
		if a := refused.post(at+"/shares", url.Values{"with": {"x@example.edu"}, "level": {"edit"}, "life": {"1h"}}); a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusNotFound {
			t.Errorf("somebody else shares it: %d", a.StatusCode)
		}
	}
	done := mia.post(at+"/shares", url.Values{"with": {"eve@example.edu"}, "level": {"console"}, "life": {"168h0m0s"}}, "HX-Request", "true")
	done.want(t, http.StatusOK, "Shared with eve@example.edu.", "may work in its nodes, by mia", "ends in 7 days")
	eve.get("/labs").want(t, http.StatusOK, "Shared with you", "ospf-triangle", "of mia", "you may work in its nodes")
	page := eve.get(at)
	page.want(t, http.StatusOK, `id="guest-line"`, "<strong>mia</strong>", "you may work in its nodes", `<span class="workspace-name">Maths</span>`)
	for _, hidden := range []string{`id="do-share"`, `id="do-deploy"`, "/file\"", "data-sheet=\"placement\"", "data-map=\"hosts\""} {
		if strings.Contains(page.body, hidden) {
			t.Errorf("a guest who works in nodes sees %s", hidden)
		}
	}
	for path, code := range map[string]int{
		"/labs/ospf-triangle": http.StatusNotFound, "/labs/" + secret: http.StatusNotFound, at + "/shares": http.StatusForbidden, at + "/placement": http.StatusForbidden,
		at + "/file": http.StatusForbidden, at + "/export": http.StatusOK, "/members": http.StatusOK,
	} {
		if a := eve.get(path); a.StatusCode != code {
			t.Errorf("GET %s as a guest: %d, want %d", path, a.StatusCode, code)
		}
	}
	if body := eve.get("/members").body; strings.Contains(body, "otto") || strings.Contains(body, "Physics") {
		t.Error("a guest sees members of the lab's workspace")
	}
	for _, path := range []string{"/deploy", "/stop", "/destroy", "/cancel", "/layout", "/nodes/r1/stop"} {
		eve.post(at+path, nil).want(t, http.StatusForbidden, "was shared with you only to work in its nodes")
	}
	eve.get("/api/v1/labs/"+id+"/nodes").want(t, http.StatusOK, `"tenantId":"physics","guest":{"lab":"`+id+`","level":"console"},"role":""`)
	eve.get("/api/v1/labs").want(t, http.StatusOK, `"tenantId":"maths","role":"owner"`)
	eve.get("/api/v1/labs?replace="+id).want(t, http.StatusOK, `"level":"console"`)
	otto.get("/api/v1/labs/"+id).want(t, http.StatusOK, `"tenantId":"physics","role":"observer"`)
	share := shareID.FindStringSubmatch(done.body)[1]
	mia.post(at+"/shares/"+share, url.Values{"level": {"edit"}, "life": {"1h0m0s"}}, "HX-Request", "true").want(t, http.StatusOK, "Saved. It counts at once.", "may change and run it")
	eve.get(at).want(t, http.StatusOK, `id="do-stop"`)
	eve.post(at+"/stop", nil).want(t, http.StatusSeeOther)
	mia.post(at+"/shares/"+share+"/end", nil, "HX-Request", "true").want(t, http.StatusOK, "Ended.", "With nobody yet.")
	alike("shared no more")
	if strings.Contains(eve.get("/labs").body, "Shared with you") {
		t.Error("what is no longer shared is still listed")
	}
}

// TestWhatIsOpenClosesWhenAShareChangesOrEnds: a stream and a shell of a guest, within two seconds and with the reason.
func TestWhatIsOpenClosesWhenAShareChangesOrEnds(t *testing.T) {
	h := newHouse(t)
	h.person("mia", "physics", tenancy.Member)
	owner := h.person("ada", "physics", tenancy.Owner)
	eve := h.person("eve", "maths", tenancy.Owner)
	id := h.sharedLab("mia", "physics", "ospf-triangle")
	mia, err := h.accounts.ActorOf(t.Context(), "u-mia", "physics")
	h.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	swept := make(chan error, 1)
	go func() { swept <- h.shares.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-swept })
	share, _, err := h.shares.Share(ctx, mia, id, tenancy.ShareRequest{With: "eve@example.edu", Level: tenancy.LevelEdit})
	h.must(err)
	for _, c := range []struct {
		name, reason string
		role         string // in the shell before
		end          func()
	}{
		{"from edit to view", "you may look on now", "control", func() {
			_, err := h.shares.ChangeShare(ctx, mia, id, share.ID, tenancy.ShareChange{Level: tenancy.LevelView})
			h.must(err)
		}},
		{"from view to console", "you may work in its nodes now", "", func() {
			_, err := h.shares.ChangeShare(ctx, mia, id, share.ID, tenancy.ShareChange{Level: tenancy.LevelConsole})
			h.must(err)
		}},
		{"its maker may not share any more", "mia may no longer share lab ospf-triangle.", "control", func() {
			owner.post("/members/u-mia/role", url.Values{"role": {"observer"}}).want(t, http.StatusSeeOther)
		}},
	} {
		stream := events(t, eve, "/labs/"+id+"/events")
		next(t, stream, "nodes ")
		var shell *line
		if c.role != "" {
			shell = eve.shell("/labs/" + id + "/nodes/r1/shell?cols=80&rows=24")
			if ready := shell.until("root@r1")["ready"]; ready["role"] != c.role {
				t.Errorf("%s: the role was %v", c.name, ready["role"])
			}
		}
		began := time.Now()
		c.end()
		if last := next(t, stream, "revoked "); !strings.Contains(last, c.reason) {
			t.Errorf("%s: the stream ended with %s", c.name, last)
		}
		if shell != nil {
			if last := shell.closed().Reason; !strings.Contains(last, c.reason) {
				t.Errorf("%s: the shell closed with %s", c.name, last)
			}
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: it took %v", c.name, took)
		} else {
			t.Logf("%s: closed after %v", c.name, took.Round(time.Millisecond))
		}
	}
	eve.get("/labs/"+id).want(t, http.StatusNotFound)
}

// TestWhoLooksOnDoesNotType: the right to type goes by whose lab it is, and by what is shared.
func TestWhoLooksOnDoesNotType(t *testing.T) {
	h := newHouse(t)
	mia, max, eve := h.person("mia", "physics", tenancy.Member), h.person("max", "physics", tenancy.Member), h.person("eve", "maths", tenancy.Owner)
	id := h.sharedLab("mia", "physics", "ospf-triangle")
	actor, err := h.accounts.ActorOf(t.Context(), "u-mia", "physics")
	h.must(err)
	_, _, err = h.shares.Share(t.Context(), actor, id, tenancy.ShareRequest{With: "eve@example.edu"})
	h.must(err)
	at := "/labs/" + id + "/nodes/r1/shell?cols=80&rows=24"
	ready := mia.shell(at).until("root@r1")["ready"]
	if ready["role"] != "control" {
		t.Errorf("her own lab: %v", ready)
	}
	session := "&session=" + url.QueryEscape(ready["session"].(string))
	for name, b := range map[string]*browser{"another member": max, "a guest who looks on": eve} {
		if ready := b.shell(at + session).until("root@r1")["ready"]; ready["role"] != "watch" {
			t.Errorf("%s: %v", name, ready)
		}
		if refused := b.shell(at).until("refused:")["refused"]; refused["code"] != "forbidden" {
			t.Errorf("%s opens a shell: %v", name, refused)
		}
	}
}

func TestAGuestWithoutAnAccountSeesOneLab(t *testing.T) {
	h := newHouse(t)
	mia := h.person("mia", "physics", tenancy.Member)
	id, other := h.sharedLab("mia", "physics", "ospf-triangle"), h.sharedLab("mia", "physics", "nlan-bgp")
	at := "/labs/" + id
	form := url.Values{"link": {"1"}, "level": {"console"}, "life": {"24h0m0s"}, "uses": {"1"}, "guests": {"1"}}
	made := mia.post(at+"/shares", form, "HX-Request", "true")
	made.want(t, http.StatusOK, `<svg class="qr"`, `data-copy="#share-link"`, "not shown again", "<strong>1 person</strong> may work in its nodes by this link, also without an account", "0 of 1 came")
	link := regexp.MustCompile(`/s/tls_[\w-]+`).FindString(made.body)
	if link == "" || strings.Contains(mia.get(at+"/shares").body, "/s/") {
		t.Fatalf("the link is %q, or is shown twice", link)
	}
	ann := h.browser()
	ann.get(link).want(t, http.StatusOK, "mia shares this lab with you: you may work in its nodes.", "Open as a guest", "/sign-in?next=%2Fs%2Ftls_")
	if a := ann.post(link, nil); !strings.HasPrefix(a.Header.Get("Location"), "/sign-in?next=%2Fs%2F") {
		t.Errorf("somebody who is not signed in is sent to %q", a.Header.Get("Location"))
	}
	ann.post(link+"/guest", url.Values{"name": {" "}}).want(t, http.StatusUnprocessableEntity, "Give a name of 1 to 40 characters")
	if a := ann.post(link+"/guest", url.Values{"name": {"Ann"}}); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != at {
		t.Fatalf("%d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	page := ann.get(at)
	page.want(t, http.StatusOK, "ospf-triangle", "Ann (guest)", `id="guest-line"`, "Sign in")
	for _, hidden := range []string{`href="/members"`, `href="/account"`, `href="/images"`, `id="switcher"`, `id="do-share"`, `id="do-deploy"`} {
		if strings.Contains(page.body, hidden) {
			t.Errorf("a guest sees %s", hidden)
		}
	}
	for _, path := range []string{"/labs", "/labs/" + other, "/labs/ospf-triangle", "/members", "/account", "/images", "/networks", "/workspaces", "/hosts", "/labs/new", "/audit", "/about"} {
		if a := ann.get(path); a.StatusCode != http.StatusSeeOther && a.StatusCode != http.StatusNotFound || strings.Contains(a.body, "Ann") {
			t.Errorf("GET %s as a guest: %d", path, a.StatusCode)
		}
	}
	ann.get("/api/v1/labs/"+id).want(t, http.StatusOK, `"userName":"Ann (guest)"`, `"level":"console"`)
	ann.get("/api/v1/labs").want(t, http.StatusForbidden)
	ann.get("/api/v1/labs/"+other).want(t, http.StatusForbidden)
	ann.post(at+"/stop", nil).want(t, http.StatusForbidden)
	shell := ann.shell(at + "/nodes/r1/shell?cols=80&rows=24")
	if ready := shell.until("root@r1")["ready"]; ready["role"] != "control" {
		t.Errorf("a guest's shell: %v", ready)
	}
	watching := mia.get(at+"/shares", "HX-Request", "true")
	watching.want(t, http.StatusOK, "1 of 1 came", `Ann <span class="chip">guest</span>`)
	ann.post(link+"/guest", url.Values{"name": {"Ann"}}).want(t, http.StatusSeeOther) // comes again without a use
	h.browser().post(link+"/guest", url.Values{"name": {"Bob"}}).want(t, http.StatusNotFound, "This link leads nowhere")
	came := regexp.MustCompile(`share-came.*?/shares/([0-9a-z]{12})/end`).FindStringSubmatch(strings.ReplaceAll(watching.body, "\n", " "))
	began := time.Now()
	mia.post(at+"/shares/"+came[1]+"/end", nil, "HX-Request", "true").want(t, http.StatusOK, "Ended.")
	if last := shell.closed().Reason; !strings.Contains(last, "mia no longer shares lab ospf-triangle with you.") {
		t.Errorf("the shell closed with %s", last)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	gone, missing := ann.get(at), ann.get("/labs/000000000000")
	if gone.StatusCode != http.StatusSeeOther || gone.StatusCode != missing.StatusCode {
		t.Errorf("%d and %d", gone.StatusCode, missing.StatusCode)
	}
}

func TestTheSiteSaysHowLongLabsAreShared(t *testing.T) {
	h := newHouse(t)
	admin, bob := h.signedIn("admin"), h.person("bob", "maths", tenancy.Owner)
	admin.get("/workspaces").want(t, http.StatusOK, `name="days"`, `value="180"`)
	bob.post("/workspaces/sharing", url.Values{"days": {"9"}}).want(t, http.StatusForbidden, "Only an administrator of this site")
	admin.post("/workspaces/sharing", url.Values{"days": {"x"}}).want(t, http.StatusUnprocessableEntity, "as a number")
	admin.post("/workspaces/sharing", url.Values{"days": {"0"}}).want(t, http.StatusUnprocessableEntity, "Choose a day to")
	admin.post("/workspaces/sharing", url.Values{"days": {"5"}}).want(t, http.StatusSeeOther)
	admin.get("/workspaces").want(t, http.StatusOK, `value="5"`)
	id := h.sharedLab("bob", "maths", "ospf-triangle")
	if page := bob.get("/labs/" + id + "/shares"); strings.Contains(page.body, `value="168h0m0s"`) || !strings.Contains(page.body, `value="24h0m0s"`) {
		t.Error("the dialog offers what the site does not allow")
	}
}

func TestALinkIsOpenedByWhoIsSignedIn(t *testing.T) {
	h := newHouse(t)
	mia, eve := h.person("mia", "physics", tenancy.Member), h.person("eve", "maths", tenancy.Owner)
	id := h.sharedLab("mia", "physics", "ospf-triangle")
	made := mia.post("/labs/"+id+"/shares", url.Values{"link": {"1"}, "level": {"edit"}, "life": {"1h0m0s"}})
	made.want(t, http.StatusOK, "Whoever has it", "share-alone")
	link := regexp.MustCompile(`/s/tls_[\w-]+`).FindString(made.body)
	eve.get(link).want(t, http.StatusOK, "Open as eve")
	if a := eve.post(link, nil); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/labs/"+id {
		t.Errorf("%d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	eve.get("/labs/"+id).want(t, http.StatusOK, "you may change and run it")
	h.browser().post(link+"/guest", url.Values{"name": {"Ann"}}).want(t, http.StatusForbidden, "for people with an account here")
	refused := h.browser().get("/s/tls_" + strings.Repeat("A", 43))
	refused.want(t, http.StatusNotFound, "This link leads nowhere")
	if other := h.browser().get("/s/nothing"); other.same() != refused.same() {
		t.Error("wrong links are told apart")
	}
}
