package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// real skips the test where the real parts are not there, or fails it where they are required.
func real(t *testing.T) {
	t.Helper()
	give := t.Skip
	if os.Getenv("TRUNKLINE_REQUIRE_REAL") != "" {
		give = t.Fatal
	}
	switch {
	case os.Getenv("TRUNKLINE_NO_REAL") != "" || testing.Short():
		t.Skip("left out of the fast tests: it needs Docker, root and the node images")
	case os.Geteuid() != 0:
		give("only root can plug cables into containers")
	}
	if out, err := exec.Command("docker", "image", "inspect", "trunkline/host").CombinedOutput(); err != nil {
		give("Docker or the node images are not there; run make images: " + string(out))
	}
}

// initBinary is the program that is process 1 of every node, built once.
var initBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "trunkline-images")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "init"), "trunkline/cmd/trunkline-init")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return filepath.Join(dir, "init"), nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if built, err := initBinary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(code)
}

// node is a container made the way a lab makes one: no network, the smallest capabilities, our seccomp profile, waiting at its gate.
type node struct {
	t    *testing.T
	name string
	gate string
	pid  int
}

// begin makes and starts a node of one of our images, with files put in before it starts and environment variables NAME=VALUE.
func begin(t *testing.T, image Image, files map[string]string, env ...string) *node {
	t.Helper()
	dir := t.TempDir()
	n := &node{t: t, name: fmt.Sprintf("tlimg-%d-%s", os.Getpid(), filepath.Base(dir)+filepath.Base(filepath.Dir(dir))), gate: filepath.Join(dir, "gate")}
	built, err := initBinary()
	if err != nil {
		t.Fatal(err)
	}
	n.run(exec.Command("cp", built, filepath.Join(dir, "init")))
	if err := syscall.Mkfifo(n.gate, 0o644); err != nil {
		t.Fatal(err)
	}
	profile := filepath.Join(t.TempDir(), "seccomp.json")
	if err := os.WriteFile(profile, []byte(Seccomp()), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"create", "--name", n.name, "--hostname", filepath.Base(image.Name), "--network", "none", "--label", "trunkline.test=images",
		"--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--security-opt", "seccomp=" + profile, "--pids-limit", "256",
		"--volume", dir + ":/.trunkline:ro", "--entrypoint", "/.trunkline/init",
	}
	for _, c := range image.Caps {
		args = append(args, "--cap-add", c)
	}
	for key, value := range image.Sysctls {
		args = append(args, "--sysctl", key+"="+value)
	}
	for _, e := range env {
		args = append(args, "--env", e)
	}
	command := strings.Fields(strings.Trim(n.docker("image", "inspect", "--format", "{{join .Config.Cmd \" \"}}", image.Name), "\n"))
	args = append(append(args, image.Name, "-gate", "/.trunkline/gate", "-keep", "--"), command...)
	n.docker(args...)
	t.Cleanup(n.remove)
	for path, content := range files {
		local := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(local, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		n.docker("cp", local, n.name+":"+path)
	}
	n.docker("start", n.name)
	n.pid, err = strconv.Atoi(strings.TrimSpace(n.docker("inspect", "--format", "{{.State.Pid}}", n.name)))
	if err != nil {
		t.Fatal(err)
	}
	// Docker takes IPv6 away from a container without a network; the agent gives it back, as here.
	for _, scope := range []string{"all", "default"} {
		n.run(exec.Command("nsenter", "-t", strconv.Itoa(n.pid), "-n", "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/"+scope+"/disable_ipv6"))
	}
	n.ip("link", "set", "lo", "up")
	return n
}

func (n *node) remove() {
	if n.t.Failed() {
		logs, _ := exec.Command("docker", "logs", "--tail", "40", n.name).CombinedOutput()
		n.t.Logf("what %s said last:\n%s", n.name, logs)
	}
	if out, err := exec.Command("docker", "rm", "--force", n.name).CombinedOutput(); err != nil {
		n.t.Errorf("%v: %s", err, out)
	}
}

func (n *node) run(c *exec.Cmd) string {
	n.t.Helper()
	out, err := c.CombinedOutput()
	if err != nil {
		n.t.Fatalf("%s: %v: %s", c, err, out)
	}
	return string(out)
}

func (n *node) docker(args ...string) string {
	n.t.Helper()
	return n.run(exec.Command("docker", args...))
}

// ip runs ip(8) inside the node's network namespace from outside, as the agent works on it.
func (n *node) ip(args ...string) {
	n.t.Helper()
	n.run(exec.Command("nsenter", append([]string{"-t", strconv.Itoa(n.pid), "-n", "ip"}, args...)...))
}

// try runs a command in the node and returns its output and whether it succeeded. A command that hangs is a failure.
func (n *node) try(command ...string) (string, bool) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", append([]string{"exec", n.name}, command...)...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && n.t.Context().Err() == nil {
		n.t.Fatalf("docker exec: %v", err)
	}
	return string(out), err == nil
}

func (n *node) exec(command ...string) string {
	n.t.Helper()
	out, ok := n.try(command...)
	if !ok {
		n.t.Fatalf("%s: %v failed: %s", n.name, command, out)
	}
	return out
}

// until repeats a command in the node until its output holds what is wanted.
func (n *node) until(wanted string, command ...string) {
	n.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		out, _ := n.try(command...)
		if strings.Contains(out, wanted) {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("%s: within a minute %v did not show %q; the last was:\n%s", n.name, command, wanted, out)
		}
		<-tick.C
	}
}

// open opens the gate: the node's interfaces are plugged.
func (n *node) open() {
	n.t.Helper()
	f, err := os.OpenFile(n.gate, os.O_WRONLY, 0)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		n.t.Fatal(err)
	}
}

// plug joins two nodes' interfaces. With the netdev-free veth of a test, checksums need no help.
func plug(a *node, nameA string, b *node, nameB string) {
	a.t.Helper()
	temporary := func(n *node, end string) string { return fmt.Sprintf("ti%d%s", n.pid, end) }
	a.run(exec.Command("ip", "link", "add", temporary(a, "a"), "netns", strconv.Itoa(a.pid), "type", "veth", "peer", "name", temporary(b, "b"), "netns", strconv.Itoa(b.pid)))
	a.ip("link", "set", temporary(a, "a"), "name", nameA)
	b.ip("link", "set", temporary(b, "b"), "name", nameB)
	a.ip("link", "set", nameA, "up")
	b.ip("link", "set", nameB, "up")
}
