package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trunkline/internal/cli"
	"trunkline/internal/fault"
	"trunkline/lab/control"
)

// written is a file with a text.
func written(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestARunningLabIsEditedByTheCommandLine(t *testing.T) {
	run := site(t)
	machine := fakeHost(t, run)
	deployFile(t, run, "campus", campusFile)
	changes := written(t, "changes.yml", "- {op: add-node, node: d, kind: linux, image: trunkline/tiny}\n- {op: add-link, a: {node: d}, b: {node: sw, interface: p4}}\n")
	whole := written(t, "whole.clab.yml", strings.Replace(campusFile, "p3: {access: 20}", "p3: {access: 10}", 1))
	for _, step := range []struct{ line, says string }{
		{"lab edit campus --set nodes.sw.interfaces.p3.access=30 --dry-run", "change node sw: port p3 to VLAN 30 live\nkeep nodes a, b, c: untouched\nNothing was changed."},
		{"lab edit campus --set nodes.sw.interfaces.p3.access=30 --set links.3.mtu=1400", "Stored as revision 2. What runs is as before: trunkline lab deploy campus changes it."},
		{"lab deploy campus --dry-run", "change  node sw             fake  port p3 to VLAN 30 live"},
		{"lab deploy campus --dry-run", "keep    node c              fake  nothing changes"},
		{"lab edit campus -f " + changes + " --apply", "connect link d:eth1 sw:p4: it is new"},
		{"lab edit campus -f " + whole + " --base 1 --apply", "Somebody else changed"}, // p3 is 30 by now
		{"lab edit campus --unset links.3.mtu --apply", "Applied to what runs, as revision 4."},
		{"lab edit campus --unset links.3.mtu --apply", "There is nothing to change."},
		{"lab fill campus --dry-run", "addresses filled in"},
		{"lab fill campus --apply", "Applied to what runs, as revision 5."},
		{"lab fill campus", "There is nothing to change."},
		{"lab revisions campus", "5         "},
		{"lab revisions campus", "newest, deployed"},
		{"lab revisions campus", "administrator  4      4      -                 imported"},
		{"lab diff campus 3 4", "-      mtu: 1400\n"},
		{"lab diff campus", "+++ revision 5\n"},
		{"lab diff campus 5", "Revisions 5 and 5 have the same file."},
		{"lab file campus 1", campusFile},
		{"lab restore campus 1 --dry-run", "remove node d: the lab no longer has it"},
		{"lab restore campus 1 --apply --note enough", "Applied to what runs, as revision 6."},
		{"lab file campus", campusFile},
	} {
		printed, err := run(strings.Fields(step.line)...)
		if err != nil {
			printed += err.Error()
		}
		if !strings.Contains(printed, step.says) {
			t.Errorf("%s does not say %q:\n%s", step.line, step.says, printed)
		}
	}
	becomes(t, run, "running", "lab", "show", "campus")
	if starts := machine.Calls()["start"]; starts != 4 {
		t.Errorf("four containers were started %d times", starts)
	}
	if _, err := run("lab", "diff", "campus", "1", "2", "--exit-code"); err != cli.ExitCode(1) {
		t.Errorf("a difference ends with %v", err)
	}
	if _, err := run("lab", "diff", "campus", "1", "6", "--exit-code"); err != nil {
		t.Errorf("no difference ends with %v", err)
	}
}

func TestWhatEditPrintsIsForPrograms(t *testing.T) {
	run := site(t)
	file := written(t, "campus.clab.yml", campusFile)
	if printed, err := run("lab", "create", "-f", file); err != nil {
		t.Fatalf("%s, %v", printed, err)
	}
	printed, err := run("lab", "edit", "campus", "--set", `defaults.image=trunkline/router`, "-o", "json")
	var result control.EditResult
	if err != nil || json.Unmarshal([]byte(printed), &result) != nil || result.Revision != 2 || len(result.Inverse) != 1 || result.Lab.Node("a").Image != "trunkline/router" {
		t.Fatalf("%v\n%s", err, printed)
	}
	inverse, err := json.Marshal(map[string]any{"base": 2, "ops": result.Inverse})
	if err != nil {
		t.Fatal(err)
	}
	if printed, err = run("lab", "edit", "campus", "-f", written(t, "undo.json", string(inverse))); err != nil {
		t.Fatalf("%s, %v", printed, err)
	}
	if printed, err = run("lab", "file", "campus"); err != nil || printed != campusFile {
		t.Errorf("taken back it reads\n%s, %v", printed, err)
	}
	var list []control.RevisionView
	if printed, err = run("lab", "revisions", "campus", "-o", "json"); err != nil || json.Unmarshal([]byte(printed), &list) != nil || len(list) != 3 {
		t.Errorf("%v\n%s", err, printed)
	}
	for line, code := range map[string]fault.Code{
		"lab edit campus --set nodes.a.colour=red": fault.Invalid,
		"lab edit none --set nodes.a.image=x":      fault.NotFound,
		"lab edit campus -f /nowhere":              fault.Invalid,
		"lab file campus 9":                        fault.NotFound,
		"lab restore campus 1 --base 2":            fault.Conflict,
		"lab restore campus 9":                     fault.NotFound,
		"lab diff campus 9":                        fault.NotFound,
		"lab fill none":                            fault.NotFound,
	} {
		if _, err := run(strings.Fields(line)...); !fault.Is(err, code) {
			t.Errorf("%s: %v, wanted %s", line, err, code)
		}
	}
	t.Setenv("EDITOR", "")
	t.Setenv("VISUAL", "")
	for _, line := range []string{
		"lab edit campus", "lab edit campus --set nodes.a.image", "lab edit campus --set nodes..image=x", "lab edit campus --set nodes.a.image=x -f y", "lab file campus newest",
		"lab restore campus", "lab diff", "lab restore campus x",
	} {
		if _, err := run(strings.Fields(line)...); !isUsage(err) {
			t.Errorf("%s: %v is no mistake of usage", line, err)
		}
	}
}

func isUsage(err error) bool { _, is := err.(cli.UsageError); return is }

func TestALabIsEditedByHand(t *testing.T) {
	run := site(t)
	if printed, err := run("lab", "create", "-f", written(t, "campus.clab.yml", campusFile)); err != nil {
		t.Fatalf("%s, %v", printed, err)
	}
	t.Setenv("VISUAL", "")
	t.Setenv("TMPDIR", t.TempDir())
	by := func(script string) (string, error) {
		t.Helper()
		t.Setenv("EDITOR", written(t, "editor", "#!/bin/sh\n"+script+"\n"))
		return run("lab", "edit", "campus")
	}
	left := func() []string {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "trunkline-*"))
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	if printed, err := by("true"); err != nil || printed != "" {
		t.Errorf("left as it was: %s, %v", printed, err)
	}
	if printed, err := by(`sed -i 's/access: 20/access: 40/' "$1"`); err != nil || !strings.Contains(printed, "Stored as revision 2.") {
		t.Errorf("a good edit: %s, %v", printed, err)
	}
	second := `if grep -q '^#! ' "$1"; then grep -q '^#! .*line .*colour' "$1" && sed -i '/colour/d; s/access: 40/access: 50/' "$1"; else echo '    e: {colour: red}' > x; sed -i '/^  nodes:/r x' "$1"; fi`
	t.Chdir(t.TempDir())
	if printed, err := by(second); err != nil || !strings.Contains(printed, "Stored as revision 3.") {
		t.Errorf("an edit that is mended after complaints: %s, %v", printed, err)
	}
	if len(left()) > 0 {
		t.Errorf("files were left behind: %v", left())
	}
	if _, err := by(`grep -q '^#! ' "$1" || sed -i 's/access: 50/colour: red/' "$1"`); !fault.Is(err, fault.Invalid) || len(left()) != 1 || !strings.Contains(err.Error(), left()[0]) {
		t.Errorf("given up after complaints: %v, %v", err, left())
	}
	if _, err := by("exit 3"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("an editor that fails: %v", err)
	}
	if printed, err := run("lab", "file", "campus"); err != nil || !strings.Contains(printed, "access: 50") || strings.Contains(printed, "#!") || strings.Contains(printed, "colour") {
		t.Errorf("the file is %v\n%s", err, printed)
	}
}

func TestAnEditByHandMeetsOneOfSomebodyElse(t *testing.T) {
	run := site(t)
	if printed, err := run("lab", "create", "-f", written(t, "campus.clab.yml", campusFile)); err != nil {
		t.Fatalf("%s, %v", printed, err)
	}
	t.Setenv("VISUAL", "")
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("EDITOR", written(t, "editor", "#!/bin/sh\nsed -i 's/access: 20/access: 40/' \"$1\"\n"))
	if printed, err := run("lab", "edit", "campus", "--set", "defaults.image=trunkline/router"); err != nil {
		t.Fatalf("%s, %v", printed, err)
	}
	if printed, err := run("lab", "edit", "campus", "--base", "1"); err != nil || !strings.Contains(printed, "Stored as revision 3.") {
		t.Errorf("of another line: %s, %v", printed, err)
	}
	if printed, err := run("lab", "file", "campus"); err != nil || !strings.Contains(printed, "access: 40") || !strings.Contains(printed, "trunkline/router") {
		t.Errorf("merged it reads %v\n%s", err, printed)
	}
	t.Setenv("EDITOR", written(t, "editor", "#!/bin/sh\nsed -i 's/access: 20/access: 70/' \"$1\"\n"))
	_, err := run("lab", "edit", "campus", "--base", "1")
	kept, globbed := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "trunkline-*"))
	if !fault.Is(err, fault.Conflict) || globbed != nil || len(kept) != 1 {
		t.Fatalf("of the same line: %v; kept is %v", err, kept)
	}
	if text, err := os.ReadFile(kept[0]); err != nil || !strings.Contains(string(text), "access: 70") {
		t.Errorf("what was kept is %v\n%s", err, text)
	}
	for _, step := range []struct{ take, says, has string }{{"theirs", "", "access: 40"}, {"yours", "Stored as revision 4.", "access: 70"}} {
		if printed, err := run("lab", "edit", "campus", "-f", kept[0], "--base", "1", "--take", step.take); err != nil || !strings.Contains(printed, step.says) {
			t.Errorf("taking %s: %s, %v", step.take, printed, err)
		}
		if printed, err := run("lab", "file", "campus"); err != nil || !strings.Contains(printed, step.has) || !strings.Contains(printed, "trunkline/router") {
			t.Errorf("with %s it reads %v\n%s", step.take, err, printed)
		}
	}
	if _, err := run("lab", "edit", "campus", "-f", kept[0], "--take", "mine"); !isUsage(err) {
		t.Errorf("a side that is none: %v", err)
	}
}

func TestAnEditThatCannotBeAppliedIsNotStoredAndNotLost(t *testing.T) {
	run := site(t)
	fakeHost(t, run)
	deployFile(t, run, "campus", campusFile)
	const unchanged = "Nothing was changed: the lab's file and what runs are as they were."
	if _, err := run("lab", "edit", "campus", "--set", "nodes.a.image=no/such", "--apply"); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Sentence(err), "Image no/such of node a") || !strings.HasSuffix(fault.Sentence(err), unchanged) {
		t.Errorf("by a value: %v", err)
	}
	t.Setenv("VISUAL", "")
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("EDITOR", written(t, "editor", "#!/bin/sh\nsed -i 's/  defaults: {/&memory: 900TiB, /; s/access: 20/access: 70/' \"$1\"\n"))
	_, err := run("lab", "edit", "campus", "--apply")
	kept, globbed := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "trunkline-*"))
	if !fault.Is(err, fault.Exhausted) || !strings.HasSuffix(fault.Sentence(err), unchanged) || globbed != nil || len(kept) != 1 {
		t.Fatalf("by hand: %v; kept is %v", err, kept)
	}
	if printed, err := run("lab", "file", "campus"); err != nil || printed != campusFile {
		t.Errorf("the file is %v\n%s", err, printed)
	}
	if printed, err := run("lab", "edit", "campus", "-f", kept[0], "--base", "1"); err != nil || !strings.Contains(printed, "Stored as revision 2. What runs is as before") {
		t.Errorf("stored alone: %s, %v", printed, err)
	}
	for err, says := range map[error]string{fault.New(fault.Conflict, ""): "with --take yours or theirs", fault.New(fault.Exhausted, ""): "without changing what runs"} {
		if got := whenToTry(err, true); !strings.Contains(got, says) {
			t.Errorf("of %s it says %q", fault.CodeOf(err), got)
		}
	}
}

func TestCompletionOffersRevisionsAndPaths(t *testing.T) {
	run, ready := siteAndAddress(t)
	if printed, err := run("lab", "create", "-f", written(t, "campus.clab.yml", campusFile)); err != nil {
		t.Fatalf("%s, %v", printed, err)
	}
	if printed, err := run("lab", "edit", "campus", "--set", "nodes.a.image=x"); err != nil {
		t.Fatalf("%s, %v", printed, err)
	}
	t.Setenv("TRUNKLINE_URL", ready.URL)
	t.Setenv("TRUNKLINE_TOKEN", ready.Token)
	for line, wants := range map[string][]string{
		"lab edit":              {"campus"},
		"lab restore campus":    {"2", "1"},
		"lab diff campus":       {"2", "1"},
		"lab file campus":       {"2", "1"},
		"lab edit campus --set": {"nodes.a.", "nodes.sw.", "defaults."},
	} {
		printed, err := complete(t, slices.Concat([]string{"__complete"}, strings.Fields(line), []string{""})...)
		for _, want := range wants {
			if err != nil || !strings.Contains("\n"+printed, "\n"+want) {
				t.Errorf("%s offers %v, and not %s:\n%s", line, err, want, printed)
			}
		}
	}
}

// complete is what the shell is offered. What is completed is the last word, so that nothing may follow it.
func complete(t *testing.T, words ...string) (string, error) {
	t.Helper()
	var printed strings.Builder
	root := rootCommand()
	root.SetArgs(words)
	root.SetOut(&printed)
	err := root.ExecuteContext(t.Context())
	return printed.String(), err
}
