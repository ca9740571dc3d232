package setup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script runs one of the scripts with extra environment and returns all it said and whether it succeeded.
func script(t *testing.T, env []string, args ...string) (string, bool) {
	t.Helper()
	c := exec.Command("bash", args...)
	c.Env = append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return string(out), err == nil
}

func require(t *testing.T, present bool, what string) {
	t.Helper()
	switch {
	case present:
	case os.Getenv("TRUNKLINE_REQUIRE_REAL") != "":
		t.Fatal(what)
	default:
		t.Skip(what)
	}
}

func requireDocker(t *testing.T) {
	t.Helper()
	if os.Getenv("TRUNKLINE_NO_REAL") != "" || testing.Short() {
		t.Skip("left out of the fast tests: it needs Docker")
	}
	err := exec.Command("docker", "image", "inspect", "trunkline/base").Run()
	require(t, err == nil, "Docker or trunkline/base is not there: make images")
}

func TestInstallNamesWhatIsMissingOrSaysNothing(t *testing.T) {
	missing, ok := script(t, nil, "install.sh", "--list", "run")
	if !ok {
		t.Fatalf("install.sh --list: %s", missing)
	}
	if missing != "" {
		t.Skipf("this machine lacks %s: installing is for make run", strings.Fields(missing))
	}
	begin := time.Now()
	if out, ok := script(t, nil, "install.sh", "run"); !ok || out != "" {
		t.Errorf("nothing is missing, but it said (success=%v): %s", ok, out)
	}
	t.Logf("looked in %v", time.Since(begin))
}

// onAFreshMachine runs install.sh in a container of the base image: a Debian with nothing but apt. A Go is put in, as the README asks for one.
func onAFreshMachine(t *testing.T, user string, args ...string) (string, bool) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("docker", append([]string{
		"run", "--rm", "--network", "none", "--user", user, "--volume", root + ":/src:ro",
		"--volume", "/bin/true:/usr/local/go/bin/go:ro", "trunkline/base", "/src/internal/setup/install.sh",
	}, args...)...)
	out, err := c.CombinedOutput()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return string(out), err == nil
}

func TestAFreshMachineLacksWhatItLacks(t *testing.T) {
	t.Parallel()
	requireDocker(t)
	run, ok := onAFreshMachine(t, "root", "--list", "run")
	if !ok {
		t.Fatal(run)
	}
	for _, name := range []string{"docker.io", "openvswitch-switch", "nftables", "iproute2", "mmdebstrap", "busybox-static", "gcc", "libc6-dev", "curl"} {
		if !strings.Contains("\n"+run, "\n"+name+"\n") {
			t.Errorf("%s is not among what is missing: %s", name, strings.Fields(run))
		}
	}
	if strings.Contains(run, "chromium") {
		t.Error("running needs no browser")
	}
	test, ok := onAFreshMachine(t, "root", "--list", "test")
	if !ok || !strings.HasPrefix(test, run) || !strings.Contains(test, "\nchromium\n") || !strings.Contains(test, "\npostgresql\n") {
		t.Errorf("for the tests are missing (success=%v): %s", ok, strings.Fields(test))
	}
}

func TestAPlainUserIsToldToUseSudo(t *testing.T) {
	t.Parallel()
	requireDocker(t)
	out, ok := onAFreshMachine(t, "nobody", "run")
	if ok || !strings.Contains(out, "docker.io") || !strings.Contains(out, "run this again with sudo") {
		t.Errorf("success=%v: %s", ok, out)
	}
}

func TestAMachineThatIsOfflineSaysSo(t *testing.T) {
	t.Parallel()
	requireDocker(t)
	out, ok := onAFreshMachine(t, "root", "run")
	if ok || !strings.Contains(out, "Trunkline installs what this machine lacks: docker.io") || !strings.Contains(out, "is this machine online?") {
		t.Errorf("success=%v: %s", ok, out)
	}
}

// standIn is an environment in which daemons.sh finds a dockerd of our own making, and no Docker that answers. It waits so many seconds for it.
func standIn(t *testing.T, dockerd string, seconds int) (env []string, dir string) {
	t.Helper()
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		t.Skip("systemd starts the daemons on this machine")
	}
	require(t, os.Geteuid() == 0, "only root can start daemons")
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dockerd"), []byte("#!/bin/bash\n"+dockerd), 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{
		"PATH=" + dir + ":" + os.Getenv("PATH"), "TRUNKLINE_DOCKER_SOCKET=" + filepath.Join(dir, "docker.sock"),
		"TRUNKLINE_LOG_DIR=" + dir, "TRUNKLINE_RUN_DIR=" + dir, fmt.Sprint("TRUNKLINE_WAIT_SECONDS=", seconds),
	}, dir
}

func TestADaemonThatEndsAtOnceShowsItsLog(t *testing.T) {
	t.Parallel()
	env, _ := standIn(t, "echo 'no space left on device' >&2; exit 1\n", 60)
	out, ok := script(t, env, "daemons.sh", "start")
	if ok || !strings.Contains(out, "because it ended at once") || !strings.Contains(out, "  no space left on device") {
		t.Errorf("success=%v: %s", ok, out)
	}
}

func TestADaemonThatHangsIsNotWaitedForForever(t *testing.T) {
	t.Parallel()
	env, dir := standIn(t, "echo waiting; trap 'echo told to end; exit' TERM; while :; do read -t 0.1 <> <(:); done\n", 5)
	out, ok := script(t, env, "daemons.sh", "start")
	if ok || !strings.Contains(out, "does not answer after 5 seconds") || !strings.Contains(out, "  waiting") {
		t.Errorf("success=%v: %s", ok, out)
	}
	if out, ok := script(t, env, "daemons.sh", "stop"); !ok {
		t.Errorf("stop: %s", out)
	}
	if log, err := os.ReadFile(filepath.Join(dir, "dockerd.log")); err != nil || !strings.Contains(string(log), "told to end") {
		t.Errorf("%v: the log holds %s", err, log)
	}
}

func TestStatusTellsWhatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	out, ok := script(t, []string{"TRUNKLINE_DOCKER_SOCKET=" + filepath.Join(t.TempDir(), "none")}, "daemons.sh", "status")
	if ok || !strings.Contains(out, "Docker does not answer.") {
		t.Errorf("success=%v: %s", ok, out)
	}
}

func TestScriptsAreClean(t *testing.T) {
	t.Parallel()
	_, err := exec.LookPath("shellcheck")
	require(t, err == nil, "shellcheck is not installed")
	scripts := []string{"../../.ci/run", "../../images/host/files/etc/dhcp/dhclient-enter-hooks.d/trunkline"}
	for _, pattern := range []string{"*.sh", "../../images/*.sh", "../../images/*/*.sh", "../../images/*/files/usr/local/*bin/*"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no script matches %s (%v)", pattern, err)
		}
		scripts = append(scripts, found...)
	}
	if out, err := exec.Command("shellcheck", scripts...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
