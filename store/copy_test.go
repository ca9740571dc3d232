package store_test

import (
	"database/sql"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
	"trunkline/store"
	"trunkline/tenancy"
)

// everyPair runs the test with a database full of rows, and the address of an empty one, of each kind each.
func everyPair(t *testing.T, test func(t *testing.T, from, to string)) {
	t.Helper()
	for _, from := range databases(t) {
		for _, to := range databases(t) {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				if from.missing+to.missing != "" {
					t.Skip(from.missing, to.missing)
				}
				target := plainFile(t)
				if to.name != "sqlite" {
					target = to.address(t)
				}
				test(t, fullDatabase(t, from, 7), target)
			})
		}
	}
}

func TestACopyHasEveryRowOfEveryTable(t *testing.T) {
	everyPair(t, func(t *testing.T, from, to string) {
		copied, err := store.Copy(t.Context(), from, to, nil)
		must(t, err)
		before, after := contents(t, driverOf(from), from, nil), contents(t, driverOf(to), to, nil)
		if diff := cmp.Diff(before, after, cmp.AllowUnexported(table{})); diff != "" {
			t.Fatalf("the copy is not the same:\n%s", diff)
		}
		rows := int64(0)
		for _, c := range copied.Tables {
			if int(c.Rows) != len(before[c.Table].rows) || len(c.SHA256) != 64 {
				t.Errorf("of %s it says %+v, and there are %d rows", c.Table, c, len(before[c.Table].rows))
			}
			rows += c.Rows
		}
		if len(copied.Tables) != len(before) || rows != copied.Rows() || rows < int64(7*len(before)-14) {
			t.Errorf("%d tables with %d rows were copied of %d", len(copied.Tables), rows, len(before))
		}
		s := open(t, to)
		must(t, s.SaveUser(t.Context(), tenancy.User{ID: "later", Email: "later"}))
	})
}

// TestEveryTableIsCopied counts the schema's tables and columns in a real database of each kind.
func TestEveryTableIsCopied(t *testing.T) {
	everyAddress(t, func(t *testing.T, address string) {
		if driverOf(address) == "sqlite3" {
			address = plainFile(t)
		}
		must(t, open(t, address).Close())
		known, err := store.WholeColumns(t.Context())
		must(t, err)
		there := map[string][]string{}
		for name, table := range contents(t, driverOf(address), address, nil) {
			slices.Sort(table.columns)
			there[name] = table.columns
		}
		if diff := cmp.Diff(there, known); diff != "" {
			t.Errorf("not everything would be copied (-there +copied):\n%s", diff)
		}
		if len(known) < 20 {
			t.Errorf("the schema has %d tables only: %v", len(known), slices.Sorted(maps.Keys(known)))
		}
	})
}

func TestACopyIsNotMadeOverWhatIsThere(t *testing.T) {
	everyPair(t, func(t *testing.T, from, to string) {
		s := open(t, to)
		must(t, s.SaveUser(t.Context(), tenancy.User{ID: "u1", Email: "ada"}))
		must(t, s.Close())
		before := contents(t, driverOf(to), to, nil)
		_, err := store.Copy(t.Context(), from, to, nil)
		wantCode(t, err, fault.Conflict)
		if !strings.Contains(fault.Sentence(err), "users") {
			t.Error(err)
		}
		if diff := cmp.Diff(before, contents(t, driverOf(to), to, nil), cmp.AllowUnexported(table{})); diff != "" {
			t.Errorf("the target changed:\n%s", diff)
		}
		_, err = store.Copy(t.Context(), from, from, nil)
		wantCode(t, err, fault.Invalid)
	})
}

func TestACopyIntoAMigratedAndEmptyDatabaseIsMade(t *testing.T) {
	everyPair(t, func(t *testing.T, from, to string) {
		must(t, open(t, to).Close())
		copied, err := store.Copy(t.Context(), from, to, nil)
		must(t, err)
		if copied.Rows() < 100 {
			t.Errorf("%d rows", copied.Rows())
		}
	})
}

func TestACopyOfAnotherSchemaIsRefused(t *testing.T) {
	everyPair(t, func(t *testing.T, from, to string) {
		execSQL(t, driverOf(from), from, "UPDATE goose_db_version SET version_id = 99999 WHERE version_id = 3")
		_, err := store.Copy(t.Context(), from, to, nil)
		wantCode(t, err, fault.Unsupported)
		execSQL(t, driverOf(from), from, "DELETE FROM goose_db_version WHERE version_id > 2")
		_, err = store.Copy(t.Context(), from, to, nil)
		wantCode(t, err, fault.Conflict)
		if !strings.Contains(fault.Sentence(err), "trunkline db migrate") {
			t.Error(err)
		}
	})
	_, err := store.Copy(t.Context(), filepath.Join(t.TempDir(), "none.db"), plainFile(t), nil)
	wantCode(t, err, fault.NotFound)
}

func TestARowThatDiffersIsNamed(t *testing.T) {
	everyPair(t, func(t *testing.T, from, to string) {
		_, err := store.Copy(t.Context(), from, to, nil)
		must(t, err)
		must(t, store.CompareAll(t.Context(), from, to))
		for statement, table := range map[string]string{
			"UPDATE labs SET done = done + 1 WHERE done > 5":                                 "labs",
			"DELETE FROM settings WHERE updated_at = (SELECT max(updated_at) FROM settings)": "settings",
			"UPDATE host_use SET cpu = 0.25 WHERE cpu = 3":                                   "host_use",
			"UPDATE users SET email = '' WHERE email IS NULL":                                "users",
		} {
			execSQL(t, driverOf(to), to, statement)
			err := store.CompareAll(t.Context(), from, to)
			wantCode(t, err, fault.Internal)
			if !strings.Contains(fault.Sentence(err), "Table "+table+" is not the same") {
				t.Errorf("after %s: %v", statement, err)
			}
			_, err = store.CopyOver(t.Context(), from, to)
			must(t, err)
		}
	})
}

func TestNumbersThatCountByThemselvesGoOn(t *testing.T) {
	for _, to := range databases(t) {
		t.Run(to.name, func(t *testing.T) {
			if to.missing != "" {
				t.Skip(to.missing)
			}
			from, target := plainFile(t), plainFile(t)
			declared := "CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL)"
			execSQL(t, "sqlite3", from, declared)
			execSQL(t, "sqlite3", from, "INSERT INTO counted (id, what) VALUES (1, 'a'), (41, 'b')")
			if to.name != "sqlite" {
				target, declared = to.address(t), "CREATE TABLE counted (id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, what TEXT NOT NULL)"
			}
			execSQL(t, driverOf(target), target, declared)
			must(t, store.CopyTable(t.Context(), from, target, "counted"))
			execSQL(t, driverOf(target), target, "INSERT INTO counted (what) VALUES ('c')")
			db, err := sql.Open(driverOf(target), target)
			must(t, err)
			defer db.Close()
			if got := column(t, db, "SELECT CAST(id AS TEXT) FROM counted ORDER BY id"); !slices.Equal(got, []string{"1", "41", "42"}) {
				t.Errorf("numbers %v", got)
			}
		})
	}
}

func TestACopiedFileIsForItsOwnerAlone(t *testing.T) {
	from, to := fullDatabase(t, databases(t)[0], 3), plainFile(t)
	_, err := store.Copy(t.Context(), from, to, nil)
	must(t, err)
	info, err := os.Stat(to)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
	entries, err := os.ReadDir(filepath.Dir(to))
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("beside it there is %v", entries)
	}
}
