package store

import (
	"context"
	"errors"

	"trunkline/migrations"
)

// Migrated says what bringing a database up to date did.
type Migrated struct {
	From    int64    `json:"from"`    // 0: there was none
	Version int64    `json:"version"` // now
	Ran     []string `json:"ran"`     // names of the migrations
}

// Migrate brings a database to this build's schema, and makes one where there is none. Codes: unsupported (it is of a newer build).
func Migrate(ctx context.Context, address string) (done Migrated, err error) {
	place, err := parseURL(address)
	if err != nil {
		return done, err
	}
	if done.From, err = versionAt(ctx, address); err != nil {
		return done, err
	}
	opened, err := Open(ctx, Config{URL: address})
	if err != nil {
		return done, err
	}
	if err := opened.Close(); err != nil {
		return done, err
	}
	if done.Version, err = versionAt(ctx, address); err != nil {
		return done, err
	}
	done.Ran, err = migrations.Between(place.dialect, done.From, done.Version)
	return done, err
}

// RequireCurrent refuses a database that is not of this build's schema, and changes nothing. Codes: not_found, conflict (older), unsupported (newer).
func RequireCurrent(ctx context.Context, address string) error {
	place, err := parseURL(address)
	if err != nil {
		return err
	}
	version, err := versionAt(ctx, address)
	if err != nil {
		return err
	}
	newest, err := migrations.Newest(place.dialect)
	if err != nil {
		return err
	}
	return current(version, newest)
}

// versionAt is 0 where there is no database yet.
func versionAt(ctx context.Context, address string) (version int64, err error) {
	place, err := parseURL(address)
	if err != nil {
		return 0, err
	}
	if place.dialect == migrations.SQLite && !exists(place.path) {
		return 0, nil
	}
	w, err := openWhole(address)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	return w.version(ctx)
}
