package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"trunkline/internal/app"
	"trunkline/internal/cli"
	"trunkline/internal/fault"
	"trunkline/store"
	"trunkline/tenancy"
)

// audited is a data folder with ten events of two workspaces.
func audited(t *testing.T) (data string) {
	t.Helper()
	data = t.TempDir()
	s, err := store.Open(t.Context(), store.Config{URL: app.PlacesOf(data, "").Database})
	if err != nil {
		t.Fatal(err)
	}
	log := s.OpenAudit(nil)
	err = s.SaveUser(t.Context(), tenancy.User{ID: "u1", Email: "ada@example.edu"})
	for n := range 10 {
		actor := tenancy.Actor{UserID: []string{"u1", "u2"}[n%2], UserName: "Ada\x1b[31m", TenantID: []string{"physics", "chemistry"}[n%2], Address: "192.0.2.1"}
		e := actor.AuditEvent([]tenancy.AuditVerb{tenancy.AuditSignIn, tenancy.AuditLabDeploy}[n%2], tenancy.AuditObject{Kind: "lab", ID: "l1", Name: "campus"})
		e.After = map[string]any{"password": "hunter22", "n": n}
		e.At = time.Date(2026, 1, 1+n, 12, 0, 0, 0, time.UTC)
		err = errors.Join(err, log.Record(t.Context(), e))
	}
	log.Close()
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTheAuditIsListed(t *testing.T) {
	data := audited(t)
	for flags, lines := range map[string]int{
		"": 10, "--tenant physics": 5, "--actor u2": 5, "--actor Ada@example.edu": 5, "--verb sign-in,deploy-lab": 10, "--object host": 0, "--object l1": 10,
		"--since 2026-01-03 --until 2026-01-06": 3, "--verb sign-in --tenant chemistry": 0,
	} {
		printed, err := runLocal(t, append([]string{"audit", "ls", "--data", data}, strings.Fields(flags)...)...)
		if got := strings.Count(printed, "192.0.2.1"); err != nil || got != lines || strings.Contains(printed, "\x1b") || strings.Contains(printed, "hunter22") {
			t.Errorf("%s: %d lines, %v\n%s", flags, got, err, printed)
		}
	}
	printed, err := runLocal(t, "audit", "ls", "--data", data, "-n", "4", "-o", "json")
	var page struct {
		Events []struct {
			Number int64
			After  map[string]any
		}
		Next int64
	}
	if err != nil || json.Unmarshal([]byte(printed), &page) != nil || len(page.Events) != 4 || page.Next != 7 || page.Events[0].After["password"] != "(secret)" {
		t.Errorf("as JSON: %s, %v", printed, err)
	}
	_, err = runLocal(t, "audit", "ls", "--data", data, "--since", "yesterday")
	if _, usage := errors.AsType[cli.UsageError](err); !usage {
		t.Error(err)
	}
	if _, err := runLocal(t, "audit", "ls", "--data", t.TempDir()); !fault.Is(err, fault.NotFound) {
		t.Errorf("without a database: %v", err)
	}
}

func TestTheAuditIsExportedAndVerified(t *testing.T) {
	data, file := audited(t), filepath.Join(t.TempDir(), "audit.jsonl")
	printed, err := runLocal(t, "audit", "verify", "--data", data)
	mark := regexp.MustCompile(`Note down: (10:[0-9a-f]{64})\n`).FindStringSubmatch(printed)
	if err != nil || mark == nil || !strings.HasPrefix(printed, "10 events follow from each other.\n") {
		t.Fatalf("%s, %v", printed, err)
	}
	if _, err := runLocal(t, "audit", "export", "--data", data, "--file", file); err != nil {
		t.Fatal(err)
	}
	if printed, err = runLocal(t, "audit", "verify", file, "--noted", mark[1]); err != nil || !strings.HasPrefix(printed, "10 events are what was written, from 1 to 10.\n") {
		t.Errorf("the file: %s, %v", printed, err)
	}
	if printed, err = runLocal(t, "audit", "export", "--data", data, "--tenant", "physics"); err != nil || strings.Count(printed, "\n") != 5 || strings.Contains(printed, "chemistry") {
		t.Errorf("of one workspace: %s, %v", printed, err)
	}
	if printed, err = runLocal(t, "audit", "ls", "--data", data, "--verb", "export-audit"); err != nil || strings.Count(printed, "export-audit") != 2 {
		t.Errorf("that it was exported: %s, %v", printed, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), `"u2"`, `"u3"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := runLocal(t, "audit", "verify", file); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Sentence(err), "Event 2 was changed") {
		t.Errorf("a file that was changed: %v", err)
	}
	forged := "10:" + strings.Repeat("0", 64)
	if _, err := runLocal(t, "audit", "verify", "--data", data, "--noted", forged); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Sentence(err), "noted down") {
		t.Errorf("another mark: %v", err)
	}
	_, err = runLocal(t, "audit", "verify", "--data", data, "--noted", "x")
	if _, usage := errors.AsType[cli.UsageError](err); !usage {
		t.Error(err)
	}
}

func TestOldEventsAreTakenAwayIntoAFile(t *testing.T) {
	data, file := audited(t), filepath.Join(t.TempDir(), "old.jsonl")
	printed, err := runLocal(t, "audit", "prune", "--data", data, "--before", "2026-01-05T00:00:00Z", "--export", file)
	if err != nil || !strings.Contains(printed, "4 events are in "+file) {
		t.Fatalf("%s, %v", printed, err)
	}
	if printed, err = runLocal(t, "audit", "verify", "--data", data); err != nil || !strings.Contains(printed, "7 events follow from each other. Those up to 4 were taken away.") {
		t.Errorf("%s, %v", printed, err)
	}
	if printed, err = runLocal(t, "audit", "verify", file); err != nil || !strings.Contains(printed, "from 1 to 4") {
		t.Errorf("%s, %v", printed, err)
	}
	if _, err = runLocal(t, "audit", "prune", "--data", data, "--before", "2026-01-06", "--export", file); !fault.Is(err, fault.Conflict) {
		t.Errorf("into the same file: %v", err)
	}
	_, err = runLocal(t, "audit", "prune", "--data", data, "--before", "24h")
	if _, usage := errors.AsType[cli.UsageError](err); !usage {
		t.Error(err)
	}
}
