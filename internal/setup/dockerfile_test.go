package setup

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDockerfileBuildsAndStarts builds both targets the way that needs no registry, from the programs in bin/, and starts them.
func TestDockerfileBuildsAndStarts(t *testing.T) {
	t.Parallel()
	requireDocker(t)
	for _, program := range []string{"trunkline", "trunkline-host", "trunkline-init"} {
		_, err := os.Stat(filepath.Join("../../bin", program))
		require(t, err == nil, "bin/"+program+" is not there: make build")
	}
	t.Run("controller", func(t *testing.T) {
		image := buildTarget(t, "controller")
		id := strings.TrimSpace(docker(t, "run", "--detach", "--network", "host", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL",
			"--security-opt", "no-new-privileges", "--env", "TRUNKLINE_LISTEN=127.0.0.1:0", "--env", "TRUNKLINE_READY_FILE=/tmp/ready.json", image))
		t.Cleanup(func() { docker(t, "rm", "--force", "--volumes", id) })
		url := readyURL(t, id)
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s answers %s", url, response.Status)
		}
		docker(t, "stop", "--time", "20", id)
		if code := strings.TrimSpace(docker(t, "inspect", "--format", "{{.State.ExitCode}}", id)); code != "0" {
			t.Errorf("told to stop it ended with exit code %s:\n%s", code, docker(t, "logs", id))
		}
	})
	t.Run("agent", func(t *testing.T) {
		image := buildTarget(t, "agent")
		if out := docker(t, "run", "--rm", "--network", "none", image, "--help"); !strings.Contains(out, "trunkline-host") {
			t.Errorf("its help says %q", out)
		}
		docker(t, "run", "--rm", "--network", "none", "--entrypoint", "ovs-vsctl", image, "--version")
		docker(t, "run", "--rm", "--network", "none", "--entrypoint", "trunkline-init", image, "--", "true")
		agentInAContainer(t, image)
	})
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func buildTarget(t *testing.T, target string) string {
	t.Helper()
	image := fmt.Sprintf("trunkline-test/%s:%d", target, os.Getpid())
	build := exec.Command("docker", "build", "--quiet", "--network", "host", "--target", target, "--tag", image,
		"--build-arg", "BUILD_BASE=trunkline/base", "--build-arg", "BASE=trunkline/base", "--build-arg", "PREBUILT=bin", "../..")
	build.Env = append(os.Environ(), "DOCKER_BUILDKIT=0") // Debian's docker.io has no buildx
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { docker(t, "rmi", "--force", image) })
	return image
}

// readyURL waits until the controller in a container has written its ready file, and returns its address.
func readyURL(t *testing.T, id string) string {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := exec.Command("docker", "exec", id, "cat", "/tmp/ready.json").Output()
		var ready struct{ URL string }
		if err == nil && json.Unmarshal(out, &ready) == nil && ready.URL != "" {
			return ready.URL
		}
		if time.Now().After(deadline) {
			t.Fatalf("the controller is not ready after a minute:\n%s", docker(t, "logs", id))
		}
		<-tick.C
	}
}
