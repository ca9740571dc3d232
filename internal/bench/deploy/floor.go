package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"
)

// floor makes the same containers through the Docker API alone: what no lab tool can beat on this engine.
type floor struct {
	docker  *client.Client
	image   string
	workers int
	round   atomic.Int64
}

const floorLabel = "trunkline.bench"

// run creates and starts n containers, then removes them, and returns the seconds of both halves.
func (f *floor) run(ctx context.Context, n int) (up, down float64, err error) {
	round := f.round.Add(1)
	ids := make([]string, n)
	begun := time.Now()
	err = f.parallel(ctx, n, func(ctx context.Context, i int) error {
		created, err := f.docker.ContainerCreate(ctx, &container.Config{Image: f.image, Labels: map[string]string{floorLabel: "floor"}, Hostname: fmt.Sprintf("n%d", i)},
			&container.HostConfig{
				NetworkMode: "none", CapDrop: []string{"ALL"}, CapAdd: []string{"NET_ADMIN", "NET_RAW"}, SecurityOpt: []string{"no-new-privileges:true"},
				LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m"}},
			}, nil, nil, fmt.Sprintf("tl-floor-%d-%d", round, i))
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
	removal := f.parallel(context.WithoutCancel(ctx), n, func(ctx context.Context, i int) error {
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
