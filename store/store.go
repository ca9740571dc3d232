// Package store keeps what Trunkline knows, in SQLite or PostgreSQL.
//
// It knows rows, queries and transactions; rows are private, domain values go in and out, and every query about a tenant's
// things takes a scope. It refuses to know HTTP, hosts' executors and what a lab shall do next.
package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/migrations"
	"trunkline/tenancy"
)

// Config says where the data is.
type Config struct {
	URL     string               // "sqlite:///path/to/file", a plain path, or "postgres://…"
	Readers int                  // connections that read at once; 0: 4
	Now     func() time.Time     // nil: time.Now
	Nodes   control.NodeDefaults // what quotas count for nodes whose file names no limits; zero fields: control.UsualNode
	VNIs    tenancy.VNIPool      // where network identifiers come from, and how long freed ones and provider VLANs rest
}

// Store is an open database. Its methods may be called at once.
type Store struct {
	read  *gorm.DB
	write *gorm.DB // SQLite: the one connection that writes; PostgreSQL: the same pool as read
	now   func() time.Time
	vnis  tenancy.VNIPool
	nodes control.NodeDefaults
	use   openUse

	dialect migrations.Dialect
}

// Open connects and brings the schema to this build's version. The caller closes the store.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	place, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Readers <= 0 {
		cfg.Readers = 4
	}
	s := &Store{now: cfg.Now, vnis: cfg.VNIs.WithDefaults(), nodes: cfg.Nodes.WithDefaults(), dialect: place.dialect}
	if place.dialect == migrations.SQLite {
		err = s.openSQLite(ctx, place, cfg.Readers)
	} else {
		err = s.openPostgres(ctx, place, cfg.Readers)
	}
	if err == nil {
		err = s.reserveAnew(ctx)
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) openSQLite(ctx context.Context, p location, readers int) error {
	if err := makeFolder(p.path); err != nil {
		return err
	}
	var err error
	if s.write, err = connect(sqlite.Open(sqliteDSN(p.path, false)), 1); err != nil {
		return err
	}
	if err := s.migrate(ctx, migrations.SQLite); err != nil {
		return err
	}
	s.read, err = connect(sqlite.Open(sqliteDSN(p.path, true)), readers)
	return err
}

func (s *Store) openPostgres(ctx context.Context, p location, readers int) error {
	var err error
	if s.write, err = connect(postgres.Open(p.dsn), readers+4); err != nil {
		return err
	}
	s.read = s.write
	return s.migrate(ctx, migrations.PostgreSQL)
}

// connect opens a pool of at most so many connections, all kept.
func connect(dialector gorm.Dialector, connections int) (*gorm.DB, error) {
	db, err := gorm.Open(dialector, &gorm.Config{
		TranslateError: true, SkipDefaultTransaction: true, Logger: logger.Discard,
		// pgx keeps prepared statements by itself, for each connection. gorm's own would stop everything where readers and writers share a pool: a
		// transaction waits for a statement that a reader prepares, and the reader for a connection that transactions hold.
		PrepareStmt: dialector.Name() == "sqlite",
	})
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The database cannot be opened. Check its address, and that its folder can be written.")
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The database has no connections.")
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return db, nil
}

func (s *Store) migrate(ctx context.Context, dialect migrations.Dialect) error {
	pool, err := s.write.DB()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "The database has no connections.")
	}
	_, err = migrations.Up(ctx, dialect, pool)
	return err
}

// Close ends every connection.
func (s *Store) Close() error {
	var failures []error
	for _, db := range []*gorm.DB{s.read, s.write} {
		if db == nil {
			continue
		}
		pool, err := db.DB()
		if err == nil {
			err = pool.Close()
		}
		failures = append(failures, err)
		if s.read == s.write {
			break
		}
	}
	return errors.Join(failures...)
}

// change runs do in one transaction on the writing side.
func (s *Store) change(ctx context.Context, do func(tx *gorm.DB) error) error {
	return translate(s.write.WithContext(ctx).Transaction(do, &sql.TxOptions{}))
}

// ask returns a session of the reading side.
func (s *Store) ask(ctx context.Context) *gorm.DB { return s.read.WithContext(ctx) }

// harden puts what was committed on the disk where the database leaves that for later: hosts rely on their keys being known after a power cut.
// SQLite in WAL mode at synchronous NORMAL syncs the log when a checkpoint begins: https://www.sqlite.org/pragma.html#pragma_synchronous
func (s *Store) harden(ctx context.Context) error {
	if s.dialect != migrations.SQLite {
		return nil
	}
	pool, err := s.write.DB()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "The database has no connections.")
	}
	var busy, pages, moved int
	return translate(pool.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &moved))
}
