package store_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/store"
	"trunkline/tenancy"
)

func TestImagePoliciesAreKeptForTheSiteAndEachWorkspace(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		ctx := t.Context()
		for name, read := range imageReaders(s) {
			if p, err := read(ctx); err != nil || len(p.Map) != 0 || len(p.Allow) != 0 {
				t.Fatalf("%s at first: %+v, %v", name, p, err)
			}
		}
		site := control.ImagePolicy{Map: map[string]string{"frrouting/*": "trunkline/router"}, Allow: []string{"trunkline/*"}}
		ours := control.ImagePolicy{Map: map[string]string{"a": "b"}, Allow: []string{"trunkline/router", "trunkline/host"}}
		to := func(p control.ImagePolicy) func(*control.ImagePolicy) error {
			return func(stored *control.ImagePolicy) error { *stored = p; return nil }
		}
		must(t, s.ChangeSiteImages(ctx, to(ours)))
		must(t, s.ChangeSiteImages(ctx, to(site)))
		must(t, s.ChangeTenantImages(ctx, tenancy.InTenant(alpha), to(ours)))
		sorry := errors.New("sorry")
		spoil := func(p *control.ImagePolicy) error { p.Allow = nil; return sorry }
		if err := s.ChangeSiteImages(ctx, spoil); !errors.Is(err, sorry) {
			t.Errorf("an error of the change came back as %v", err)
		}
		if err := s.ChangeTenantImages(ctx, tenancy.InTenant(alpha), spoil); !errors.Is(err, sorry) {
			t.Errorf("an error of the change came back as %v", err)
		}
		for name, want := range map[string]control.ImagePolicy{"site": site, alpha: ours, beta: {}} {
			if got, err := imageReaders(s)[name](ctx); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
			}
		}
	})
}

func imageReaders(s *store.Store) map[string]func(context.Context) (control.ImagePolicy, error) {
	of := func(tenant string) func(context.Context) (control.ImagePolicy, error) {
		return func(ctx context.Context) (control.ImagePolicy, error) {
			return s.TenantImages(ctx, tenancy.InTenant(tenant))
		}
	}
	return map[string]func(context.Context) (control.ImagePolicy, error){"site": s.SiteImages, alpha: of(alpha), beta: of(beta)}
}

func TestAWorkspaceThatIsNotThereHasNoImagePolicy(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		for scope, code := range map[tenancy.Scope]fault.Code{tenancy.InTenant("gone"): fault.NotFound, {}: fault.NotFound, tenancy.Everywhere(): fault.Internal} {
			_, err := s.TenantImages(t.Context(), scope)
			wantCode(t, err, code)
			wantCode(t, s.ChangeTenantImages(t.Context(), scope, func(*control.ImagePolicy) error { t.Error("changed"); return nil }), code)
		}
	})
}

func TestOfChangesOfImagesAtOnceNoneIsLost(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		must(t, s.ChangeSiteImages(t.Context(), func(*control.ImagePolicy) error { return nil })) // there is a row to lock
		failures := make(chan error, 32)
		for i := range 16 {
			add := func(p *control.ImagePolicy) error { p.Allow = append(p.Allow, fmt.Sprint("image", i)); return nil }
			go func() { failures <- s.ChangeSiteImages(context.Background(), add) }()
			go func() { failures <- s.ChangeTenantImages(context.Background(), tenancy.InTenant(alpha), add) }()
		}
		for range 32 {
			must(t, <-failures)
		}
		for _, name := range []string{"site", alpha} {
			if p, err := imageReaders(s)[name](t.Context()); err != nil || len(p.Allow) != 16 {
				t.Errorf("%s has %d of 16 changes: %v", name, len(p.Allow), err)
			}
		}
	})
}
