package store

import (
	"context"
	"errors"
	"slices"

	"trunkline/migrations"
)

// WholeColumns lists the columns of each table that a copy takes.
func WholeColumns(ctx context.Context) (map[string][]string, error) {
	newest, err := migrations.Newest(migrations.SQLite)
	if err != nil {
		return nil, err
	}
	tables, err := schemaAt(ctx, newest)
	names := map[string][]string{}
	for _, table := range tables {
		for _, c := range table.columns {
			names[table.name] = append(names[table.name], c.name)
		}
		slices.Sort(names[table.name])
	}
	return names, err
}

// CompareAll compares two databases as Copy does at its end.
func CompareAll(ctx context.Context, a, b string) error {
	newest, err := migrations.Newest(migrations.SQLite)
	if err != nil {
		return err
	}
	tables, err := schemaAt(ctx, newest)
	if err != nil {
		return err
	}
	return between(a, b, func(one, other *whole) error {
		for _, table := range tables {
			if _, _, err := compareRows(ctx, side{one.dialect, one.db}, side{other.dialect, other.db}, table); err != nil {
				return err
			}
		}
		return nil
	})
}

// CopyOver is Copy that replaces what is there.
func CopyOver(ctx context.Context, from, to string) (copied Copied, err error) {
	source, err := openWhole(from)
	if err != nil {
		return copied, err
	}
	copied, err = source.copyTo(ctx, to, true, orSilent(nil))
	return copied, errors.Join(err, source.close())
}

// CopyTable copies a table that is in no migration from a SQLite database.
func CopyTable(ctx context.Context, from, to, name string) error {
	return between(from, to, func(one, other *whole) error {
		table, err := tableOf(ctx, one.db, name)
		if err != nil {
			return err
		}
		if err := copyRows(ctx, side{one.dialect, one.db}, side{other.dialect, other.db}, table, func(int64) {}); err != nil || other.dialect == migrations.SQLite {
			return err
		}
		return restartSequences(ctx, other.db, []wholeTable{table})
	})
}

func between(a, b string, do func(one, other *whole) error) error {
	one, err := openWhole(a)
	if err != nil {
		return err
	}
	other, err := openWhole(b)
	if err != nil {
		return errors.Join(err, one.close())
	}
	return errors.Join(do(one, other), one.close(), other.close())
}
