package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"

	"trunkline/internal/fault"
	"trunkline/migrations"
)

// fileDSN is for files that are handled as a whole: what is made is made beside its place and synced at the end, so that SQLite need not.
func fileDSN(path, mode string) string {
	q := url.Values{"mode": {mode}, "_busy_timeout": {"10000"}}
	if mode == "rwc" {
		q.Set("_journal_mode", "MEMORY")
		q.Set("_synchronous", "OFF")
		q.Set("_foreign_keys", "on")
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// copyToFile builds the SQLite database beside its place.
func (w *whole) copyToFile(ctx context.Context, path string, version int64, force bool, told Progress) (Copied, error) {
	if err := vacant(ctx, path, force); err != nil {
		return Copied{}, err
	}
	if err := makeFolder(path); err != nil {
		return Copied{}, err
	}
	made, err := newPart(path)
	if err != nil {
		return Copied{}, err
	}
	copied, err := w.build(ctx, made.path(), version, told)
	if err == nil {
		told("checking", 0)
		err = intact(ctx, made.path())
	}
	if err == nil {
		err = intoOneFile(ctx, path)
	}
	if err != nil {
		return Copied{}, errors.Join(err, made.drop())
	}
	told("putting it in its place", 0)
	return copied, made.publish()
}

// build makes a SQLite database of that schema in an empty file, with every row of the source.
func (w *whole) build(ctx context.Context, path string, version int64, told Progress) (copied Copied, err error) {
	tables, err := schemaAt(ctx, version)
	if err != nil {
		return copied, err
	}
	db, err := sql.Open("sqlite3", fileDSN(path, "rwc"))
	if err != nil {
		return copied, translate(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err := migrations.UpTo(ctx, migrations.SQLite, db, version); err != nil {
		return copied, err
	}
	from, err := w.reading(ctx)
	if err != nil {
		return copied, err
	}
	defer func() { _ = from.Rollback() }() // it only read
	to, err := db.BeginTx(ctx, nil)
	if err != nil {
		return copied, translate(err)
	}
	defer func() { _ = to.Rollback() }() // after a commit it does nothing
	target := side{migrations.SQLite, to}
	if err := unseed(ctx, target, tables); err != nil {
		return copied, err
	}
	copied.Version = version
	if copied.Tables, err = fill(ctx, side{w.dialect, from}, target, tables, told); err != nil {
		return copied, err
	}
	return copied, translate(to.Commit())
}

// vacant refuses a file that holds what is not to be lost: something of another program always, a database with rows unless forced.
func vacant(ctx context.Context, path string, force bool) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil
	}
	old, err := openWhole(path)
	if err != nil {
		return err
	}
	defer func() { _ = old.close() }() // it only read
	version, err := old.version(ctx)
	if err != nil {
		return fault.Wrap(err, fault.Conflict, "The file %s is no database that can be read, so it is not replaced. Move it elsewhere, with those beside it that end in -wal and -shm.", path)
	}
	newest, err := migrations.Newest(migrations.SQLite)
	if err != nil {
		return err
	}
	if version == 0 || version > newest {
		return fault.New(fault.Conflict, "The file %s is a database that this Trunkline did not make, so it is not replaced. Move it elsewhere.", path)
	}
	if force {
		return nil
	}
	return refuseOccupied(ctx, old.db, version)
}

func refuseOccupied(ctx context.Context, db querier, version int64) error {
	tables, err := schemaAt(ctx, version)
	if err != nil {
		return err
	}
	table, err := occupied(ctx, db, tables)
	if err == nil && table != "" {
		err = fault.New(fault.Conflict, "The database there is in use: its table %s has rows. Give an empty one; only trunkline db restore --force replaces what there is.", table)
	}
	return err
}

// intoOneFile brings all that a database has into its one file, so that another can take its place: a log of the old one would be read into the new one.
func intoOneFile(ctx context.Context, path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	old, err := openWhole(path)
	if err != nil {
		return err
	}
	var mode string
	err = old.db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode)
	if err = errors.Join(err, old.close()); err != nil || mode != "delete" {
		return fault.Wrap(err, fault.Conflict, "The database %s is being used by another program. Stop it and try again.", path)
	}
	return nil
}

// intact asks SQLite whether the file is whole and its rows refer to rows.
func intact(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite3", fileDSN(path, "ro"))
	if err != nil {
		return translate(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	found, err := column1(ctx, db, "PRAGMA integrity_check(1)")
	if err != nil || len(found) != 1 || found[0] != "ok" {
		return fault.Wrap(err, fault.Internal, "The database %s is damaged: %.200q. Nothing was replaced.", path, found)
	}
	var loose int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM pragma_foreign_key_check").Scan(&loose); err != nil {
		return translate(err)
	}
	if loose > 0 {
		return fault.New(fault.Internal, "%d rows of the database %s refer to rows that are not there. Nothing was replaced.", loose, path)
	}
	return nil
}
