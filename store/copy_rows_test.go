package store_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// madeRow is a row of the test's own, for either database.
type madeRow struct {
	table   string
	columns []string
	values  []any
}

// special are values that a CHECK of the schema wants, by table and column. The rest is made up by what kind of column it is.
var special = map[string]func(i int) any{
	"vni_blocks.first":    func(i int) any { return int64(4096 + 256*i) },
	"vnis.vni":            func(i int) any { return int64(4096 + 256*i + 7) },
	"vnis.freed_at":       func(int) any { return int64(0) },
	"invitations.uses":    func(i int) any { return int64(10 + i) },
	"invitations.used":    func(i int) any { return int64(i) },
	"lab_files.mode":      func(i int) any { return int64(0o600 + i) },
	"shares.uses":         func(i int) any { return int64(10 + i) },
	"shares.used":         func(i int) any { return int64(i) },
	"provider_vlans.vlan": func(i int) any { return int64(100 + i) },
}

// rowsOfEveryTable makes n rows of every table that migrations leave empty, each after those that it refers to: row i refers to row i.
func rowsOfEveryTable(t *testing.T, n int) []madeRow {
	t.Helper()
	file := filepath.Join(t.TempDir(), "schema.db")
	must(t, open(t, file).Close())
	db, err := sql.Open("sqlite3", file)
	must(t, err)
	defer db.Close()
	made := map[string][]madeRow{}
	var all []madeRow
	waiting := column(t, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version' ORDER BY name")
	for len(waiting) > 0 {
		before := len(waiting)
		waiting = slices.DeleteFunc(waiting, func(table string) bool {
			parents := column(t, db, `SELECT DISTINCT "table" FROM pragma_foreign_key_list('`+table+`')`)
			if slices.ContainsFunc(parents, func(p string) bool { return p != table && slices.Contains(waiting, p) }) {
				return false
			}
			if seeded := column(t, db, "SELECT count(*) FROM "+table); seeded[0] == "0" {
				made[table] = rowsOf(t, db, table, n, made)
				all = append(all, made[table]...)
			}
			return true
		})
		if len(waiting) == before {
			t.Fatalf("the tables %v refer to each other", waiting)
		}
	}
	return all
}

func rowsOf(t *testing.T, db *sql.DB, table string, n int, made map[string][]madeRow) []madeRow {
	t.Helper()
	rows := make([]madeRow, n)
	columns := column(t, db, fmt.Sprintf("SELECT name || ' ' || upper(type) || ' ' || (\"notnull\" OR pk > 0) FROM pragma_table_info('%s') ORDER BY cid", table))
	references := column(t, db, fmt.Sprintf("SELECT \"from\" || ' ' || \"table\" || ' ' || \"to\" FROM pragma_foreign_key_list('%s')", table))
	for i := range rows {
		rows[i] = madeRow{table: table}
		for _, c := range columns {
			name, rest, _ := strings.Cut(c, " ")
			kind, needed := rest[:len(rest)-2], strings.HasSuffix(rest, "1")
			value := madeUp(kind, name, i)
			if i == n-1 && !needed {
				value = nil
			}
			for _, r := range references {
				if of := strings.Fields(r); of[0] == name {
					value = made[of[1]][i].value(of[2])
				}
			}
			if make, is := special[table+"."+name]; is {
				value = make(i)
			}
			rows[i].columns, rows[i].values = append(rows[i].columns, name), append(rows[i].values, value)
		}
	}
	return rows
}

func (r madeRow) value(column string) any { return r.values[slices.Index(r.columns, column)] }

func madeUp(kind, name string, i int) any {
	switch {
	case strings.HasSuffix(name, "_json"):
		return fmt.Sprintf(`{"of":%q,"n":%d}`, name, i)
	case kind == "TEXT":
		return fmt.Sprintf("%s %03d: ä 中 '\" \\ %%\r\n\t\x01 %s", name, i, strings.Repeat("x", i))
	case kind == "BOOLEAN":
		return i%2 == 0
	case kind == "DOUBLE PRECISION":
		return []float64{0.1, -1e300, 3, 5e-324}[i%4]
	case kind == "BLOB":
		return append([]byte{0, 255, byte(i)}, make([]byte, i)...)
	}
	return []int64{1, -1, 1 << 62, -(1 << 62)}[i%4] + int64(i)
}

func insert(t testing.TB, driver, address string, rows []madeRow) {
	t.Helper()
	db, err := sql.Open(driver, address)
	must(t, err)
	defer db.Close()
	tx, err := db.Begin()
	must(t, err)
	for _, r := range rows {
		marks := make([]string, len(r.columns))
		for i := range marks {
			marks[i] = "?"
			if driver == "pgx" {
				marks[i] = fmt.Sprintf("$%d", i+1)
			}
		}
		_, err := tx.Exec(fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", r.table, strings.Join(r.columns, ", "), strings.Join(marks, ", ")), r.values...)
		if err != nil {
			t.Fatalf("a row for %s cannot be made up: say in special what its columns have to hold: %v\n%q", r.table, err, r.values)
		}
	}
	must(t, tx.Commit())
}

// driverOf is what database/sql calls the database at an address.
func driverOf(address string) string {
	if strings.HasPrefix(address, "postgres") {
		return "pgx"
	}
	return "sqlite3"
}

// plainFile is an address of a new SQLite database that needs no escaping.
func plainFile(t testing.TB) string { return filepath.Join(t.TempDir(), "trunkline.db") }

// fullDatabase is a database of the kind with rows in every table.
func fullDatabase(t *testing.T, kind database, n int) string {
	t.Helper()
	address := plainFile(t)
	if kind.name != "sqlite" {
		address = kind.address(t)
	}
	must(t, open(t, address).Close())
	insert(t, driverOf(address), address, rowsOfEveryTable(t, n))
	for name, table := range contents(t, driverOf(address), address, nil) {
		if len(table.rows) == 0 {
			t.Fatalf("table %s has no row in this test", name)
		}
	}
	return address
}
