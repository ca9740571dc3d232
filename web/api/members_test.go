package api_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

func TestWorkspacesMembersAndInvitationsByTheAPI(t *testing.T) {
	c, ready := site(t)
	ctx := t.Context()
	me, err := c.Me(ctx)
	if err != nil || me.Workspace != "Default" || me.TenantID != tenancy.DefaultTenant {
		t.Fatalf("who am I: %+v, %v", me, err)
	}
	made, err := c.CreateWorkspace(ctx, "Physik für alle")
	if err != nil || made.Role != tenancy.Owner {
		t.Fatalf("made %+v, %v", made, err)
	}
	list, err := c.Workspaces(ctx, false)
	if err != nil || len(list) != 2 || list[0].Name != "Default" || list[1].Name != made.Name {
		t.Errorf("listed %+v, %v", list, err)
	}
	if _, err := c.Workspaces(ctx, true); err != nil {
		t.Errorf("all of the site: %v", err)
	}
	if _, err := c.In("Default").Labs(ctx); err != nil {
		t.Errorf("in the token's workspace: %v", err)
	}
	if _, err := c.In(made.Name).Labs(ctx); !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "bound to another workspace than Physik für alle") {
		t.Errorf("a token in another workspace: %v", err)
	}
	if _, err := c.In("nowhere").Labs(ctx); !fault.Is(err, fault.NotFound) {
		t.Errorf("in a workspace that is not there: %v", err)
	}
	if err := c.RenameWorkspace(ctx, "Home"); err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteWorkspace(ctx, "Home"); !fault.Is(err, fault.Conflict) {
		t.Errorf("the first workspace is deleted: %v", err)
	}
	if _, err := c.RestoreWorkspace(ctx, made.ID); !fault.Is(err, fault.Conflict) {
		t.Errorf("an open workspace is restored: %v", err)
	}
	members, err := c.Members(ctx)
	if err != nil || len(members) != 1 || members[0].Role != tenancy.Owner {
		t.Fatalf("members %+v, %v", members, err)
	}
	if err := c.ChangeRole(ctx, members[0].UserID, tenancy.Member); !fault.Is(err, fault.Conflict) {
		t.Errorf("the last owner: %v", err)
	}
	if err := c.RemoveMember(ctx, "nobody"); !fault.Is(err, fault.NotFound) {
		t.Errorf("nobody: %v", err)
	}
	for _, wrong := range []client.InviteRequest{{Life: "soon"}, {Life: "3000h"}, {Domain: "x"}} {
		if _, err := c.Invite(ctx, wrong); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	invitation, err := c.Invite(ctx, client.InviteRequest{Role: tenancy.Observer, Uses: 30, Life: "24h", Domain: "example.edu"})
	if err != nil || !strings.HasPrefix(invitation.Link, ready.URL+"/join/"+tenancy.InvitationPrefix) {
		t.Fatalf("invited by %+v, %v", invitation, err)
	}
	open, err := c.Invitations(ctx)
	if err != nil || len(open) != 1 || open[0].Uses != 30 || open[0].Role != tenancy.Observer {
		t.Errorf("open are %+v, %v", open, err)
	}
	if err := c.RevokeInvitation(ctx, invitation.ID); err != nil {
		t.Error(err)
	}
	if err := c.RevokeInvitation(ctx, invitation.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("a second time: %v", err)
	}
}

// newcomer follows an invitation, makes an account and a token, and returns a client with it.
func newcomer(t *testing.T, c *client.Client, address string) *client.Client {
	t.Helper()
	invitation, err := c.Invite(t.Context(), client.InviteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	post := func(to string, form url.Values) string {
		answer, err := browser.PostForm(to, form)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", to, answer.Status, err)
		}
		return string(body)
	}
	post(invitation.Link+"/account", url.Values{"email": {"mia"}, "name": {"Mia"}, "password": {"three words in a row"}})
	secret := regexp.MustCompile(tenancy.TokenPrefix + `[\w-]{20,}`).FindString(post(address+"/account/tokens", url.Values{"name": {"ci"}}))
	mia, err := client.New(address, secret)
	if err != nil {
		t.Fatal(err)
	}
	return mia
}

func TestAStreamOfWhoIsRemovedEndsWithTheReason(t *testing.T) {
	c, ready := site(t)
	mia := newcomer(t, c, ready.URL)
	me, err := mia.Me(t.Context())
	if err != nil || me.Role != tenancy.Member || me.Workspace != "Default" {
		t.Fatalf("mia is %+v, %v", me, err)
	}
	if _, err := mia.Create(t.Context(), yaml(twoNodes)); err != nil {
		t.Fatal(err)
	}
	began, ended := make(chan struct{}), make(chan error, 1)
	begin := sync.OnceFunc(func() { close(began) }) // however many events come
	go func() {
		ended <- mia.Watch(t.Context(), "pair", func(control.Event) bool { begin(); return true })
	}()
	<-began
	started := time.Now()
	if err := c.RemoveMember(t.Context(), me.UserID); err != nil {
		t.Fatal(err)
	}
	err = <-ended
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if !fault.Is(err, fault.Forbidden) || !strings.HasPrefix(err.Error(), "You were removed from this workspace by ") {
		t.Errorf("the stream ends with %v", err)
	}
	if _, err := mia.Labs(t.Context()); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("her token afterwards: %v", err)
	}
}
