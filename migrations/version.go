package migrations

import (
	"context"
	"database/sql"
	"path"

	"github.com/pressly/goose/v3"

	"trunkline/internal/fault"
)

// Newest is the version of this build's schema.
func Newest(dialect Dialect) (int64, error) {
	sources, err := files.ReadDir(string(dialect))
	if err != nil || len(sources) == 0 {
		return 0, fault.Wrap(err, fault.Unsupported, "There is no schema for the database %q. Use SQLite or PostgreSQL.", dialect)
	}
	newest, err := goose.NumericComponent(sources[len(sources)-1].Name())
	if err != nil {
		return 0, failed(err)
	}
	return newest, nil
}

// Version reads which schema the database has, and writes nothing. 0: none of ours.
func Version(ctx context.Context, dialect Dialect, db *sql.DB) (int64, error) {
	there := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'"
	if dialect == PostgreSQL {
		there = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'goose_db_version'"
	}
	var tables int
	if err := db.QueryRowContext(ctx, there).Scan(&tables); err != nil {
		return 0, unread(err)
	}
	if tables == 0 {
		return 0, nil
	}
	var version sql.NullInt64
	if err := db.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version WHERE is_applied").Scan(&version); err != nil {
		return 0, unread(err)
	}
	return version.Int64, nil
}

// UpTo brings an empty database to an older schema, so that rows of that schema can be put into it.
func UpTo(ctx context.Context, dialect Dialect, db *sql.DB, version int64) error {
	provider, err := newProvider(dialect, db)
	if err != nil {
		return err
	}
	if _, err := provider.UpTo(ctx, version); err != nil {
		return failed(err)
	}
	return nil
}

// Between names the migrations that lead from one version to another, the first to be run first.
func Between(dialect Dialect, from, to int64) ([]string, error) {
	sources, err := files.ReadDir(string(dialect))
	if err != nil {
		return nil, failed(err)
	}
	var names []string
	for _, source := range sources {
		version, err := goose.NumericComponent(source.Name())
		if err != nil {
			return nil, failed(err)
		}
		if version > from && version <= to {
			names = append(names, path.Base(source.Name()))
		}
	}
	return names, nil
}

func unread(err error) error {
	return fault.Wrap(err, fault.Unavailable, "The database cannot be read. Is it one, and does its address lead to it?")
}
