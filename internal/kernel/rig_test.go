package kernel

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/internal/bench"
	"trunkline/internal/client"
	"trunkline/internal/kernel/ask"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const (
	image  = "trunkline/tiny:latest"
	within = 2 * time.Minute // any single thing a lab of three nodes is asked for, on kernels this slow
)

// rig is a controller on this machine with two kernels that joined it, kernel-a and kernel-b, and one lab over both.
type rig struct {
	*testkit.Program
	t       *testing.T
	kernels map[string]*Kernel // by host name
	record  *bench.Record
	on      map[string]*Kernel // by node name
}

// need says what this machine lacks for test kernels.
func need() string {
	if os.Geteuid() != 0 {
		return "test kernels need root, for taps and namespaces: run make test-kernel with sudo"
	}
	for command, from := range map[string]string{
		program: "user-mode-linux", "iperf3": "iperf3", "ping": "iputils-ping", "ovs-vswitchd": "openvswitch-switch", "dockerd": "docker.io",
		"modprobe": "kmod", "ip": "iproute2", "nsenter": "util-linux",
	} {
		if _, err := exec.LookPath(command); err != nil {
			return fmt.Sprintf("test kernels need %s of the package %s: make install-test installs it", command, from)
		}
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return "test kernels need /dev/net/tun for their network: " + err.Error()
	}
	if out, err := exec.Command("docker", "image", "inspect", image).CombinedOutput(); err != nil {
		return fmt.Sprintf("test kernels need the image %s in this machine's engine; make images builds it (%s)", image, strings.TrimSpace(string(out)))
	}
	return ""
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, record: bench.New("kernel"), kernels: map[string]*Kernel{}, on: map[string]*Kernel{}}
	binary := testkit.Binaries(t)
	shared := r.shared()
	underlay, err := raise(underMTU)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(underlay.lower)
	r.Program, err = testkit.ServeAt(t.Context(), underlay.subnet+".1", binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	for _, name := range []string{"kernel-a", "kernel-b"} {
		token, err := r.Client.CreateJoinToken(t.Context(), control.JoinRequest{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		k, err := underlay.start(name, shared, ask.Config{
			Images: filepath.Join(shared, "images.tar"), Agent: filepath.Join(shared, "trunkline-host"),
			Arguments: []string{"--controller", token.Controller, "--token", token.Secret, "--log-level", "debug"},
		})
		if err != nil {
			t.Fatal(err)
		}
		r.kernels[name] = k
		t.Cleanup(func() { // before the kernels end and their logs are removed
			if t.Failed() {
				t.Log(k.Logs())
			}
		})
	}
	r.awaitHosts()
	return r
}

// shared makes the folder that the kernels see as well, with all they need.
func (r *rig) shared() string {
	dir, err := os.MkdirTemp("", "tlu-")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			r.t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		r.t.Fatal(err)
	}
	for name, pkg := range map[string]string{
		"guest": "trunkline/internal/kernel/guest", "trunkline-host": "trunkline/cmd/trunkline-host", "trunkline-init": "trunkline/cmd/trunkline-init",
	} {
		build := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, name), pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			r.t.Fatalf("%s does not build: %v\n%s", pkg, err, out)
		}
	}
	if out, err := exec.Command("docker", "save", "--output", filepath.Join(dir, "images.tar"), image).CombinedOutput(); err != nil {
		r.t.Fatalf("docker save: %v\n%s", err, out)
	}
	return dir
}

// awaitHosts waits until both kernels are up and linked.
func (r *rig) awaitHosts() {
	r.t.Helper()
	var booting sync.WaitGroup
	for name, k := range r.kernels {
		booting.Go(func() {
			start := time.Now()
			booted, err := k.Booted(r.t.Context())
			if err != nil {
				r.t.Error(err)
				return
			}
			r.t.Logf("%s was up after %.1f s: %v", name, time.Since(start).Seconds(), booted)
		})
	}
	booting.Wait()
	if r.t.Failed() {
		r.t.FailNow()
	}
	r.until("both kernels linked, and frames between them", func() error {
		ways, err := r.Client.Matrix(r.t.Context())
		if err != nil {
			return err
		}
		usable := 0
		for _, way := range ways {
			if way.Usable {
				usable++
			}
		}
		if usable != 2 {
			return fmt.Errorf("the ways are %+v", ways)
		}
		return nil
	})
}

func (r *rig) until(condition string, holds func() error) {
	r.t.Helper()
	if err := testkit.Until(r.t.Context(), within, condition, holds); err != nil {
		r.t.Fatalf("%v\n%s", err, r.Output())
	}
}

// deploy makes the lab what the file says and waits until it runs.
func (r *rig) deploy(c cables) {
	r.t.Helper()
	r.intend(c)
	r.settle()
}

// intend stores the lab with these cables, asks for a deploy, and says when it asked.
func (r *rig) intend(c cables) time.Time {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), within)
	defer cancel()
	i := client.Import{Body: strings.NewReader(c.file()), ContentType: "application/yaml", File: labName + ".clab.yml", Name: labName}
	if len(r.on) > 0 {
		i.Replace = labName
	}
	if _, err := r.Client.Create(ctx, i); err != nil {
		r.t.Fatalf("store the lab: %v", err)
	}
	asked := time.Now()
	if _, err := r.Client.Intent(ctx, labName, "deploy", nil); err != nil {
		r.t.Fatalf("deploy: %v", err)
	}
	return asked
}

// settle waits until the lab runs as it was asked for last.
func (r *rig) settle() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), within)
	defer cancel()
	if _, err := r.AwaitState(ctx, labName, control.Running); err != nil {
		r.t.Fatalf("%v\n%s", err, r.Output())
	}
	detail, err := r.Client.Lab(ctx, labName)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, node := range detail.Nodes {
		r.on[node.Name] = r.kernels[node.Host]
	}
}

// in runs a command in a node's network and returns its standard output.
func (r *rig) in(node string, line ...string) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), within)
	defer cancel()
	out, err := r.on[node].Ask.Output(ctx, ask.Place{Node: node}, line...)
	if err != nil {
		r.t.Fatalf("in %s: %v", node, err)
	}
	return out
}
