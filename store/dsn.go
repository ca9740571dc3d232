package store

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"trunkline/internal/fault"
	"trunkline/migrations"
)

// location is where a database is.
type location struct {
	dialect migrations.Dialect
	path    string // SQLite's file
	dsn     string // PostgreSQL's address
}

// parseURL reads sqlite:///path, sqlite:path, a plain path, and postgres:// or postgresql:// addresses.
func parseURL(address string) (location, error) {
	scheme, rest, hasScheme := strings.Cut(address, ":")
	switch {
	case address == "":
		return location{}, fault.New(fault.Invalid, "Say where the database is: a file, or postgres://user@host/name.").InField("database")
	case hasScheme && (scheme == "postgres" || scheme == "postgresql"):
		if _, err := url.Parse(address); err != nil {
			return location{}, fault.Wrap(err, fault.Invalid, "The address of the PostgreSQL database cannot be read. It looks like postgres://user:password@host/name.").InField("database")
		}
		return location{dialect: migrations.PostgreSQL, dsn: address}, nil
	case hasScheme && scheme == "sqlite":
		return sqliteFile(strings.TrimPrefix(rest, "//"))
	case strings.Contains(address, "://"):
		return location{}, fault.New(fault.Unsupported, "A database of kind %q is not supported. Use SQLite (a file) or PostgreSQL (postgres://…).", scheme).InField("database")
	}
	return sqliteFile(address)
}

func sqliteFile(path string) (location, error) {
	absolute, err := filepath.Abs(path)
	if path == "" || err != nil {
		return location{}, fault.Wrap(err, fault.Invalid, "Say in which file the SQLite database is, such as sqlite:///var/lib/trunkline/trunkline.db.").InField("database")
	}
	return location{dialect: migrations.SQLite, path: absolute}, nil
}

// sqliteDSN carries every setting, so that no connection is without: https://pkg.go.dev/github.com/mattn/go-sqlite3#SQLiteDriver.Open
// Writers take the lock when their transaction begins, and wait for it up to 10 s.
func sqliteDSN(path string, readOnly bool) string {
	q := url.Values{
		"_journal_mode": {"WAL"},
		"_synchronous":  {"NORMAL"},
		"_busy_timeout": {"10000"},
		"_foreign_keys": {"on"},
	}
	if readOnly {
		q.Set("_query_only", "on")
	} else {
		q.Set("_txlock", "immediate")
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// makeFolder makes the folder of the database for this user alone.
func makeFolder(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The folder %s cannot be made. Choose another data folder, or give this user the right to write there.", filepath.Dir(file))
	}
	return nil
}
