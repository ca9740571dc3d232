package store_test

import (
	"crypto/ed25519"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/store"
	"trunkline/tenancy"
)

// TestADatabaseOfAnEarlierBuildKeepsItsRows opens databases that earlier builds made, which testdata holds as SQL: rows stay as they are,
// and what is new works on them.
func TestADatabaseOfAnEarlierBuildKeepsItsRows(t *testing.T) {
	for _, version := range []string{"00001", "00002"} {
		t.Run(version, func(t *testing.T) {
			everyDump(t, version, func(t *testing.T, driver, address string) {
				before := contents(t, driver, address, nil)
				s := openWith(t, store.Config{URL: address, Now: func() time.Time { return time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC) }})
				after := contents(t, driver, address, before)
				if len(before) < 15 || len(before["labs"].rows) != 2 || len(before["hosts"].rows) != 2 {
					t.Fatalf("the dump holds %d tables, %d labs", len(before), len(before["labs"].rows))
				}
				for name, table := range before {
					if diff := cmp.Diff(table.rows, after[name].rows); diff != "" {
						t.Errorf("%s changed:\n%s", name, diff)
					}
				}
				upgradedWorks(t, s, version)
			})
		})
	}
}

// everyDump loads the dump of that version into a new database of each kind.
func everyDump(t *testing.T, version string, test func(t *testing.T, driver, address string)) {
	everyAddress(t, func(t *testing.T, address string) {
		driver, kind := "sqlite3", "sqlite"
		if strings.HasPrefix(address, "postgres") {
			driver, kind = "pgx", "postgres"
		}
		script, err := os.ReadFile(filepath.Join("testdata", version+"."+kind+".sql"))
		must(t, err)
		if driver == "sqlite3" {
			must(t, os.MkdirAll(filepath.Dir(address), 0o700))
			address = filepath.Join(filepath.Dir(filepath.Dir(address)), "dump.db") // a name that needs no escaping
		}
		execSQL(t, driver, address, string(script))
		test(t, driver, address)
	})
}

// table is what a table holds, as text.
type table struct {
	columns []string
	rows    []string
}

// contents reads every table but the migrations' own; where like is given, only its tables and columns.
func contents(t *testing.T, driver, address string, like map[string]table) map[string]table {
	t.Helper()
	db, err := sql.Open(driver, address)
	must(t, err)
	defer db.Close()
	names := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if driver == "pgx" {
		names = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	}
	all := map[string]table{}
	for _, name := range column(t, db, names) {
		if _, asked := like[name]; name == "goose_db_version" || like != nil && !asked {
			continue
		}
		columns := "*"
		if like != nil {
			columns = strings.Join(like[name].columns, ", ")
		}
		all[name] = read(t, db, "SELECT "+columns+" FROM "+name)
	}
	return all
}

func column(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	var values []string
	rows, err := db.Query(query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var value string
		must(t, rows.Scan(&value))
		values = append(values, value)
	}
	must(t, rows.Err())
	return values
}

func read(t *testing.T, db *sql.DB, query string) table {
	t.Helper()
	rows, err := db.Query(query)
	must(t, err)
	defer rows.Close()
	var read table
	read.columns, err = rows.Columns()
	must(t, err)
	for rows.Next() {
		values := make([]any, len(read.columns))
		for i := range values {
			values[i] = new(any)
		}
		must(t, rows.Scan(values...))
		var row strings.Builder
		for i, value := range values {
			fmt.Fprintf(&row, "%s=%v ", read.columns[i], *value.(*any))
		}
		read.rows = append(read.rows, row.String())
	}
	must(t, rows.Err())
	slices.Sort(read.rows)
	return read
}

// upgradedWorks uses the upgraded rows as the controller does.
func upgradedWorks(t *testing.T, s *store.Store, version string) {
	t.Helper()
	ctx, scope := t.Context(), tenancy.InTenant("tenant000001")
	hosts, err := s.Hosts(ctx)
	must(t, err)
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("0", 32))).Public().(ed25519.PublicKey)
	keys, err := s.HostKeys(ctx, hosts[0].ID)
	must(t, err)
	if hosts[0].Name != "host-a" || hosts[0].Labels["site"] != "rack0" || hosts[0].Address != "192.0.2.7:4000" || hosts[0].Info.CPUs != 4 || hosts[0].Drained ||
		len(hosts[0].Tenants) != 0 || hosts[0].OverCommit != (control.OverCommit{}) || len(keys) != 1 || !keys[0].Equal(key) {
		t.Errorf("the host came out as %+v with keys %v", hosts[0], keys)
	}
	r, err := s.Lab(ctx, scope, "campus")
	must(t, err)
	want := control.Desired{
		Deployment: control.Deployment{Want: control.WantRun, Revision: 2, ImageMap: map[string]string{"x": "y"}, GivenUp: []string{"no delay"},
			Nodes:  map[string]control.NodeDesired{"r1": {Run: hostapi.Paused, Restarts: 2}},
			Places: map[string]control.Place{"r1": {HostID: hosts[0].ID, Why: "it fits"}, "r2": {HostID: hosts[0].ID, Why: "next to r1"}}},
		Generation: 3, Deploy: 2, Note: "a note",
		Back: &control.Deployment{Want: control.WantStop, Revision: 1, Places: map[string]control.Place{"r1": {HostID: hosts[1].ID, Why: "before"}}},
	}
	if diff := cmp.Diff(want, r.Desired, sameRecord); diff != "" {
		t.Errorf("the lab shall be another (-want +got):\n%s", diff)
	}
	tokens, err := s.JoinTokens(ctx)
	must(t, err)
	if len(tokens) != 1 || tokens[0].Name != "host-c" || tokens[0].ID == "" {
		t.Fatalf("join tokens %+v", tokens)
	}
	must(t, s.DeleteJoinToken(ctx, tokens[0].ID))
	vnis, err := s.VNIs(ctx, scope, r.ID, []string{"r1:eth1 r2:eth1"})
	must(t, err)
	_, err = s.ChangeDesired(ctx, scope, r.ID, func(r *control.Record) error { r.Desired.VNIs = vnis; return nil })
	must(t, err)
	policy, err := s.TenantImages(ctx, scope)
	must(t, err)
	if (version == "00002") != (len(policy.Allow) == 1) {
		t.Errorf("the workspace allows the images %v", policy.Allow)
	}
	wantCode(t, s.RemoveHost(ctx, hosts[0].ID), fault.Conflict)
	must(t, s.RemoveHost(ctx, hosts[1].ID))
}
