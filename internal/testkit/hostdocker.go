package testkit

import (
	"bytes"
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
	"time"
)

// daemonWithin bounds the start of an engine or a switch on a slow machine.
const daemonWithin = 60 * time.Second

// DockerAddress is the host's engine, for the program and for DOCKER_HOST.
func (h *Host) DockerAddress() string { return "unix://" + filepath.Join(h.Dir, "docker.sock") }

// StartDocker starts the host's engine and waits until it answers. Containers that ran when it was killed are dead then, as after a
// restart of any engine without live-restore.
func (h *Host) StartDocker() {
	h.t.Helper()
	pidFile := filepath.Join(h.Dir, "docker.pid")
	_ = os.Remove(pidFile) // of one that was killed
	docker, err := h.daemon("dockerd", "--data-root", filepath.Join(h.Dir, "docker"), "--exec-root", filepath.Join(h.Dir, "exec"),
		"--pidfile", pidFile, "-H", h.DockerAddress(), "--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false",
		"--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent=/"+h.Name)
	if err == nil {
		h.docker = docker
		err = Until(context.Background(), daemonWithin, "an answer of the host's Docker", func() error {
			if out, err := h.Command(context.Background(), "docker", "version").CombinedOutput(); err != nil {
				return fmt.Errorf("docker version: %w: %s", err, out)
			}
			return nil
		})
	}
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(h.Dir, "dockerd.log")) // the error says enough without it
		h.t.Fatalf("start Docker: %v\n%s", err, tail(log))
	}
}

// KillDocker ends the engine as a crash does, the containerd it started included. What its containers ran goes on until StartDocker.
func (h *Host) KillDocker() {
	h.t.Helper()
	endProcess(h.docker, syscall.SIGKILL)
	h.docker = nil
	pidFile := filepath.Join(h.Dir, "exec", "containerd", "containerd.pid")
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return // it ended before it had one
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil {
		err = Until(context.Background(), time.Minute, "the end of containerd", func() error {
			if killed := syscall.Kill(pid, syscall.SIGKILL); killed == nil {
				return fmt.Errorf("process %d still runs", pid)
			}
			return os.Remove(pidFile)
		})
	}
	if err != nil {
		h.t.Errorf("kill Docker: %v", err)
	}
}

// endDocker removes every container first, so that nothing outlives the engine.
func (h *Host) endDocker() {
	if h.docker == nil {
		return
	}
	ids, err := h.Command(context.Background(), "docker", "ps", "--all", "--quiet").Output()
	if err == nil && len(ids) > 0 { // one that doesn't answer any more removes nothing
		err = Until(context.Background(), time.Minute, "the end of every container of host "+h.Name, func() error {
			ids, err := h.Command(context.Background(), "docker", "ps", "--all", "--quiet").Output()
			names := strings.Fields(string(ids))
			if err != nil || len(names) == 0 {
				return err
			}
			out, _ := h.Command(context.Background(), "docker", append([]string{"rm", "--force"}, names...)...).CombinedOutput() // some are going already
			return fmt.Errorf("docker rm: %s", out)
		})
		if err != nil {
			h.t.Error(err)
		}
	}
	endProcess(h.docker, syscall.SIGTERM)
	h.docker = nil
}

// daemon starts a program inside the host that ends with this test process at the latest.
func (h *Host) daemon(name string, arguments ...string) (*exec.Cmd, error) {
	log, err := os.OpenFile(filepath.Join(h.Dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := h.Command(context.Background(), name, arguments...)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return command, command.Start()
}

// endProcess sends the signal and waits; one that does not end is killed.
func endProcess(command *exec.Cmd, signal syscall.Signal) {
	if command == nil || command.Process == nil {
		return
	}
	_ = command.Process.Signal(signal) // gone already is what is wanted
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // how it ended is of no interest
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		_ = command.Process.Kill()
		<-ended
	}
}

// saved are the archives of images, written once a run by this machine's engine.
var saved struct {
	mu    sync.Mutex
	files map[string]string
}

func (h *Host) loadImages(images []string) error {
	if len(images) == 0 {
		return nil
	}
	archive, err := saveImages(images)
	if err != nil {
		return err
	}
	if out, err := h.Command(context.Background(), "docker", "load", "--quiet", "--input", archive).CombinedOutput(); err != nil {
		return fmt.Errorf("docker load: %w: %s", err, out)
	}
	return nil
}

func saveImages(images []string) (string, error) {
	saved.mu.Lock()
	defer saved.mu.Unlock()
	key := strings.Join(images, " ")
	if file := saved.files[key]; file != "" {
		return file, nil
	}
	worked = true
	dir, err := work()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, fmt.Sprintf("images-%d.tar", len(saved.files)))
	command := exec.Command("docker", append([]string{"save", "--output", file}, images...)...)
	if out, err := command.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("docker save: %w: %s", err, out), os.Remove(file))
	}
	if saved.files == nil {
		saved.files = map[string]string{}
	}
	saved.files[key] = file
	return file, nil
}

// tail is the end of a log.
func tail(log []byte) []byte {
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-15):], []byte("\n"))
}
