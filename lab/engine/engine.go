// Package engine is Docker, behind the interfaces of lab/host.
//
// It knows the Docker API: containers, execs, archives, images and events. It refuses to know networks (every container has none; lab/fabric
// plugs interfaces in), plans (lab/host) and the controller. It is the only importer of the Docker client.
package engine

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"

	"trunkline/lab/host"
)

// Labels that make up the ownership stamp of a container.
const (
	labelHost = "trunkline.host"
	labelLab  = "trunkline.lab"
	labelNode = "trunkline.node"
	labelSpec = "trunkline.spec"
)

// inspections is how many containers are asked for at once. Inspecting costs the engine 1 to 2 ms and no disk.
const inspections = 8

// Config says which engine to talk to and whose containers are ours.
type Config struct {
	HostID  string // the stamp
	Address string // such as unix:///var/run/docker.sock; "" takes DOCKER_HOST's default socket
	Seccomp string // the profile of every node, as JSON
	Log     *slog.Logger
}

// Engine implements host.Engine, Watcher, Execer, Files and Images.
type Engine struct {
	docker  *client.Client
	hostID  string
	seccomp string
	log     *slog.Logger

	endings sync.WaitGroup // goroutines that end abandoned execs

	mu     sync.Mutex
	images map[string]imageFacts // by image reference; forgotten when a create says the image is gone
}

var (
	_ host.Engine  = (*Engine)(nil)
	_ host.Watcher = (*Engine)(nil)
	_ host.Execer  = (*Engine)(nil)
	_ host.Files   = (*Engine)(nil)
	_ host.Images  = (*Engine)(nil)
)

// New makes the client. It does not connect: an engine that is down shows when it is asked.
func New(c Config) (*Engine, error) {
	options := []client.Opt{client.WithAPIVersionNegotiation()}
	if c.Address != "" {
		options = append(options, client.WithHost(c.Address))
	}
	docker, err := client.NewClientWithOpts(options...)
	if err != nil {
		return nil, sentence(err, "make the Docker client for %q", c.Address)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Engine{docker: docker, hostID: c.HostID, seccomp: c.Seccomp, log: c.Log, images: map[string]imageFacts{}}, nil
}

// Close waits for the engine's goroutines and drops its connections. Containers go on.
func (e *Engine) Close() error {
	e.endings.Wait()
	return e.docker.Close()
}

// Version is the engine's version and the API version in use.
func (e *Engine) Version(ctx context.Context) (engine, api string, err error) {
	v, err := e.docker.ServerVersion(ctx)
	if err != nil {
		return "", "", sentence(err, "ask Docker for its version")
	}
	return v.Version, e.docker.ClientVersion(), nil
}

// UserNamespaces reports whether the engine maps root inside containers to another user outside.
func (e *Engine) UserNamespaces(ctx context.Context) (bool, error) {
	info, err := e.docker.Info(ctx)
	if err != nil {
		return false, sentence(err, "ask Docker what it can do")
	}
	for _, option := range info.SecurityOptions {
		if option == "name=userns" {
			return true, nil
		}
	}
	return false, nil
}

// List returns every container with this host's stamp.
func (e *Engine) List(ctx context.Context) ([]host.Container, error) {
	found, err := e.docker.ContainerList(ctx, container.ListOptions{All: true, Filters: e.ours()})
	if err != nil {
		return nil, sentence(err, "list the containers")
	}
	containers := make([]host.Container, len(found))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inspections)
	for i := range found {
		group.Go(func() error {
			c, err := e.inspect(ctx, found[i].ID)
			containers[i] = c
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	present := containers[:0]
	for _, c := range containers {
		if c.ID != "" { // a container removed between the two calls is gone
			present = append(present, c)
		}
	}
	return present, nil
}

// inspect returns the zero Container for one that is gone.
func (e *Engine) inspect(ctx context.Context, id string) (host.Container, error) {
	d, err := e.docker.ContainerInspect(ctx, id)
	if isNotFound(err) {
		return host.Container{}, nil
	}
	if err != nil {
		return host.Container{}, sentence(err, "look at container %.12s", id)
	}
	c := host.Container{
		ID:       d.ID,
		Stamp:    stampOf(d.Config.Labels),
		SpecHash: d.Config.Labels[labelSpec],
		Image:    d.Config.Image,
		State:    d.State.Status,
		PID:      d.State.Pid,
		ExitCode: d.State.ExitCode,
	}
	if d.State.Health != nil && d.State.Health.Status != "none" {
		c.Health = d.State.Health.Status
	}
	if at, err := time.Parse(time.RFC3339Nano, d.State.StartedAt); err == nil && at.Year() > 1 {
		c.StartedAt = at
	}
	return c, nil
}

// Watch tells of every event of our containers until ctx ends or the engine's stream breaks.
func (e *Engine) Watch(ctx context.Context) (<-chan host.ContainerEvent, error) {
	if _, err := e.docker.Ping(ctx); err != nil {
		return nil, sentence(err, "follow the engine's events")
	}
	filter := e.ours()
	filter.Add("type", string(events.ContainerEventType))
	messages, failures := e.docker.Events(ctx, events.ListOptions{Filters: filter})
	out := make(chan host.ContainerEvent, 256)
	go func() { // ends with ctx or the stream; the reader sees the close
		defer close(out)
		for {
			select {
			case m := <-messages:
				event := host.ContainerEvent{ID: m.Actor.ID, Stamp: stampOf(m.Actor.Attributes), Event: string(m.Action)}
				select {
				case out <- event:
				case <-ctx.Done():
					return
				}
			case err := <-failures:
				if ctx.Err() == nil {
					e.log.Warn("the engine's event stream ended", "err", err)
				}
				return
			}
		}
	}()
	return out, nil
}

func (e *Engine) ours() filters.Args {
	return filters.NewArgs(filters.Arg("label", labelHost+"="+e.hostID))
}

func stampOf(labels map[string]string) host.Stamp {
	return host.Stamp{Host: labels[labelHost], Lab: labels[labelLab], Node: labels[labelNode]}
}
