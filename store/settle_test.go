package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/store"
	"trunkline/tenancy"
)

func init() {
	unscoped["PasswordsOn"], unscoped["SetPasswordsOn"] = "the site's", "the site's"
	unscoped["AdministratorsBy"] = "people belong to no tenant"
}

func owns(tenants ...string) tenancy.Outcome {
	var o tenancy.Outcome
	for _, t := range tenants {
		o.Memberships = append(o.Memberships, tenancy.Grant{TenantID: t, Role: tenancy.Owner, Create: true})
	}
	return o
}

func TestTheLastOwnerStaysWhateverTheProviderSays(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		d := newDoor(t, s)
		ana, _, err := d.SignInBy(d.ctx, whoIs("ana", ""), owns("physics", "maths"))
		must(t, err)
		ben, _, err := d.SignInBy(d.ctx, whoIs("ben", ""), owns("maths"))
		must(t, err)
		ana, err = d.ActorOf(d.ctx, ana.UserID, "physics")
		must(t, err)
		_, token, err := d.CreateToken(d.ctx, ana, tenancy.TokenRequest{Name: "ci"})
		must(t, err)

		again, err := d.Reassess(d.ctx, whoIs("ana", ""), gives(tenancy.Grant{TenantID: "physics", Role: tenancy.Member}))
		must(t, err)
		if !slices.Equal(again.Kept, []string{"physics"}) || len(again.Changes) != 1 || again.Changes[0].TenantID != "maths" {
			t.Errorf("%+v", again.Settled)
		}
		wantRoles(t, d.roles(t, ana.UserID), map[string]string{"physics": "owner campus"})
		gone, err := d.Withdraw(d.ctx, "campus", "https://id.example.org", "ben")
		must(t, err)
		if !slices.Equal(gone.Kept, []string{"maths"}) || len(gone.Changes) != 0 {
			t.Errorf("%+v", gone.Settled)
		}
		wantRoles(t, d.roles(t, ben.UserID), map[string]string{"maths": "owner campus"})
		if _, err := d.ActorOfToken(d.ctx, token); err != nil {
			t.Errorf("the token of who is still there: %v", err)
		}
		gone, err = d.Withdraw(d.ctx, "campus", "https://id.example.org", "ana")
		must(t, err)
		if !slices.Equal(gone.Kept, []string{"physics"}) {
			t.Errorf("%+v", gone.Settled)
		}
		if _, err := d.ActorOfToken(d.ctx, token); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("the token of who is gone, and stays the last owner: %v", err)
		}
	})
}

func TestOfManyOwnersWhoLoseItAtOnceOneStays(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		d := newDoor(t, s)
		const many = 12
		for i := range many {
			_, _, err := d.SignInBy(d.ctx, whoIs(fmt.Sprint("p", i), ""), owns("physics"))
			must(t, err)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		kept := 0
		for i := range many {
			all.Go(func() {
				got, err := d.Reassess(d.ctx, whoIs(fmt.Sprint("p", i), ""), gives())
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				kept += len(got.Kept)
			})
		}
		all.Wait()
		members, err := s.Members(d.ctx, tenancy.InTenant("physics"))
		must(t, err)
		if kept != 1 || len(members) != 1 || members[0].Role != tenancy.Owner {
			t.Errorf("%d stayed; members %+v", kept, members)
		}
	})
}

func TestAProviderThatIsDeletedLeavesNoWorkspaceWithoutAnOwner(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		d := newDoor(t, s)
		p := s.Providers(nil)
		provider := campusProvider("campus")
		provider.ClientSecret = ""
		must(t, saveProvider(d.ctx, p, provider, nil))
		ana, _, err := d.SignInBy(d.ctx, whoIs("ana", ""), owns("physics", "maths"))
		must(t, err)
		must(t, s.EnsureTenant(d.ctx, "maths", "maths", tenancy.Membership{UserID: ana.UserID, TenantID: "maths", Role: tenancy.Observer}))
		must(t, s.SaveUser(d.ctx, tenancy.User{ID: "u-bob", Email: "bob", Created: time.Now()}))
		must(t, s.EnsureTenant(d.ctx, "maths", "maths", tenancy.Membership{UserID: "u-bob", TenantID: "maths", Role: tenancy.Owner}))
		must(t, p.DeleteProvider(d.ctx, "campus"))
		wantRoles(t, d.roles(t, ana.UserID), map[string]string{"physics": "owner ", "maths": "observer "})
	})
}

func TestWhomNobodyVouchesForIsFoundByTheSession(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		d := newDoor(t, s)
		sessions := tenancy.NewSessions(tenancy.SessionConfig{Store: s.Sessions(), Now: d.clock.now})
		for _, name := range []string{"ana", "ben", "eve"} {
			who := whoIs(name, "")
			actor, _, err := d.SignInBy(d.ctx, who, gives())
			must(t, err)
			_, err = sessions.Begin(d.ctx, "secret of "+name, actor, tenancy.SignedInBy{Provider: "campus", Issuer: who.Issuer, Subject: name}, "")
			must(t, err)
		}
		began, err := d.identities.ProvidersOfSessions(d.ctx)
		must(t, err)
		if !slices.Equal(began, []string{"campus"}) {
			t.Errorf("%v", began)
		}
		unheard := func() (names []string) {
			t.Helper()
			list, err := d.identities.Unheard(d.ctx, "campus", d.clock.now().Add(-time.Minute))
			must(t, err)
			for _, one := range list {
				names = append(names, one.Subject)
			}
			slices.Sort(names)
			return names
		}
		if got := unheard(); len(got) != 0 {
			t.Errorf("at once: %v", got)
		}
		_, err = d.Withdraw(d.ctx, "campus", "https://id.example.org", "eve")
		must(t, err)
		d.clock.move(2 * time.Minute)
		_, err = d.Reassess(d.ctx, whoIs("ana", ""), gives())
		must(t, err)
		if got := unheard(); !slices.Equal(got, []string{"ben", "eve"}) {
			t.Errorf("after two minutes: %v", got)
		}
		if _, err := sessions.EndWhere(d.ctx, tenancy.SessionsWhere{Issuer: "https://id.example.org", Subject: "ben"}, "gone"); err != nil {
			t.Fatal(err)
		}
		if got := unheard(); !slices.Equal(got, []string{"eve"}) {
			t.Errorf("after ben's session ended: %v", got)
		}
		user, held, err := d.identities.Held(d.ctx, "campus", "https://id.example.org", "ana")
		must(t, err)
		if user.Name != "Name of ana" || len(held) != 0 {
			t.Errorf("%+v %v", user, held)
		}
		_, _, err = d.identities.Held(d.ctx, "campus", "https://id.example.org", "nobody")
		wantCode(t, err, fault.NotFound)
	})
}

func TestPasswordsGoOffOnlyWhenAnotherDoorIsOpen(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		d := newDoor(t, s)
		d.WithLocal(s)
		user, err := d.Administrator(d.ctx)
		must(t, err)
		admin, err := d.ActorOf(d.ctx, user.ID, "")
		must(t, err)
		must(t, d.SetPassword(d.ctx, admin, "admin", "Admin", goodPassword))
		works := map[string]error{}
		ask := func(id string) error { return works[id] }
		off := func() error {
			return d.SetPasswordsOn(d.ctx, admin, false, func(_ context.Context, id string) error { return ask(id) })
		}
		wantCode(t, off(), fault.Conflict) // nobody is linked
		p := s.Providers(nil)
		provider := campusProvider("campus")
		provider.ClientSecret = ""
		must(t, saveProvider(d.ctx, p, provider, nil))
		must(t, d.LinkIdentity(d.ctx, admin, whoIs("admin", "")))
		works["campus"] = fault.New(fault.Unavailable, "It does not answer.")
		wantCode(t, off(), fault.Conflict) // it does not work
		delete(works, "campus")
		stranger, _, err := d.SignInBy(d.ctx, whoIs("eve", ""), gives())
		must(t, err)
		wantCode(t, d.SetPasswordsOn(d.ctx, stranger, false, nil), fault.Forbidden)
		must(t, off())
		_, err = d.SignIn(d.ctx, "admin", goodPassword, "192.0.2.1")
		wantCode(t, err, fault.Forbidden)
		_, err = d.UnlinkIdentity(d.ctx, admin, "https://id.example.org", "admin")
		wantCode(t, err, fault.Conflict) // the password is no way in now
		wantCode(t, d.NeedsDoor(d.ctx, func(context.Context, string) error { return fault.New(fault.Conflict, "no") }), fault.Conflict)
		link, err := d.AdministratorLink(d.ctx)
		must(t, err)
		if _, err := d.UseSignInLink(d.ctx, link); err != nil {
			t.Errorf("the link of the machine: %v", err)
		}
		must(t, d.SetPasswordsOn(d.ctx, admin, true, nil))
		_, err = d.SignIn(d.ctx, "admin", goodPassword, "192.0.2.1")
		must(t, err)
	})
}

func TestButtonsAreOrdered(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		p := s.Providers(nil)
		for _, id := range []string{"one", "two", "three"} {
			provider := campusProvider(id)
			provider.ClientSecret = ""
			must(t, saveProvider(t.Context(), p, provider, nil))
		}
		must(t, p.OrderProviders(t.Context(), []string{"three", "one", "two"}))
		list, err := p.Providers(t.Context())
		must(t, err)
		if len(list) != 3 || list[0].ID != "three" || list[1].ID != "one" || list[2].ID != "two" {
			t.Errorf("%+v", list)
		}
		for _, wrong := range [][]string{{"one", "two"}, {"one", "two", "two"}, {"one", "two", "four"}} {
			wantCode(t, p.OrderProviders(t.Context(), wrong), fault.Conflict)
		}
	})
}
