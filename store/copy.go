package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"trunkline/internal/fault"
	"trunkline/migrations"
)

// Progress is told what is being done, and for a table how many of its rows are. It must not block for long: the database waits.
type Progress func(what string, rows int64)

// CopiedTable is a table that is the same on both sides.
type CopiedTable struct {
	Table  string `json:"table"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"` // of the hashes of its rows, in the order of its key; the same on both databases
}

// Copied says what a copy was found to hold, table by table.
type Copied struct {
	Version int64         `json:"version"` // of the schema
	Tables  []CopiedTable `json:"tables"`
}

// Rows counts those of all tables.
func (c Copied) Rows() (rows int64) {
	for _, t := range c.Tables {
		rows += t.Rows
	}
	return rows
}

// Copy puts every row of one database into another that has none, SQLite or PostgreSQL each. The source is read in one snapshot and stays as it is; the
// target is written in one transaction (SQLite: as a file beside it that takes its place at the end), which is committed only when every
// row was read back from it and is the same. Codes: not_found (no such database), conflict (the target holds something, or is in use; the source's schema is
// older than this build's), unsupported (it is newer).
func Copy(ctx context.Context, from, to string, told Progress) (Copied, error) {
	source, err := openWhole(from)
	if err != nil {
		return Copied{}, err
	}
	copied, err := source.copyTo(ctx, to, false, orSilent(told))
	return copied, errors.Join(err, source.close())
}

func orSilent(told Progress) Progress {
	if told == nil {
		return func(string, int64) {}
	}
	return told
}

// copyTo needs a source of this build's schema. With force, what the target held is replaced.
func (w *whole) copyTo(ctx context.Context, to string, force bool, told Progress) (Copied, error) {
	place, err := parseURL(to)
	if err != nil {
		return Copied{}, err
	}
	if w.is(place) {
		return Copied{}, fault.New(fault.Invalid, "The database cannot be copied onto itself. Give another one.")
	}
	version, err := w.version(ctx)
	if err != nil {
		return Copied{}, err
	}
	newest, err := migrations.Newest(w.dialect)
	if err != nil {
		return Copied{}, err
	}
	if err := current(version, newest); err != nil {
		return Copied{}, err
	}
	if place.dialect == migrations.SQLite {
		return w.copyToFile(ctx, place.path, version, force, told)
	}
	return w.copyToPostgres(ctx, to, force, told)
}

// current refuses a source of another schema than this build's.
func current(version, newest int64) error {
	switch {
	case version == 0:
		return fault.New(fault.NotFound, "There is no database of Trunkline at this address.")
	case version > newest:
		return tooNew(version, newest)
	case version < newest:
		return fault.New(fault.Conflict, "The database has schema %d and this build has %d. Bring it up to date first: trunkline db migrate", version, newest)
	}
	return nil
}

func tooNew(version, newest int64) error {
	return fault.New(fault.Unsupported, "It is of a newer Trunkline (schema %d, this build knows %d). Use the newer one.", version, newest)
}

// whole is a database that is handled as a whole, of whatever schema. Nothing is migrated by opening it.
type whole struct {
	location
	db *sql.DB
}

// openWhole opens a database that has to be there.
func openWhole(address string) (*whole, error) {
	place, err := parseURL(address)
	if err != nil {
		return nil, err
	}
	w := &whole{location: place}
	driver, dsn := "pgx", place.dsn
	if place.dialect == migrations.SQLite {
		if _, err := os.Stat(place.path); err != nil {
			return nil, fault.Wrap(err, fault.NotFound, "There is no database %s. Say where it is by --data or --database.", place.path)
		}
		driver, dsn = "sqlite3", fileDSN(place.path, "rw")
	}
	if w.db, err = sql.Open(driver, dsn); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The database cannot be opened. Check its address.")
	}
	return w, nil
}

func (w *whole) close() error { return w.db.Close() }

func (w *whole) version(ctx context.Context) (int64, error) {
	return migrations.Version(ctx, w.dialect, w.db)
}

// is reports whether both are the same database, as far as their addresses tell.
func (w *whole) is(other location) bool {
	if w.dialect != other.dialect || w.dialect == migrations.PostgreSQL {
		return w.dialect == other.dialect && w.dsn == other.dsn
	}
	return sameFile(w.path, other.path)
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return filepath.Clean(a) == filepath.Clean(b)
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// reading is a transaction that sees the database as it was when it began.
func (w *whole) reading(ctx context.Context) (*sql.Tx, error) {
	tx, err := w.db.BeginTx(ctx, &sql.TxOptions{Isolation: w.snapshot(), ReadOnly: w.dialect == migrations.PostgreSQL})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The database cannot be read. Check its address, and that it runs.")
	}
	return tx, nil
}

// snapshot: SQLite's readers have one by themselves.
func (w *whole) snapshot() sql.IsolationLevel {
	if w.dialect == migrations.PostgreSQL {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault
}

// fill copies the tables from one transaction to another and compares them.
func fill(ctx context.Context, from, to side, tables []wholeTable, told Progress) ([]CopiedTable, error) {
	for _, table := range tables {
		if err := copyRows(ctx, from, to, table, func(rows int64) { told("copying "+table.name, rows) }); err != nil {
			return nil, err
		}
	}
	copied := make([]CopiedTable, 0, len(tables))
	for _, table := range tables {
		rows, sha, err := compareRows(ctx, from, to, table)
		if err != nil {
			return nil, err
		}
		told("compared "+table.name, rows)
		copied = append(copied, CopiedTable{table.name, rows, sha})
	}
	return copied, nil
}

// unseed takes away the rows that migrations made, since the source has its own.
func unseed(ctx context.Context, to side, tables []wholeTable) error {
	for _, table := range tables {
		if table.seeded == 0 {
			continue
		}
		if _, err := to.tx.ExecContext(ctx, "DELETE FROM "+quoted(table.name)); err != nil {
			return translate(err)
		}
	}
	return nil
}

// occupied names a table that has more rows than the migrations made; "" when there is none.
func occupied(ctx context.Context, db querier, tables []wholeTable) (string, error) {
	for _, table := range tables {
		var rows int64
		query := fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s LIMIT %d) AS first", quoted(table.name), table.seeded+1)
		if err := db.QueryRowContext(ctx, query).Scan(&rows); err != nil {
			return "", translate(err)
		}
		if rows > table.seeded {
			return table.name, nil
		}
	}
	return "", nil
}
