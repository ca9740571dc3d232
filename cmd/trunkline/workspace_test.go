package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/web/api"
)

func TestWorkspacesByTheCommandLine(t *testing.T) {
	run := site(t)
	for _, step := range []struct {
		command string
		args    []string
		says    string
		code    fault.Code
	}{
		{"workspace ls", nil, "*  Default  owner  1", ""},
		{"workspace create", []string{"Physics 101"}, "Made Physics 101.", ""},
		{"workspace create", []string{"Physics 101"}, "", fault.Conflict},
		{"workspace ls --all", nil, "Physics 101", ""},
		{"workspace ls --workspace Default", nil, "Physics 101", ""},
		{"workspace ls --workspace", []string{"Physics 101"}, "", fault.Forbidden},
		{"workspace rename Home", nil, "", ""},
		{"workspace delete Home", nil, "", fault.Conflict},
		{"workspace restore", []string{"Physics 101"}, "", fault.Conflict},
		{"members ls", nil, "owner  by hand", ""},
		{"members role nobody member", nil, "", fault.NotFound},
		{"members role administrator member", nil, "", fault.Conflict},
		{"members rm administrator --yes", nil, "", fault.Conflict},
		{"invite --role god", nil, "", fault.Invalid},
	} {
		printed, err := run(append(strings.Fields(step.command), step.args...)...)
		if fault.CodeOf(err) != step.code || !strings.Contains(printed, step.says) {
			t.Errorf("%s %s: %q, %v", step.command, step.args, printed, err)
		}
	}
	printed, err := run("invite", "--role", "observer", "--uses", "30", "--life", "24h", "--domain", "example.edu", "-o", "json")
	var made api.NewInvitation
	if err != nil || json.Unmarshal([]byte(printed), &made) != nil || !strings.Contains(made.Link, "/join/tli_") {
		t.Fatalf("invite prints %s, %v", printed, err)
	}
	if printed, err := run("invite", "ls"); err != nil || !strings.Contains(printed, "observer  0 of 30  example.edu") {
		t.Errorf("the list: %s, %v", printed, err)
	}
	if _, err := run("invite", "revoke", made.ID); err != nil {
		t.Error(err)
	}
}

func TestALoginKeepsATokenForEachWorkspace(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("TRUNKLINE_URL", "")
	t.Setenv("TRUNKLINE_TOKEN", "")
	file, err := loginFile()
	if err != nil {
		t.Fatal(err)
	}
	kept := login{URL: "https://lab.example.org"}
	kept.add(workspaceToken{ID: "p", Name: "Physics", Token: "old"})
	kept.add(workspaceToken{ID: "m", Name: "Maths", Token: "maths"})
	kept.add(workspaceToken{ID: "p", Name: "Physics", Token: "physics"})
	if err := keepLogin(file, kept); err != nil {
		t.Fatal(err)
	}
	for workspace, want := range map[string]string{"": "physics", "Maths": "maths", "m": "maths", "Physics": "physics"} {
		if _, token, err := findLogin("", "", workspace); err != nil || token != want {
			t.Errorf("%q: token %q, %v", workspace, token, err)
		}
	}
	if _, _, err := findLogin("", "", "Chemistry"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a workspace without login: %v", err)
	}
	if _, token, err := findLogin("https://lab.example.org", "given", "Chemistry"); err != nil || token != "given" {
		t.Errorf("a token that is given: %q, %v", token, err)
	}
	use := func(name string) error {
		root := rootCommand()
		root.SetArgs([]string{"workspace", "use", name})
		root.SilenceErrors, root.SilenceUsage = true, true
		return root.ExecuteContext(context.Background())
	}
	if err := use("Maths"); err != nil {
		t.Fatal(err)
	}
	if _, token, err := findLogin("", "", ""); err != nil || token != "maths" {
		t.Errorf("after use: %q, %v", token, err)
	}
	if err := use("Chemistry"); !fault.Is(err, fault.NotFound) {
		t.Errorf("use of one without login: %v", err)
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of the login: %v, %v", info, err)
	}
}
