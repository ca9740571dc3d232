package blobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"trunkline/internal/fault"
)

func open(t *testing.T) *Blobs {
	t.Helper()
	b, err := Open(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func spooled(t *testing.T, b *Blobs) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(b.dir, spoolDir))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestContentIsFoundUnderItsHash(t *testing.T) {
	b := open(t)
	content := bytes.Repeat([]byte("frr"), 1<<16)
	sum := sha256.Sum256(content)
	for range 2 { // the second time it is there already
		hash, size, err := b.Put(t.Context(), bytes.NewReader(content), 1<<20)
		if err != nil || hash != hex.EncodeToString(sum[:]) || size != int64(len(content)) {
			t.Fatalf("%s, %d, %v", hash, size, err)
		}
	}
	r, size, err := b.Open(hex.EncodeToString(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, content) || size != int64(len(content)) {
		t.Errorf("read %d of %d bytes, %v", len(got), size, err)
	}
	if n := spooled(t, b); n != 0 {
		t.Errorf("%d files are left in the spool", n)
	}
}

func TestWhatDoesNotEndWellLeavesNothing(t *testing.T) {
	b := open(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		r    io.Reader
		code fault.Code
	}{
		"a file over the limit":           {t.Context(), strings.NewReader("12345"), fault.Exhausted},
		"an upload that is cut":           {t.Context(), io.MultiReader(strings.NewReader("12"), iotest.ErrReader(io.ErrUnexpectedEOF)), fault.Internal},
		"an upload that nobody waits for": {cancelled, strings.NewReader("12"), fault.Unavailable},
	} {
		_, _, err := b.Put(c.ctx, c.r, 4)
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
		if n := spooled(t, b); n != 0 {
			t.Errorf("%s leaves %d files", name, n)
		}
	}
}

func TestAFullDiskIsSaid(t *testing.T) {
	full := diskError(&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, "A project file cannot be stored.")
	if !fault.Is(full, fault.Exhausted) || !strings.Contains(fault.Sentence(full), "disk is full") {
		t.Error(full)
	}
}

func TestAPathIsNoHash(t *testing.T) {
	b := open(t)
	for _, hash := range []string{"", "..", "../../etc/passwd", strings.Repeat("A", 64), strings.Repeat("/", 64)} {
		if _, _, err := b.Open(hash); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", hash, err)
		}
	}
}

func TestOnlyWhatIsOldAndUnusedIsCollected(t *testing.T) {
	b := open(t)
	put := func(text string) string {
		hash, _, err := b.Put(t.Context(), strings.NewReader(text), 100)
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	used, unused, fresh := put("used"), put("unused"), put("fresh")
	old := time.Now().Add(-2 * time.Hour)
	stray := filepath.Join(b.dir, spoolDir, "put-123")
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{b.path(used), b.path(unused), stray} {
		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := b.Collect(map[string]bool{used: true}, time.Now().Add(-time.Hour))
	if err != nil || removed != 2 {
		t.Fatalf("%d removed, %v", removed, err)
	}
	for hash, there := range map[string]bool{used: true, unused: false, fresh: true} {
		r, _, err := b.Open(hash)
		if there != (err == nil) {
			t.Errorf("%s is there: %v", hash, err == nil)
		}
		if err == nil {
			r.Close()
		}
	}
	put("unused") // it can come back
}

func TestPutsOfTheSameContentAtOnceAllSucceed(t *testing.T) {
	b := open(t)
	var all sync.WaitGroup
	errs := make(chan error, 16)
	for range 16 {
		all.Go(func() {
			_, _, err := b.Put(context.Background(), strings.NewReader("the same"), 100)
			errs <- err
		})
	}
	all.Wait()
	close(errs)
	var failures []error
	for err := range errs {
		failures = append(failures, err)
	}
	if err := errors.Join(failures...); err != nil {
		t.Error(err)
	}
}
