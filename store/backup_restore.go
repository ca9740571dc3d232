package store

import (
	"archive/tar"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/migrations"
	"trunkline/store/blobs"
)

// RestoreOptions are how a backup is restored.
type RestoreOptions struct {
	Force bool   // replace the rows that are there
	Files string // folder that the backup's project files go to
	Work  string // folder for what is made on the way
	Told  Progress
}

// Restored says what was restored.
type Restored struct {
	From   int64         `json:"from"`    // the backup's schema
	Schema int64         `json:"version"` // the schema now
	Tables []CopiedTable `json:"tables"`
	Files  int           `json:"files"`
}

// Restore puts what a backup holds in the place of a database, and migrates it where it is of an earlier build. The database is the old one until the moment
// when all is there and checked. Nobody may use it meanwhile: the caller sees to that. Codes: invalid (no backup of ours), conflict (the database holds
// something), unsupported (the backup is of a newer build).
func Restore(ctx context.Context, file, to string, o RestoreOptions) (done Restored, err error) {
	o.Told = orSilent(o.Told)
	place, err := parseURL(to)
	if err != nil {
		return done, err
	}
	at := filepath.Join(o.Work, "restored.db")
	if place.dialect == migrations.SQLite {
		at = place.path
		if err := vacant(ctx, at, o.Force); err != nil {
			return done, err
		}
	}
	if err := makeFolder(at); err != nil {
		return done, err
	}
	made, err := newPart(at)
	if err != nil {
		return done, err
	}
	if err = o.stage(ctx, file, made, &done); err == nil && place.dialect == migrations.SQLite {
		if err = intoOneFile(ctx, at); err == nil {
			o.Told("putting it in its place", 0)
			return done, made.publish()
		}
	}
	if err == nil {
		err = o.intoPostgres(ctx, made.path(), to, &done)
	}
	return done, errors.Join(err, made.drop())
}

// stage makes a database of this build's schema of the backup, in a file of its own.
func (o RestoreOptions) stage(ctx context.Context, file string, made *part, done *Restored) error {
	o.Told("reading the backup", 0)
	if err := o.unpack(ctx, file, made, done); err != nil {
		return err
	}
	if err := intact(ctx, made.path()); err != nil {
		return fault.Wrap(err, fault.Invalid, "The backup %s is damaged and was not restored.", file)
	}
	db, err := sql.Open("sqlite3", fileDSN(made.path(), "rwc"))
	if err != nil {
		return translate(err)
	}
	db.SetMaxOpenConns(1)
	if err := errors.Join(o.upgrade(ctx, file, db, done), db.Close()); err != nil {
		return err
	}
	if err := intact(ctx, made.path()); err != nil {
		return err
	}
	done.Tables, err = countFile(ctx, made.path())
	return err
}

func (o RestoreOptions) upgrade(ctx context.Context, file string, db *sql.DB, done *Restored) (err error) {
	if done.From, err = migrations.Version(ctx, migrations.SQLite, db); err != nil {
		return err
	}
	newest, err := migrations.Newest(migrations.SQLite)
	if err != nil {
		return err
	}
	switch {
	case done.From == 0:
		return notABackup(file)
	case done.From > newest:
		return fault.New(fault.Unsupported, "The backup is of a newer Trunkline (schema %d, this build knows %d). Restore it with the newer one.", done.From, newest)
	}
	o.Told("migrating", 0)
	if done.Schema, err = migrations.Up(ctx, migrations.SQLite, db); err != nil {
		return err
	}
	return leap(ctx, db, time.Now())
}

// leap lifts the generation of each deployment above all that hosts may have heard of since the backup: they would refuse an older one, and what they have
// under a later number is not what the database now says. Seconds since 1970 do, also when a backup is restored twice.
func leap(ctx context.Context, db querier, now time.Time) error {
	_, err := db.ExecContext(ctx, "UPDATE labs SET generation = max(generation + 1, ?) WHERE generation > 0", now.Unix())
	return translate(err)
}

func (o RestoreOptions) intoPostgres(ctx context.Context, path, to string, done *Restored) error {
	staged, err := openWhole(path)
	if err != nil {
		return err
	}
	copied, err := staged.copyTo(ctx, to, o.Force, o.Told)
	done.Tables = copied.Tables
	return errors.Join(err, staged.close())
}

// unpack brings the backup's database into made, and its project files to their folder.
func (o RestoreOptions) unpack(ctx context.Context, file string, made *part, done *Restored) (err error) {
	backup, err := os.Open(file)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "The backup %s cannot be read. Check its name and its rights.", file)
	}
	defer func() { err = errors.Join(err, backup.Close()) }()
	head := make([]byte, 512)
	if _, err := io.ReadFull(backup, head); err != nil {
		return notABackup(file)
	}
	switch {
	case bytes.HasPrefix(head, []byte("SQLite format 3\x00")):
		return vacuum(ctx, file, made.path())
	case string(head[257:262]) != "ustar":
		return notABackup(file)
	}
	if _, err := backup.Seek(0, io.SeekStart); err != nil {
		return notABackup(file)
	}
	return o.untar(ctx, file, tar.NewReader(backup), made, done)
}

func notABackup(file string) error {
	return fault.New(fault.Invalid, "%s is no backup of Trunkline: those are made by trunkline db backup.", file)
}

// vacuum copies a SQLite file, with what a log beside it holds.
func vacuum(ctx context.Context, from, to string) (err error) {
	absolute, err := filepath.Abs(from)
	if err != nil {
		return notABackup(from)
	}
	db, err := sql.Open("sqlite3", fileDSN(absolute, "ro"))
	if err != nil {
		return translate(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fault.Wrap(err, fault.Invalid, "The backup %s cannot be read. Is it whole, and is there room for it in %s?", from, filepath.Dir(to))
	}
	return nil
}

// untar takes the database, which comes first, and the project files, whose content has to be what their names say.
func (o RestoreOptions) untar(ctx context.Context, file string, archive *tar.Reader, made *part, done *Restored) error {
	first, err := archive.Next()
	if err != nil || first.Name != backupDatabase {
		return notABackup(file)
	}
	if _, err := io.Copy(made.file, archive); err != nil {
		return unwritable(err, made.at)
	}
	contents, err := blobs.Open(o.Files)
	if err != nil {
		return err
	}
	for {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "The backup %s ends in the middle. It was not restored.", file)
		}
		hash, _, err := contents.Put(ctx, archive, math.MaxInt64-1)
		if err != nil {
			return err
		}
		if hash != strings.TrimPrefix(entry.Name, backupFiles) {
			return fault.New(fault.Invalid, "The backup %s is damaged: its entry %.80q is not what it was. It was not restored.", file, entry.Name)
		}
		done.Files++
		o.Told("restoring project files", int64(done.Files))
	}
}
