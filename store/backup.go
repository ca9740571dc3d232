package store

import (
	"archive/tar"
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"trunkline/internal/fault"
	"trunkline/migrations"
	"trunkline/store/blobs"
)

// A backup is a SQLite database, of whichever database it was made: it can be looked into with any tool, and restored into either. With project files it is
// a tar file that holds the database first, and each file by its sha256.
const (
	backupDatabase = "trunkline.db"
	backupFiles    = "files/"
)

// BackupOptions are how a backup is made.
type BackupOptions struct {
	Force bool   // replace a file that is there
	Files string // folder of project files that go with it; "": none
	Told  Progress
}

// BackedUp says what a backup holds.
type BackedUp struct {
	File    string        `json:"file"`
	Bytes   int64         `json:"bytes"`
	Version int64         `json:"version"` // of the schema
	Tables  []CopiedTable `json:"tables"`
	Files   int           `json:"files"`             // project files
	Missing []string      `json:"missing,omitempty"` // project files that a lab names and the folder does not have
}

// Backup writes a database to a file, for its owner's eyes only, as it was at one moment: others may write meanwhile. The file appears whole or not at all, and
// was checked before. Codes: not_found (no such database), conflict (the file is there), unavailable or exhausted (it cannot be written).
func Backup(ctx context.Context, from, file string, o BackupOptions) (done BackedUp, err error) {
	file, err = filepath.Abs(file)
	if err != nil {
		return done, fault.Wrap(err, fault.Invalid, "Say into which file the backup goes.")
	}
	o.Told = orSilent(o.Told)
	source, err := openWhole(from)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, source.close()) }()
	if err := source.mayReplace(file, o.Force); err != nil {
		return done, err
	}
	made, err := newPart(file)
	if err != nil {
		return done, err
	}
	if o.Files == "" {
		done, err = source.backUp(ctx, made.path(), o.Told)
	} else {
		done, err = source.backUpWithFiles(ctx, made, o)
	}
	if err != nil {
		return done, errors.Join(err, made.drop())
	}
	if err := made.publish(); err != nil {
		return done, err
	}
	done.File = file
	if info, err := os.Stat(file); err == nil {
		done.Bytes = info.Size()
	}
	return done, nil
}

// mayReplace refuses files that are there, and the database itself always.
func (w *whole) mayReplace(file string, force bool) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return unwritable(err, file)
	case !info.Mode().IsRegular():
		return fault.New(fault.Invalid, "%s is no file. Say into which file the backup goes.", file)
	case w.dialect == migrations.SQLite && sameFile(w.path, file):
		return fault.New(fault.Invalid, "%s is the database itself. Give another file.", file)
	case !force:
		return fault.New(fault.Conflict, "The file %s is there already. Give another, or --force to replace it.", file)
	}
	return nil
}

// backUp writes the database alone into an empty file.
func (w *whole) backUp(ctx context.Context, path string, told Progress) (done BackedUp, err error) {
	if done.Version, err = w.version(ctx); err != nil {
		return done, err
	}
	if done.Version == 0 {
		return done, fault.New(fault.NotFound, "There is no database of Trunkline at this address.")
	}
	if w.dialect == migrations.SQLite {
		told("copying the database", 0)
		if _, err := w.db.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
			return done, unwritableBy(err, path)
		}
		if done.Tables, err = countFile(ctx, path); err != nil {
			return done, err
		}
	} else {
		newest, err := migrations.Newest(w.dialect)
		if err != nil {
			return done, err
		}
		if done.Version > newest {
			return done, tooNew(done.Version, newest)
		}
		copied, err := w.build(ctx, path, done.Version, told)
		if err != nil {
			return done, err
		}
		done.Tables = copied.Tables
	}
	told("checking", 0)
	return done, intact(ctx, path)
}

// unwritableBy tells a full disk from a damaged source.
func unwritableBy(err error, path string) error {
	if translated := translate(err); !fault.Is(translated, fault.Internal) {
		return translated
	}
	return fault.Wrap(err, fault.Unavailable, "The database could not be copied to %s. The log has the cause.", path)
}

// countFile counts the rows of every table of a SQLite file, of whatever schema.
func countFile(ctx context.Context, path string) (tables []CopiedTable, err error) {
	db, err := sql.Open("sqlite3", fileDSN(path, "ro"))
	if err != nil {
		return nil, translate(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	names, err := column1(ctx, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version' ORDER BY name")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		table := CopiedTable{Table: name}
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM "+quoted(name)).Scan(&table.Rows); err != nil {
			return nil, translate(err)
		}
		tables = append(tables, table)
	}
	return tables, nil
}

// backUpWithFiles writes a tar file. The database comes first, so that every file that it names existed when the files are read.
func (w *whole) backUpWithFiles(ctx context.Context, into *part, o BackupOptions) (done BackedUp, err error) {
	database, err := newPart(into.at + ".db")
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, database.drop()) }()
	if done, err = w.backUp(ctx, database.path(), o.Told); err != nil {
		return done, err
	}
	contents, err := blobs.Open(o.Files)
	if err != nil {
		return done, err
	}
	hashes, err := filesNamed(ctx, database.path())
	if err != nil {
		return done, err
	}
	archive := tar.NewWriter(into.file)
	if err := addFile(archive, backupDatabase, func() (io.ReadCloser, int64, error) { return openSized(database.path()) }); err != nil {
		return done, err
	}
	for _, hash := range hashes {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		err := addFile(archive, backupFiles+hash, func() (io.ReadCloser, int64, error) { return contents.Open(hash) })
		switch {
		case fault.Is(err, fault.NotFound):
			done.Missing = append(done.Missing, hash)
			continue
		case err != nil:
			return done, err
		}
		done.Files++
		o.Told("adding project files", int64(done.Files))
	}
	if err := archive.Close(); err != nil {
		return done, unwritable(err, into.at)
	}
	return done, nil
}

// filesNamed lists the sha256 of the project files that a backup's labs hold.
func filesNamed(ctx context.Context, path string) (hashes []string, err error) {
	db, err := sql.Open("sqlite3", fileDSN(path, "ro"))
	if err != nil {
		return nil, translate(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return column1(ctx, db, "SELECT DISTINCT sha256 FROM lab_files ORDER BY sha256")
}

func openSized(path string) (io.ReadCloser, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, unwritable(err, path)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(unwritable(err, path), file.Close())
	}
	return file, info.Size(), nil
}

func addFile(archive *tar.Writer, name string, open func() (io.ReadCloser, int64, error)) (err error) {
	content, size, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: time.Now()}); err != nil {
		return unwritable(err, name)
	}
	if _, err := io.Copy(archive, content); err != nil {
		return unwritable(err, name)
	}
	return nil
}
