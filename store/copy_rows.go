package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"

	"trunkline/internal/fault"
	"trunkline/migrations"
)

// side is a database in a transaction, of which whole tables are read or written.
type side struct {
	dialect migrations.Dialect
	tx      querier
}

// A batch is as many rows as fit both limits, and at least one: memory does not grow with the table.
const (
	batchRows  = 200
	batchBytes = 1 << 20
)

// copyRows moves a table's rows, and tells after each batch how many there are by now.
func copyRows(ctx context.Context, from, to side, table wholeTable, told func(rows int64)) error {
	rows, err := from.open(ctx, table)
	if err != nil {
		return err
	}
	defer rows.close()
	var batch []any
	var size int
	var done int64
	flush := func() error {
		n := len(batch) / len(table.columns)
		if n == 0 {
			return nil
		}
		if _, err := to.tx.ExecContext(ctx, table.insertion(to.dialect, n), batch...); err != nil {
			return fault.Wrap(translate(err), fault.CodeOf(translate(err)), "Rows %d to %d of table %s cannot be written to the other database. The log has the cause.", done+1, done+int64(n), table.name)
		}
		done, batch, size = done+int64(n), batch[:0], 0
		told(done)
		return nil
	}
	for {
		row, err := rows.next()
		if err != nil {
			return err
		}
		if row == nil {
			return flush()
		}
		batch, size = append(batch, row...), size+weight(row)
		if len(batch) >= batchRows*len(table.columns) || size >= batchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

// weight is about how many bytes a row holds in memory.
func weight(row []any) int {
	size := 0
	for _, value := range row {
		switch v := value.(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		}
		size += 16
	}
	return size
}

// wholeRows reads a table row by row.
type wholeRows struct {
	table wholeTable
	rows  *sql.Rows
	into  []any
}

func (s side) open(ctx context.Context, table wholeTable) (*wholeRows, error) {
	rows, err := s.tx.QueryContext(ctx, table.selection(s.dialect))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "Table %s cannot be read.", table.name)
	}
	r := &wholeRows{table: table, rows: rows, into: make([]any, len(table.columns))}
	for i := range r.into {
		r.into[i] = new(any)
	}
	return r, nil
}

func (r *wholeRows) close() { _ = r.rows.Close() } // what went wrong was told by next

// next returns the values of a row, each nil or of its kind's type; nil after the last.
func (r *wholeRows) next() ([]any, error) {
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return nil, fault.Wrap(translate(err), fault.Unavailable, "Table %s cannot be read to its end.", r.table.name)
		}
		return nil, nil
	}
	if err := r.rows.Scan(r.into...); err != nil {
		return nil, translate(err)
	}
	row := make([]any, len(r.into))
	for i, c := range r.table.columns {
		var ok bool
		if row[i], ok = c.kind.value(*r.into[i].(*any)); !ok {
			return nil, fault.New(fault.Invalid, "Column %s of table %s holds something that is no %s. Was the database changed by hand?", c.name, r.table.name, c.kind)
		}
	}
	return row, nil
}

// value brings what a driver returned into the type that both drivers take.
func (k kind) value(read any) (any, bool) {
	switch v := read.(type) {
	case nil:
		return nil, true
	case string:
		if k == bytesKind {
			return []byte(v), true
		}
		return v, k == textKind
	case []byte:
		if k == textKind {
			return string(v), true
		}
		return v, k == bytesKind
	case int64:
		switch k {
		case floatKind:
			return float64(v), true
		case booleanKind:
			return v != 0, v == 0 || v == 1
		}
		return v, k == integerKind
	case bool:
		return v, k == booleanKind
	case float64:
		if v == 0 {
			v = 0 // SQLite has no negative zero
		}
		return v, k == floatKind
	}
	return nil, false
}

// digest is the row's sha256: each value with its kind and length, so that no two rows look alike.
func digest(row []any) [sha256.Size]byte {
	sum := sha256.New()
	for _, value := range row {
		switch v := value.(type) {
		case nil:
			put(sum, 'n', nil)
		case string:
			put(sum, 't', []byte(v))
		case []byte:
			put(sum, 'b', v)
		case int64:
			put(sum, 'i', binary.BigEndian.AppendUint64(nil, uint64(v)))
		case float64:
			put(sum, 'f', binary.BigEndian.AppendUint64(nil, math.Float64bits(v)))
		case bool:
			put(sum, 'o', fmt.Append(nil, v))
		}
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

func put(sum hash.Hash, tag byte, value []byte) {
	sum.Write(binary.BigEndian.AppendUint64([]byte{tag}, uint64(len(value))))
	sum.Write(value)
}

// compareRows reads both tables in the order of their keys, and names the first row that differs. The sha256 is of the digests of all rows.
func compareRows(ctx context.Context, a, b side, table wholeTable) (rows int64, sha string, err error) {
	left, err := a.open(ctx, table)
	if err != nil {
		return 0, "", err
	}
	defer left.close()
	right, err := b.open(ctx, table)
	if err != nil {
		return 0, "", err
	}
	defer right.close()
	sum := sha256.New()
	for ; ; rows++ {
		one, err := left.next()
		if err != nil {
			return rows, "", err
		}
		other, err := right.next()
		if err != nil {
			return rows, "", err
		}
		if one == nil && other == nil {
			return rows, hex.EncodeToString(sum.Sum(nil)), nil
		}
		of, with := digest(one), digest(other)
		if one == nil || other == nil || !bytes.Equal(of[:], with[:]) {
			return rows, "", fault.New(fault.Internal, "Table %s is not the same in both databases: row %d (%s) differs. Nothing was changed.", table.name, rows+1, table.keyOf(one, other))
		}
		sum.Write(of[:])
	}
}

// keyOf names a row by the first characters of its key: enough to find it by, and too few to sign in with where the key is a secret.
func (t wholeTable) keyOf(row, other []any) string {
	if row == nil {
		row = other
	}
	name := ""
	for i, at := range t.key {
		if i > 0 {
			name += ", "
		}
		name += fmt.Sprintf("%s %.12q", t.columns[at].name, fmt.Sprint(row[at]))
	}
	return name
}
