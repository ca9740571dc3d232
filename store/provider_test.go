package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/errgroup"

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

// saveProvider makes one what it is to be, whatever it was.
func saveProvider(ctx context.Context, s *store.Providers, p login.Provider, rules []tenancy.Rule) error {
	return s.ChangeProvider(ctx, p.ID, func(login.Setup) (login.Provider, []tenancy.Rule, error) { return p, rules, nil })
}

func TestProvidersAreKeptWithTheirRules(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		ctx, keys := t.Context(), seal.Random()
		p := s.Providers(keys)
		rules := []tenancy.Rule{{Claim: "groups", Match: "/a(.*)/", Tenant: "t$1", Role: tenancy.Member, Create: true}, {Domain: "example.org", Tenant: "t", Role: tenancy.Observer}}
		must(t, saveProvider(ctx, p, campusProvider("one"), rules))
		must(t, saveProvider(ctx, p, campusProvider("two"), nil))
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
		must(t, saveProvider(ctx, p, campusProvider("one"), []tenancy.Rule{kept[1], kept[0], {ID: "mine", Claim: "a", Match: "b", Tenant: "c", Role: tenancy.Owner}}))
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
		wantCode(t, saveProvider(ctx, p, bad, nil), fault.Invalid)
		wantCode(t, saveProvider(ctx, p, campusProvider("three"), []tenancy.Rule{{}}), fault.Invalid)
		_, err = p.Provider(ctx, "three")
		wantCode(t, err, fault.NotFound)
	})
}

func TestAProviderThatIsDeletedTakesWhatItGave(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		d := newDoor(t, s)
		p := s.Providers(seal.Random())
		must(t, saveProvider(d.ctx, p, campusProvider("campus"), nil))
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
		must(t, saveProvider(ctx, p, campusProvider("hand"), nil))
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
		wantCode(t, saveProvider(ctx, p, campusProvider("f1"), nil), fault.Conflict)
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

// admins are administrators on the pages of providers, on a database.
func admins(t *testing.T, s *store.Store, keys *seal.Ring) (*login.Admin, tenancy.Actor) {
	p := s.Providers(keys)
	service, err := login.New(login.Config{Providers: p, Keys: keys, PublicURL: "https://trunkline.example.org"})
	must(t, err)
	return &login.Admin{Service: service, Store: p}, tenancy.Actor{UserID: "root", UserName: "Root", SiteAdmin: true}
}

func TestOfTwoWhoChangeTheSameOnlyTheFirstIsStored(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a, root := admins(t, s, seal.Random())
		first := []tenancy.Rule{{Claim: "groups", Match: "staff", Tenant: "t", Role: tenancy.Member}}
		read, err := a.Save(ctx, root, login.Change{Provider: campusProvider("campus"), Rules: &first}, true)
		must(t, err)
		add := func(match string) func([]tenancy.Rule) ([]tenancy.Rule, error) {
			return func(rules []tenancy.Rule) ([]tenancy.Rule, error) {
				return append(rules, tenancy.Rule{Claim: "groups", Match: match, Tenant: "t", Role: tenancy.Observer}), nil
			}
		}
		rules := func(want ...string) {
			t.Helper()
			now, err := a.Setup(ctx, root, "campus")
			must(t, err)
			var got []string
			for _, r := range now.Rules {
				got = append(got, r.Match)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		changed, err := a.ChangeRules(ctx, root, "campus", read.Version(), add("guests"))
		must(t, err)
		_, err = a.ChangeRules(ctx, root, "campus", read.Version(), add("late"))
		wantCode(t, err, fault.Conflict)
		whole := login.Change{Provider: campusProvider("campus"), Rules: &first, Base: read.Version()}
		_, err = a.Save(ctx, root, whole, false)
		wantCode(t, err, fault.Conflict)
		_, err = a.Check(ctx, root, whole, false)
		wantCode(t, err, fault.Conflict)
		rules("staff", "guests")

		// Settings are others' business than rules: who read both before the rules changed may still change the settings, and not twice.
		renamed := login.Change{Provider: campusProvider("campus"), Base: read.Version()}
		renamed.Name = "Campus of ours"
		_, err = a.Save(ctx, root, renamed, false)
		must(t, err)
		renamed.Name = "Campus of theirs"
		_, err = a.Save(ctx, root, renamed, false)
		wantCode(t, err, fault.Conflict)
		rules("staff", "guests")
		_, err = a.ChangeRules(ctx, root, "campus", changed.Version(), add("later"))
		must(t, err)
		rules("staff", "guests", "later")
		if now, err := a.Setup(ctx, root, "campus"); err != nil || now.Name != "Campus of ours" || !now.HasSecret {
			t.Errorf("%+v, %v", now, err)
		}
	})
}

func TestRulesThatManyAddAtOnceAreAllThere(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a, root := admins(t, s, seal.Random())
		read, err := a.Save(ctx, root, login.Change{Provider: campusProvider("campus")}, true)
		must(t, err)
		const many = 8
		var all errgroup.Group
		var won atomic.Int32
		for i := range many {
			all.Go(func() error { // without a base, none is lost
				_, err := a.ChangeRules(ctx, root, "campus", "", func(rules []tenancy.Rule) ([]tenancy.Rule, error) {
					return append(rules, tenancy.Rule{Claim: "groups", Match: fmt.Sprint("g", i), Tenant: "t", Role: tenancy.Member}), nil
				})
				return err
			})
		}
		must(t, all.Wait())
		now, err := a.Setup(ctx, root, "campus")
		must(t, err)
		if len(now.Rules) != many || now.Version() == read.Version() {
			t.Fatalf("%d of %d rules are there", len(now.Rules), many)
		}
		for range many { // from one and the same version, one wins
			all.Go(func() error {
				_, err := a.ChangeRules(ctx, root, "campus", now.Version(), func(rules []tenancy.Rule) ([]tenancy.Rule, error) { return rules[1:], nil })
				if err == nil {
					won.Add(1)
				} else if !fault.Is(err, fault.Conflict) {
					return err
				}
				return nil
			})
		}
		must(t, all.Wait())
		if left, err := a.Setup(ctx, root, "campus"); err != nil || won.Load() != 1 || len(left.Rules) != many-1 {
			t.Errorf("%d won, %d rules are left, %v", won.Load(), len(left.Rules), err)
		}
	})
}
