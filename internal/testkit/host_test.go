package testkit_test

import (
	"os"
	"strings"
	"testing"

	"trunkline/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const tiny = "trunkline/tiny:latest"

func TestAHostHasItsOwnEngineAndSwitchAndLeavesNothing(t *testing.T) {
	var dir, name string
	t.Run("host", func(t *testing.T) {
		h := testkit.NewHost(t, tiny)
		dir, name = h.Dir, h.Name
		if left := h.Census(); len(left) > 0 {
			t.Errorf("a new host has %q", left)
		}
		if got := h.Run("docker", "ps", "--all", "--quiet"); got != "" {
			t.Errorf("a new host's engine has containers: %s", got)
		}
		h.Run("docker", "run", "--detach", "--network=none", "--name=sleeper", tiny, "sleep", "1000")
		h.Run("ovs-vsctl", "--", "add-br", "other", "--", "set", "bridge", "other", "datapath_type=netdev")
		if left := strings.Join(h.Census(), "\n"); !strings.Contains(left, "sleeper") || !strings.Contains(left, "bridge other") {
			t.Errorf("the census saw %q", left)
		}
		h.KillDocker()
		h.KillOVS()
		h.StartDocker()
		h.StartOVS()
		if got := h.Run("docker", "inspect", "--format", "{{.State.Running}}", "sleeper"); got != "false\n" {
			t.Errorf("after the engine's crash the container runs: %s", got)
		}
		if got := h.Run("ovs-vsctl", "list-br"); got != "br-phy\nother\n" {
			t.Errorf("after the switch's crash its bridges are %q", got)
		}
		h.Run("docker", "start", "sleeper")
		h.KillDocker() // so that the end has shims to sweep
	})
	if dir == "" {
		t.Skip("there was no host")
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder %s is left: %v", dir, err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), name) {
		t.Errorf("mounts of %s are left: %v", name, err)
	}
	if _, err := os.Stat("/sys/fs/cgroup/memory/" + name); !os.IsNotExist(err) {
		t.Errorf("control groups are left: %v", err)
	}
}
