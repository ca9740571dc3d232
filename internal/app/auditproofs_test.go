package app

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/coder/websocket"

	"trunkline/lab/control"
	"trunkline/lab/host/fakehost"
	"trunkline/tenancy"
	"trunkline/terminal"
)

const campus = "name: campus\ntopology:\n  nodes:\n    n1: {kind: linux, image: trunkline/tiny}\n"

var auditProofs = []auditProof{
	{verb: tenancy.AuditSignIn, name: "a sign-in by the one-time link", who: "administrator", object: "administrator", tenant: "first", did: "signed in by one-time link", do: func(s *story) {
		secret, err := s.accounts.AdministratorLink(s.t.Context())
		must(s.t, err)
		s.ada.post("/sign-in/" + secret)
	}},
	{verb: tenancy.AuditUserChange, who: "administrator", object: "Ada", tenant: "site", before: `"name":""`, after: `"name":"Ada"`, do: func(s *story) {
		s.ada.post("/welcome", "email", "ada", "name", "Ada", "password", s.passwords[0])
	}},
	{verb: tenancy.AuditPassword, object: "Ada", tenant: "site", do: func(s *story) {
		s.ada.post("/account/password", "password", s.passwords[0], "again", s.passwords[0], "current", s.passwords[0], "old", s.passwords[0])
	}},
	{verb: tenancy.AuditSignOut, object: "Ada", do: func(s *story) { s.ada.post("/sign-out") }},
	{verb: tenancy.AuditSignInRefused, who: "Somebody", object: "ada", tenant: "site", did: "was not let in as “ada”: wrong name or password", do: func(s *story) {
		s.ada.post("/sign-in", "email", "ada", "password", s.passwords[1])
	}},
	{verb: tenancy.AuditSignIn, name: "a sign-in by password", tenant: "first", did: "by password", do: func(s *story) {
		s.ada.post("/sign-in", "email", "ada", "password", s.passwords[0])
	}},
	{verb: tenancy.AuditSessionEnd, object: "Ada", after: `"ended":1`, do: func(s *story) {
		other := s.visitor()
		other.post("/sign-in", "email", "ada", "password", s.passwords[0])
		actor := s.site.admin
		actor.UserName, actor.Address, actor.RequestID = "Ada", "127.0.0.1", "r"
		sessions, err := s.signedIn.List(s.t.Context(), actor)
		must(s.t, err)
		actor.SessionID = sessions[len(sessions)-1].ID // the one that was there before
		_, err = s.signedIn.EndOthers(s.t.Context(), actor)
		must(s.t, err)
		s.ada.post("/sign-in", "email", "ada", "password", s.passwords[0])
	}},
	{verb: tenancy.AuditSiteChange, tenant: "site", before: "false", after: "true", do: func(s *story) { s.ada.post("/workspaces/open", "open", "1") }},
	{verb: tenancy.AuditTenantCreate, object: "Course", after: `"owner":"Ada"`, do: func(s *story) {
		s.ada.post("/workspaces", "name", "Course")
		s.course = s.idOf("/workspaces", "name", "Course")
	}},
	{verb: tenancy.AuditInvite, tenant: "course", did: "invited people as member", after: `"uses":3`, do: func(s *story) {
		page := s.ada.post("/members/invitations", "role", "member", "life", "24h", "uses", "3", "domain", "")
		s.invitation = regexp.MustCompile(`/join/(tli_[A-Za-z0-9_-]+)`).FindStringSubmatch(page)[1]
	}},
	{verb: tenancy.AuditUserCreate, who: "Mia", object: "Mia", tenant: "course", after: `"email":"mia"`, do: func(s *story) {
		s.mia.post("/join/"+s.invitation+"/account", "email", "mia", "name", "Mia", "password", s.passwords[2])
		s.miaID = s.idOf("/members", "name", "Mia")
	}},
	{verb: tenancy.AuditMemberAdd, who: "Otto", object: "Otto", tenant: "course", did: "joined the workspace as member", after: `"by":"invitation"`, do: func(s *story) {
		s.visitor().post("/join/"+s.invitation+"/account", "email", "otto", "name", "Otto", "password", s.passwords[2])
	}},
	{verb: tenancy.AuditInviteWithdraw, tenant: "course", before: `"used":2`, do: func(s *story) {
		s.ada.post("/members/invitations/" + s.idOf("/invitations", "role", "member") + "/revoke")
	}},
	{verb: tenancy.AuditMemberRole, object: "Mia", tenant: "course", did: "from member to manager", do: func(s *story) {
		s.ada.post("/members/"+s.miaID+"/role", "role", "manager")
	}},
	{verb: tenancy.AuditMemberRemove, object: "Otto", tenant: "course", before: `"role":"member"`, do: func(s *story) {
		s.ada.post("/members/" + s.idOf("/members", "name", "Otto") + "/remove")
	}},
	{verb: tenancy.AuditTenantTransfer, tenant: "course", before: `"name":"Ada"`, after: `"name":"Mia"`, do: func(s *story) {
		s.ada.post("/workspace/transfer", "user", s.miaID)
	}},
	{verb: tenancy.AuditTenantChange, who: "Mia", tenant: "course", object: "Networks", did: ", which was Course", do: func(s *story) {
		s.mia.post("/workspace/rename", "name", "Networks")
	}},
	{verb: tenancy.AuditTenantDelete, who: "Mia", tenant: "course", object: "Networks", after: `"ends"`, do: func(s *story) {
		s.mia.post("/workspace/delete", "name", "Networks")
	}},
	{verb: tenancy.AuditTenantRestore, who: "Mia", tenant: "course", object: "Networks", do: func(s *story) {
		s.mia.post("/workspaces/" + s.course + "/restore")
		s.mia.post("/workspaces/"+s.course+"/use", "next", "/labs")
	}},
	{verb: tenancy.AuditTenantAdopt, tenant: "course", object: "Networks", after: `"owner":"Ada"`, do: func(s *story) {
		s.ada.post("/workspaces/" + s.course + "/adopt")
		s.ada.post("/workspaces/"+s.course+"/use", "next", "/labs")
	}},

	{verb: tenancy.AuditHostInvite, tenant: "site", object: "host-b", do: func(s *story) {
		s.ada.call("POST", "/hosts/join-tokens", map[string]any{"name": "host-b"})
	}},
	{verb: tenancy.AuditHostInviteEnd, tenant: "site", do: func(s *story) {
		s.ada.call("DELETE", "/hosts/join-tokens/"+s.idOf("/hosts/join-tokens", "name", "host-b"), nil)
	}},
	{verb: tenancy.AuditHostJoin, who: "host host-a", tenant: "site", object: "host-a", did: "joined as a compute host", do: func(s *story) {
		s.lasting(func() { s.host = s.join("host-a", "192.0.2.1") })
		s.awaitLinked("host-a")
	}},
	{verb: tenancy.AuditHostChange, tenant: "site", object: "host-a", before: `{"drained":false,"name":"host-a"}`, after: `"rack":"3"`, do: func(s *story) {
		s.ada.call("PATCH", "/hosts/host-a", map[string]any{"labels": map[string]string{"rack": "3"}})
	}},
	{verb: tenancy.AuditHostKey, tenant: "site", object: "host-a", do: func(s *story) { s.ada.call("POST", "/hosts/host-a/rotate", nil) }},
	{verb: tenancy.AuditNetworkChange, tenant: "site", object: "uplink", after: `"vlan":7`, do: func(s *story) {
		s.ada.call("PUT", "/offers/uplink", map[string]any{"devices": map[string]string{"host-a": "eth1"}, "vlans": []map[string]any{{"vlan": 7, "tenant": s.course}}})
	}},
	{verb: tenancy.AuditNetworkDelete, tenant: "site", object: "uplink", before: `"vlan":7`, do: func(s *story) { s.ada.call("DELETE", "/offers/uplink", nil) }},
	{verb: tenancy.AuditImagesChange, name: "the images of a workspace", tenant: "course", object: "of the workspace", after: "trunkline/*", do: func(s *story) {
		s.ada.call("PUT", "/image-policy?scope=workspace", map[string]any{"map": map[string]string{}, "allow": []string{"trunkline/*"}})
	}},
	{verb: tenancy.AuditImagesChange, name: "the images of the site", tenant: "site", object: "of the site", after: "trunkline/*", do: func(s *story) {
		s.ada.call("PUT", "/image-policy?scope=site", map[string]any{"map": map[string]string{}, "allow": []string{"trunkline/*", "alpine*"}})
	}},

	{verb: tenancy.AuditLabCreate, who: "Mia", tenant: "course", object: "campus", did: "made lab campus, revision 1", after: `"sha256"`, do: func(s *story) {
		s.mia.send("POST", "/api/v1/labs", strings.NewReader(campus), "application/yaml")
		s.lab = s.idOf("/labs", "name", "campus")
	}},
	{verb: tenancy.AuditLabChange, who: "Mia", tenant: "course", object: "campus", before: `"revision":1`, after: `"revision":2`, do: func(s *story) {
		s.mia.send("POST", "/api/v1/labs?replace=campus", strings.NewReader(campus+"    n2: {kind: linux, image: trunkline/tiny}\n  links:\n    - endpoints: [\"n1:eth1\", \"n2:eth1\"]\n"), "application/yaml")
	}},
	{verb: tenancy.AuditTokenCreate, who: "Mia", tenant: "course", object: "ci", did: "made the token ci of scope read", do: func(s *story) {
		s.mia.call("POST", "/tokens", map[string]any{"name": "ci", "scope": "read"})
	}},
	{verb: tenancy.AuditTokenRevoke, who: "Mia", tenant: "course", object: "ci", do: func(s *story) {
		var tokens []tenancy.Token
		must(s.t, json.Unmarshal([]byte(s.mia.get("/api/v1/tokens")), &tokens))
		s.mia.call("DELETE", "/tokens/"+tokens[0].ID, nil)
	}},
	{verb: tenancy.AuditUserCreate, name: "a service account", who: "Mia", tenant: "course", object: "robot", do: func(s *story) {
		s.mia.call("POST", "/services", map[string]any{"name": "robot", "role": "observer"})
	}},
	{verb: tenancy.AuditMemberRole, name: "of a service account", who: "Mia", tenant: "course", object: "robot", did: "changed the role of robot from observer to member", do: func(s *story) {
		s.mia.call("PATCH", "/services/robot", map[string]any{"role": "member"})
	}},
	{verb: tenancy.AuditUserDelete, who: "Mia", tenant: "course", object: "robot", do: func(s *story) {
		s.mia.call("DELETE", "/services/"+s.idOf("/services", "name", "robot"), nil)
	}},
	{verb: tenancy.AuditQuotaChange, do: func(s *story) {
		s.ada.call("PATCH", "/quota/workspaces/"+s.course, map[string]any{"limits": map[string]string{"labs": "20"}})
	}, after: "20"},
	{verb: tenancy.AuditShare, who: "Mia", tenant: "course", object: "campus", did: "shared lab campus with a link, to view", do: func(s *story) {
		answer := s.mia.send("POST", "/api/v1/labs/campus/shares", strings.NewReader(`{"guests":true}`), "application/json")
		s.share = regexp.MustCompile(`/(tls_[A-Za-z0-9_-]+)`).FindStringSubmatch(answer)[1]
	}},
	{verb: tenancy.AuditShareOpen, who: "Ann (guest)", tenant: "course", object: "campus", did: "came to lab campus by a share", do: func(s *story) {
		s.visitor().post("/s/"+s.share+"/guest", "name", "Ann")
	}},
	{verb: tenancy.AuditShareEnd, who: "Mia", tenant: "course", object: "campus", do: func(s *story) {
		var shares []tenancy.Share
		must(s.t, json.Unmarshal([]byte(s.mia.get("/api/v1/labs/campus/shares")), &shares))
		s.mia.call("DELETE", "/labs/campus/shares/"+shares[0].ID, nil)
	}},
	{verb: tenancy.AuditProviderChange, tenant: "site", object: "School", after: `"clientId":"lab"`, do: func(s *story) {
		s.ada.call("PUT", "/providers/school", map[string]any{"name": "School", "issuer": "http://127.0.0.1:1", "clientId": "lab", "clientSecret": "hunter22", "allowPrivate": true})
	}},
	{verb: tenancy.AuditRuleChange, tenant: "site", object: "School", after: `"role":"member"`, do: func(s *story) {
		s.ada.call("PUT", "/providers/school", map[string]any{"name": "School", "issuer": "http://127.0.0.1:1", "clientId": "lab", "allowPrivate": true,
			"rules": []tenancy.Rule{{Domain: "example.edu", Tenant: s.course, Role: tenancy.Member}}})
	}},
	{verb: tenancy.AuditIdentityLink, who: "Mia", tenant: "site", object: "school", after: `"subject":"mia"`, do: func(s *story) {
		must(s.t, s.accounts.LinkIdentity(s.t.Context(), s.asMia(), tenancy.Identity{Provider: "school", Issuer: "http://127.0.0.1:1", Subject: "mia"}))
	}},
	{verb: tenancy.AuditIdentityUnlink, who: "Mia", tenant: "site", object: "school", before: `"subject":"mia"`, do: func(s *story) {
		_, err := s.accounts.UnlinkIdentity(s.t.Context(), s.asMia(), "http://127.0.0.1:1", "mia")
		must(s.t, err)
	}},
	{verb: tenancy.AuditProviderDelete, tenant: "site", object: "School", do: func(s *story) { s.ada.call("DELETE", "/providers/school", nil) }},
	{verb: tenancy.AuditLabDeploy, who: "Mia", tenant: "course", object: "campus", did: "deployed lab campus, revision 2, 3 steps", before: `"want":"nothing"`, after: `"hosts":["host-a"]`, do: func(s *story) {
		s.mia.call("POST", "/labs/campus/deploy", nil)
		s.settled(control.Running)
	}},
	{verb: tenancy.AuditNodeAction, who: "Mia", tenant: "course", object: "n2 of campus", did: "acted on node n2 of campus: pause", after: `"run":"paused"`, do: func(s *story) {
		s.mia.call("POST", "/labs/campus/nodes/n2/pause", nil)
	}},
	{verb: tenancy.AuditShellOpen, who: "Mia", tenant: "course", object: "n1 of campus", do: func(s *story) { s.shell, s.shellID = s.mia.openShell("") }},
	{verb: tenancy.AuditShellWatch, tenant: "course", object: "n1 of campus", did: "joined a shell in n1 of campus that Mia opened", after: `"mayType":true`, do: func(s *story) {
		seen, _ := s.ada.openShell(s.shellID)
		must(s.t, seen.Close(websocket.StatusNormalClosure, ""))
	}},
	{verb: tenancy.AuditShellClose, who: "Mia", tenant: "course", object: "n1 of campus", did: "closed a shell in n1 of campus after", after: `"seconds"`, do: func(s *story) {
		must(s.t, s.shell.Close(websocket.StatusNormalClosure, ""))
		if s.shells.CloseWhere(func(k terminal.Key) bool { return k.Session == s.shellID }, "It is over.") != 1 {
			s.t.Error("the shell was not there any more")
		}
	}},
	{verb: tenancy.AuditCommand, who: "Mia", tenant: "course", object: "n1 of campus", did: "ran a command in n1 of campus: echo --password=(secret) done", do: func(s *story) {
		secret, _ := s.mia.call("POST", "/tokens", map[string]any{"name": "laptop"})["secret"].(string)
		conn := s.visitor().dial("/api/v1/labs/campus/nodes/n1/exec", "Authorization", "Bearer "+secret)
		request, err := json.Marshal(map[string]any{"command": []string{"echo", "--password=hunter22", "done"}})
		must(s.t, err)
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
		defer cancel()
		must(s.t, conn.Write(ctx, websocket.MessageText, request))
		for ended := false; !ended; {
			_, message, err := conn.Read(ctx)
			must(s.t, err)
			ended = len(message) > 0 && message[0] == 4 // the exit code
		}
		must(s.t, conn.CloseNow())
	}},
	{verb: tenancy.AuditUpload, who: "Mia", tenant: "course", object: "n1 of campus", did: "put a file into n1 of campus: /root/notes.txt",
		after: `"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"`, do: func(s *story) {
			s.mia.send("PUT", "/labs/"+s.lab+"/nodes/n1/files?path=/root/&name=notes.txt", strings.NewReader("hello"), "")
		}},
	{verb: tenancy.AuditDownload, name: "a file out of a node", who: "Mia", tenant: "course", object: "n1 of campus",
		after: `{"bytes":5,"path":"/root/notes.txt","sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}`, do: func(s *story) {
			s.mia.get("/labs/" + s.lab + "/nodes/n1/files?path=/root/notes.txt")
		}},
	{verb: tenancy.AuditDownload, name: "a lab's folder", who: "Mia", tenant: "course", object: "campus", after: `"revision":2`, do: func(s *story) { s.mia.get("/labs/" + s.lab + "/export") }},
	{verb: tenancy.AuditLinkChange, who: "Mia", tenant: "course", object: "n1:eth1 n2:eth1 of campus", before: `{"cut":false}`, after: `"n1:eth1 to n2:eth1":{"delay":"20ms"}`, do: func(s *story) {
		s.mia.call("PATCH", "/labs/campus/links/n1:eth1", map[string]any{"from": "n1", "delay": "20ms"})
		s.settled(control.Running)
	}},
	{verb: tenancy.AuditTakeOver, tenant: "course", object: "Mia", did: "began to act as Mia", do: func(s *story) { s.ada.post("/members/" + s.miaID + "/act") }},
	{verb: tenancy.AuditNodeAction, name: "what is done for another", who: "Ada, acting as Mia,", object: "n2 of campus", do: func(s *story) {
		s.ada.post("/labs/" + s.lab + "/nodes/n2/resume")
	}},
	{verb: tenancy.AuditTakeOverEnd, tenant: "course", object: "Mia", after: `"why":"by hand"`, do: func(s *story) { s.ada.post("/acting/end") }},
	{verb: tenancy.AuditLabStop, who: "Mia", tenant: "course", object: "campus", before: `"want":"run"`, after: `"want":"stop"`, do: func(s *story) {
		s.mia.call("POST", "/labs/campus/stop", nil)
		s.settled(control.Stopped)
	}},
	{verb: tenancy.AuditLabDestroy, who: "Mia", tenant: "course", object: "campus", after: `"want":"nothing"`, do: func(s *story) {
		s.mia.call("POST", "/labs/campus/destroy", nil)
		s.settled(control.Stored)
	}},
	{verb: tenancy.AuditLabCancel, who: "Mia", tenant: "course", object: "campus", did: "cancelled the deploy of lab campus", do: func(s *story) {
		open := make(chan struct{})
		s.host.fake.Intercept(func(ctx context.Context, _ fakehost.Call, do func() error) error {
			select {
			case <-open:
				return do()
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		s.mia.call("POST", "/labs/campus/deploy", nil)
		s.mia.call("POST", "/labs/campus/cancel", nil)
		close(open)
		s.settled(control.Stored)
	}},
	{verb: tenancy.AuditLabDelete, who: "Mia", tenant: "course", object: "campus", do: func(s *story) { s.mia.call("POST", "/labs/campus/destroy?forget=true", nil) }},

	{verb: tenancy.AuditHostRevoke, tenant: "site", object: "host-a", do: func(s *story) { s.ada.call("POST", "/hosts/host-a/revoke", nil) }},
	{verb: tenancy.AuditHostRemove, tenant: "site", object: "host-a", before: `"rack":"3"`, do: func(s *story) {
		await(s.t, "the host to be empty", func() bool {
			return strings.Contains(s.ada.send("DELETE", "/api/v1/hosts/host-a", nil, "", http.StatusConflict), "") && s.gone("host-a")
		})
	}},
	{verb: tenancy.AuditExport, tenant: "course", object: "of workspace", after: `"about":"campus"`, do: func(s *story) {
		text := s.ada.get("/audit/export?about=campus")
		if proof, err := tenancy.VerifyAuditLines(strings.NewReader(text)); err != nil || proof.Broken != nil || proof.Events < 10 {
			s.t.Errorf("the export holds %+v %v", proof, err)
		}
	}},
	{verb: tenancy.AuditPrune, who: "here", tenant: "site", do: func(s *story) {
		page, err := s.audit.Events(s.t.Context(), tenancy.Everywhere(), tenancy.AuditFilter{Before: 4, Limit: 1})
		must(s.t, err)
		_, err = s.audit.Prune(s.t.Context(), page.Events[0].At, tenancy.AuditEvent{Actor: tenancy.AuditPerson{Name: "here"}})
		must(s.t, err)
	}},
}

// asMia is who asks where a page or the API would need a provider that answers.
func (s *story) asMia() tenancy.Actor {
	actor, err := s.accounts.ActorOf(s.t.Context(), s.miaID, s.course)
	must(s.t, err)
	actor.Address, actor.RequestID = "127.0.0.1", "r"
	return actor
}

// idOf finds something in a list of the API by one of its values.
func (s *story) idOf(list, field, value string) string {
	s.t.Helper()
	var all []map[string]any
	must(s.t, json.Unmarshal([]byte(s.ada.send("GET", "/api/v1"+list, nil, "")), &all))
	for _, one := range all {
		if one[field] == value {
			for _, id := range []string{"id", "userId"} {
				if found, _ := one[id].(string); found != "" {
					return found
				}
			}
		}
	}
	s.t.Fatalf("%s has nothing with the %s %q: %v", list, field, value, all)
	return ""
}

func (s *story) gone(host string) bool {
	return !strings.Contains(s.ada.get("/api/v1/hosts"), `"`+host+`"`)
}
