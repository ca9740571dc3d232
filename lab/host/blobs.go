package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"trunkline/internal/fault"
)

// blobs keeps project files by their content, a file a hash.
type blobs struct {
	dir string
	tmp string // on the same file system
}

// blobGrace is how long a blob that no lab uses is kept: it is sent before the lab that needs it.
const blobGrace = time.Hour

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// put keeps r under its hash, or nothing at all.
func (b blobs) put(ctx context.Context, hash string, r io.Reader) error {
	if !hashForm.MatchString(hash) {
		return fault.New(fault.Invalid, "%q is not a sha256 in lower-case hex.", hash)
	}
	file, err := os.CreateTemp(b.tmp, "blob-*")
	if err != nil {
		return diskFault(err)
	}
	defer os.Remove(file.Name()) // finds nothing after the rename
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(file, io.TeeReader(contextReader{ctx, r}, sum)); err != nil {
		return copyFault(err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != hash {
		return fault.New(fault.Invalid, "The file's content has the hash %s, not %s: it was changed on the way. Send it again.", got, hash)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return diskFault(err)
	}
	if err := os.Rename(file.Name(), filepath.Join(b.dir, hash)); err != nil {
		return diskFault(err)
	}
	return nil
}

// missing returns those that are not here. Those that are will stay for another grace time.
func (b blobs) missing(hashes []string) ([]string, error) {
	absent := []string{}
	now := time.Now()
	for _, hash := range hashes {
		if !hashForm.MatchString(hash) {
			return nil, fault.New(fault.Invalid, "%q is not a sha256 in lower-case hex.", hash)
		}
		if err := os.Chtimes(filepath.Join(b.dir, hash), now, now); errors.Is(err, fs.ErrNotExist) {
			absent = append(absent, hash)
		} else if err != nil {
			return nil, diskFault(err)
		}
	}
	return absent, nil
}

// open opens a blob; size in bytes. Code: not_found.
func (b blobs) open(hash string) (io.ReadCloser, int64, error) {
	if !hashForm.MatchString(hash) {
		return nil, 0, fault.New(fault.Invalid, "%q is not a sha256 in lower-case hex.", hash)
	}
	file, err := os.Open(filepath.Join(b.dir, hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fault.New(fault.NotFound, "A project file of this lab has not reached the compute host. Deploy the lab again.")
	}
	if err != nil {
		return nil, 0, diskFault(err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, 0, diskFault(err)
	}
	return file, info.Size(), nil
}

// collect removes blobs that no lab uses and that were not asked for lately.
func (b blobs) collect(used map[string]bool, now time.Time) error {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return diskFault(err)
	}
	var failed error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || used[e.Name()] || now.Sub(info.ModTime()) < blobGrace {
			continue // one that vanished meanwhile is collected as well
		}
		failed = errors.Join(failed, os.Remove(filepath.Join(b.dir, e.Name())))
	}
	return failed
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

func diskFault(err error) error {
	return fault.Wrap(err, fault.Exhausted, "The compute host cannot write to its disk. Is it full?")
}

// copyFault tells a full disk from a sender that went away.
func copyFault(err error) error {
	if _, disk := errors.AsType[*fs.PathError](err); disk {
		return diskFault(err)
	}
	return fault.Wrap(err, fault.Unavailable, "The transfer broke off before its end. Nothing was kept; send it again.")
}
