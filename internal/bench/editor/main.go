// Command editor measures the lab's page with a network of 500 nodes that runs: how long until it can be used, how many frames a second it
// draws while the map is dragged, with and without what cables carry on it, and what its streams bring. The controller is a process of its
// own, the hosts are simulated, the browser is Chromium without a screen and without a graphics card.
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
	"trunkline/internal/testkit/simulated"
	"trunkline/lab"
)

const labName = "large"

type options struct {
	binary string
	nodes  int
	hosts  int
	loads  int
	during time.Duration
	shots  string
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/trunkline", "the program to measure")
	flag.IntVar(&o.nodes, "nodes", 500, "nodes of the lab")
	flag.IntVar(&o.hosts, "hosts", 4, "simulated hosts")
	flag.IntVar(&o.loads, "loads", 5, "how often the page is loaded")
	flag.DurationVar(&o.during, "during", 6*time.Second, "time over which the map is dragged, each")
	flag.StringVar(&o.shots, "shots", "", "folder for pictures of what was measured; none: no pictures")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench editor:", err)
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
	file, ends := drawn(o.nodes)
	labID, err := site.Deploy(ctx, labName, file)
	if err != nil {
		return err
	}
	var talking sync.WaitGroup
	talk, hush := context.WithCancel(ctx)
	talking.Go(func() { site.Talk(talk, labID, ends) })
	defer talking.Wait()
	defer hush()
	record := bench.New("editor")
	if err := measure(ctx, o, site.Program, labID, record); err != nil {
		return err
	}
	return record.Write()
}

// drawn is a ring of twenty with the other nodes around them, and the ends of its cables.
func drawn(nodes int) (file string, ends []lab.Endpoint) {
	const core = 20
	var text strings.Builder
	fmt.Fprintf(&text, "name: %s\ntopology:\n  defaults: {kind: linux, image: trunkline/tiny}\n  nodes:\n", labName)
	for i := range nodes {
		fmt.Fprintf(&text, "    n%d: {}\n", i)
	}
	text.WriteString("  links:\n")
	used := make([]int, nodes)
	cable := func(a, b int) {
		pair := [2]lab.Endpoint{}
		for i, n := range []int{a, b} {
			used[n]++
			pair[i] = lab.Endpoint{Node: fmt.Sprintf("n%d", n), Interface: fmt.Sprintf("eth%d", used[n])}
			ends = append(ends, pair[i])
		}
		fmt.Fprintf(&text, "    - endpoints: [\"%s:%s\", \"%s:%s\"]\n", pair[0].Node, pair[0].Interface, pair[1].Node, pair[1].Interface)
	}
	for i := range min(core, nodes) {
		cable(i, (i+1)%core)
	}
	for i := core; i < nodes; i++ {
		cable(i, i%core)
	}
	return text.String(), ends
}
