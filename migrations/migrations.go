// Package migrations is the database's schema, as numbered SQL files that never change once released.
//
// It knows SQL and the two dialects. It refuses to know rows, structs and what the tables are for: store does.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"

	"github.com/pressly/goose/v3"

	"trunkline/internal/fault"
)

//go:embed sqlite/*.sql postgres/*.sql
var files embed.FS

// Dialect is a database that we speak.
type Dialect string

const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "postgres"
)

var dialects = map[Dialect]goose.Dialect{SQLite: goose.DialectSQLite3, PostgreSQL: goose.DialectPostgres}

// Up brings the database to the newest schema and returns its version. A database that a newer build has changed is refused.
func Up(ctx context.Context, dialect Dialect, db *sql.DB) (int64, error) {
	provider, err := newProvider(dialect, db)
	if err != nil {
		return 0, err
	}
	newest := int64(0)
	for _, source := range provider.ListSources() {
		newest = max(newest, source.Version)
	}
	have, err := provider.GetDBVersion(ctx)
	if err != nil {
		return 0, failed(err)
	}
	if have > newest {
		return have, fault.New(fault.Unsupported, "The database is of a newer Trunkline (schema %d, this build knows %d). Start the newer one, or restore a backup.", have, newest)
	}
	if _, err := provider.Up(ctx); err != nil {
		return have, failed(err)
	}
	return newest, nil
}

func newProvider(dialect Dialect, db *sql.DB) (*goose.Provider, error) {
	known, ok := dialects[dialect]
	if !ok {
		return nil, fault.New(fault.Unsupported, "There is no schema for the database %q. Use SQLite or PostgreSQL.", dialect)
	}
	folder, err := fs.Sub(files, string(dialect))
	if err != nil {
		return nil, failed(err)
	}
	provider, err := goose.NewProvider(known, db, folder, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, failed(err)
	}
	return provider, nil
}

// failed keeps the cause for the log.
func failed(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "The database could not be brought to this version's schema. The log has the cause; a backup made before is unchanged.")
}
