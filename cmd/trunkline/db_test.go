package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/internal/app"
	"trunkline/internal/cli"
	"trunkline/internal/fault"
	"trunkline/store"
)

// runLocal runs a command that works on this machine's data, and returns what it printed.
func runLocal(t *testing.T, args ...string) (string, error) {
	t.Helper()
	printed, err := os.Create(filepath.Join(t.TempDir(), "printed"))
	if err != nil {
		t.Fatal(err)
	}
	defer printed.Close()
	stdout := os.Stdout
	os.Stdout = printed
	defer func() { os.Stdout = stdout }()
	root := rootCommand()
	root.SetArgs(args)
	root.SilenceErrors, root.SilenceUsage = true, true
	failure := root.ExecuteContext(t.Context())
	text, err := os.ReadFile(printed.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text), failure
}

// controllerIn runs a controller on a data folder until the test, or stop, ends it.
func controllerIn(t *testing.T, data string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c, err := app.Open(ctx, app.Settings{Listen: "127.0.0.1:0", Data: data, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	if _, err := c.Announce(ctx); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- c.Run(ctx) }()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			stopped = true
			if err := <-ended; err != nil {
				t.Errorf("the controller ended with %v", err)
			}
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestADatabaseIsBackedUpWhileTheControllerRunsAndRestoredWhenItDoesNot(t *testing.T) {
	data, backup := t.TempDir(), filepath.Join(t.TempDir(), "backup.db")
	stop := controllerIn(t, data)
	printed, err := runLocal(t, "db", "backup", backup, "--data", data)
	if err != nil || !strings.Contains(printed, backup+": ") || !strings.Contains(printed, "users") || !strings.Contains(printed, "Project files of labs are not in it") {
		t.Fatalf("it prints %s, %v", printed, err)
	}
	for _, command := range []string{"restore " + backup, "migrate", "copy --to " + filepath.Join(t.TempDir(), "x.db")} {
		args := append([]string{"db"}, strings.Fields(command)...)
		if printed, err := runLocal(t, append(args, "--data", data)...); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "Another Trunkline") {
			t.Errorf("beside a running controller, db %s: %s, %v", command, printed, err)
		}
	}
	stop()
	if _, err := runLocal(t, "db", "restore", backup, "--data", data); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "--force") {
		t.Errorf("over a database with rows: %v", err)
	}
	if printed, err = runLocal(t, "db", "restore", backup, "--data", data, "--force"); err != nil || !strings.Contains(printed, "Restored ") {
		t.Errorf("forced: %s, %v", printed, err)
	}
	fresh := filepath.Join(t.TempDir(), "new machine")
	if printed, err = runLocal(t, "db", "restore", backup, "--data", fresh, "-o", "json"); err != nil {
		t.Fatalf("on a new machine: %s, %v", printed, err)
	}
	var restored store.Restored
	if err := json.Unmarshal([]byte(printed), &restored); err != nil || restored.Schema == 0 || len(restored.Tables) < 20 {
		t.Errorf("it says %s, %v", printed, err)
	}
	if printed, err = runLocal(t, "audit", "ls", "--verb", "restore-database", "--data", fresh); err != nil || !strings.Contains(printed, "restore-database") || !strings.Contains(printed, filepath.Base(backup)) {
		t.Errorf("the audit tells of the restore: %s, %v", printed, err)
	}
	controllerIn(t, fresh)()
}

func TestTheDatabaseIsMigratedByHand(t *testing.T) {
	data := t.TempDir()
	printed, err := runLocal(t, "db", "migrate", "--data", data)
	if err != nil || !strings.Contains(printed, "00001_start.sql\n") || !strings.Contains(printed, "had schema 0") {
		t.Errorf("the first time: %s, %v", printed, err)
	}
	if printed, err = runLocal(t, "db", "migrate", "--data", data); err != nil || !strings.Contains(printed, "up to date") {
		t.Errorf("the second time: %s, %v", printed, err)
	}
}

func TestTheDatabaseIsCopied(t *testing.T) {
	data, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy.db")
	controllerIn(t, data)()
	printed, err := runLocal(t, "db", "copy", "--to", copied, "--data", data)
	if err != nil || !strings.Contains(printed, "are the same in both") || !strings.Contains(printed, "SHA256") {
		t.Errorf("it prints %s, %v", printed, err)
	}
	if _, err := runLocal(t, "db", "copy", "--to", copied, "--data", data); !fault.Is(err, fault.Conflict) {
		t.Errorf("over the copy: %v", err)
	}
	_, err = runLocal(t, "db", "copy", "--data", data)
	if _, usage := errors.AsType[cli.UsageError](err); !usage {
		t.Errorf("without --to: %v", err)
	}
	if shown := withoutPassword("postgres://ada:secret@db/trunkline"); strings.Contains(shown, "secret") || !strings.Contains(shown, "ada") {
		t.Errorf("shown as %s", shown)
	}
}
