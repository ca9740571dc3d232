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
	"strconv"
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
	sizes := flag.String("sizes", "10,50,100", "how many nodes the rings have")
	plain := flag.Bool("plain", false, "let the floor's containers have the network that Docker makes for network none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *binary, *rounds, strings.Split(*sizes, ","), *plain); err != nil {
		fmt.Fprintln(os.Stderr, "bench deploy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, rounds int, sizes []string, plain bool) (err error) {
	docker, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "trunkline-floor-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	f, err := newFloor(docker, binary, dir, plain)
	if err != nil {
		return err
	}
	if err := f.clean(ctx); err != nil {
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
	b := &deployBench{program: program, floor: f, record: bench.New("deploy"), rounds: rounds}
	perNode := map[int]float64{}
	for _, size := range sizes {
		n, err := strconv.Atoi(size)
		if err != nil || n < 3 {
			return fmt.Errorf("%q is no size of a ring", size)
		}
		if perNode[n], err = b.measure(ctx, n); err != nil {
			return err
		}
	}
	if perNode[10] > 0 && perNode[100] > 0 {
		b.record.Set("deploy.per_node_growth", perNode[100]/perNode[10], "ratio")
	}
	if resident, err := program.MemoryBytes(); err == nil {
		b.record.Set("controller.resident", float64(resident)/(1<<20), "MiB")
	}
	if err := b.measureLinks(ctx); err != nil {
		return err
	}
	return b.record.Write()
}

type deployBench struct {
	program *testkit.Program
	floor   *floor
	record  *bench.Record
	rounds  int
}

// measure runs our side and the floor in turn and returns our seconds per node.
func (b *deployBench) measure(ctx context.Context, n int) (float64, error) {
	name := fmt.Sprintf("ring-%d", n)
	if err := b.create(ctx, name, ring(name, n)); err != nil {
		return 0, err
	}
	var up, down, floorUp, floorDown, upRatio, downRatio []float64
	for range b.rounds {
		u, d, patterns, err := b.cycle(ctx, name)
		if err != nil {
			return 0, err
		}
		if b.floor.round.Load() == 0 {
			if b.floor.workers, err = b.floor.bestWorkers(ctx, patterns); err != nil {
				return 0, err
			}
		}
		fu, fd, err := b.floor.run(ctx, patterns)
		if err != nil {
			return 0, err
		}
		up, down, floorUp, floorDown = append(up, u), append(down, d), append(floorUp, fu), append(floorDown, fd)
		upRatio, downRatio = append(upRatio, u/fu), append(downRatio, d/fd)
	}
	size := fmt.Sprint(n)
	b.record.Set("deploy.seconds."+size, bench.Median(up), "s")
	b.record.Set("deploy.floor."+size, bench.Median(floorUp), "s")
	b.record.Set("deploy.ratio."+size, bench.Median(upRatio), "ratio")
	b.record.Set("deploy.per_node."+size, bench.Median(up)/float64(n), "s")
	b.record.Set("destroy.seconds."+size, bench.Median(down), "s")
	b.record.Set("destroy.floor."+size, bench.Median(floorDown), "s")
	b.record.Set("destroy.ratio."+size, bench.Median(downRatio), "ratio")
	return bench.Median(up) / float64(n), nil
}

// measureLinks adds a hundred links to a lab of a hundred running nodes: only the links are made.
func (b *deployBench) measureLinks(ctx context.Context) error {
	const n = 100
	const name = "links-100"
	if err := b.create(ctx, name, nodes(name, n)); err != nil {
		return err
	}
	if err := b.deploy(ctx, name); err != nil {
		return err
	}
	replaced := tlclient.Import{Body: strings.NewReader(ring(name, n)), ContentType: "application/yaml", File: name + ".clab.yml", Replace: name}
	if _, err := b.program.Client.Create(ctx, replaced); err != nil {
		return err
	}
	begun := time.Now()
	if err := b.deploy(ctx, name); err != nil {
		return err
	}
	b.record.Set("links.seconds.100", time.Since(begun).Seconds(), "s")
	return b.destroy(ctx, name)
}

func (b *deployBench) create(ctx context.Context, name, text string) error {
	_, err := b.program.Client.Create(ctx, tlclient.Import{Body: strings.NewReader(text), ContentType: "application/yaml", File: name + ".clab.yml"})
	return err
}

// deploy asks for it and waits until every node runs and every link is there.
func (b *deployBench) deploy(ctx context.Context, lab string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if _, err := b.program.Client.Intent(ctx, lab, "deploy", nil); err != nil {
		return err
	}
	if _, err := b.program.AwaitState(ctx, lab, control.Running); err != nil {
		return errors.Join(err, errors.New(b.program.Output()))
	}
	return nil
}

func (b *deployBench) destroy(ctx context.Context, lab string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if _, err := b.program.Client.Intent(ctx, lab, "destroy", nil); err != nil {
		return err
	}
	_, err := b.program.AwaitState(ctx, lab, control.Stored)
	return err
}

// cycle deploys and destroys a lab once, and returns how its containers were made.
func (b *deployBench) cycle(ctx context.Context, lab string) (up, down float64, patterns []pattern, err error) {
	begun := time.Now()
	if err := b.deploy(ctx, lab); err != nil {
		return 0, 0, nil, err
	}
	up = time.Since(begun).Seconds()
	detail, err := b.program.Client.Lab(ctx, lab)
	if err != nil {
		return 0, 0, nil, err
	}
	var ids []string
	for _, n := range detail.Nodes {
		ids = append(ids, n.ContainerID)
	}
	if patterns, err = b.floor.patterns(ctx, ids); err != nil {
		return 0, 0, nil, err
	}
	begun = time.Now()
	err = b.destroy(ctx, lab)
	return up, time.Since(begun).Seconds(), patterns, err
}

// nodes is a lab file of n nodes without links.
func nodes(name string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\ntopology:\n  defaults: {kind: linux, image: %s}\n  nodes:\n", name, image)
	for i := range n {
		fmt.Fprintf(&b, "    n%d: {}\n", i)
	}
	return b.String()
}

// ring adds a link from each node to the next, and from the last to the first.
func ring(name string, n int) string {
	var b strings.Builder
	b.WriteString(nodes(name, n))
	b.WriteString("  links:\n")
	for i := range n {
		fmt.Fprintf(&b, "    - endpoints: [n%d:eth1, n%d:eth2]\n", i, (i+1)%n)
	}
	return b.String()
}
