package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"trunkline/internal/fault"
	"trunkline/migrations"
)

// copyToPostgres migrates the target and then replaces its rows in one transaction. Whatever ends it before the commit leaves the rows as they were.
func (w *whole) copyToPostgres(ctx context.Context, to string, force bool, told Progress) (copied Copied, err error) {
	target, err := openWhole(to)
	if err != nil {
		return copied, err
	}
	defer func() { err = errors.Join(err, target.close()) }()
	if err := target.prepare(ctx, force); err != nil {
		return copied, err
	}
	if copied.Version, err = migrations.Newest(migrations.PostgreSQL); err != nil {
		return copied, err
	}
	tables, err := schemaAt(ctx, copied.Version)
	if err != nil {
		return copied, err
	}
	copied.Tables, err = w.replaceRows(ctx, target, tables, force, told)
	return copied, err
}

// prepare brings the target to this build's schema, if there is nothing to lose there.
func (w *whole) prepare(ctx context.Context, force bool) error {
	version, err := w.version(ctx)
	if err != nil {
		return err
	}
	newest, err := migrations.Newest(w.dialect)
	if err != nil {
		return err
	}
	if version > newest {
		return tooNew(version, newest)
	}
	if !force && version > 0 {
		if err := refuseOccupied(ctx, w.db, version); err != nil {
			return err
		}
	}
	_, err = migrations.Up(ctx, w.dialect, w.db)
	return err
}

func (w *whole) replaceRows(ctx context.Context, target *whole, tables []wholeTable, force bool, told Progress) ([]CopiedTable, error) {
	from, err := w.reading(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = from.Rollback() }() // it only read
	tx, err := target.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, translate(err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := makeRoom(ctx, tx, tables, force); err != nil {
		return nil, err
	}
	to := side{migrations.PostgreSQL, tx}
	copied, err := fill(ctx, side{w.dialect, from}, to, tables, told)
	if err != nil {
		return nil, err
	}
	if err := restartSequences(ctx, tx, tables); err != nil {
		return nil, err
	}
	told("committing", 0)
	return copied, translate(tx.Commit())
}

// makeRoom keeps everybody else out and leaves the tables empty.
func makeRoom(ctx context.Context, tx querier, tables []wholeTable, force bool) error {
	names := make([]string, len(tables))
	for i, table := range tables {
		names[i] = quoted(table.name)
	}
	all := strings.Join(names, ", ")
	if _, err := tx.ExecContext(ctx, "SET LOCAL lock_timeout = '5s'"); err != nil {
		return translate(err)
	}
	if _, err := tx.ExecContext(ctx, "LOCK TABLE "+all+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		if answer, ok := errors.AsType[*pgconn.PgError](err); ok && answer.Code == "55P03" {
			return fault.Wrap(err, fault.Conflict, "The database there is being used. Stop the Trunkline that uses it and try again.")
		}
		return translate(err)
	}
	if !force {
		table, err := occupied(ctx, tx, tables)
		if err == nil && table != "" {
			err = fault.New(fault.Conflict, "The database there is in use: somebody put rows into its table %s just now.", table)
		}
		if err != nil {
			return err
		}
		return unseed(ctx, side{migrations.PostgreSQL, tx}, tables)
	}
	return truncate(ctx, tx, names)
}

// truncate empties the tables, those too that refuse to forget. It is undone with the transaction.
func truncate(ctx context.Context, tx querier, names []string) error {
	for _, statement := range []string{"ALTER TABLE %s DISABLE TRIGGER USER", "", "ALTER TABLE %s ENABLE TRIGGER USER"} {
		if statement == "" {
			if _, err := tx.ExecContext(ctx, "TRUNCATE "+strings.Join(names, ", ")); err != nil {
				return translate(err)
			}
			continue
		}
		for _, name := range names {
			if _, err := tx.ExecContext(ctx, fmt.Sprintf(statement, name)); err != nil {
				return translate(err)
			}
		}
	}
	return nil
}

// restartSequences lets columns that count by themselves go on after the highest number that came with the rows.
func restartSequences(ctx context.Context, tx querier, tables []wholeTable) error {
	for _, table := range tables {
		for _, column := range table.columns {
			if column.kind != integerKind {
				continue
			}
			var sequence *string
			if err := tx.QueryRowContext(ctx, "SELECT pg_get_serial_sequence($1, $2)", quoted(table.name), column.name).Scan(&sequence); err != nil {
				return translate(err)
			}
			if sequence == nil {
				continue
			}
			var next int64
			if err := tx.QueryRowContext(ctx, fmt.Sprintf("SELECT COALESCE(max(%s), 0) + 1 FROM %s", quoted(column.name), quoted(table.name))).Scan(&next); err != nil {
				return translate(err)
			}
			if _, err := tx.ExecContext(ctx, fmt.Sprintf("ALTER SEQUENCE %s RESTART WITH %d", *sequence, next)); err != nil {
				return translate(err)
			}
		}
	}
	return nil
}
