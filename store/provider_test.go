package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline/internal/fault"
	"trunkline/internal/seal"
	"trunkline/store"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

var (
	_ login.People = (*store.Identities)(nil)
	_ login.Desk   = (*tenancy.Accounts)(nil)
)

func campusProvider(id string) login.Provider {
	return login.Provider{ID: id, Name: "Campus " + id, Issuer: "https://" + id + ".example.org", ClientID: "trunkline", ClientSecret: "a secret", Scopes: []string{"groups"}, Patience: time.Minute}
}

func TestProvidersAreKeptWithTheirRules(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		ctx, keys := t.Context(), seal.Random()
		p := s.Providers(keys)
		rules := []tenancy.Rule{{Claim: "groups", Match: "/a(.*)/", Tenant: "t$1", Role: tenancy.Member, Create: true}, {Domain: "example.org", Tenant: "t", Role: tenancy.Observer}}
		must(t, p.SaveProvider(ctx, campusProvider("one"), rules))
		must(t, p.SaveProvider(ctx, campusProvider("two"), nil))
		got, err := p.Provider(ctx, "one")
		must(t, err)
		if diff := cmp.Diff(campusProvider("one"), got); diff != "" {
			t.Error(diff)
		}
		kept, err := p.Rules(ctx, "one")
		must(t, err)
		if diff := cmp.Diff(rules, kept, cmpopts.IgnoreFields(tenancy.Rule{}, "ID", "Provider")); diff != "" {
			t.Error(diff)
		}
		// Rules in another order keep their ids; a stranger's id is not taken over.
		must(t, p.SaveProvider(ctx, campusProvider("one"), []tenancy.Rule{kept[1], kept[0], {ID: "mine", Claim: "a", Match: "b", Tenant: "c", Role: tenancy.Owner}}))
		again, err := p.Rules(ctx, "one")
		must(t, err)
		if len(again) != 3 || again[0].ID != kept[1].ID || again[1].ID != kept[0].ID || again[2].ID == "mine" || again[2].Provider != "one" {
			t.Errorf("%+v", again)
		}
		list, err := p.Providers(ctx)
		must(t, err)
		if len(list) != 2 || list[0].ID != "one" || list[1].ID != "two" {
			t.Errorf("%+v", list)
		}
		lost, err := s.Providers(seal.Random()).Provider(ctx, "one")
		if err != nil || !lost.SecretLost || lost.ClientSecret != "" || lost.Issuer != campusProvider("one").Issuer {
			t.Errorf("with another key: %+v, %v", lost, err)
		}
		bad := campusProvider("three")
		bad.Issuer = "http://x"
		wantCode(t, p.SaveProvider(ctx, bad, nil), fault.Invalid)
		wantCode(t, p.SaveProvider(ctx, campusProvider("three"), []tenancy.Rule{{}}), fault.Invalid)
		_, err = p.Provider(ctx, "three")
		wantCode(t, err, fault.NotFound)
	})
}

func TestAProviderThatIsDeletedTakesWhatItGave(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		d := newDoor(t, s)
		p := s.Providers(seal.Random())
		must(t, p.SaveProvider(d.ctx, campusProvider("campus"), nil))
		actor, _, err := d.SignInBy(d.ctx, whoIs("ana", ""), gives(tenancy.Grant{TenantID: alpha, Role: tenancy.Member}))
		must(t, err)
		must(t, p.DeleteProvider(d.ctx, "campus"))
		wantRoles(t, d.roles(t, actor.UserID), map[string]string{})
		wantCode(t, p.DeleteProvider(d.ctx, "campus"), fault.NotFound)
		back, admitted, err := d.SignInBy(d.ctx, whoIs("ana", ""), gives())
		must(t, err)
		if back.UserID != actor.UserID || admitted.New {
			t.Error("the person is another one when the provider comes back")
		}
	})
}

func TestTheFileRulesItsProviders(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		ctx, p := t.Context(), s.Providers(seal.Random())
		must(t, p.SaveProvider(ctx, campusProvider("hand"), nil))
		in := func(ids ...string) (all []login.FileProvider) {
			for _, id := range ids {
				all = append(all, login.FileProvider{Provider: campusProvider(id), Rules: []tenancy.Rule{{Claim: "a", Match: "b", Tenant: "c", Role: tenancy.Member}}})
			}
			return all
		}
		order := func(want ...string) {
			t.Helper()
			list, err := p.Providers(ctx)
			must(t, err)
			var got []string
			for _, one := range list {
				got = append(got, one.ID)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		must(t, p.SyncFile(ctx, in("f1", "f2")))
		order("f1", "f2", "hand")
		wantCode(t, p.SaveProvider(ctx, campusProvider("f1"), nil), fault.Conflict)
		wantCode(t, p.DeleteProvider(ctx, "f1"), fault.Conflict)
		for id, want := range map[string]bool{"f1": true, "hand": false} {
			if by, err := p.ManagedByFile(ctx, id); err != nil || by != want {
				t.Errorf("%s is of the file: %t, %v", id, by, err)
			}
		}
		must(t, p.SyncFile(ctx, in("f2")))
		order("f2", "hand")
		if rules, err := p.Rules(ctx, "f2"); err != nil || len(rules) != 1 {
			t.Errorf("%v, %v", rules, err)
		}
		wantCode(t, p.SyncFile(ctx, in("f3", "hand")), fault.Conflict)
		order("f2", "hand")
		must(t, p.SyncFile(ctx, nil))
		order("hand")
	})
}
