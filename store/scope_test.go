package store_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/store"
	"trunkline/tenancy"
)

// unscoped are the methods that take no scope, each with the reason.
var unscoped = map[string]string{
	"Close": "it touches no row", "Sessions": "it touches no row",
	"Identities": "it touches no row", "Providers": "it touches no row", "OpenAudit": "it touches no row",
	"User": "people belong to no tenant", "UserByEmail": "people belong to no tenant", "SaveUser": "people belong to no tenant",
	"Administrators": "people belong to no tenant", "Memberships": "it says which tenants a person is in", "EnsureTenant": "it makes a tenant",
	"ReplaceSignInLinks": "a link is found by its secret alone", "UseSignInLink": "a link is found by its secret alone",
	"SaveToken": "tokens belong to a person", "TokenGrant": "a token is found by its secret or id alone", "TokensOf": "it takes the person",
	"DeleteToken": "it takes the person", "TouchToken": "it follows TokenGrant",
	"CreateJoinToken": "hosts belong to the site", "Enrol": "hosts belong to the site", "HostKey": "hosts belong to the site",
	"Seen": "hosts belong to the site", "Hosts": "hosts belong to the site", "SaveHostInfo": "hosts belong to the site",
	"RevokedHosts": "hosts belong to the site", "HostRecord": "hosts belong to the site", "ChangeHost": "hosts belong to the site",
	"RevokeHost": "hosts belong to the site", "RemoveHost": "hosts belong to the site",
	"JoinTokens": "hosts belong to the site", "DeleteJoinToken": "hosts belong to the site",
	"HostKeys": "hosts belong to the site", "AddKey": "hosts belong to the site", "KeepOnly": "hosts belong to the site",
	"AddUse": "hosts belong to the site", "UseSince": "hosts belong to the site",
	"PlacedOn": "it is for administrators of the site, who see what a host carries", "Given": "it counts, for placement",
	"Offers": "physical networks belong to the site", "SaveOffer": "physical networks belong to the site", "DeleteOffer": "physical networks belong to the site",
	"LabsPerHost": "it counts, for placement", "SiteImages": "the site's", "ChangeSiteImages": "the site's",
	"Prune": "expiry knows no tenant", "BlobsInUse": "contents are kept once for all tenants",
}

// scoped calls each method for the lab of another tenant. What comes back must not tell that it exists.
var scoped = map[string]func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (found bool, err error){
	"CreateLab": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		other := newLab(lab.Tenant, "smuggled")
		other.ID = lab.ID
		return false, s.CreateLab(ctx, scope, other)
	},
	"Lab": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		r, err := s.Lab(ctx, scope, lab.ID)
		return r != nil, err
	},
	"Labs": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		all, err := s.Labs(ctx, scope)
		return len(all) > 0, err
	},
	"Revision": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		r, err := s.Revision(ctx, scope, lab.ID, 1)
		return r != nil, err
	},
	"Revisions": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		list, err := s.Revisions(ctx, scope, lab.ID)
		return len(list) > 0, err
	},
	"AddRevision": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		revision := lab.Revision
		return false, s.AddRevision(ctx, scope, lab.ID, &revision)
	},
	"DeleteLab": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		return false, s.DeleteLab(ctx, scope, lab.ID)
	},
	"ChangeDesired": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		seen := false
		r, err := s.ChangeDesired(ctx, scope, lab.ID, func(*control.Record) error { seen = true; return nil })
		return seen || r != nil, err
	},
	"ReviseDesired": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		seen, revision := false, lab.Revision
		r, err := s.ReviseDesired(ctx, scope, lab.ID, &revision, func(*control.Record) error { seen = true; return nil })
		return seen || r != nil, err
	},
	"SaveObserved": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		return false, s.SaveObserved(ctx, scope, lab.ID, control.Observed{State: control.Failed}, nil)
	},
	"OnHosts": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		all, err := s.OnHosts(ctx, scope, lab.ID)
		return len(all) > 0, err
	},
	"SavePositions": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		return false, s.SavePositions(ctx, scope, lab.ID, map[string]control.Position{"r1": {X: 9}})
	},
	"TenantImages": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		policy, err := s.TenantImages(ctx, scope)
		return len(policy.Allow) > 0, err
	},
	"ChangeTenantImages": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		seen := false
		err := s.ChangeTenantImages(ctx, scope, func(p *control.ImagePolicy) error { seen = len(p.Allow) > 0; return nil })
		return seen, err
	},
	"VNIs": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		given, err := s.VNIs(ctx, scope, lab.ID, []string{"smuggled"})
		return len(given) > 0, err
	},
	"FreeVNIs": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		return false, s.FreeVNIs(ctx, scope, lab.ID)
	},
	"LabsWithVNIs": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		ids, err := s.LabsWithVNIs(ctx, scope)
		return len(ids) > 0, err
	},
	"VNIBlocks": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		blocks, err := s.VNIBlocks(ctx, scope)
		return len(blocks) > 0, err
	},
	"Quota": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		limits, use, err := s.Quota(ctx, scope)
		return len(limits.People) > 0 || use.Workspace[tenancy.QuotaLabs] > 0, err
	},
	"ChangeQuota": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		seen := false
		err := s.ChangeQuota(ctx, scope, func(q *tenancy.QuotaLimits) error { seen = len(q.People) > 0; return nil })
		return seen, err
	},
	"TakeUpload": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		_, err := s.TakeUpload(ctx, scope, tenancy.Whose{UserID: lab.OwnerID}, 1, 1)
		return false, err
	},
	"GiveBackUpload": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		return false, s.GiveBackUpload(ctx, scope, lab.OwnerID, tenancy.UploadLease{Day: 20261121, Bytes: 1})
	},
	"Services": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		list, err := s.Services(ctx, scope)
		return len(list) > 0, err
	},
	"CreateService": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		if id, _ := scope.Tenant(); id != "" {
			scope = tenancy.Scope{} // in a workspace of one's own it makes one there, which the service account's own test tells
		}
		if err := s.CreateService(ctx, scope, tenancy.ServiceAccount{ID: "smuggled", Name: "smuggled", Role: tenancy.Owner}); !fault.Is(err, fault.NotFound) {
			return err == nil, err
		}
		return false, nil
	},
	"ChangeService": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		err := s.ChangeService(ctx, scope, "ci-of-alpha", tenancy.Member, tenancy.Observer)
		return err == nil, err
	},
	"EndService": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		err := s.EndService(ctx, scope, "ci-of-alpha")
		return err == nil, err
	},
	"ToReconcile": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		ids, err := s.ToReconcile(ctx, scope)
		return len(ids) > 0, err
	},
	"LabsOn": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
		wanted, leaving, err := s.LabsOn(ctx, scope, lab.Desired.Places["r1"].HostID)
		return len(wanted)+len(leaving) > 0, err
	},
}

func TestEveryMethodTakesAScopeOrSaysWhyNot(t *testing.T) {
	kind := reflect.TypeFor[*store.Store]()
	scopeType := reflect.TypeFor[tenancy.Scope]()
	for i := range kind.NumMethod() {
		method := kind.Method(i)
		takes := method.Type.NumIn() > 2 && method.Type.In(2) == scopeType
		_, hasTest := scoped[method.Name]
		_, hasReason := unscoped[method.Name]
		switch {
		case takes && !hasTest:
			t.Errorf("%s takes a scope and has no test for another tenant's lab", method.Name)
		case !takes && !hasReason:
			t.Errorf("%s takes no scope: give it one, or say here why it needs none", method.Name)
		case takes && hasReason:
			t.Errorf("%s takes a scope and a reason not to", method.Name)
		}
	}
}

func TestAnotherTenantsLabIsAsGoodAsMissing(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		_, hostID := seed(t, s)
		theirs := newLab(alpha, "campus")
		must(t, s.CreateLab(t.Context(), tenancy.InTenant(alpha), theirs))
		r, err := s.ChangeDesired(t.Context(), tenancy.InTenant(alpha), theirs.ID, func(r *control.Record) error {
			r.Desired.Deployment = control.Deployment{Want: control.WantRun, Revision: 1, Places: map[string]control.Place{"r1": {HostID: hostID}}}
			return nil
		})
		must(t, err)
		_, err = s.VNIs(t.Context(), tenancy.InTenant(alpha), theirs.ID, []string{"r1:eth1 r2:eth1"})
		must(t, err)
		must(t, s.ChangeTenantImages(t.Context(), tenancy.InTenant(alpha), func(p *control.ImagePolicy) error {
			p.Allow = []string{"trunkline/*"}
			return nil
		}))
		must(t, s.ChangeQuota(t.Context(), tenancy.InTenant(alpha), func(q *tenancy.QuotaLimits) error {
			q.People["ada"] = tenancy.Limits{tenancy.QuotaLabs: 9}
			return nil
		}))
		must(t, s.CreateService(t.Context(), tenancy.InTenant(alpha), tenancy.ServiceAccount{ID: "ci-of-alpha", Name: "ci", Role: tenancy.Member}))
		for name, call := range scoped {
			for scopeName, scope := range map[string]tenancy.Scope{"another tenant": tenancy.InTenant(beta), "no tenant": {}} {
				found, err := call(t.Context(), s, scope, r)
				if found {
					t.Errorf("%s shows another tenant's lab to %s", name, scopeName)
				}
				if err == nil {
					continue
				}
				missing := *r
				missing.ID = strings.Repeat("0", len(r.ID))
				missing.Tenant = alpha
				_, of := call(t.Context(), s, scope, &missing)
				got, want := fault.Public(err), fault.Public(of)
				got.Sentence = strings.ReplaceAll(got.Sentence, r.ID, "X")
				want.Sentence = strings.ReplaceAll(want.Sentence, missing.ID, "X")
				if got.Code != fault.NotFound || got.Sentence != want.Sentence || got.Field != want.Field {
					t.Errorf("%s tells another tenant's lab (%v) from a missing one (%v)", name, got, want)
				}
			}
		}
		after, err := s.Lab(t.Context(), tenancy.InTenant(alpha), theirs.ID)
		must(t, err)
		if after.Observed.State == control.Failed || after.Positions["r1"].X == 9 || after.Revision.Number != 1 {
			t.Errorf("another tenant changed the lab: %+v", after)
		}
		if blocks, err := s.VNIBlocks(t.Context(), tenancy.InTenant(alpha)); err != nil || len(blocks) != 1 || blocks[0].Used != 1 {
			t.Errorf("another tenant changed the lab's identifiers: %+v, %v", blocks, err)
		}
	})
}
