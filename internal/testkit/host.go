package testkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Host is a compute host for tests: its own network and mount namespaces, Docker engine and Open vSwitch, so that a test can end
// these without disturbing others. Its programs are reached at Address from the test's own namespace.
type Host struct {
	Name     string // also of its control group
	Dir      string // everything it keeps
	Address  string // by which the test and a controller reach it
	Underlay string // by which the tunnels of other hosts reach it

	t        testing.TB
	holder   *exec.Cmd // keeps the namespaces
	hold     io.Closer // closing it ends the holder
	docker   *exec.Cmd
	database *exec.Cmd
	vswitchd *exec.Cmd
	programs []*Program
	agents   []*Agent
	starts   int
}

// prepare runs inside the new namespaces. What engines and agents would share by path gets a place of its own.
const prepare = `set -e
mkdir -p /run/netns /run/containerd
mount -t tmpfs tmpfs /run/netns
mount -t tmpfs tmpfs /run/containerd
ip link set lo up
echo ready
exec cat`

// NewHost makes a host with the images, which this machine's engine must have, and ends it with the test. It skips the test where
// the real parts are missing.
func NewHost(t testing.TB, images ...string) *Host {
	t.Helper()
	if reason := missing(images); reason != "" {
		Unable(t, "%s", reason)
	}
	dir, err := os.MkdirTemp("", "tlh-") // short: sockets have paths of at most 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	h := &Host{Name: filepath.Base(dir), Dir: dir, t: t}
	t.Cleanup(func() {
		if err := h.end(); err != nil {
			t.Errorf("ending host %s: %v", h.Name, err)
		}
	})
	err = errors.Join(os.Chmod(dir, 0o711), h.unshare())
	if err == nil {
		h.Address, h.Underlay, err = joinWires(h.Name, h.holder.Process.Pid)
	}
	if err != nil {
		t.Fatalf("make host %s: %v", h.Name, err)
	}
	h.StartOVS()
	h.StartDocker()
	if err := h.loadImages(images); err != nil {
		t.Fatal(err)
	}
	return h
}

// missing says what a host needs and this machine lacks.
func missing(images []string) string {
	if testing.Short() || os.Getenv("TRUNKLINE_NO_REAL") == "1" {
		return "starts real engines, which the fast tests leave out"
	}
	if os.Geteuid() != 0 {
		return "needs root"
	}
	for _, program := range []string{"dockerd", "docker", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl", "ovsdb-tool", "nsenter", "ip"} {
		if _, err := exec.LookPath(program); err != nil {
			return "needs " + program + "; make install-test installs it"
		}
	}
	for _, image := range images {
		if out, err := exec.Command("docker", "image", "inspect", image).CombinedOutput(); err != nil {
			return fmt.Sprintf("needs the image %s in this machine's engine; make images builds it (%s)", image, strings.TrimSpace(string(out)))
		}
	}
	return ""
}

func (h *Host) unshare() error {
	h.holder = exec.Command("sh", "-c", prepare)
	h.holder.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	h.holder.Stderr = os.Stderr
	hold, err := h.holder.StdinPipe()
	if err != nil {
		return err
	}
	h.hold = hold
	said, err := h.holder.StdoutPipe()
	if err != nil {
		return err
	}
	if err := h.holder.Start(); err != nil {
		return fmt.Errorf("make namespaces: %w", err)
	}
	if _, err := io.ReadFull(said, make([]byte, len("ready\n"))); err != nil {
		return fmt.Errorf("prepare namespaces: %w", err)
	}
	return nil
}

// inside is how a command line runs in the host's namespaces. nsenter becomes the command: the process id is the command's.
func (h *Host) inside() []string {
	return []string{"nsenter", "--target", strconv.Itoa(h.holder.Process.Pid), "--mount", "--net", "--"}
}

// Command is a command inside the host, with its Docker and Open vSwitch in the environment.
func (h *Host) Command(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	line := append(h.inside(), name)
	line = append(line, arguments...)
	command := exec.CommandContext(ctx, line[0], line[1:]...)
	command.Env = h.environment()
	return command
}

// Run runs a command inside the host and returns what it prints; a failure fails the test.
func (h *Host) Run(name string, arguments ...string) string {
	h.t.Helper()
	out, err := h.Command(context.Background(), name, arguments...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s %s on host %s: %v\n%s", name, strings.Join(arguments, " "), h.Name, err, out)
	}
	return string(out)
}

func (h *Host) environment() []string {
	return append(os.Environ(), "DOCKER_HOST="+h.DockerAddress(), "OVS_RUNDIR="+h.OVSFolder(), "OVS_DBDIR="+h.OVSFolder(), "OVS_LOGDIR="+h.OVSFolder())
}

// Data is the data folder of the host's program.
func (h *Host) Data() string { return filepath.Join(h.Dir, "data") }

// Up starts the program on the host with its data in Data(); more arguments overrule. It ends with the test.
func (h *Host) Up(binary string, arguments ...string) *Program {
	h.t.Helper()
	p, err := h.TryUp(binary, arguments...)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// TryUp is Up for programs that may refuse to start.
func (h *Host) TryUp(binary string, arguments ...string) (*Program, error) {
	h.starts++
	p := &Program{Binary: binary, Data: h.Data(), prefix: h.inside(), ready: filepath.Join(h.Dir, fmt.Sprintf("ready-%d.json", h.starts))}
	p.arguments = append([]string{"up", "--listen", h.Address + ":0", "--data", h.Data(), "--ready-file", p.ready}, h.Flags()...)
	p.arguments = append(p.arguments, arguments...)
	h.programs = append(h.programs, p)
	return p, p.Start(context.Background())
}

// Flags tell the program which engine and switch are the host's.
func (h *Host) Flags() []string {
	return []string{"--docker", h.DockerAddress(), "--ovs", h.OVSFolder()}
}

// end ends everything the host runs and removes what it keeps. It may be called on a half-made host.
func (h *Host) end() error {
	for _, p := range h.programs {
		p.Stop()
	}
	for _, a := range h.agents {
		a.Stop()
	}
	h.endDocker()
	h.KillOVS()
	var errs []error
	if h.hold != nil && h.holder.Process != nil {
		errs = append(errs, h.sweep())
		h.hold.Close()
		_ = h.holder.Wait() // its pipe was closed on purpose
	}
	errs = append(errs, h.removeGroups())
	if h.Address != "" {
		errs = append(errs, leaveWires())
	}
	return errors.Join(append(errs, os.RemoveAll(h.Dir))...)
}

// sweep kills what still runs in the host's mount namespace or control groups, such as the shims of a killed engine.
func (h *Host) sweep() error {
	return Until(context.Background(), time.Minute, "the end of every process of host "+h.Name, func() error {
		left := h.processes()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // gone already is what is wanted
		}
		if len(left) > 0 {
			return fmt.Errorf("%v still run", left)
		}
		return nil
	})
}

func (h *Host) processes() []int {
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", h.holder.Process.Pid))
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == h.holder.Process.Pid {
			continue
		}
		namespace, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid)) // a process that just ended has none
		groups, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if namespace == own || strings.Contains(string(groups), "/"+h.Name+"/") {
			found = append(found, pid)
		}
	}
	return found
}

// removeGroups removes the control groups that the engine made, the deepest first.
func (h *Host) removeGroups() error {
	tops, err := filepath.Glob("/sys/fs/cgroup/*/" + h.Name)
	if err != nil {
		return err
	}
	tops = append(tops, "/sys/fs/cgroup/"+h.Name)
	return Until(context.Background(), time.Minute, "the end of the control groups of host "+h.Name, func() error {
		var errs []error
		for _, top := range tops {
			var folders []string
			err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && entry.IsDir() {
					folders = append(folders, path)
				}
				return nil // what is gone meanwhile is what is wanted
			})
			slices.Reverse(folders)
			for _, folder := range folders {
				err = errors.Join(err, os.Remove(folder))
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}
