package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/migrations"
)

// kind is what a column holds, whatever the database calls it.
type kind string

const (
	textKind    kind = "text"
	integerKind kind = "integer"
	booleanKind kind = "boolean"
	floatKind   kind = "float"
	bytesKind   kind = "bytes"
)

// kinds are the types that our migrations may give to columns. Both databases keep each without loss.
var kinds = map[string]kind{
	"TEXT": textKind, "BIGINT": integerKind, "INTEGER": integerKind, "BOOLEAN": booleanKind, "DOUBLE PRECISION": floatKind, "BLOB": bytesKind,
}

// wholeColumn is a column of a table that is read and written as a whole.
type wholeColumn struct {
	name string
	kind kind
}

// wholeTable is a table as it is read and written as a whole.
type wholeTable struct {
	name    string
	columns []wholeColumn
	key     []int // columns by which its rows are told apart
	after   []string
	seeded  int64 // rows that the migrations put there
}

// schemaAt is what this build's migrations make up to a version, each table after those that it refers to. It comes from a database in memory that
// the migrations ran on, so that no list of tables can be out of date.
func schemaAt(ctx context.Context, version int64) ([]wholeTable, error) {
	db, err := sql.Open("sqlite3", "file::memory:")
	if err != nil {
		return nil, translate(err)
	}
	db.SetMaxOpenConns(1) // another connection would be another database
	tables, err := func() ([]wholeTable, error) {
		if err := migrations.UpTo(ctx, migrations.SQLite, db, version); err != nil {
			return nil, err
		}
		return tablesOf(ctx, db)
	}()
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	return inOrder(tables)
}

func tablesOf(ctx context.Context, db *sql.DB) ([]wholeTable, error) {
	names, err := column1(ctx, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version' ORDER BY name")
	if err != nil {
		return nil, err
	}
	tables := make([]wholeTable, 0, len(names))
	for _, name := range names {
		table, err := tableOf(ctx, db, name)
		if err != nil {
			return nil, err
		}
		tables = append(tables, table)
	}
	return tables, nil
}

func tableOf(ctx context.Context, db *sql.DB, name string) (wholeTable, error) {
	table := wholeTable{name: name}
	rows, err := db.QueryContext(ctx, "SELECT name, upper(type), pk FROM pragma_table_info(?) ORDER BY cid", name)
	if err != nil {
		return table, translate(err)
	}
	defer rows.Close()
	places := map[int]int{} // in the key: of the column
	for rows.Next() {
		var column, declared string
		var place int
		if err := rows.Scan(&column, &declared, &place); err != nil {
			return table, translate(err)
		}
		known, ok := kinds[declared]
		if !ok {
			return table, fault.New(fault.Internal, "Column %s of table %s is of a type that cannot be copied, %s.", column, name, declared)
		}
		if place > 0 {
			places[place] = len(table.columns)
		}
		table.columns = append(table.columns, wholeColumn{column, known})
	}
	if err := rows.Err(); err != nil {
		return table, translate(err)
	}
	for place := range len(places) {
		table.key = append(table.key, places[place+1])
	}
	if len(table.key) == 0 {
		return table, fault.New(fault.Internal, "Table %s has no primary key, so that its rows cannot be compared.", name)
	}
	if table.after, err = column1(ctx, db, "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list(?)", name); err != nil {
		return table, err
	}
	return table, translate(db.QueryRowContext(ctx, "SELECT count(*) FROM "+quoted(name)).Scan(&table.seeded))
}

// inOrder puts each table after those that it refers to. Tables that refer to each other, or to themselves, have no such order.
func inOrder(tables []wholeTable) ([]wholeTable, error) {
	ordered := make([]wholeTable, 0, len(tables))
	there := map[string]bool{}
	for len(ordered) < len(tables) {
		before := len(ordered)
		for _, table := range tables {
			if !there[table.name] && !slices.ContainsFunc(table.after, func(other string) bool { return !there[other] }) {
				ordered, there[table.name] = append(ordered, table), true
			}
		}
		if len(ordered) == before {
			return nil, fault.New(fault.Internal, "The tables of the database refer to each other in a circle and cannot be copied one after the other.")
		}
	}
	return ordered, nil
}

// column1 reads one column of text.
func column1(ctx context.Context, db querier, query string, args ...any) ([]string, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, translate(err)
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, translate(err)
		}
		values = append(values, value)
	}
	return values, translate(rows.Err())
}

// querier is a database, or a transaction on it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// quoted is a name as both databases read it.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// selection reads every row in the order of the key, which is the same on both databases: bytes, not the language of the server.
func (t wholeTable) selection(dialect migrations.Dialect) string {
	names, key := make([]string, len(t.columns)), make([]string, len(t.key))
	for i, c := range t.columns {
		names[i] = quoted(c.name)
	}
	for i, at := range t.key {
		key[i] = quoted(t.columns[at].name)
		if dialect == migrations.PostgreSQL && t.columns[at].kind == textKind {
			key[i] += ` COLLATE "C"`
		}
	}
	return fmt.Sprintf("SELECT %s FROM %s ORDER BY %s", strings.Join(names, ", "), quoted(t.name), strings.Join(key, ", "))
}

// insertion puts so many rows into the table.
func (t wholeTable) insertion(dialect migrations.Dialect, rows int) string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = quoted(c.name)
	}
	var values strings.Builder
	for n := range rows * len(t.columns) {
		switch {
		case n == 0:
			values.WriteString("(")
		case n%len(t.columns) == 0:
			values.WriteString("), (")
		default:
			values.WriteString(", ")
		}
		if dialect == migrations.PostgreSQL {
			fmt.Fprintf(&values, "$%d", n+1)
		} else {
			values.WriteString("?")
		}
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES %s)", quoted(t.name), strings.Join(names, ", "), values.String())
}
