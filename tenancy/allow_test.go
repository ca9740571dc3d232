package tenancy

import (
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
)

func TestEveryVerbHasARule(t *testing.T) {
	for _, verb := range Verbs {
		if _, known := rules[verb]; !known {
			t.Errorf("%s has no rule", verb)
		}
	}
	if len(rules) != len(Verbs) {
		t.Errorf("%d rules for %d verbs", len(rules), len(Verbs))
	}
}

func TestAllow(t *testing.T) {
	mine := ObjectRef{Tenant: "t1", Owner: "me", Name: "lab campus"}
	theirs := ObjectRef{Tenant: "t1", Owner: "you", Name: "lab campus"}
	foreign := ObjectRef{Tenant: "t2", Owner: "me", Name: "lab campus"}
	as := func(role Role) Actor { return Actor{UserID: "me", TenantID: "t1", Role: role} }
	admin := Actor{UserID: "me", TenantID: "t1", SiteAdmin: true}
	cases := []struct {
		name   string
		actor  Actor
		verb   Verb
		object ObjectRef
		code   fault.Code
	}{
		{"nobody sees nothing", Actor{}, SeeLab, mine, fault.Unauthenticated},
		{"an observer sees everyone's labs", as(Observer), SeeLab, theirs, ""},
		{"an observer makes none", as(Observer), CreateLab, ObjectRef{Tenant: "t1"}, fault.Forbidden},
		{"an observer does not even run what was once his", as(Observer), RunLab, mine, fault.Forbidden},
		{"a member runs his own", as(Member), RunLab, mine, ""},
		{"a member types in his own nodes", as(Member), UseNode, mine, ""},
		{"a member runs nobody else's", as(Member), RunLab, theirs, fault.Forbidden},
		{"a member types in nobody else's nodes", as(Member), UseNode, theirs, fault.Forbidden},
		{"a manager runs everyone's", as(Manager), RunLab, theirs, ""},
		{"an owner includes a manager", as(Owner), EditLab, theirs, ""},
		{"an owner of a workspace sees no hosts", as(Owner), SeeHosts, ObjectRef{}, fault.Forbidden},
		{"a manager does not change the workspace's settings", as(Manager), ManageTenant, ObjectRef{Tenant: "t1"}, fault.Forbidden},
		{"an owner changes the workspace's settings", as(Owner), ManageTenant, ObjectRef{Tenant: "t1"}, ""},
		{"an owner does not change another workspace's", as(Owner), ManageTenant, ObjectRef{Tenant: "t2"}, fault.NotFound},
		{"an owner does not change the site's", as(Owner), ManageSite, ObjectRef{}, fault.Forbidden},
		{"an observer sees the workspace's networks", as(Observer), SeeNetworks, ObjectRef{Tenant: "t1"}, ""},
		{"an observer does not see another workspace's networks", as(Observer), SeeNetworks, ObjectRef{Tenant: "t2"}, fault.NotFound},
		{"nobody's networks are seen by no member", as(""), SeeNetworks, ObjectRef{Tenant: "t1"}, fault.Forbidden},
		{"an observer sees who is in the workspace", as(Observer), SeeMembers, ObjectRef{Tenant: "t1"}, ""},
		{"an observer does not see who is in another", as(Observer), SeeMembers, ObjectRef{Tenant: "t2"}, fault.NotFound},
		{"a member invites nobody", as(Member), InviteMembers, ObjectRef{Tenant: "t1"}, fault.Forbidden},
		{"a manager invites", as(Manager), InviteMembers, ObjectRef{Tenant: "t1"}, ""},
		{"a manager changes no roles", as(Manager), ManageMembers, ObjectRef{Tenant: "t1"}, fault.Forbidden},
		{"an owner changes roles", as(Owner), ManageMembers, ObjectRef{Tenant: "t1"}, ""},
		{"an observer may leave", as(Observer), LeaveTenant, ObjectRef{Tenant: "t1"}, ""},
		{"a manager gives no workspace away", as(Manager), TransferTenant, ObjectRef{Tenant: "t1"}, fault.Forbidden},
		{"a manager deletes no workspace", as(Manager), DeleteTenant, ObjectRef{Tenant: "t1"}, fault.Forbidden},
		{"an owner does not see all workspaces", as(Owner), ManageTenants, ObjectRef{}, fault.Forbidden},
		{"an owner makes no workspace unless the site is open", as(Owner), CreateTenant, ObjectRef{}, fault.Forbidden},
		{"an administrator of the site sees hosts", admin, SeeHosts, ObjectRef{}, ""},
		{"an administrator acts in the tenant that is chosen", admin, RunLab, theirs, ""},
		{"an administrator does not reach into another tenant", admin, SeeLab, foreign, fault.NotFound},
		{"an owner does not see another tenant", as(Owner), SeeLab, foreign, fault.NotFound},
		{"no role is no member", as(""), SeeLab, mine, fault.Forbidden},
		{"a role that does not exist includes nothing", as("god"), SeeLab, mine, fault.Forbidden},
		{"a verb that does not exist is refused", as(Owner), "conquer", mine, fault.Forbidden},
		{"a verb that does not exist is refused to administrators too", admin, "conquer", mine, fault.Forbidden},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := Allow(c.actor, c.verb, c.object)
			if got := fault.CodeOf(err); got != c.code {
				t.Errorf("code %q, want %q: %v", got, c.code, err)
			}
			if err != nil && strings.Contains(err.Error(), "%!") {
				t.Errorf("the sentence is broken: %v", err)
			}
		})
	}
}

func TestTheZeroScopeSeesNothing(t *testing.T) {
	if tenant, all := (Scope{}).Tenant(); tenant != "" || all {
		t.Error("the zero scope sees something")
	}
	if tenant, all := (Actor{TenantID: "t1"}).Scope().Tenant(); tenant != "t1" || all {
		t.Error("an actor's scope is not the tenant that was chosen")
	}
}

func TestPasswordHashes(t *testing.T) {
	hash := hashPassword("three words in a row")
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %q", hash)
	}
	if !passwordMatches(hash, "three words in a row") || passwordMatches(hash, "three words in a ro") {
		t.Error("the hash does not tell right from wrong")
	}
	for _, broken := range []string{"", "$", "$argon2id$v=19$m=1,t=1,p=0$$", "$argon2i$v=19$m=1,t=1,p=1$YQ$YQ", "$argon2id$v=19$m=99999999,t=1,p=1$YQ$YQ"} {
		if passwordMatches(broken, "") {
			t.Errorf("%q matches", broken)
		}
	}
}

func TestTheLimiterForgetsTheOldestKeyWhenFull(t *testing.T) {
	l := newLimiter(1e12, 1, 2)
	now := testTime
	for _, key := range []string{"a", "b", "c"} { // c pushes a out
		if !l.allow(key, now) {
			t.Errorf("the first attempt of %s was refused", key)
		}
	}
	if l.allow("c", now) || l.allow("b", now) {
		t.Error("a second attempt passed")
	}
	if kept := l.attempts.Keys(); kept != 2 {
		t.Errorf("%d keys are kept, want 2", kept)
	}
	l.forgive("b")
	if !l.allow("b", now) {
		t.Error("a forgiven key is refused")
	}
}

var testTime = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
