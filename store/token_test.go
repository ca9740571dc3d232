package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/store"
	"trunkline/tenancy"
)

// desk is accounts and service accounts on a database, with ada who owns alpha and mia who manages it.
type desk struct {
	*tenancy.Accounts
	services  *tenancy.Services
	store     *store.Store
	bell      *tenancy.Revocations
	clock     *clock
	ada, mia  tenancy.Actor
	elsewhere tenancy.Actor // ada in beta
}

func everyDesk(t *testing.T, test func(t *testing.T, d desk)) {
	everyAddress(t, func(t *testing.T, address string) {
		c := &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
		s := openWith(t, store.Config{URL: address, Now: c.now})
		ada, _ := seed(t, s)
		mia := somebody(t, s, "mia")
		must(t, s.EnsureTenant(t.Context(), alpha, alpha, tenancy.Membership{UserID: mia.UserID, TenantID: alpha, Role: tenancy.Manager}))
		d := desk{store: s, bell: &tenancy.Revocations{}, clock: c}
		d.Accounts = tenancy.NewAccounts(s, s, s, c.now).WithBell(d.bell)
		d.services = tenancy.NewServices(s, d.Accounts, d.bell)
		var err error
		d.ada, err = d.ActorOf(t.Context(), ada, alpha)
		must(t, err)
		d.elsewhere, err = d.ActorOf(t.Context(), ada, beta)
		must(t, err)
		d.mia, err = d.ActorOf(t.Context(), mia.UserID, alpha)
		must(t, err)
		test(t, d)
	})
}

func TestATokenHasItsScopeAndEnd(t *testing.T) {
	everyDesk(t, func(t *testing.T, d desk) {
		ctx := t.Context()
		usual, _, err := d.CreateToken(ctx, d.ada, tenancy.TokenRequest{Name: "usual"})
		must(t, err)
		if usual.Workspace != alpha || usual.Scope != tenancy.ScopeAll || !usual.Expires.Equal(d.clock.now().Add(tenancy.TokenLife)) {
			t.Errorf("the usual token is %+v", usual)
		}
		forever, _, err := d.CreateToken(ctx, d.ada, tenancy.TokenRequest{Name: "forever", Never: true})
		must(t, err)
		if !forever.Expires.IsZero() {
			t.Errorf("a token without an end ends %s", forever.Expires)
		}
		_, secret, err := d.CreateToken(ctx, d.ada, tenancy.TokenRequest{Name: "short", Scope: tenancy.ScopeRead, Life: time.Hour})
		must(t, err)
		d.clock.move(59 * time.Minute)
		origin := tenancy.FromOrigin(ctx, tenancy.Origin{Address: "192.0.2.9"})
		actor, err := d.ActorOfToken(origin, secret)
		must(t, err)
		if actor.TokenScope != tenancy.ScopeRead || actor.TenantID != alpha {
			t.Errorf("by the token comes %+v", actor)
		}
		again, err := d.Again(ctx, actor)
		if err != nil || again.TokenID != actor.TokenID || again.TokenScope != tenancy.ScopeRead {
			t.Errorf("once more %+v, %v", again, err)
		}
		list, err := d.Tokens(ctx, d.elsewhere)
		must(t, err)
		short := slices.IndexFunc(list, func(token tenancy.Token) bool { return token.Name == "short" })
		if len(list) != 3 || list[short].LastAddress != "192.0.2.9" || list[short].Workspace != alpha || list[short].Scope != tenancy.ScopeRead {
			t.Errorf("listed %+v", list)
		}
		d.clock.move(time.Minute)
		_, err = d.ActorOfToken(ctx, secret)
		wantCode(t, err, fault.Unauthenticated)
		_, err = d.Again(ctx, actor)
		wantCode(t, err, fault.Unauthenticated)
		for field, request := range map[string]tenancy.TokenRequest{
			"name": {Name: " "}, "scope": {Name: "x", Scope: "more"}, "expires": {Name: "x", Life: time.Second},
		} {
			_, _, err := d.CreateToken(ctx, d.ada, request)
			wantCode(t, err, fault.Invalid)
			if got := fault.Public(err).Field; got != field {
				t.Errorf("%+v: in the field %q", request, got)
			}
		}
	})
}

func TestATokenMakesNoneThatOutlivesIt(t *testing.T) {
	everyDesk(t, func(t *testing.T, d desk) {
		ctx := t.Context()
		_, secret, err := d.CreateToken(ctx, d.ada, tenancy.TokenRequest{Name: "maker", Life: 24 * time.Hour})
		must(t, err)
		maker, err := d.ActorOfToken(ctx, secret)
		must(t, err)
		for _, request := range []tenancy.TokenRequest{{Name: "longer", Life: 48 * time.Hour}, {Name: "forever", Never: true}} {
			_, _, err = d.CreateToken(ctx, maker, request)
			wantCode(t, err, fault.Invalid)
		}
		made, _, err := d.CreateToken(ctx, maker, tenancy.TokenRequest{Name: "usual"})
		must(t, err)
		if !made.Expires.Equal(d.clock.now().Add(24 * time.Hour)) {
			t.Errorf("it ends %s", made.Expires)
		}
		_, reading, err := d.CreateToken(ctx, d.ada, tenancy.TokenRequest{Name: "reading", Scope: tenancy.ScopeLabs})
		must(t, err)
		reader, err := d.ActorOfToken(ctx, reading)
		must(t, err)
		_, _, err = d.CreateToken(ctx, reader, tenancy.TokenRequest{Name: "more"})
		wantCode(t, err, fault.Forbidden)
	})
}

func TestARevokedTokenIsRungFor(t *testing.T) {
	everyDesk(t, func(t *testing.T, d desk) {
		ctx := t.Context()
		token, secret, err := d.CreateToken(ctx, d.ada, tenancy.TokenRequest{Name: "ci"})
		must(t, err)
		other, _, err := d.CreateToken(ctx, d.ada, tenancy.TokenRequest{Name: "other"})
		must(t, err)
		actor, err := d.ActorOfToken(ctx, secret)
		must(t, err)
		heard, stop := d.bell.Listen(actor, "")
		defer stop()
		must(t, d.RevokeToken(ctx, d.ada, other.ID))
		if len(heard) != 0 {
			t.Errorf("the end of another token was heard: %+v", <-heard)
		}
		wantCode(t, d.RevokeToken(ctx, d.mia, token.ID), fault.NotFound)
		must(t, d.RevokeToken(ctx, d.ada, token.ID))
		if len(heard) != 1 || !strings.Contains((<-heard).Reason, "revoked") {
			t.Error("the end of the token was not heard")
		}
		_, err = d.Again(ctx, actor)
		wantCode(t, err, fault.Unauthenticated)
	})
}

func TestAServiceAccountWorksByTokensAndEndsWithThem(t *testing.T) {
	everyDesk(t, func(t *testing.T, d desk) {
		ctx := t.Context()
		ci, err := d.services.CreateService(ctx, d.mia, "ci", tenancy.Member)
		must(t, err)
		_, err = d.services.CreateService(ctx, d.ada, "ci", tenancy.Member)
		wantCode(t, err, fault.Conflict)
		_, err = d.services.CreateService(ctx, d.elsewhere, "ci", tenancy.Member) // each workspace has its own names
		must(t, err)
		_, secret, err := d.services.CreateServiceToken(ctx, d.mia, "ci", tenancy.TokenRequest{Name: "nightly", Scope: tenancy.ScopeLabs})
		must(t, err)
		actor, err := d.ActorOfToken(ctx, secret)
		must(t, err)
		if !actor.Service || actor.UserID != ci.ID || actor.Role != tenancy.Member || actor.TenantID != alpha || actor.SiteAdmin {
			t.Errorf("by the token comes %+v", actor)
		}
		members, err := d.store.Members(ctx, tenancy.InTenant(alpha))
		must(t, err)
		workspaces, err := d.store.Workspaces(ctx, d.ada.UserID)
		must(t, err)
		for _, w := range workspaces {
			if w.ID == alpha && w.Members != 2 || len(members) != 2 {
				t.Errorf("%d members are listed, %d counted: the service account is no person", len(members), w.Members)
			}
		}
		list, err := d.services.Services(ctx, d.mia)
		must(t, err)
		if len(list) != 1 || list[0].By != "mia" || len(list[0].Tokens) != 1 || list[0].Tokens[0].Name != "nightly" {
			t.Errorf("listed %+v", list)
		}
		heard, stop := d.bell.Listen(actor, "")
		defer stop()
		must(t, d.services.RemoveService(ctx, d.mia, "ci"))
		if len(heard) != 1 {
			t.Error("the end of the service account was not heard")
		}
		_, err = d.ActorOfToken(ctx, secret)
		wantCode(t, err, fault.Unauthenticated)
		_, err = d.store.User(ctx, ci.ID)
		wantCode(t, err, fault.NotFound)
		wantCode(t, d.services.RemoveService(ctx, d.mia, "ci"), fault.NotFound)
	})
}

func TestWhoMayDoWhatAboutServiceAccounts(t *testing.T) {
	everyDesk(t, func(t *testing.T, d desk) {
		ctx := t.Context()
		boss, err := d.services.CreateService(ctx, d.ada, "boss", tenancy.Owner)
		must(t, err)
		_, err = d.services.CreateService(ctx, d.mia, "more", tenancy.Owner) // a manager's is no owner
		wantCode(t, err, fault.Forbidden)
		_, _, err = d.services.CreateServiceToken(ctx, d.mia, boss.ID, tenancy.TokenRequest{Name: "x"})
		wantCode(t, err, fault.Forbidden)
		wantCode(t, d.services.RemoveService(ctx, d.mia, boss.ID), fault.Forbidden)
		member := d.mia
		member.Role = tenancy.Member
		_, err = d.services.CreateService(ctx, member, "mine", tenancy.Member)
		wantCode(t, err, fault.Forbidden)
		list, err := d.services.Services(ctx, member)
		must(t, err)
		if len(list) != 1 || list[0].Tokens != nil {
			t.Errorf("a member sees %+v", list)
		}
		// Of another workspace it is as good as missing.
		_, _, err = d.services.CreateServiceToken(ctx, d.elsewhere, boss.ID, tenancy.TokenRequest{Name: "x"})
		wantCode(t, err, fault.NotFound)
		_, _, missing := d.services.CreateServiceToken(ctx, d.elsewhere, "nothing", tenancy.TokenRequest{Name: "x"})
		if fault.Sentence(err) != fault.Sentence(missing) {
			t.Errorf("another workspace's answers %q, a missing one %q", fault.Sentence(err), fault.Sentence(missing))
		}
	})
}

func TestTheRoleOfAServiceAccountChangesForItsTokensAtOnce(t *testing.T) {
	everyDesk(t, func(t *testing.T, d desk) {
		ctx := t.Context()
		ci, err := d.services.CreateService(ctx, d.mia, "ci", tenancy.Member)
		must(t, err)
		_, secret, err := d.services.CreateServiceToken(ctx, d.mia, "ci", tenancy.TokenRequest{Name: "nightly"})
		must(t, err)
		actor, err := d.ActorOfToken(ctx, secret)
		must(t, err)
		role := func(want tenancy.Role) {
			t.Helper()
			fresh, err := d.ActorOfToken(ctx, secret)
			must(t, err)
			again, err := d.Again(ctx, actor) // what is open
			must(t, err)
			if fresh.Role != want || again.Role != want {
				t.Errorf("by its token it is %s, in what is open %s, and not %s", fresh.Role, again.Role, want)
			}
		}
		heard, stop := d.bell.Listen(actor, "")
		defer stop()
		for _, is := range []tenancy.Role{tenancy.Manager, tenancy.Observer} {
			must(t, d.services.ChangeServiceRole(ctx, d.mia, "ci", is))
			role(is)
			select {
			case told := <-heard:
				if want := "The role of the service account ci was changed to " + string(is) + " by mia."; told.Reason != want {
					t.Errorf("heard %q", told.Reason)
				}
			default:
				t.Errorf("that it is %s now was not heard", is)
			}
		}
		must(t, d.services.ChangeServiceRole(ctx, d.mia, ci.ID, tenancy.Observer))
		if len(heard) != 0 {
			t.Error("somebody is told that its role is what it was")
		}

		wantCode(t, d.services.ChangeServiceRole(ctx, d.mia, "ci", tenancy.Owner), fault.Forbidden)
		wantCode(t, d.services.ChangeServiceRole(ctx, d.mia, "ci", "god"), fault.Invalid)
		must(t, d.services.ChangeServiceRole(ctx, d.ada, "ci", tenancy.Owner))
		wantCode(t, d.services.ChangeServiceRole(ctx, d.mia, "ci", tenancy.Observer), fault.Forbidden) // it may more than mia
		role(tenancy.Owner)
		for _, ref := range []string{ci.ID, "ci", d.mia.UserID, "nothing"} { // of another workspace, a person, nobody
			wantCode(t, d.services.ChangeServiceRole(ctx, d.elsewhere, ref, tenancy.Observer), fault.NotFound)
		}
		wantCode(t, d.services.ChangeServiceRole(ctx, d.ada, d.mia.UserID, tenancy.Observer), fault.NotFound)
		wantCode(t, d.store.ChangeService(ctx, tenancy.InTenant(alpha), d.mia.UserID, tenancy.Manager, tenancy.Observer), fault.NotFound)
		wantCode(t, d.store.ChangeService(ctx, tenancy.InTenant(alpha), ci.ID, tenancy.Member, tenancy.Observer), fault.Conflict)
		role(tenancy.Owner)
	})
}

func TestAServiceAccountCannotSignIn(t *testing.T) {
	everyDesk(t, func(t *testing.T, d desk) {
		ctx := t.Context()
		ci, err := d.services.CreateService(ctx, d.ada, "ci", tenancy.Owner)
		must(t, err)
		for _, name := range []string{"ci", ci.ID, ""} {
			_, err = d.SignIn(ctx, name, "", "192.0.2.1")
			wantCode(t, err, fault.Unauthenticated)
		}
		_, secret, err := d.services.CreateServiceToken(ctx, d.ada, "ci", tenancy.TokenRequest{Name: "t"})
		must(t, err)
		actor, err := d.ActorOfToken(ctx, secret)
		must(t, err)
		wantCode(t, d.SetPassword(ctx, actor, "ci", "ci", goodPassword), fault.Forbidden)
		_, _, err = d.CreateToken(ctx, actor, tenancy.TokenRequest{Name: "more"})
		wantCode(t, err, fault.Forbidden)
		actor, err = d.ActorOf(ctx, ci.ID, alpha)
		must(t, err)
		sessions := tenancy.NewSessions(tenancy.SessionConfig{Store: d.store.Sessions(), Now: d.clock.now})
		_, err = sessions.Begin(ctx, "secret", actor, tenancy.SignedInBy{}, "")
		wantCode(t, err, fault.Forbidden)
	})
}
