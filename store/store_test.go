package store_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/hostlink"
	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/store"
	"trunkline/tenancy"
)

// everyDatabase runs the test on SQLite, and on PostgreSQL where TRUNKLINE_TEST_POSTGRES names a server.
func everyDatabase(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	everyAddress(t, func(t *testing.T, address string) { test(t, open(t, address)) })
}

// everyAddress is everyDatabase for tests that open the store themselves.
func everyAddress(t *testing.T, test func(t *testing.T, address string)) {
	t.Helper()
	for _, database := range databases(t) {
		t.Run(database.name, func(t *testing.T) {
			if database.missing != "" {
				t.Skip(database.missing)
			}
			test(t, database.address(t))
		})
	}
}

// database is a kind that tests run on.
type database struct {
	name    string
	missing string                    // why it cannot be used here
	address func(t testing.TB) string // of a new one
}

func databases(t testing.TB) []database {
	t.Helper()
	lite := database{name: "sqlite", address: func(t testing.TB) string {
		return filepath.Join(t.TempDir(), "a folder? with #signs%", "trunkline.db")
	}}
	server := os.Getenv("TRUNKLINE_TEST_POSTGRES")
	postgres := database{name: "postgres", address: func(t testing.TB) string { return freshSchema(t, server) }}
	if server == "" {
		postgres.missing = "TRUNKLINE_TEST_POSTGRES names no PostgreSQL server"
	}
	return []database{lite, postgres}
}

func open(t testing.TB, address string) *store.Store { return openWith(t, store.Config{URL: address}) }

func openWith(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// freshSchema gives the test a schema of its own inside the server's database.
func freshSchema(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + ident.New()
	execPostgres(t, address, "CREATE SCHEMA "+name)
	t.Cleanup(func() { execPostgres(t, address, "DROP SCHEMA "+name+" CASCADE") })
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

const (
	alpha = "alpha"
	beta  = "beta"
)

// seed makes two tenants, a user who owns both, and a host.
func seed(t testing.TB, s *store.Store) (userID, hostID string) {
	t.Helper()
	user := tenancy.User{ID: ident.New(), Email: "ada", Name: "Ada", Created: time.Now()}
	must(t, s.SaveUser(t.Context(), user))
	for _, tenant := range []string{alpha, beta} {
		must(t, s.EnsureTenant(t.Context(), tenant, tenant, tenancy.Membership{UserID: user.ID, TenantID: tenant, Role: tenancy.Owner}))
	}
	return user.ID, enrol(t, s, "host-a")
}

func enrol(t testing.TB, s *store.Store, name string) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	must(t, err)
	id, err := s.Enrol(t.Context(), hostlink.Enrolment{Token: joinToken(t, s, control.JoinRequest{}), Name: name, PublicKey: public})
	must(t, err)
	return id
}

// joinToken makes one and returns its secret.
func joinToken(t testing.TB, s *store.Store, request control.JoinRequest) string {
	t.Helper()
	token, err := s.CreateJoinToken(t.Context(), request)
	must(t, err)
	return token.Secret
}

func newLab(tenant, name string) *control.Record {
	l := &lab.Lab{Name: name, Nodes: []*lab.Node{{Name: "r1", Kind: lab.Router}, {Name: "r2", Kind: lab.Router}}, Links: []*lab.Link{
		{Type: lab.VEth, A: lab.Endpoint{Node: "r1", Interface: "eth1"}, B: lab.Endpoint{Node: "r2", Interface: "eth1"}},
	}}
	now := time.Now().UTC().Truncate(time.Microsecond)
	return &control.Record{
		ID: ident.New(), Tenant: tenant, Name: name, OwnerID: "u1", Owner: "Ada", NodeCount: 2, LinkCount: 1, CreatedAt: now, UpdatedAt: now,
		Positions: map[string]control.Position{"r1": {X: 1, Y: 2}},
		Revision: control.Revision{Number: 1, File: "lab.yml", Source: "name: " + name, Lab: l, CreatedAt: now, Env: map[string]string{"A": "b"},
			Files: []control.ProjectFile{{Path: "lab.yml", Size: 9, SHA256: strings.Repeat("a", 64), Mode: 0o644}}},
		Observed: control.Observed{State: control.Stored},
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if got := fault.CodeOf(err); got != code {
		t.Fatalf("code %q, want %q: %v", got, code, err)
	}
}

func TestAnAddressThatIsNoDatabaseIsRefusedInWords(t *testing.T) {
	for address, code := range map[string]fault.Code{"": fault.Invalid, "mysql://x/y": fault.Unsupported, "sqlite://": fault.Invalid} {
		_, err := store.Open(context.Background(), store.Config{URL: address})
		wantCode(t, err, code)
	}
}

func TestAStoreIsFoundAgainAfterClosing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trunkline.db")
	first, err := store.Open(t.Context(), store.Config{URL: "sqlite://" + file})
	must(t, err)
	must(t, first.SaveUser(t.Context(), tenancy.User{ID: "u1", Email: "ada"}))
	must(t, first.Close())
	second := open(t, file)
	user, err := second.UserByEmail(t.Context(), "ada")
	must(t, err)
	if user.ID != "u1" {
		t.Errorf("got %+v", user)
	}
}

func TestADatabaseOfANewerBuildIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trunkline.db")
	must(t, open(t, file).Close())
	execSQLite(t, file, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)")
	_, err := store.Open(t.Context(), store.Config{URL: file})
	wantCode(t, err, fault.Unsupported)
	if !strings.Contains(fault.Sentence(err), "newer Trunkline") {
		t.Error(err)
	}
}

func TestWritersAtOnceAllSucceed(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		failures := make(chan error, 64)
		for i := range 64 {
			go func() {
				failures <- s.CreateLab(context.Background(), tenancy.InTenant(alpha), newLab(alpha, fmt.Sprint("lab", i)))
			}()
		}
		for range 64 {
			must(t, <-failures)
		}
		labs, err := s.Labs(t.Context(), tenancy.InTenant(alpha))
		must(t, err)
		if len(labs) != 64 {
			t.Errorf("%d labs are stored, want 64", len(labs))
		}
	})
}
