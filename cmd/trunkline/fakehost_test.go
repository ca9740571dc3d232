package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/hostlink"
	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
	"trunkline/web/api"
)

// fakeHost joins a fake machine to the site as people join one: by a token, the real link and the real executor.
func fakeHost(t *testing.T, run func(args ...string) (string, error)) *fakehost.Host {
	t.Helper()
	printed, err := run("hosts", "join", "-o", "json")
	var token api.NewJoinToken
	if err != nil || json.Unmarshal([]byte(printed), &token) != nil {
		t.Fatalf("%s, %v", printed, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	identity, err := hostlink.Enrol(ctx, token.Controller, token.Secret, "fake", nil)
	if err != nil {
		t.Fatal(err)
	}
	silent := slog.New(slog.DiscardHandler)
	machine := fakehost.New(fakehost.Config{})
	executor, err := host.New(host.Config{HostID: identity.HostID, Name: "fake", Version: "test", StateDir: t.TempDir(), Engine: machine.Engine(), Fabric: machine.Fabric(), Log: silent})
	if err != nil {
		t.Fatal(err)
	}
	agent, err := hostlink.NewAgent(hostlink.AgentConfig{Identity: identity, Version: "test", Handler: hostapi.Handler(executor), Logger: silent,
		Lasting: func(r *http.Request) bool {
			return r.URL.Path == "/v1/observe" || strings.HasSuffix(r.URL.Path, "/rates")
		}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	go func() { ended <- executor.Run(ctx) }()
	go func() { ended <- agent.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-ended
		<-ended
		machine.Close()
	})
	return machine
}

// becomes runs a command until it prints the words.
func becomes(t *testing.T, run func(args ...string) (string, error), words string, args ...string) string {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		printed, err := run(args...)
		if err == nil && strings.Contains(printed, words) {
			return printed
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("trunkline %s does not say %q: %s, %v", strings.Join(args, " "), words, printed, err)
		}
	}
}

// deployFile stores a lab file and deploys it.
func deployFile(t *testing.T, run func(args ...string) (string, error), name, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".clab.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if printed, err := run("lab", "create", "-f", file, "--name", name); err != nil {
		t.Fatalf("%s, %v", printed, err)
	}
	becomes(t, run, "", "lab", "deploy", name, "--wait")
}
