package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/web/api"
)

func TestProvidersByTheCommandLine(t *testing.T) {
	run := site(t)
	folder := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	file := write("providers.yml", `
providers:
  - id: campus
    name: Campus
    issuer: http://127.0.0.1:1
    client-id: trunkline
    client-secret: very secret
    allow-private: true
    scopes: [groups]
    rules:
      - {claim: groups, match: net-teachers, tenant: net, role: manager, create: true}
      - {domain: example.edu, tenant: campus, role: observer}
`)
	again := write("again.yml", "providers:\n  - {id: campus, name: Campus 2, issuer: \"http://127.0.0.1:1\", client-id: trunkline, allow-private: true}\n")
	wrong := write("wrong.yml", "providers:\n  - {id: campus, colour: red}\n")
	claims := write("claims.json", `{"sub": "ana", "groups": ["net-teachers", "other"], "email": "ana@example.edu", "email_verified": true}`)
	for _, step := range []struct {
		command string
		says    string
		code    fault.Code
	}{
		{"providers ls", "ID  NAME", ""},
		{"providers apply -f " + wrong, "", fault.Invalid},
		{"providers apply -f " + file + " --dry-run", "campus  would be made  2 rules", ""},
		{"providers show campus", "", fault.NotFound},
		{"providers apply -f " + file, "campus  made  2 rules", ""},
		{"providers ls", "campus  Campus  http://127.0.0.1:1  2      on", ""},
		{"providers show campus", "net-teachers in groups: manager of net, made if it is not there", ""},
		{"providers preview campus -f " + claims, "net        -    manager", ""},
		{"providers preview campus -f " + file, "", fault.Invalid},
		{"providers test campus", "", fault.Unavailable},
		{"providers apply -f " + again, "campus  changed  0 rules", ""},
		{"providers show campus", "kept, never shown", ""},
		{"providers rm campus --yes", "", ""},
		{"providers rm campus --yes", "", fault.NotFound},
	} {
		printed, err := run(strings.Fields(step.command)...)
		if fault.CodeOf(err) != step.code || !strings.Contains(printed, step.says) {
			t.Errorf("%s: %q, %v", step.command, printed, err)
		}
		if strings.Contains(printed, "very secret") {
			t.Errorf("%s prints the secret", step.command)
		}
	}
	printed, err := run("providers", "apply", "-f", file, "-o", "json")
	var saved []api.ProviderSaved
	if err != nil || json.Unmarshal([]byte(printed), &saved) != nil || len(saved) != 1 || !saved[0].Made || !saved[0].HasSecret || len(saved[0].Rules) != 2 {
		t.Errorf("as JSON: %s, %v", printed, err)
	}
}
