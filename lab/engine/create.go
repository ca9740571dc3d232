package engine

import (
	"context"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"trunkline/internal/fault"
	"trunkline/lab/host"
)

// Where the node's read-only folder is inside a container, and the program that is every node's PID 1.
const (
	insideDir = "/.trunkline"
	initPath  = insideDir + "/init"
	gatePath  = insideDir + "/gate"
)

// baseCaps is what every node gets after dropping all: networking, and what ordinary services need to change user and bind ports.
var baseCaps = []string{"NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE", "SETUID", "SETGID", "CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL"}

// createWithin bounds a create whose caller has gone.
const createWithin = 2 * time.Minute

// Create makes the container and puts the node's files in. Nothing stays when it fails. Docker finishes a create whose caller has
// gone, so the request is seen through whatever becomes of ctx: a container that nobody knows of is worse than a moment's wait.
func (e *Engine) Create(ctx context.Context, c host.ContainerSpec) (string, error) {
	image, err := e.imageFacts(ctx, c.Node.Image)
	if err != nil {
		return "", err
	}
	config := containerConfig(c, image)
	through, cancel := context.WithTimeout(context.WithoutCancel(ctx), createWithin)
	defer cancel()
	created, err := e.docker.ContainerCreate(through, config, e.hostConfig(c, image), nil, nil, containerName(c.Stamp))
	if isNotFound(err) {
		e.forgetImage(c.Node.Image)
		return "", missingImage(c.Node.Image, err)
	}
	if err != nil {
		return "", sentence(err, "make the container of node %s", c.Node.Name)
	}
	if len(c.Node.Files) > 0 {
		if err := e.putFiles(ctx, created.ID, c); err != nil {
			clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
			defer cancel()
			if removal := e.Remove(clean, created.ID); removal != nil {
				e.log.Error("a container whose files could not be put in stays behind until the next convergence", "container", created.ID, "err", removal)
			}
			return "", err
		}
	}
	return created.ID, nil
}

func containerName(s host.Stamp) string { return "tl-" + s.Lab + "-" + s.Node }

func containerConfig(c host.ContainerSpec, image imageFacts) *container.Config {
	n := c.Node
	labels := maps.Clone(n.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[labelHost], labels[labelLab], labels[labelNode], labels[labelSpec] = c.Stamp.Host, c.Stamp.Lab, c.Stamp.Node, c.SpecHash
	config := &container.Config{
		Hostname:   n.Hostname,
		User:       n.User,
		Image:      n.Image,
		Labels:     labels,
		Entrypoint: []string{initPath},
		Cmd:        initArguments(n.Entrypoint, n.Cmd, image),
		Env:        envList(n.Env),
		StopSignal: "SIGTERM",
		// Without this Docker starts itself anew for every container, to look after a network namespace that it puts nothing in: half
		// of the time that a start takes. The container has a namespace of its own all the same.
		NetworkDisabled: true,
	}
	if h := n.Healthcheck; h != nil {
		config.Healthcheck = &container.HealthConfig{Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries}
	}
	return config
}

// initArguments is what init is told to run. A command that the file does not name may end, or be a shell without a terminal: the node
// stays alive then, because what people want of such an image is a machine to log in to.
func initArguments(entrypoint, cmd []string, image imageFacts) []string {
	keep := len(entrypoint) == 0 && len(cmd) == 0
	if len(entrypoint) == 0 {
		entrypoint = image.entrypoint
		if len(cmd) == 0 {
			cmd = image.cmd
		}
	}
	command := slices.Concat(entrypoint, cmd)
	if isBareShell(command) {
		keep, command = true, nil
	}
	arguments := []string{"-gate", gatePath}
	if keep {
		arguments = append(arguments, "-keep")
	}
	return append(append(arguments, "--"), command...)
}

// isBareShell reports a command that would end at once for want of a terminal.
func isBareShell(command []string) bool {
	if len(command) == 0 {
		return true
	}
	switch path.Base(command[0]) {
	case "sh", "bash", "ash", "dash", "zsh":
		return len(command) == 1 || (len(command) == 2 && (command[1] == "-l" || command[1] == "-i"))
	}
	return false
}

func (e *Engine) hostConfig(c host.ContainerSpec, image imageFacts) *container.HostConfig {
	n := c.Node
	config := &container.HostConfig{
		NetworkMode: "none",
		CapDrop:     []string{"ALL"},
		CapAdd:      capsOf(n.CapAdd, image.caps),
		SecurityOpt: []string{"no-new-privileges:true"},
		Sysctls:     n.Sysctls,
		ShmSize:     n.ShmBytes,
		Mounts:      nodeMounts(c.InitDir),
		LogConfig:   container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m", "max-file": "2"}},
		Resources: container.Resources{
			NanoCPUs:   int64(n.CPU * 1e9),
			Memory:     n.MemoryBytes,
			MemorySwap: n.MemoryBytes, // the same: no swap on top
		},
	}
	if e.seccomp != "" {
		config.SecurityOpt = append(config.SecurityOpt, "seccomp="+e.seccomp)
	}
	if n.Pids > 0 {
		config.Resources.PidsLimit = &n.Pids
	}
	return config
}

// nodeMounts are the node's folder, and the files in it that stand in for those Docker writes where it makes a network.
func nodeMounts(dir string) []mount.Mount {
	mounts := []mount.Mount{{Type: mount.TypeBind, Source: dir, Target: insideDir, ReadOnly: true}}
	for _, file := range []string{host.HostsFile, host.ResolverFile} {
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
			mounts = append(mounts, mount.Mount{Type: mount.TypeBind, Source: filepath.Join(dir, file), Target: "/etc/" + file})
		}
	}
	return mounts
}

// capsOf joins the base set, what the image says it needs as far as that is allowed, and what the file asks for (validated by package lab).
func capsOf(file, image []string) []string {
	caps := slices.Concat(baseCaps, image, file)
	slices.Sort(caps)
	return slices.Compact(caps)
}

func envList(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

func missingImage(image string, cause error) error {
	return fault.Wrap(cause, fault.NotFound, "Image %s is not on this compute host. Build or load it there (docker images lists what is there), or map it to another with an image map.", strings.TrimSpace(image))
}

// Start starts the container and returns the process id of its init, and the time that the engine says.
func (e *Engine) Start(ctx context.Context, id string) (host.Started, error) {
	if err := e.docker.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		return host.Started{}, sentence(err, "start container %.12s", id)
	}
	c, err := e.inspect(ctx, id)
	if err != nil {
		return host.Started{}, err
	}
	if c.PID == 0 {
		return host.Started{}, fault.New(fault.Conflict, "The node's container ended as soon as it was started, with exit code %d.", c.ExitCode)
	}
	return host.Started{PID: c.PID, At: c.StartedAt}, nil
}

// Stop ends the container; a stopped one is no error.
func (e *Engine) Stop(ctx context.Context, id string, grace time.Duration) error {
	seconds := max(1, int(grace.Seconds()))
	if err := e.docker.ContainerStop(ctx, id, container.StopOptions{Timeout: &seconds}); err != nil {
		return sentence(err, "stop container %.12s", id)
	}
	return nil
}

// Pause freezes or thaws the container; asking for what it already is is no error.
func (e *Engine) Pause(ctx context.Context, id string, on bool) error {
	c, err := e.inspect(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case on && c.State == "running":
		err = e.docker.ContainerPause(ctx, id)
	case !on && c.State == "paused":
		err = e.docker.ContainerUnpause(ctx, id)
	}
	if err != nil {
		return sentence(err, "pause or resume container %.12s", id)
	}
	return nil
}

// Remove kills and removes the container; a missing one is no error.
func (e *Engine) Remove(ctx context.Context, id string) error {
	err := e.docker.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if err == nil || isNotFound(err) {
		return nil
	}
	if strings.Contains(err.Error(), "is already in progress") {
		return e.awaitRemoval(ctx, id)
	}
	return sentence(err, "remove container %.12s", id)
}

// awaitRemoval waits for a removal that someone else began, such as this agent before it was restarted.
func (e *Engine) awaitRemoval(ctx context.Context, id string) error {
	done, failed := e.docker.ContainerWait(ctx, id, container.WaitConditionRemoved)
	select {
	case <-done:
		return nil
	case err := <-failed:
		if isNotFound(err) {
			return nil
		}
		return sentence(err, "wait for container %.12s to go", id)
	}
}
