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
	"trunkline/lab/control"
)

// site is a real controller without hosts; it returns a way to run commands against it and read what they print.
func site(t *testing.T) func(args ...string) (string, error) {
	t.Helper()
	run, _ := siteAndAddress(t)
	return run
}

// siteAndAddress is a site, and where it is with the first token.
func siteAndAddress(t *testing.T) (func(args ...string) (string, error), app.Ready) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c, err := app.Open(ctx, app.Settings{Listen: "127.0.0.1:0", Data: t.TempDir(), Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ready, err := c.Announce(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the controller ended with %v", err)
		}
	})
	return func(args ...string) (string, error) {
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
		root.SetArgs(append(args, "--controller", ready.URL, "--token", ready.Token))
		root.SilenceErrors, root.SilenceUsage = true, true
		failure := root.ExecuteContext(ctx)
		text, err := os.ReadFile(printed.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text), failure
	}, ready
}

func TestImageSettingsByTheCommandLine(t *testing.T) {
	run := site(t)
	steps := []struct {
		command string
		prints  []string
	}{
		{"images map ls", []string{"Nothing stands in for another."}},
		{"images map set --site frrouting/*=trunkline/router alpine=trunkline/tiny", []string{"Stored."}},
		{"images map set alpine=trunkline/host", []string{"Stored."}},
		{"images map ls", []string{"NAMED        TAKEN             FROM", "alpine       trunkline/host    workspace", "frrouting/*  trunkline/router  site"}},
		{"images map ls --site", []string{"alpine       trunkline/tiny    site"}},
		{"images map unset alpine", []string{"Stored."}},
		{"images map ls", []string{"alpine       trunkline/tiny    site"}},
		{"images allow ls", []string{"ALLOWED  FROM", "*        site"}},
		{"images allow set trunkline/* alpine", []string{"Stored."}},
		{"images allow ls", []string{"trunkline/*  workspace", "alpine       workspace"}},
		{"images allow set", []string{"Stored."}},
		{"images allow ls", []string{"*        site"}},
		{"images allow set --site trunkline/*", []string{"Stored."}},
		{"images allow ls", []string{"trunkline/*  site"}},
	}
	for _, s := range steps {
		printed, err := run(strings.Fields(s.command)...)
		if err != nil {
			t.Fatalf("%s: %v", s.command, err)
		}
		for _, line := range s.prints {
			if !strings.Contains(printed, line) {
				t.Errorf("%s does not print %q: %s", s.command, line, printed)
			}
		}
	}
	printed, err := run("images", "map", "ls", "-o", "json")
	var entries []imageEntry
	if err != nil || json.Unmarshal([]byte(printed), &entries) != nil || len(entries) != 2 || entries[0] != (imageEntry{"alpine", "trunkline/tiny", control.OfSite}) {
		t.Errorf("as JSON: %s, %v", printed, err)
	}
}

func TestImageSettingsThatAreWrongEndWithTheRightCode(t *testing.T) {
	run := site(t)
	usage := func(err error) bool { _, wrong := errors.AsType[cli.UsageError](err); return wrong }
	is := func(code fault.Code) func(error) bool { return func(err error) bool { return fault.Is(err, code) } }
	cases := []struct {
		command string
		is      func(error) bool
		says    string
	}{
		{"images map set", usage, "at least one PATTERN=IMAGE"},
		{"images map set frr", usage, "not of the form PATTERN=IMAGE"},
		{"images map set frr=", is(fault.Invalid), "stands nothing"},
		{"images map set =a", is(fault.Invalid), "stands nothing"},
		{"images map set a=b/*", is(fault.Invalid), "without *"},
		{"images map unset frr", is(fault.NotFound), "has no"},
		{"images allow set trunkline/[ab]", is(fault.Invalid), "no pattern of images"},
		{"images allow set a --planet", func(err error) bool { return err != nil }, "unknown flag"},
		{"images grow", usage, "has no command"},
	}
	for _, c := range cases {
		t.Run(c.command, func(t *testing.T) {
			printed, err := run(strings.Fields(c.command)...)
			if !c.is(err) || !strings.Contains(err.Error(), c.says) || printed != "" {
				t.Errorf("%v; it printed %q", err, printed)
			}
		})
	}
}
