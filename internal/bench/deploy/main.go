// Command deploy measures how long rings of nodes take from Deploy to running and back, beside the same containers made through the Docker
// API alone with the best concurrency, the two in turn in one run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/docker/docker/client"

	"trunkline/internal/bench"
	tlclient "trunkline/internal/client"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
)

const image = "trunkline/tiny:latest"

func main() {
	binary := flag.String("binary", "bin/trunkline", "the program to measure")
	rounds := flag.Int("rounds", 3, "how often each size runs; medians are reported")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *binary, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench deploy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, rounds int) (err error) {
	docker, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return err
	}
	f := &floor{docker: docker, image: image, workers: 2}
	if err := f.clean(ctx); err != nil {
		return err
	}
	if f.workers, err = bestWorkers(ctx, f); err != nil {
		return err
	}
	data, err := os.MkdirTemp("", "trunkline-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	program, err := testkit.Up(ctx, binary, data)
	if err != nil {
		return err
	}
	defer program.Stop()
	record := bench.New("deploy")
	perNode := map[int]float64{}
	for _, n := range []int{10, 50, 100} {
		if perNode[n], err = measure(ctx, program, f, record, n, rounds); err != nil {
			return err
		}
	}
	record.Set("deploy.per_node_growth", perNode[100]/perNode[10], "ratio")
	if resident, err := program.MemoryBytes(); err == nil {
		record.Set("controller.resident", float64(resident)/(1<<20), "MiB")
	}
	return record.Write()
}

// bestWorkers is the concurrency at which the engine is fastest here.
func bestWorkers(ctx context.Context, f *floor) (int, error) {
	best, fastest := 0, 0.0
	for _, workers := range []int{1, 2, 4, 8} {
		f.workers = workers
		up, _, err := f.run(ctx, 16)
		if err != nil {
			return 0, err
		}
		fmt.Printf("floor.workers.%d %.4g s for 16 containers\n", workers, up)
		if best == 0 || up < fastest {
			best, fastest = workers, up
		}
	}
	return best, nil
}

// measure runs our side and the floor in turn and returns our seconds per node.
func measure(ctx context.Context, p *testkit.Program, f *floor, record *bench.Record, n, rounds int) (float64, error) {
	name := fmt.Sprintf("ring-%d", n)
	if _, err := p.Client.Create(ctx, tlclient.Import{Body: strings.NewReader(ring(name, n)), ContentType: "application/yaml", File: name + ".clab.yml"}); err != nil {
		return 0, err
	}
	var up, down, floorUp, floorDown, upRatio, downRatio []float64
	for range rounds {
		fu, fd, err := f.run(ctx, n)
		if err != nil {
			return 0, err
		}
		u, d, err := cycle(ctx, p, name)
		if err != nil {
			return 0, err
		}
		up, down, floorUp, floorDown = append(up, u), append(down, d), append(floorUp, fu), append(floorDown, fd)
		upRatio, downRatio = append(upRatio, u/fu), append(downRatio, d/fd)
	}
	size := fmt.Sprint(n)
	record.Set("deploy.seconds."+size, bench.Median(up), "s")
	record.Set("deploy.floor."+size, bench.Median(floorUp), "s")
	record.Set("deploy.ratio."+size, bench.Median(upRatio), "ratio")
	record.Set("deploy.per_node."+size, bench.Median(up)/float64(n), "s")
	record.Set("destroy.seconds."+size, bench.Median(down), "s")
	record.Set("destroy.floor."+size, bench.Median(floorDown), "s")
	record.Set("destroy.ratio."+size, bench.Median(downRatio), "ratio")
	return bench.Median(up) / float64(n), nil
}

// cycle deploys and destroys a lab once.
func cycle(ctx context.Context, p *testkit.Program, lab string) (up, down float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	begun := time.Now()
	if _, err := p.Client.Intent(ctx, lab, "deploy", nil); err != nil {
		return 0, 0, err
	}
	if _, err := p.AwaitState(ctx, lab, control.Running); err != nil {
		return 0, 0, errors.Join(err, errors.New(p.Output()))
	}
	up = time.Since(begun).Seconds()
	begun = time.Now()
	if _, err := p.Client.Intent(ctx, lab, "destroy", nil); err != nil {
		return 0, 0, err
	}
	_, err = p.AwaitState(ctx, lab, control.Stored)
	return up, time.Since(begun).Seconds(), err
}

// ring is a lab file of n nodes, each linked to the next and the last to the first.
func ring(name string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\ntopology:\n  defaults: {kind: linux, image: %s}\n  nodes:\n", name, image)
	for i := range n {
		fmt.Fprintf(&b, "    n%d: {}\n", i)
	}
	b.WriteString("  links:\n")
	for i := range n {
		fmt.Fprintf(&b, "    - endpoints: [n%d:eth1, n%d:eth2]\n", i, (i+1)%n)
	}
	return b.String()
}
