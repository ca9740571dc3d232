// Command watch measures what a lab costs the controller while people watch its rates: processor time of a core, beside the same lab that
// nobody watches. The controller is a process of its own; the hosts, with the real link and the real executor over fake machines on which
// every link carries something else each second, are in this one.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"trunkline/internal/bench"
	"trunkline/internal/client"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
)

const labName = "watched"

type options struct {
	binary   string
	nodes    int
	hosts    int
	watchers int
	during   time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/trunkline", "the program to measure")
	flag.IntVar(&o.nodes, "nodes", 100, "nodes of the lab, in a ring")
	flag.IntVar(&o.hosts, "hosts", 4, "simulated hosts")
	flag.IntVar(&o.watchers, "watchers", 1, "people who watch")
	flag.DurationVar(&o.during, "during", 30*time.Second, "time over which processor time is taken, each")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench watch:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	data, err := os.MkdirTemp("", "trunkline-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	program, err := testkit.ServeAt(ctx, "127.0.0.1", o.binary, data)
	if err != nil {
		return err
	}
	defer program.Stop()
	f := &fleet{}
	defer func() {
		if stopping := f.stop(); err == nil {
			err = stopping
		}
	}()
	for i := range o.hosts {
		if err := f.join(ctx, program, data, fmt.Sprintf("host-%d", i)); err != nil {
			return err
		}
	}
	labID, err := deploy(ctx, program, o.nodes)
	if err != nil {
		return err
	}
	var talking sync.WaitGroup
	talk, hush := context.WithCancel(ctx)
	talking.Go(func() { f.talk(talk, labID, o.nodes) })
	defer talking.Wait()
	defer hush()
	return measure(ctx, o, program)
}

// deploy makes the ring and waits until it runs.
func deploy(ctx context.Context, p *testkit.Program, nodes int) (labID string, err error) {
	var file strings.Builder
	fmt.Fprintf(&file, "name: %s\ntopology:\n  defaults: {kind: linux, image: trunkline/tiny}\n  nodes:\n", labName)
	for i := range nodes {
		fmt.Fprintf(&file, "    n%d: {}\n", i)
	}
	file.WriteString("  links:\n")
	for i := range nodes {
		fmt.Fprintf(&file, "    - endpoints: [\"n%d:eth1\", \"n%d:eth2\"]\n", i, (i+1)%nodes)
	}
	err = testkit.Until(ctx, time.Minute, "the hosts", func() error {
		_, err := p.Client.Create(ctx, client.Import{Body: strings.NewReader(file.String()), ContentType: "application/yaml", File: labName + ".clab.yml"})
		return err
	})
	if err != nil {
		return "", err
	}
	if err := testkit.Until(ctx, time.Minute, "a deploy", func() error { _, err := p.Client.Intent(ctx, labName, "deploy", nil); return err }); err != nil {
		return "", err
	}
	view, err := p.AwaitState(ctx, labName, control.Running)
	if err != nil {
		return "", err
	}
	return view.ID, nil
}

// measure takes the controller's processor time without a watcher, with, and without once more.
func measure(ctx context.Context, o options, p *testkit.Program) error {
	before, err := share(ctx, p, o.during)
	if err != nil {
		return err
	}
	watching, leave := context.WithCancel(ctx)
	var bytes, samples atomic.Int64
	var watchers sync.WaitGroup
	first := make(chan struct{}, o.watchers)
	for range o.watchers {
		watchers.Go(func() {
			told := 0
			_ = p.Client.WatchRates(watching, labName, func(r control.Rates) bool { // ends with the context
				text, _ := json.Marshal(r)
				bytes.Add(int64(len(text) + 1))
				samples.Add(1)
				if told++; told == 5 {
					first <- struct{}{}
				}
				return true
			})
		})
	}
	for range o.watchers {
		select {
		case <-first:
		case <-ctx.Done():
			leave()
			watchers.Wait()
			return ctx.Err()
		}
	}
	bytes.Store(0)
	samples.Store(0)
	watched, err := share(ctx, p, o.during)
	carried, count := bytes.Load(), samples.Load()
	leave()
	watchers.Wait()
	if err != nil {
		return err
	}
	after, err := share(ctx, p, o.during)
	if err != nil {
		return err
	}
	seconds := o.during.Seconds() * float64(o.watchers)
	record := bench.New("watch")
	record.Set("watch.core_share", watched, "of a core while it is watched; wanted under 0.05")
	record.Set("watch.core_share_unwatched", (before+after)/2, "of a core while nobody watches")
	record.Set("watch.bytes_per_second", float64(carried)/seconds, "to each watcher")
	record.Set("watch.samples_per_second", float64(count)/seconds, "to each watcher")
	return record.Write()
}

// share is the part of a core that the controller uses over a time.
func share(ctx context.Context, p *testkit.Program, during time.Duration) (float64, error) {
	from, err := p.Processor()
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	timer := time.NewTimer(during) // what is measured is what happens while nothing is asked
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	to, err := p.Processor()
	return (to - from).Seconds() / time.Since(begun).Seconds(), err
}
