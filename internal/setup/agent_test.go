package setup

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"trunkline/hostlink"
	"trunkline/internal/ident"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// anyHost is a controller's list that takes one host.
type anyHost struct {
	id  string
	key ed25519.PublicKey
}

func (a *anyHost) Enrol(_ context.Context, e hostlink.Enrolment) (string, error) {
	a.key = e.PublicKey
	return a.id, nil
}

func (a *anyHost) HostKey(context.Context, string) (ed25519.PublicKey, error) { return a.key, nil }

func (a *anyHost) Seen(context.Context, string, hostlink.Sighting) error { return nil }

// agentInAContainer runs the image as agent-container.sh does, and wants a lab to run on it, to outlive it, and to go when
// the host leaves.
func agentInAContainer(t *testing.T, image string) {
	host := &anyHost{id: "test" + ident.Long(6)}
	server := hostlink.NewServer(host, hostlink.ServerConfig{})
	web := httptest.NewServer(server)
	defer web.Close()
	defer server.Close()
	name := fmt.Sprintf("trunkline-test-agent-%d", os.Getpid())
	state := t.TempDir()
	out, ok := script(t, []string{"NAME=" + name, "STATE=" + state}, "agent-container.sh", image,
		"--controller", web.URL+hostlink.Path, "--token", "once", "--name", "boxed", "--egress")
	if !ok {
		t.Fatalf("agent-container.sh: %s", out)
	}
	t.Cleanup(func() { docker(t, "rm", "--force", name) })
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	event, ok := <-server.Watch(ctx)
	if !ok {
		t.Fatalf("the agent was not linked:\n%s", docker(t, "logs", name))
	}
	remote := &hostapi.Client{HTTP: event.Link.Client, Bulk: event.Link.Bulk}
	info, err := remote.Info(ctx)
	if err != nil || info.Name != "boxed" || info.DockerVersion == "" || info.OVSVersion == "" || !info.Capabilities.Egress {
		t.Errorf("the host says of itself %+v, %v", info, err)
	}
	spec := hostapi.LabSpec{ID: "boxed", Name: "boxed", Generation: 1, Nodes: []hostapi.NodeSpec{
		{Name: "n", Hostname: "n", Kind: lab.Linux, Image: "trunkline/tiny:latest", Run: hostapi.Running, Pids: 64, MemoryBytes: 64 << 20,
			Interfaces: []hostapi.InterfaceSpec{{Name: "eth1", MAC: "02:00:00:00:00:01", MTU: 1500}}},
	}}
	if err := remote.Apply(ctx, spec); err != nil {
		t.Fatal(err)
	}
	converged, done := context.WithCancel(ctx)
	defer done()
	var last *hostapi.LabStatus
	_ = remote.Observe(converged, func(o hostapi.Observation) error { // ends by done
		if o.Lab != nil {
			last = o.Lab
		}
		if last != nil && last.Converged {
			done()
		}
		return nil
	})
	if last == nil || !last.Converged {
		t.Errorf("the lab did not run: %+v\n%s", last, docker(t, "logs", name))
	}
	docker(t, "stop", "--time", "20", name)
	if running := docker(t, "ps", "--quiet", "--filter", "label=trunkline.host="+host.id); strings.TrimSpace(running) == "" {
		t.Error("the lab ended with the agent's container")
	}
	out = docker(t, "run", "--rm", "--volumes-from", name, "--env", "TRUNKLINE_HOST_STATE="+state+"/host", "--network", "host", "--pid", "host",
		"--cap-add", "NET_ADMIN", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE", "--security-opt", "systempaths=unconfined",
		"--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", image, "leave")
	if left := docker(t, "ps", "--quiet", "--all", "--filter", "label=trunkline.host="+host.id); strings.TrimSpace(left) != "" {
		t.Errorf("leaving said %q and left %s", out, left)
	}
}

// The container is not privileged, and its capabilities are those of the unit, each with its reason in the documentation.
func TestTheAgentsContainerAndUnitNameTheSameCapabilities(t *testing.T) {
	text, err := os.ReadFile("agent-container.sh")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "--privileged") {
		t.Error("the container is privileged")
	}
	unit, err := os.ReadFile("trunkline-host.service")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile("../../docs/hosts.md")
	if err != nil {
		t.Fatal(err)
	}
	named := strings.Fields(regexp.MustCompile(`capabilities=\((.*)\)`).FindStringSubmatch(string(text))[1])
	bound := strings.Fields(regexp.MustCompile(`CapabilityBoundingSet=(.*)`).FindStringSubmatch(string(unit))[1])
	if len(named) == 0 || "CAP_"+strings.Join(named, " CAP_") != strings.Join(bound, " ") {
		t.Errorf("the container has %v, the unit %v", named, bound)
	}
	for _, capability := range named {
		if !strings.Contains(string(docs), "| `"+capability+"` |") {
			t.Errorf("docs/hosts.md does not say what %s is for", capability)
		}
	}
}

func TestTheUnitIsOneThatSystemdTakes(t *testing.T) {
	verify, err := exec.LookPath("systemd-analyze")
	require(t, err == nil, "systemd-analyze is not there")
	unit, err := os.ReadFile("trunkline-host.service")
	if err != nil {
		t.Fatal(err)
	}
	// The program is not installed on the machine of the test; another stands in for it.
	installed := strings.Replace(string(unit), "ExecStart=/usr/local/bin/trunkline-host", "ExecStart=/bin/true", 1)
	if installed == string(unit) {
		t.Fatal("the unit starts something else")
	}
	file := filepath.Join(t.TempDir(), "trunkline-host.service")
	if err := os.WriteFile(file, []byte(installed), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(verify, "verify", file).CombinedOutput(); err != nil || strings.Contains(string(out), "trunkline-host") {
		t.Errorf("%v: %s", err, out)
	}
}
