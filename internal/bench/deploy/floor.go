package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"

	"trunkline/lab/host"
)

// floor makes the same containers, setting for setting, through the Docker API alone: what no lab tool can beat on this engine.
type floor struct {
	docker  *client.Client
	initDir string // stands in for the nodes' folders: an init and a gate that nobody opens
	workers int
	plain   bool // with the network that Docker makes for a container of network none
	round   atomic.Int64
}

const floorLabel = "trunkline.bench"

func newFloor(docker *client.Client, binary, dir string, plain bool) (*floor, error) {
	init, err := os.ReadFile(filepath.Join(filepath.Dir(binary), "trunkline-init"))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "init"), init, 0o755); err != nil {
		return nil, err
	}
	for _, file := range []string{host.HostsFile, host.ResolverFile} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("127.0.0.1 localhost\n"), 0o644); err != nil {
			return nil, err
		}
	}
	return &floor{docker: docker, initDir: dir, workers: 2, plain: plain}, syscall.Mkfifo(filepath.Join(dir, "gate"), 0o644)
}

// pattern is how one of our containers was made.
type pattern struct {
	config container.Config
	host   container.HostConfig
}

// patterns copies the settings of running containers.
func (f *floor) patterns(ctx context.Context, ids []string) ([]pattern, error) {
	all := make([]pattern, len(ids))
	err := f.parallel(ctx, len(ids), func(ctx context.Context, i int) error {
		d, err := f.docker.ContainerInspect(ctx, ids[i])
		if err != nil {
			return err
		}
		all[i] = pattern{config: *d.Config, host: *d.HostConfig}
		all[i].config.Labels = map[string]string{floorLabel: "floor"}
		all[i].config.NetworkDisabled = all[i].config.NetworkDisabled && !f.plain
		all[i].host.Mounts = []mount.Mount{{Type: mount.TypeBind, Source: f.initDir, Target: "/.trunkline", ReadOnly: true}}
		for _, m := range d.HostConfig.Mounts {
			if m.Target != "/.trunkline" && !f.plain {
				all[i].host.Mounts = append(all[i].host.Mounts, mount.Mount{Type: m.Type, Source: filepath.Join(f.initDir, filepath.Base(m.Source)), Target: m.Target})
			}
		}
		return nil
	})
	return all, err
}

// run creates and starts the containers, then removes them, and returns the seconds of both halves.
func (f *floor) run(ctx context.Context, patterns []pattern) (up, down float64, err error) {
	round := f.round.Add(1)
	ids := make([]string, len(patterns))
	begun := time.Now()
	err = f.parallel(ctx, len(patterns), func(ctx context.Context, i int) error {
		p := patterns[i]
		created, err := f.docker.ContainerCreate(ctx, &p.config, &p.host, nil, nil, fmt.Sprintf("tl-floor-%d-%d", round, i))
		if err != nil {
			return err
		}
		ids[i] = created.ID
		if err := f.docker.ContainerStart(ctx, created.ID, container.StartOptions{}); err != nil {
			return err
		}
		_, err = f.docker.ContainerInspect(ctx, created.ID) // its process id, without which nothing can be plugged in
		return err
	})
	up = time.Since(begun).Seconds()
	begun = time.Now()
	removal := f.parallel(context.WithoutCancel(ctx), len(ids), func(ctx context.Context, i int) error {
		if ids[i] == "" {
			return nil
		}
		return f.docker.ContainerRemove(ctx, ids[i], container.RemoveOptions{Force: true})
	})
	down = time.Since(begun).Seconds()
	if err == nil {
		err = removal
	}
	return up, down, err
}

func (f *floor) parallel(ctx context.Context, n int, do func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(f.workers)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

// bestWorkers is the concurrency at which the engine is fastest here.
func (f *floor) bestWorkers(ctx context.Context, patterns []pattern) (int, error) {
	best, fastest := 0, 0.0
	for _, workers := range []int{1, 2, 4, 8} {
		f.workers = workers
		up, _, err := f.run(ctx, patterns)
		if err != nil {
			return 0, err
		}
		fmt.Printf("floor.workers.%d %.4g s for %d containers\n", workers, up, len(patterns))
		if best == 0 || up < fastest {
			best, fastest = workers, up
		}
	}
	return best, nil
}

// clean removes what an interrupted run left.
func (f *floor) clean(ctx context.Context) error {
	left, err := f.docker.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", floorLabel))})
	if err != nil {
		return err
	}
	return f.parallel(ctx, len(left), func(ctx context.Context, i int) error {
		return f.docker.ContainerRemove(ctx, left[i].ID, container.RemoveOptions{Force: true})
	})
}
