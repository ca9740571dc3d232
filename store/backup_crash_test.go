package store_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline/store"
	"trunkline/tenancy"
)

// toolEnv makes the test's own program a tool that does what it says, up to where it is to be killed.
const toolEnv = "TRUNKLINE_TEST_TOOL"

// tool is what the program does. It stops for ever when it is told Stop.
type tool struct {
	Do, From, To, Stop, Folder string
	Force                      bool
}

// TestToolThatIsKilled is no test but the program that tests kill.
func TestToolThatIsKilled(t *testing.T) {
	asked := os.Getenv(toolEnv)
	if asked == "" {
		t.Skip("it is run by another test")
	}
	var do tool
	must(t, json.Unmarshal([]byte(asked), &do))
	told := func(what string, rows int64) {
		if what = fmt.Sprint(what, " ", rows); strings.HasPrefix(what, do.Stop) {
			fmt.Println("here")
			select {}
		}
	}
	var err error
	switch do.Do {
	case "copy":
		_, err = store.Copy(t.Context(), do.From, do.To, told)
	case "backup":
		_, err = store.Backup(t.Context(), do.From, do.To, store.BackupOptions{Force: do.Force, Told: told})
	case "restore":
		_, err = store.Restore(t.Context(), do.From, do.To, store.RestoreOptions{Force: do.Force, Told: told, Work: do.Folder, Files: do.Folder})
	}
	t.Fatalf("it was never told %q: %v", do.Stop, err)
}

// kill runs the tool and kills it where it stops.
func (do tool) kill(t *testing.T) {
	t.Helper()
	asked, err := json.Marshal(do)
	must(t, err)
	program := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestToolThatIsKilled$")
	program.Env = append(os.Environ(), toolEnv+"="+string(asked), "TRUNKLINE_NO_REAL=1")
	program.Stderr = os.Stderr
	out, err := program.StdoutPipe()
	must(t, err)
	must(t, program.Start())
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "here" {
		said := lines.Text()
		for lines.Scan() {
			said += "\n" + lines.Text()
		}
		t.Fatalf("the tool says %s (%v)", said, program.Wait())
	}
	must(t, program.Process.Kill())
	if err := program.Wait(); err == nil {
		t.Fatal("the tool ended by itself")
	}
}

func TestABackupThatIsKilledLeavesTheEarlierOne(t *testing.T) {
	everyFull(t, func(t *testing.T, kind database, address string) {
		stops := []string{"copying", "checking"}
		if kind.name != "sqlite" {
			stops = []string{"copying labs ", "copying vnis ", "compared labs ", "checking"}
		}
		for _, stop := range stops {
			folder := t.TempDir()
			fresh, earlier := filepath.Join(folder, "fresh.db"), filepath.Join(folder, "earlier.db")
			_, err := store.Backup(t.Context(), address, earlier, store.BackupOptions{})
			must(t, err)
			before, err := os.ReadFile(earlier)
			must(t, err)
			tool{Do: "backup", From: address, To: fresh, Stop: stop}.kill(t)
			tool{Do: "backup", From: address, To: earlier, Stop: stop, Force: true}.kill(t)
			if _, err := os.Stat(fresh); !os.IsNotExist(err) {
				t.Errorf("killed when %s there is a backup: %v", stop, err)
			}
			if after, err := os.ReadFile(earlier); err != nil || string(after) != string(before) {
				t.Errorf("killed when %s the earlier backup changed: %v", stop, err)
			}
			for _, file := range []string{fresh, earlier} {
				_, err := store.Backup(t.Context(), address, file, store.BackupOptions{Force: true})
				must(t, err)
				if diff := cmp.Diff(contents(t, driverOf(address), address, nil), contents(t, "sqlite3", file, nil), cmp.AllowUnexported(table{})); diff != "" {
					t.Errorf("the next backup is another:\n%s", diff)
				}
			}
			if left, err := os.ReadDir(folder); err != nil || len(left) != 2 {
				t.Errorf("beside the backups there is %v, %v", left, err)
			}
		}
	})
}

func TestACopyThatIsKilledLeavesNoRow(t *testing.T) {
	everyPair(t, func(t *testing.T, from, to string) {
		for _, stop := range []string{"copying labs ", "copying vnis ", "compared users ", "compared vnis "} {
			tool{Do: "copy", From: from, To: to, Stop: stop}.kill(t)
			if driverOf(to) == "sqlite3" {
				if _, err := os.Stat(to); !os.IsNotExist(err) {
					t.Errorf("killed when %s there is a database: %v", stop, err)
				}
				continue
			}
			for name, table := range contents(t, "pgx", to, nil) {
				if len(table.rows) > 1 || len(table.rows) == 1 && name != "vni_pool" && name != "audit_head" {
					t.Errorf("killed when %s the table %s has %d rows", stop, name, len(table.rows))
				}
			}
		}
		_, err := store.Copy(t.Context(), from, to, nil)
		must(t, err)
		must(t, store.CompareAll(t.Context(), from, to))
	})
}

func TestARestoreThatIsKilledLeavesWhatWasThere(t *testing.T) {
	everyFull(t, func(t *testing.T, kind database, address string) {
		backup, to, folder := filepath.Join(t.TempDir(), "backup.db"), empty(t, kind), t.TempDir()
		_, err := store.Backup(t.Context(), address, backup, store.BackupOptions{})
		must(t, err)
		s := open(t, to)
		must(t, s.SaveUser(t.Context(), tenancy.User{ID: "u1", Email: "ada"}))
		must(t, s.Close())
		before := contents(t, driverOf(to), to, nil)
		stops := []string{"reading", "migrating", "putting"}
		if kind.name != "sqlite" {
			stops = []string{"migrating", "copying labs ", "compared vnis ", "committing"}
		}
		for _, stop := range stops {
			tool{Do: "restore", From: backup, To: to, Stop: stop, Force: true, Folder: folder}.kill(t)
			if diff := cmp.Diff(before, contents(t, driverOf(to), to, nil), cmp.AllowUnexported(table{})); diff != "" {
				t.Errorf("killed when %s the database is another:\n%s", stop, diff)
			}
			s := open(t, to)
			user, err := s.User(t.Context(), "u1")
			if err != nil || user.Email != "ada" {
				t.Errorf("killed when %s the database has %+v, %v", stop, user, err)
			}
			must(t, s.Close())
		}
	})
}
