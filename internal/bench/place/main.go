// Command place measures the placement of large labs in time and memory, and of small labs beside the best there is.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"trunkline/internal/bench"
	"trunkline/lab/place"
)

func main() {
	small := flag.Int("small", 50, "random small labs to compare with the exhaustive optimum")
	rounds := flag.Int("rounds", 9, "runs of each size")
	flag.Parse()
	if err := run(*small, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench place:", err)
		os.Exit(1)
	}
}

func run(small, rounds int) error {
	record := bench.New("place")
	if err := timeLarge(record, rounds); err != nil {
		return err
	}
	peak, allocated, err := memory(campus(10_000))
	if err != nil {
		return err
	}
	record.Set("place.peak_mib.10000", peak, "MiB of heap above the problem")
	record.Set("place.allocated_mib.10000", allocated, "MiB in all")
	ours, optimum, slowest, err := compare(small)
	if err != nil {
		return err
	}
	record.Set("place.cut_sum", float64(ours), "crossing cables")
	record.Set("place.cut_optimum", float64(optimum), "crossing cables")
	record.Set("place.cut_ratio", float64(ours)/float64(optimum), "times the optimum")
	record.Set("place.small_ms_slowest", slowest*1000, "ms")
	return record.Write()
}

// timeLarge times each size in turn, so that what else the machine does falls on all of them. Seconds are medians; growth is taken of
// the fastest runs, which were disturbed least.
func timeLarge(record *bench.Record, rounds int) error {
	sizes := []int{1_000, 3_000, 10_000}
	times := map[int][]float64{}
	for range rounds {
		for _, nodes := range sizes {
			problem := campus(nodes)
			runtime.GC()
			start := time.Now()
			placement, err := place.Spread(problem)
			if err != nil {
				return err
			}
			times[nodes] = append(times[nodes], time.Since(start).Seconds())
			if err := sound(problem, placement); err != nil {
				return err
			}
			if len(times[nodes]) == rounds {
				record.Set(fmt.Sprintf("place.seconds.%d", nodes), bench.Median(times[nodes]), "s")
				record.Set(fmt.Sprintf("place.crossing.%d", nodes), float64(placement.Crossing)/float64(len(problem.Cables)), "of all cables")
			}
		}
	}
	fastest := func(nodes int) float64 { return slices.Min(times[nodes]) }
	record.Set("place.growth", fastest(10_000)/fastest(1_000)/10, "times linear, 1,000 to 10,000 nodes")
	record.Set("place.growth.3000", fastest(3_000)/fastest(1_000)/3, "times linear, 1,000 to 3,000 nodes")
	return nil
}

// sound checks the placement from outside: every node is on a host, and none gives more memory than it has.
func sound(problem place.Problem, p place.Placement) error {
	free := map[string]int64{}
	for _, h := range problem.Hosts {
		free[h.ID] = h.Capacity.Memory - h.InUse.Memory
	}
	for _, n := range problem.Nodes {
		choice, there := p.Of[n.Name]
		if !there || choice.Why == "" {
			return fmt.Errorf("%s has no place or no reason", n.Name)
		}
		if free[choice.HostID] -= n.Needs.Memory; free[choice.HostID] < 0 {
			return fmt.Errorf("%s is over its capacity", choice.HostID)
		}
	}
	return nil
}

// memory is the highest live heap seen while placing, above what was there before, and all that was allocated, in MiB.
func memory(problem place.Problem) (peak, allocated float64, err error) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	stop := make(chan struct{})
	var watching sync.WaitGroup
	highest := before.HeapAlloc
	watching.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&now)
				highest = max(highest, now.HeapAlloc)
			}
		}
	})
	_, err = place.Spread(problem)
	close(stop)
	watching.Wait()
	runtime.ReadMemStats(&now)
	return float64(highest-before.HeapAlloc) / (1 << 20), float64(now.TotalAlloc-before.TotalAlloc) / (1 << 20), err
}
