// Command watch measures what a lab costs the controller while people watch its rates: processor time of a core, beside the same lab that
// nobody watches. The controller is a process of its own; the hosts, with the real link and the real executor over fake machines on which
// every link carries something else each second, are in this one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"trunkline/internal/bench"
	"trunkline/internal/testkit"
	"trunkline/internal/testkit/simulated"
	"trunkline/lab"
)

const labName = "watched"

type options struct {
	binary   string
	nodes    int
	hosts    int
	watchers int
	pages    int
	during   time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/trunkline", "the program to measure")
	flag.IntVar(&o.nodes, "nodes", 100, "nodes of the lab, in a ring")
	flag.IntVar(&o.hosts, "hosts", 4, "simulated hosts")
	flag.IntVar(&o.watchers, "watchers", 1, "people who watch by the API")
	flag.IntVar(&o.pages, "pages", 1, "people who have the lab's page open")
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
	site, err := simulated.Open(ctx, o.binary, o.hosts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, site.Close()) }()
	labID, err := site.Deploy(ctx, labName, ring(o.nodes))
	if err != nil {
		return err
	}
	var talking sync.WaitGroup
	talk, hush := context.WithCancel(ctx)
	talking.Go(func() { site.Talk(talk, labID, ends(o.nodes)) })
	defer talking.Wait()
	defer hush()
	return measure(ctx, o, site.Program, labID)
}

// ends are both interfaces of every node of the ring.
func ends(nodes int) []lab.Endpoint {
	var list []lab.Endpoint
	for i := range nodes {
		for _, name := range []string{"eth1", "eth2"} {
			list = append(list, lab.Endpoint{Node: fmt.Sprintf("n%d", i), Interface: name})
		}
	}
	return list
}

// ring is the lab's file.
func ring(nodes int) string {
	var file strings.Builder
	fmt.Fprintf(&file, "name: %s\ntopology:\n  defaults: {kind: linux, image: trunkline/tiny}\n  nodes:\n", labName)
	for i := range nodes {
		fmt.Fprintf(&file, "    n%d: {}\n", i)
	}
	file.WriteString("  links:\n")
	for i := range nodes {
		fmt.Fprintf(&file, "    - endpoints: [\"n%d:eth1\", \"n%d:eth2\"]\n", i, (i+1)%nodes)
	}
	return file.String()
}

// measure takes the controller's processor time without a watcher, with, and without once more.
func measure(ctx context.Context, o options, p *testkit.Program, labID string) error {
	before, err := share(ctx, p, o.during)
	if err != nil {
		return err
	}
	w, err := watch(ctx, o, p, labID)
	if err != nil {
		return err
	}
	watched, err := share(ctx, p, o.during)
	w.leave()
	if err != nil {
		return err
	}
	after, err := share(ctx, p, o.during)
	if err != nil {
		return err
	}
	seconds := o.during.Seconds()
	record := bench.New("watch")
	record.Set("watch.core_share", watched, "of a core while it is watched; wanted under 0.05")
	record.Set("watch.core_share_unwatched", (before+after)/2, "of a core while nobody watches")
	if o.watchers > 0 {
		record.Set("watch.bytes_per_second", float64(w.api.bytes.Load())/seconds/float64(o.watchers), "to each watcher of the API")
		record.Set("watch.samples_per_second", float64(w.api.samples.Load())/seconds/float64(o.watchers), "to each watcher of the API")
	}
	if o.pages > 0 {
		record.Set("watch.page_bytes_per_second", float64(w.page.bytes.Load())/seconds/float64(o.pages), "to each page, on both of its streams")
		record.Set("watch.page_samples_per_second", float64(w.page.samples.Load())/seconds/float64(o.pages), "to each page")
	}
	return record.Write()
}

// share is the part of a core that the controller uses over a time.
func share(ctx context.Context, p *testkit.Program, during time.Duration) (float64, error) {
	from, err := p.Processor()
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	if err := bench.Rest(ctx, during); err != nil {
		return 0, err
	}
	to, err := p.Processor()
	return (to - from).Seconds() / time.Since(begun).Seconds(), err
}
