package store_test

import (
	"archive/tar"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
	"trunkline/internal/testkit"
	"trunkline/store"
	"trunkline/store/blobs"
	"trunkline/tenancy"
)

// everyFull runs the test with a database full of rows of each kind.
func everyFull(t *testing.T, test func(t *testing.T, kind database, address string)) {
	t.Helper()
	for _, kind := range databases(t) {
		t.Run(kind.name, func(t *testing.T) {
			if kind.missing != "" {
				t.Skip(kind.missing)
			}
			test(t, kind, fullDatabase(t, kind, 5))
		})
	}
}

func empty(t *testing.T, kind database) string {
	if kind.name == "sqlite" {
		return plainFile(t)
	}
	return kind.address(t)
}

func restoreOptions(t *testing.T) store.RestoreOptions {
	return store.RestoreOptions{Work: t.TempDir(), Files: t.TempDir()}
}

// raised takes the generations out of a database's contents, which restoring raises.
func raised(all map[string]table) map[string]table {
	labs := all["labs"]
	for i, row := range labs.rows {
		before, after, _ := strings.Cut(row, "generation=")
		_, after, _ = strings.Cut(after, " ")
		labs.rows[i] = before + after
	}
	return all
}

func TestABackupIsRestoredIntoEitherDatabase(t *testing.T) {
	everyFull(t, func(t *testing.T, _ database, address string) {
		backup := filepath.Join(t.TempDir(), "backup.db")
		done, err := store.Backup(t.Context(), address, backup, store.BackupOptions{})
		must(t, err)
		before := raised(contents(t, driverOf(address), address, nil))
		info, err := os.Stat(backup)
		must(t, err)
		if info.Mode().Perm() != 0o600 || info.Size() != done.Bytes || len(done.Tables) != len(before) {
			t.Errorf("the backup has mode %v and %d bytes; it says %+v", info.Mode(), info.Size(), done)
		}
		for _, kind := range databases(t) {
			if kind.missing != "" {
				continue
			}
			to := empty(t, kind)
			restored, err := store.Restore(t.Context(), backup, to, restoreOptions(t))
			must(t, err)
			if diff := cmp.Diff(before, raised(contents(t, driverOf(to), to, nil)), cmp.AllowUnexported(table{})); diff != "" {
				t.Errorf("restored into %s it is another:\n%s", kind.name, diff)
			}
			if restored.From != restored.Schema || len(restored.Tables) != len(before) {
				t.Errorf("it says %+v", restored)
			}
			must(t, open(t, to).SaveUser(t.Context(), tenancy.User{ID: "later", Email: "later"}))
		}
	})
}

func TestRestoringRaisesGenerationsAboveWhatHostsHeardSince(t *testing.T) {
	everyFull(t, func(t *testing.T, kind database, address string) {
		execSQL(t, driverOf(address), address, "UPDATE labs SET generation = 7 WHERE name LIKE 'name 000%'")
		execSQL(t, driverOf(address), address, "UPDATE labs SET generation = 0 WHERE name LIKE 'name 001%'")
		backup, to := filepath.Join(t.TempDir(), "backup.db"), empty(t, kind)
		_, err := store.Backup(t.Context(), address, backup, store.BackupOptions{})
		must(t, err)
		begun := time.Now().Unix()
		_, err = store.Restore(t.Context(), backup, to, restoreOptions(t))
		must(t, err)
		db, err := sql.Open(driverOf(to), to)
		must(t, err)
		defer db.Close()
		var deployed, never int64
		must(t, db.QueryRow("SELECT generation FROM labs WHERE name LIKE 'name 000%'").Scan(&deployed))
		must(t, db.QueryRow("SELECT generation FROM labs WHERE name LIKE 'name 001%'").Scan(&never))
		if deployed < begun || never != 0 {
			t.Errorf("the lab that ran has generation %d, the one that never did %d", deployed, never)
		}
	})
}

func TestABackupReplacesNothingUnlessForced(t *testing.T) {
	everyFull(t, func(t *testing.T, _ database, address string) {
		backup := filepath.Join(t.TempDir(), "backup.db")
		must(t, os.WriteFile(backup, []byte("precious"), 0o644))
		_, err := store.Backup(t.Context(), address, backup, store.BackupOptions{})
		wantCode(t, err, fault.Conflict)
		if text, err := os.ReadFile(backup); err != nil || string(text) != "precious" {
			t.Fatalf("the file holds %q, %v", text, err)
		}
		_, err = store.Backup(t.Context(), address, backup, store.BackupOptions{Force: true})
		must(t, err)
		info, err := os.Stat(backup)
		must(t, err)
		if info.Mode().Perm() != 0o600 || info.Size() < 1000 {
			t.Errorf("the backup has mode %v and %d bytes", info.Mode(), info.Size())
		}
		if driverOf(address) == "sqlite3" {
			_, err = store.Backup(t.Context(), address, address, store.BackupOptions{Force: true})
			wantCode(t, err, fault.Invalid)
		}
		_, err = store.Backup(t.Context(), address, filepath.Join(backup, "below"), store.BackupOptions{})
		wantCode(t, err, fault.Unavailable)
	})
}

func TestARestoreReplacesNothingUnlessForced(t *testing.T) {
	everyFull(t, func(t *testing.T, kind database, address string) {
		backup, to := filepath.Join(t.TempDir(), "backup.db"), empty(t, kind)
		_, err := store.Backup(t.Context(), address, backup, store.BackupOptions{})
		must(t, err)
		s := open(t, to)
		must(t, s.SaveUser(t.Context(), tenancy.User{ID: "u1", Email: "ada"}))
		must(t, s.Close())
		before := contents(t, driverOf(to), to, nil)
		_, err = store.Restore(t.Context(), backup, to, restoreOptions(t))
		wantCode(t, err, fault.Conflict)
		if diff := cmp.Diff(before, contents(t, driverOf(to), to, nil), cmp.AllowUnexported(table{})); diff != "" {
			t.Errorf("the database changed:\n%s", diff)
		}
		forced := restoreOptions(t)
		forced.Force = true
		_, err = store.Restore(t.Context(), backup, to, forced)
		must(t, err)
		if diff := cmp.Diff(raised(contents(t, driverOf(address), address, nil)), raised(contents(t, driverOf(to), to, nil)), cmp.AllowUnexported(table{})); diff != "" {
			t.Errorf("forced, it is another:\n%s", diff)
		}
	})
}

func TestARestoreIntoADatabaseThatIsUsedIsRefused(t *testing.T) {
	everyFull(t, func(t *testing.T, kind database, address string) {
		backup, to := filepath.Join(t.TempDir(), "backup.db"), empty(t, kind)
		_, err := store.Backup(t.Context(), address, backup, store.BackupOptions{})
		must(t, err)
		must(t, open(t, to).Close())
		db, err := sql.Open(driverOf(to), to)
		must(t, err)
		defer db.Close()
		tx, err := db.Begin()
		must(t, err)
		defer tx.Rollback()
		var users int
		must(t, tx.QueryRow("SELECT count(*) FROM users").Scan(&users))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = store.Restore(ctx, backup, to, restoreOptions(t))
		wantCode(t, err, fault.Conflict)
	})
}

func TestABackupOfAnotherBuild(t *testing.T) {
	for _, kind := range databases(t) {
		t.Run("into "+kind.name, func(t *testing.T) {
			if kind.missing != "" {
				t.Skip(kind.missing)
			}
			for _, version := range []string{"00001", "00002"} {
				everyDump(t, version, func(t *testing.T, driver, address string) {
					backup, to := filepath.Join(t.TempDir(), "backup.db"), empty(t, kind)
					before := contents(t, driver, address, nil)
					done, err := store.Backup(t.Context(), address, backup, store.BackupOptions{})
					must(t, err)
					if fmt.Sprintf("%05d", done.Version) != version {
						t.Errorf("the backup has schema %d", done.Version)
					}
					if diff := cmp.Diff(before, contents(t, driver, address, nil), cmp.AllowUnexported(table{})); diff != "" {
						t.Errorf("backing up changed the database:\n%s", diff)
					}
					restored, err := store.Restore(t.Context(), backup, to, restoreOptions(t))
					must(t, err)
					if fmt.Sprintf("%05d", restored.From) != version || restored.Schema <= restored.From {
						t.Errorf("it says %+v", restored)
					}
					after := contents(t, driverOf(to), to, before)
					if diff := cmp.Diff(raised(before), raised(after), cmp.AllowUnexported(table{})); diff != "" {
						t.Errorf("restored it is another:\n%s", diff)
					}
				})
			}
			backup, to := filepath.Join(t.TempDir(), "backup.db"), empty(t, kind)
			_, err := store.Backup(t.Context(), fullDatabase(t, databases(t)[0], 2), backup, store.BackupOptions{})
			must(t, err)
			execSQLite(t, backup, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)")
			_, err = store.Restore(t.Context(), backup, to, restoreOptions(t))
			wantCode(t, err, fault.Unsupported)
			if !strings.Contains(fault.Sentence(err), "newer Trunkline (schema 99999") {
				t.Error(err)
			}
		})
	}
}

func TestWhatIsNoBackupIsRefused(t *testing.T) {
	folder := t.TempDir()
	foreign := filepath.Join(folder, "foreign.db")
	execSQLite(t, foreign, "CREATE TABLE things (id INTEGER PRIMARY KEY)")
	backup := filepath.Join(folder, "backup.db")
	_, err := store.Backup(t.Context(), fullDatabase(t, databases(t)[0], 40), backup, store.BackupOptions{})
	must(t, err)
	whole, err := os.ReadFile(backup)
	must(t, err)
	torn := bytes.Clone(whole)
	for i := len(torn) / 3; i < len(torn)/3+8192; i++ {
		torn[i] ^= 0x5a
	}
	for name, content := range map[string][]byte{
		"nothing": nil, "text": []byte(strings.Repeat("hello ", 200)), "half": whole[:len(whole)/2], "torn": torn,
		"half a tar": tarOf(t, "trunkline.db", whole)[:len(whole)/2], "another tar": tarOf(t, "passwd", []byte("root")),
	} {
		t.Run(name, func(t *testing.T) {
			file, to := filepath.Join(t.TempDir(), "backup"), plainFile(t)
			must(t, os.WriteFile(file, content, 0o600))
			_, err := store.Restore(t.Context(), file, to, restoreOptions(t))
			if err == nil {
				t.Fatal("it was restored")
			}
			if left, err := os.ReadDir(filepath.Dir(to)); err != nil || len(left) > 0 {
				t.Errorf("it left %v, %v", left, err)
			}
		})
	}
	_, err = store.Restore(t.Context(), foreign, plainFile(t), restoreOptions(t))
	wantCode(t, err, fault.Invalid)
	_, err = store.Restore(t.Context(), filepath.Join(folder, "none"), plainFile(t), restoreOptions(t))
	wantCode(t, err, fault.NotFound)
	_, err = store.Backup(t.Context(), foreign, filepath.Join(folder, "b"), store.BackupOptions{})
	wantCode(t, err, fault.NotFound)
	forced := restoreOptions(t)
	forced.Force = true
	_, err = store.Restore(t.Context(), backup, foreign, forced)
	wantCode(t, err, fault.Conflict)
}

func tarOf(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	must(t, w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600}))
	_, err := w.Write(content)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

func TestABackupTakesProjectFilesAlong(t *testing.T) {
	everyFull(t, func(t *testing.T, kind database, address string) {
		from, folder := t.TempDir(), t.TempDir()
		contents, err := blobs.Open(from)
		must(t, err)
		hash, _, err := contents.Put(t.Context(), strings.NewReader("hostname r1"), 100)
		must(t, err)
		_, _, err = contents.Put(t.Context(), strings.NewReader("of no lab"), 100)
		must(t, err)
		execSQL(t, driverOf(address), address, "UPDATE lab_files SET sha256 = '"+hash+"' WHERE sha256 NOT LIKE 'sha256 000%'")
		file := filepath.Join(folder, "backup.tar")
		done, err := store.Backup(t.Context(), address, file, store.BackupOptions{Files: from})
		must(t, err)
		if done.Files != 1 || len(done.Missing) != 1 {
			t.Errorf("it says %d files, missing %q", done.Files, done.Missing)
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
			t.Errorf("the folder has %v, %v", left, err)
		}
		o := restoreOptions(t)
		restored, err := store.Restore(t.Context(), file, empty(t, kind), o)
		must(t, err)
		again, err := blobs.Open(o.Files)
		must(t, err)
		content, _, err := again.Open(hash)
		must(t, err)
		defer content.Close()
		text, err := io.ReadAll(content)
		must(t, err)
		if restored.Files != 1 || string(text) != "hostname r1" {
			t.Errorf("%d files; it holds %q", restored.Files, text)
		}
		whole, err := os.ReadFile(file)
		must(t, err)
		must(t, os.WriteFile(file, bytes.Replace(whole, []byte("hostname r1"), []byte("hostname r2"), 1), 0o600))
		_, err = store.Restore(t.Context(), file, empty(t, kind), restoreOptions(t))
		wantCode(t, err, fault.Invalid)
	})
}

// TestABackupWhileOthersWriteIsOfOneMoment: each writer makes labs one after the other, each lab with its revision, file and position in one transaction.
func TestABackupWhileOthersWriteIsOfOneMoment(t *testing.T) {
	for _, kind := range databases(t) {
		t.Run(kind.name, func(t *testing.T) {
			if kind.missing != "" {
				t.Skip(kind.missing)
			}
			address := empty(t, kind)
			s := open(t, address)
			seed(t, s)
			const writers = 8
			var stored [writers]atomic.Int64
			ctx, stop := context.WithCancel(context.Background())
			var group sync.WaitGroup
			for w := range writers {
				group.Go(func() {
					for n := int64(1); ctx.Err() == nil; n++ {
						if err := s.CreateLab(context.Background(), tenancy.InTenant(alpha), newLab(alpha, fmt.Sprintf("lab-%d-%05d", w, n))); err != nil {
							t.Error(err)
							return
						}
						stored[w].Store(n)
					}
				})
			}
			for round := range 4 {
				var least, most [writers]int64
				for w := range writers {
					must(t, testkit.Until(t.Context(), time.Minute, "every writer goes on", func() error {
						if n := stored[w].Load(); n < int64(5*(round+1)) {
							return fmt.Errorf("writer %d has stored %d labs", w, n)
						}
						return nil
					}))
					least[w] = stored[w].Load()
				}
				backup := filepath.Join(t.TempDir(), "backup.db")
				_, err := store.Backup(t.Context(), address, backup, store.BackupOptions{})
				for w := range writers {
					most[w] = stored[w].Load() + 1
				}
				if err != nil {
					t.Error(err)
					break
				}
				ofOneMoment(t, backup, least[:], most[:])
			}
			stop()
			group.Wait()
		})
	}
}

func ofOneMoment(t *testing.T, backup string, least, most []int64) {
	t.Helper()
	db, err := sql.Open("sqlite3", backup)
	must(t, err)
	defer db.Close()
	torn := column(t, db, `SELECT name FROM labs l WHERE (SELECT count(*) FROM lab_revisions WHERE lab_id = l.id) <> 1
		OR (SELECT count(*) FROM lab_files WHERE lab_id = l.id) <> 1 OR (SELECT count(*) FROM positions WHERE lab_id = l.id) <> 1`)
	if len(torn) > 0 {
		t.Errorf("half of these labs is in the backup: %v", torn)
	}
	for w := range least {
		var labs, last int64
		must(t, db.QueryRow(fmt.Sprintf("SELECT count(*), max(CAST(substr(name, 7) AS INTEGER)) FROM labs WHERE name LIKE 'lab-%d-%%'", w)).Scan(&labs, &last))
		if labs != last || labs < least[w] || labs > most[w] {
			t.Errorf("of writer %d there are %d labs up to the %dth; %d were stored before and %d after", w, labs, last, least[w], most[w])
		}
	}
}

// TestMemoryDoesNotGrowWithTheDatabase backs up, restores and compares 96 MiB of rows.
func TestMemoryDoesNotGrowWithTheDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("it writes 96 MiB several times")
	}
	for _, kind := range databases(t) {
		t.Run(kind.name, func(t *testing.T) {
			if kind.missing != "" {
				t.Skip(kind.missing)
			}
			address := empty(t, kind)
			must(t, open(t, address).Close())
			large := strings.Repeat("x", 512<<10)
			for i := range 192 {
				insert(t, driverOf(address), address, []madeRow{{"settings", []string{"key", "value_json", "updated_at"}, []any{fmt.Sprint(i), large, 1}}})
			}
			highest, told := uint64(0), 0
			watch := func(string, int64) {
				if told++; told%8 != 0 {
					return
				}
				var now runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&now)
				highest = max(highest, now.HeapAlloc)
			}
			backup := filepath.Join(t.TempDir(), "backup.db")
			_, err := store.Backup(t.Context(), address, backup, store.BackupOptions{Told: watch})
			must(t, err)
			o := restoreOptions(t)
			o.Told = watch
			_, err = store.Restore(t.Context(), backup, empty(t, kind), o)
			must(t, err)
			_, err = store.Copy(t.Context(), address, plainFile(t), watch)
			must(t, err)
			t.Logf("the heap held at most %d MiB", highest>>20)
			if told < 50 || highest > 32<<20 {
				t.Errorf("it was asked %d times, and the heap held %d MiB", told, highest>>20)
			}
		})
	}
}
