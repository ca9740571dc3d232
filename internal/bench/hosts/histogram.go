package main

import (
	"fmt"
	"strings"
	"time"
)

const bin = 250 * time.Millisecond

// printHistogram shows when hosts came back, in quarters of a second after the controller could serve.
func printHistogram(arrivals []time.Time, serving time.Time) {
	counts := map[int]int{}
	last := 0
	for _, at := range arrivals {
		i := max(int(at.Sub(serving)/bin), 0)
		counts[i]++
		last = max(last, i)
	}
	fmt.Printf("arrivals of %d hosts after the controller serves again:\n", len(arrivals))
	for i := range last + 1 {
		fmt.Printf("  %5.2f s %4d %s\n", (time.Duration(i) * bin).Seconds(), counts[i], strings.Repeat("#", (counts[i]+9)/10))
	}
}

// busiest is the most arrivals within any window of the given length.
func busiest(arrivals []time.Time, window time.Duration) int {
	most, from := 0, 0
	for to := range arrivals {
		for arrivals[to].Sub(arrivals[from]) > window {
			from++
		}
		most = max(most, to-from+1)
	}
	return most
}
