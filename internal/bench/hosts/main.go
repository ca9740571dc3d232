// Command hosts measures what many compute hosts cost one controller: memory and processor time for each host that is linked and idle, and
// how soon all are back when the controller was killed and started again. The controller is a process of its own; the hosts, with the real
// link and the real executor over a fake engine and fabric, are in this one.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"trunkline/internal/bench"
)

type options struct {
	binary string
	hosts  int
	settle time.Duration
	idle   time.Duration
	rounds int
	flags  string
	keep   bool
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/trunkline", "the program to measure")
	flag.IntVar(&o.hosts, "hosts", 1000, "simulated hosts")
	flag.DurationVar(&o.settle, "settle", 20*time.Second, "rest before memory is read")
	flag.DurationVar(&o.idle, "idle", 30*time.Second, "time over which idle processor time is taken")
	flag.IntVar(&o.rounds, "restarts", 3, "times that the controller is killed and started again")
	flag.StringVar(&o.flags, "flags", "", "more flags of trunkline serve")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench hosts:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	data, err := os.MkdirTemp("", "trunkline-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	if err := os.MkdirAll(filepath.Join(data, "controller"), 0o700); err != nil {
		return err
	}
	tokens, err := joinTokens(ctx, data, o.hosts)
	if err != nil {
		return err
	}
	c, err := newController(o.binary, data, strings.Fields(o.flags))
	if err != nil {
		return err
	}
	defer c.kill()
	f := newFleet()
	defer func() {
		if stopping := f.stop(); err == nil {
			err = stopping
		}
	}()
	record := bench.New("hosts")
	if err := measureIdle(ctx, o, record, c, f, tokens); err != nil {
		return err
	}
	if err := measureRestarts(ctx, o, record, c, f); err != nil {
		return err
	}
	return record.Write()
}

// measureIdle takes the controller's memory before the hosts link and after, and its processor time while nothing happens. The hosts are
// enrolled in an earlier run of the controller, so that enrolling is no part of the growth.
func measureIdle(ctx context.Context, o options, record *bench.Record, c *controller, f *fleet, tokens []string) error {
	if err := c.start(ctx); err != nil {
		return err
	}
	ids, err := join(ctx, c.url(), tokens)
	if err != nil {
		return err
	}
	c.kill()
	if err := c.start(ctx); err != nil {
		return err
	}
	if err := awaitConnected(ctx, c, 0); err != nil {
		return err
	}
	if err := bench.Rest(ctx, o.settle); err != nil {
		return err
	}
	before, err := c.memory()
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := f.start(ids, filepath.Join(c.data, "hosts")); err != nil {
		return err
	}
	if err := f.await(ctx, o.hosts); err != nil {
		return err
	}
	if err := awaitConnected(ctx, c, o.hosts); err != nil {
		return err
	}
	record.Set("hosts.link_seconds", time.Since(begun).Seconds(), "s until all are linked the first time")
	if err := bench.Rest(ctx, o.settle); err != nil {
		return err
	}
	busy, err := c.processor()
	if err != nil {
		return err
	}
	if err := bench.Rest(ctx, o.idle); err != nil {
		return err
	}
	spent, err := c.processor()
	if err != nil {
		return err
	}
	after, err := c.memory()
	if err != nil {
		return err
	}
	record.Set("hosts.base_mib", before/(1<<20), "MiB resident with no host linked")
	record.Set("hosts.linked_mib", after/(1<<20), fmt.Sprintf("MiB resident with %d hosts linked", o.hosts))
	record.Set("hosts.kib_per_idle", (after-before)/1024/float64(o.hosts), "KiB per idle host")
	record.Set("hosts.idle_cpu_percent", (spent-busy).Seconds()/o.idle.Seconds()*100, "% of one processor")
	return nil
}

// measureRestarts kills the controller, starts it again, and takes the time from the kill until the controller has every host's full state.
func measureRestarts(ctx context.Context, o options, record *bench.Record, c *controller, f *fleet) error {
	var back, served []float64
	for range o.rounds {
		killed := time.Now()
		c.kill()
		if err := c.start(ctx); err != nil {
			return err
		}
		serving := time.Now()
		if err := f.await(ctx, o.hosts); err != nil { // asking the controller all the time would slow it
			return err
		}
		if err := awaitConnected(ctx, c, o.hosts); err != nil {
			return err
		}
		back = append(back, time.Since(killed).Seconds())
		served = append(served, time.Since(serving).Seconds())
		arrivals := f.since(killed)
		printHistogram(arrivals, serving)
		record.Set("hosts.reconnect_busiest", float64(busiest(arrivals, time.Second)), "arrivals in the busiest second")
		if err := bench.Rest(ctx, 5*time.Second); err != nil { // longer than a session must live for the back-off to start over
			return err
		}
	}
	record.Set("hosts.reconnect_seconds", bench.Quantile(back, 1), "s from kill -9 until all are back, the longest")
	record.Set("hosts.reconnect_after_start_seconds", bench.Quantile(served, 1), "s of those after the controller serves again")
	return nil
}

// awaitConnected asks the controller until it has so many hosts.
func awaitConnected(ctx context.Context, c *controller, want int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := c.connected(ctx)
		if err == nil && got == want {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the controller has %d of %d hosts: %w", got, want, err)
		}
	}
}
