package store_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/internal/seal"
	"trunkline/store"
	"trunkline/tenancy"
)

// door is accounts that people come into by providers.
type door struct {
	*tenancy.Accounts
	store      *store.Store
	identities *store.Identities
	clock      *clock
	ctx        context.Context
}

func newDoor(t *testing.T, s *store.Store) *door {
	a, c := accounts(s)
	d := &door{store: s, identities: s.Identities(seal.Random()), clock: c, ctx: t.Context()}
	d.Accounts = a.WithIdentities(d.identities)
	return d
}

func whoIs(subject, email string) tenancy.Identity {
	return tenancy.Identity{Provider: "campus", Issuer: "https://id.example.org", Subject: subject, Email: email, EmailVerified: true, Name: "Name of " + subject,
		Claims: map[string]any{}, AccessToken: "access of " + subject, RefreshToken: "refresh of " + subject}
}

// gives is an outcome of those grants, and of nothing that is missing.
func gives(grants ...tenancy.Grant) tenancy.Outcome { return tenancy.Outcome{Memberships: grants} }

func (d *door) roles(t *testing.T, userID string) map[string]string {
	t.Helper()
	memberships, err := d.store.Memberships(d.ctx, userID)
	must(t, err)
	roles := map[string]string{}
	for _, m := range memberships {
		roles[m.TenantID] = string(m.Role) + " " + m.Source
	}
	return roles
}

func wantRoles(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
}

func TestSomebodyNewBecomesAUserWithWhatTheClaimsGive(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		d := newDoor(t, s)
		outcome := gives(tenancy.Grant{TenantID: alpha, Role: tenancy.Manager}, tenancy.Grant{TenantID: "course7", Role: tenancy.Member, Create: true},
			tenancy.Grant{TenantID: "nowhere", Role: tenancy.Member})
		actor, admitted, err := d.SignInBy(d.ctx, whoIs("ana", "Ana@example.org"), outcome)
		must(t, err)
		if !admitted.New || actor.UserName != "Name of ana" || actor.TenantID != alpha || actor.Role != tenancy.Manager || len(admitted.Skipped) != 1 || admitted.Skipped[0].TenantID != "nowhere" {
			t.Errorf("%+v %+v", actor, admitted)
		}
		want := []tenancy.MembershipChange{{TenantID: alpha, Is: tenancy.Manager}, {TenantID: "course7", Is: tenancy.Member}}
		if diff := cmp.Diff(want, admitted.Changes); diff != "" {
			t.Error(diff)
		}
		wantRoles(t, d.roles(t, actor.UserID), map[string]string{alpha: "manager campus", "course7": "member campus"})
		again, admitted, err := d.SignInBy(d.ctx, whoIs("ana", "other@example.org"), outcome)
		must(t, err)
		if again.UserID != actor.UserID || admitted.New || len(admitted.Changes) != 0 {
			t.Errorf("the second time: %+v %+v", again, admitted)
		}
		user, err := s.UserByEmail(d.ctx, "ana@example.org")
		must(t, err)
		if user.ID != actor.UserID {
			t.Error("the address is another's")
		}
		linked, err := d.identities.IdentitiesOf(d.ctx, actor.UserID)
		must(t, err)
		if len(linked) != 1 || linked[0].RefreshToken != "refresh of ana" || linked[0].AccessToken != "access of ana" || linked[0].Email != "other@example.org" || !linked[0].LastUsed.Equal(d.clock.now()) {
			t.Errorf("%+v", linked)
		}
	})
}

// The last of the hostile ways: a provider, or another person there, that uses somebody's address.
func TestTheSameAddressWithAnotherSubjectIsAnotherPerson(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		ada, _ := seed(t, s)
		d := newDoor(t, s)
		must(t, s.SaveUser(d.ctx, tenancy.User{ID: ada, Email: "ada@example.org", Name: "Ada", SiteAdmin: true}))
		first, _, err := d.SignInBy(d.ctx, whoIs("ana", "ana@example.org"), gives())
		must(t, err)
		elsewhere := whoIs("ana", "ana@example.org")
		elsewhere.Issuer = "https://evil.example"
		for name, id := range map[string]tenancy.Identity{
			"the address of an administrator":       whoIs("mallory", "ada@example.org"),
			"the address of somebody there":         whoIs("mallory2", "ana@example.org"),
			"the same subject of another issuer":    elsewhere,
			"the account name of an administrator":  whoIs("mallory3", "admin"),
			"capitals in the address of another":    whoIs("mallory4", "ADA@Example.ORG"),
			"a subject that differs by a space":     whoIs("ana ", "ana@example.org"),
			"a subject that differs by its capital": whoIs("Ana", "ana@example.org"),
		} {
			actor, admitted, err := d.SignInBy(d.ctx, id, gives())
			must(t, err)
			user, err := s.User(d.ctx, actor.UserID)
			must(t, err)
			if !admitted.New || actor.UserID == ada || actor.UserID == first.UserID || actor.SiteAdmin || user.Email != "" {
				t.Errorf("%s: came in as %+v, %+v", name, actor, user)
			}
		}
		unverified := whoIs("carl", "carl@example.org")
		unverified.EmailVerified = false
		actor, _, err := d.SignInBy(d.ctx, unverified, gives())
		must(t, err)
		if user, err := s.User(d.ctx, actor.UserID); err != nil || user.Email != "" {
			t.Errorf("an address that nobody verified was given: %+v, %v", user, err)
		}
		// Who has no password is not let in by none.
		_, err = d.SignIn(d.ctx, "ana@example.org", "", "192.0.2.1")
		wantCode(t, err, fault.Unauthenticated)
	})
}

func TestAProviderChangesOnlyWhatItGave(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		d := newDoor(t, s)
		actor, _, err := d.SignInBy(d.ctx, whoIs("ana", ""), gives(tenancy.Grant{TenantID: alpha, Role: tenancy.Manager}, tenancy.Grant{TenantID: beta, Role: tenancy.Observer}))
		must(t, err)
		hand := tenancy.Membership{UserID: actor.UserID, TenantID: beta, Role: tenancy.Member}
		must(t, s.EnsureTenant(d.ctx, beta, beta, hand))
		other := whoIs("ana", "")
		other.Provider, other.Issuer = "guests", "https://guests.example.org"
		must(t, d.LinkIdentity(d.ctx, actor, other))
		_, err = d.Reassess(d.ctx, other, gives(tenancy.Grant{TenantID: alpha, Role: tenancy.Owner}))
		must(t, err)
		wantRoles(t, d.roles(t, actor.UserID), map[string]string{alpha: "owner guests", beta: "member "})

		admitted, err := d.Reassess(d.ctx, whoIs("ana", ""), gives())
		must(t, err)
		want := []tenancy.MembershipChange{{TenantID: alpha, Was: tenancy.Manager}, {TenantID: beta, Was: tenancy.Observer}}
		if diff := cmp.Diff(want, admitted.Changes); diff != "" {
			t.Error(diff)
		}
		wantRoles(t, d.roles(t, actor.UserID), map[string]string{alpha: "owner guests", beta: "member "})

		silent := other
		silent.Claims = nil
		admitted, err = d.Reassess(d.ctx, silent, gives())
		must(t, err)
		if len(admitted.Changes) != 0 {
			t.Errorf("a provider that said nothing changed %v", admitted.Changes)
		}
		admitted, err = d.Withdraw(d.ctx, "guests", other.Issuer, other.Subject)
		must(t, err)
		if len(admitted.Changes) != 1 || admitted.User.ID != actor.UserID {
			t.Errorf("%+v", admitted)
		}
		wantRoles(t, d.roles(t, actor.UserID), map[string]string{beta: "member "})
		_, err = d.Reassess(d.ctx, whoIs("nobody", ""), gives())
		wantCode(t, err, fault.NotFound)
	})
}

func TestOnlyWhoIsSignedInLinks(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		ada, _ := seed(t, s)
		d := newDoor(t, s)
		me, err := d.ActorOf(d.ctx, ada, "")
		must(t, err)
		wantCode(t, d.LinkIdentity(d.ctx, tenancy.Actor{}, whoIs("ada", "")), fault.Unauthenticated)
		token := me
		token.TokenID = "t"
		wantCode(t, d.LinkIdentity(d.ctx, token, whoIs("ada", "")), fault.Forbidden)
		must(t, d.LinkIdentity(d.ctx, me, whoIs("ada", "")))
		err = d.LinkIdentity(d.ctx, me, whoIs("ada", ""))
		wantCode(t, err, fault.Conflict)
		in, admitted, err := d.SignInBy(d.ctx, whoIs("ada", ""), gives(tenancy.Grant{TenantID: "net", Role: tenancy.Member, Create: true}))
		must(t, err)
		if in.UserID != ada || admitted.New {
			t.Errorf("the linked identity came in as %+v", in)
		}
		stranger, _, err := d.SignInBy(d.ctx, whoIs("ben", ""), gives())
		must(t, err)
		err = d.LinkIdentity(d.ctx, stranger, whoIs("ada", ""))
		wantCode(t, err, fault.Conflict)
		if !strings.Contains(fault.Sentence(err), "Somebody signs in here that way") {
			t.Error(err)
		}
		_, err = d.UnlinkIdentity(d.ctx, stranger, "https://id.example.org", "ada")
		wantCode(t, err, fault.NotFound)
		_, err = d.UnlinkIdentity(d.ctx, stranger, "https://id.example.org", "ben")
		wantCode(t, err, fault.Conflict) // the only way in
		_, err = d.UnlinkIdentity(d.ctx, me, "https://id.example.org", "ada")
		wantCode(t, err, fault.Conflict) // also where there is no password
		must(t, d.SetPassword(d.ctx, me, "ada", "Ada", goodPassword))
		settled, err := d.UnlinkIdentity(d.ctx, me, "https://id.example.org", "ada")
		must(t, err)
		if changes := settled.Changes; len(changes) != 1 || changes[0].TenantID != "net" || changes[0].Is != "" {
			t.Errorf("%+v", settled)
		}
		list, err := d.Identities(d.ctx, stranger)
		must(t, err)
		if len(list) != 1 || list[0].RefreshToken != "" || list[0].AccessToken != "" || list[0].Subject != "ben" {
			t.Errorf("%+v", list)
		}
	})
}

func TestTheSamePersonTwentyTimesAtOnceIsOneUser(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		d := newDoor(t, s)
		users := make([]string, 20)
		fresh := make([]bool, 20)
		var all sync.WaitGroup
		for i := range users {
			all.Go(func() {
				grants := gives(tenancy.Grant{TenantID: "made", Role: tenancy.Member, Create: true}, tenancy.Grant{TenantID: fmt.Sprint("of", i), Role: tenancy.Member, Create: true})
				actor, admitted, err := d.SignInBy(context.Background(), whoIs("ana", "ana@example.org"), grants)
				if err != nil {
					t.Error(err)
				}
				users[i], fresh[i] = actor.UserID, admitted.New
			})
		}
		all.Wait()
		made := 0
		for i := range users {
			if users[i] != users[0] {
				t.Errorf("%s and %s", users[i], users[0])
			}
			if fresh[i] {
				made++
			}
		}
		if roles := d.roles(t, users[0]); made != 1 || len(roles) != 2 || roles["made"] != "member campus" {
			t.Errorf("made %d times, with %v", made, roles)
		}
	})
}

func TestTokensRestSealed(t *testing.T) {
	everyAddress(t, func(t *testing.T, address string) {
		s := open(t, address)
		d := newDoor(t, s)
		actor, _, err := d.SignInBy(d.ctx, whoIs("ana", ""), gives())
		must(t, err)
		driver := "sqlite3"
		if strings.HasPrefix(address, "postgres") {
			driver = "pgx"
		} else {
			address = "file:" + strings.NewReplacer("?", "%3f", "#", "%23", "%", "%25").Replace(address)
		}
		for name, table := range contents(t, driver, address, nil) {
			for _, row := range table.rows {
				if strings.Contains(row, "refresh of ana") || strings.Contains(row, "access of ana") {
					t.Errorf("%s holds a token to be read: %s", name, row)
				}
			}
		}
		// Another key: the tokens are lost, and nothing else.
		lost, err := s.Identities(seal.Random()).IdentitiesOf(d.ctx, actor.UserID)
		must(t, err)
		if len(lost) != 1 || lost[0].RefreshToken != "" || lost[0].Subject != "ana" {
			t.Errorf("%+v", lost)
		}
	})
}

func TestWhoIsToBeAskedAbout(t *testing.T) {
	everyAddress(t, func(t *testing.T, address string) {
		at := time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)
		s := openWith(t, store.Config{URL: address, Now: func() time.Time { return at }})
		seed(t, s)
		d := newDoor(t, s)
		for _, subject := range []string{"with a token", "without anything here", "gone", "nothing to ask with"} {
			id := whoIs(subject, "")
			if subject == "nothing to ask with" {
				id.RefreshToken, id.Expiry = "", at.Add(-time.Hour)
			}
			actor, _, err := d.SignInBy(d.ctx, id, gives(tenancy.Grant{TenantID: alpha, Role: tenancy.Member}))
			must(t, err)
			if subject != "without anything here" {
				must(t, s.SaveToken(d.ctx, tenancy.TokenGrant{Token: tenancy.Token{ID: ident.New(), Name: "x"}, Hash: ident.New(), UserID: actor.UserID, TenantID: alpha}))
			}
			d.clock.move(time.Second)
		}
		_, err := d.Withdraw(d.ctx, "campus", "https://id.example.org", "gone")
		must(t, err)
		due := func(since time.Duration) []string {
			t.Helper()
			list, err := d.identities.ToCheck(d.ctx, "campus", d.clock.now().Add(-since), 10)
			must(t, err)
			subjects := []string{}
			for _, l := range list {
				subjects = append(subjects, l.Subject)
			}
			return subjects
		}
		d.clock.move(time.Minute)
		if diff := cmp.Diff([]string{"with a token"}, due(time.Minute)); diff != "" {
			t.Error(diff)
		}
		if len(due(2*time.Minute)) != 0 {
			t.Error("who was asked about just now is asked about again")
		}
		id := whoIs("with a token", "")
		id.RefreshToken = "a new one"
		must(t, d.identities.KeepTokens(d.ctx, id))
		list, err := d.identities.ToCheck(d.ctx, "campus", d.clock.now(), 10)
		must(t, err)
		if len(list) != 1 || list[0].RefreshToken != "a new one" || list[0].Identity().Subject != "with a token" {
			t.Errorf("after its tokens were kept: %+v", list)
		}
		_, err = d.Reassess(d.ctx, id, gives())
		must(t, err)
		if len(due(time.Second)) != 0 {
			t.Error("who was asked about is asked about again")
		}
		wantCode(t, d.identities.KeepTokens(d.ctx, whoIs("nobody", "")), fault.NotFound)
	})
}

// TestEveryMethodOfTheDoorIsKnown pins what takes no scope: people, and how they come in, belong to the site.
func TestEveryMethodOfTheDoorIsKnown(t *testing.T) {
	known := "Admit Attach Detach Held IdentitiesOf KeepTokens ProvidersOfSessions ToCheck Unheard Withdraw | ChangeProvider DeleteProvider ManagedByFile OrderProviders Provider Providers Rules SyncFile"
	var got []string
	for _, kind := range []reflect.Type{reflect.TypeFor[*store.Identities](), reflect.TypeFor[*store.Providers]()} {
		var names []string
		for i := range kind.NumMethod() {
			names = append(names, kind.Method(i).Name)
		}
		got = append(got, strings.Join(names, " "))
	}
	if strings.Join(got, " | ") != known {
		t.Errorf("methods are %s; is each for the site?", strings.Join(got, " | "))
	}
}
