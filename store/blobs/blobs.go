// Package blobs keeps the content of project files in a folder, each under its sha256.
//
// It knows files, hashes and full disks. It refuses to know labs and who uses what: the caller says what is in use.
package blobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"trunkline/internal/fault"
)

// Blobs is one folder of contents. Its methods may be called at once.
type Blobs struct {
	dir string
}

// Open makes the folder when it is not there.
func Open(dir string) (*Blobs, error) {
	for _, d := range []string{dir, filepath.Join(dir, spoolDir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, diskError(err, "The folder %s for project files cannot be made.", d)
		}
	}
	return &Blobs{dir: dir}, nil
}

// spoolDir holds what is being written. It is on the same disk, so that a rename publishes it whole.
const spoolDir = "spool"

const spoolPattern = "put-*"

// Put streams r to disk and returns its hash and size. Codes: exhausted (over limit bytes, or the disk is full); nothing is left then.
func (b *Blobs) Put(ctx context.Context, r io.Reader, limit int64) (hash string, size int64, err error) {
	f, err := os.CreateTemp(filepath.Join(b.dir, spoolDir), spoolPattern)
	if err != nil {
		return "", 0, diskError(err, "A project file cannot be stored.")
	}
	defer func() {
		closing := f.Close()
		if err == nil && closing != nil && !errors.Is(closing, fs.ErrClosed) {
			err = diskError(closing, "A project file cannot be stored.")
		}
		if removal := os.Remove(f.Name()); err == nil && removal != nil && !errors.Is(removal, fs.ErrNotExist) {
			err = diskError(removal, "A project file cannot be stored.")
		}
	}()
	sum := sha256.New()
	out := &diskWriter{f: f}
	size, err = io.Copy(io.MultiWriter(out, sum), io.LimitReader(&ctxReader{ctx, r}, limit+1))
	switch {
	case out.err != nil:
		return "", 0, diskError(out.err, "A project file cannot be stored.")
	case err != nil:
		return "", 0, err
	case size > limit:
		return "", 0, fault.New(fault.Exhausted, "It is larger than the %d bytes allowed.", limit)
	}
	hash = hex.EncodeToString(sum.Sum(nil))
	return hash, size, b.publish(f, hash)
}

// publish moves the finished file to its place. Content that is there already is only marked as used now.
func (b *Blobs) publish(f *os.File, hash string) error {
	at := b.path(hash)
	now := time.Now()
	if err := os.Chtimes(at, now, now); err == nil {
		return nil
	}
	if err := f.Sync(); err != nil {
		return diskError(err, "A project file cannot be stored.")
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return diskError(err, "A project file cannot be stored.")
	}
	if err := os.Rename(f.Name(), at); err != nil {
		return diskError(err, "A project file cannot be stored.")
	}
	return nil
}

// Open returns the content and its size. Code: not_found.
func (b *Blobs) Open(hash string) (io.ReadCloser, int64, error) {
	missing := fault.New(fault.NotFound, "The content of a project file is not there any more. Import the lab again.")
	if !isHash(hash) {
		return nil, 0, missing
	}
	f, err := os.Open(b.path(hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, missing
	}
	if err != nil {
		return nil, 0, diskError(err, "A project file cannot be read.")
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(diskError(err, "A project file cannot be read."), f.Close())
	}
	return f, info.Size(), nil
}

// Collect deletes what is not in use and was not put since before, and what an import that broke off left in the spool.
func (b *Blobs) Collect(inUse map[string]bool, before time.Time) (removed int, err error) {
	err = filepath.WalkDir(b.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return ignoreGone(err)
		}
		spooled := filepath.Base(filepath.Dir(path)) == spoolDir
		if !spooled && (!isHash(entry.Name()) || inUse[entry.Name()]) {
			return nil
		}
		info, err := entry.Info()
		if err != nil || !info.ModTime().Before(before) {
			return ignoreGone(err)
		}
		if err := os.Remove(path); err != nil {
			return ignoreGone(err)
		}
		removed++
		return nil
	})
	if err != nil {
		return removed, diskError(err, "Project files that nothing needs cannot be deleted.")
	}
	return removed, nil
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// path is where the content is: in one of 256 folders by its first byte.
func (b *Blobs) path(hash string) string { return filepath.Join(b.dir, hash[:2], hash) }

func isHash(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

func diskError(err error, format string, args ...any) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.Wrap(err, fault.Exhausted, "The disk is full. Free some space in the data folder and try again.")
	}
	return fault.Wrap(err, fault.Unavailable, format+" Check the data folder and its disk.", args...)
}

// diskWriter remembers that it was the disk that failed, not the reader.
type diskWriter struct {
	f   *os.File
	err error
}

func (w *diskWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// ctxReader ends a copy with its context.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
