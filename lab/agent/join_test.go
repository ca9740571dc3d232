package agent_test

import (
	"context"
	"crypto/ed25519"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/hostlink"
	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/lab"
	"trunkline/lab/agent"
	"trunkline/lab/hostapi"
)

// register is a controller's list of one host.
type register struct {
	id string

	mu      sync.Mutex
	keys    []ed25519.PublicKey
	revoked bool
}

func (r *register) Enrol(_ context.Context, e hostlink.Enrolment) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys, r.revoked = []ed25519.PublicKey{e.PublicKey}, false
	return r.id, nil
}

func (r *register) HostKey(context.Context, string) (ed25519.PublicKey, error) { panic("not asked") }

func (r *register) HostKeys(context.Context, string) ([]ed25519.PublicKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.revoked {
		return nil, hostlink.ErrHostRevoked
	}
	return append([]ed25519.PublicKey{}, r.keys...), nil
}

func (r *register) AddKey(_ context.Context, _ string, key ed25519.PublicKey) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = append(r.keys, key)
	return nil
}

func (r *register) KeepOnly(_ context.Context, _ string, key ed25519.PublicKey) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = []ed25519.PublicKey{key}
	return nil
}

func (r *register) Seen(context.Context, string, hostlink.Sighting) error { return nil }

func (r *register) revoke() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revoked = true
}

// TestTheLifeOfAHost joins a controller over the real link, runs a lab, changes the key, is revoked without losing the lab, and leaves.
func TestTheLifeOfAHost(t *testing.T) {
	probe := newReal(t) // skips where the real parts are missing
	registry := &register{id: "test" + ident.Long(6)}
	server := hostlink.NewServer(registry, hostlink.ServerConfig{})
	web := httptest.NewServer(server)
	defer web.Close()
	defer server.Close()
	state := filepath.Join(t.TempDir(), "host")
	config := agent.Config{StateDir: state, InitBinary: probe.init}
	must(t, agent.Enrol(t.Context(), state, web.URL+hostlink.Path, "first", "here", nil))
	stop := run(t, config)
	link := linked(t, server, registry.id)
	host := &hostapi.Client{HTTP: link.Client, Bulk: link.Bulk}
	must(t, host.Apply(t.Context(), hostapi.LabSpec{ID: "stay", Name: "stay", Generation: 1, Nodes: []hostapi.NodeSpec{{
		Name: "n", Hostname: "n", Kind: lab.Linux, Image: tiny, Run: hostapi.Running, Pids: 64, MemoryBytes: 64 << 20,
	}}}))
	must(t, host.Observe(t.Context(), func(o hostapi.Observation) error {
		if o.Lab != nil && o.Lab.ID == "stay" && o.Lab.Converged {
			return errEnough
		}
		return nil
	}))
	second, err := agent.New(config)
	must(t, err)
	if err := second.Run(t.Context()); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second agent on the same folder: %v", err)
	}
	if err := second.Leave(t.Context()); !fault.Is(err, fault.Conflict) {
		t.Errorf("leaving while the agent runs: %v", err)
	}
	must(t, second.Close())

	before := identity(t, state)
	must(t, server.Rotate(t.Context(), registry.id))
	if after := identity(t, state); after.PrivateKey.Equal(before.PrivateKey) || len(after.NextKey) > 0 {
		t.Error("the key on disk was not changed")
	}

	registry.revoke()
	server.Drop(registry.id, "Ann removed this host.")
	<-link.Done()
	if containers(t, registry.id) != 1 {
		t.Errorf("the revoked host has %d containers, its lab had 1", containers(t, registry.id))
	}
	stop()
	if err := agent.CheckToken(state, "first"); err != nil {
		t.Errorf("the token it joined with: %v", err)
	}
	if err := agent.CheckToken(state, "second"); !fault.Is(err, fault.Conflict) {
		t.Errorf("another token: %v", err)
	}
	leaver, err := agent.New(config)
	must(t, err)
	must(t, leaver.Leave(t.Context()))
	must(t, leaver.Close())
	if enrolled, err := agent.Enrolled(state); enrolled || err != nil {
		t.Errorf("after leaving it is enrolled: %v, %v", enrolled, err)
	}
	if n := containers(t, registry.id); n != 0 {
		t.Errorf("after leaving there are %d containers", n)
	}
	must(t, agent.Enrol(t.Context(), state, web.URL, "second", "here", nil))
	stop = run(t, config)
	linked(t, server, registry.id)
	stop()
}

var errEnough = fault.New(fault.Unavailable, "Seen enough.")

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil && err != errEnough {
		t.Fatal(err)
	}
}

// run runs an agent; the function returned ends it.
func run(t *testing.T, config agent.Config) (stop func()) {
	t.Helper()
	a, err := agent.New(config)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil && ctx.Err() == nil {
				t.Errorf("Run: %v", err)
			}
			must(t, a.Close())
		})
	}
	t.Cleanup(stop)
	return stop
}

func linked(t *testing.T, server *hostlink.Server, id string) *hostlink.Link {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for event := range server.Watch(ctx) {
		if event.Kind == hostlink.Connected && event.HostID == id {
			return event.Link
		}
	}
	t.Fatal("the host was not linked within a minute")
	return nil
}

func identity(t *testing.T, state string) hostlink.Identity {
	t.Helper()
	path := filepath.Join(state, "identity.json")
	id, err := hostlink.LoadIdentity(path)
	must(t, err)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the identity's mode is %v, %v", info.Mode(), err)
	}
	return id
}

// containers counts those that carry the host's stamp, running ones only.
func containers(t *testing.T, hostID string) int {
	t.Helper()
	out, err := exec.Command("docker", "ps", "--quiet", "--filter", "label=trunkline.host="+hostID).Output()
	must(t, err)
	return len(strings.Fields(string(out)))
}
