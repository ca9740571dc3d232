package main

import (
	"fmt"
	"time"

	"trunkline/lab/place"
)

// compare adds up the crossing cables of random small labs, as placed and at best, and times the slowest.
func compare(labs int) (ours, best int, slowest float64, err error) {
	for seed := range uint64(labs) {
		problem := smallLab(seed)
		start := time.Now()
		p, err := place.Spread(problem)
		if err != nil {
			return 0, 0, 0, fmt.Errorf("small lab %d: %w", seed, err)
		}
		slowest = max(slowest, time.Since(start).Seconds())
		if err := sound(problem, p); err != nil {
			return 0, 0, 0, fmt.Errorf("small lab %d: %w", seed, err)
		}
		ours += p.Crossing
		best += optimum(problem)
	}
	return ours, best, slowest, nil
}

// optimum tries every division of the lab over its hosts, and returns the fewest crossing cables. It shares nothing with place.
func optimum(p place.Problem) int {
	number := map[string]int{}
	for i, n := range p.Nodes {
		number[n.Name] = i
	}
	at, free := make([]int, len(p.Nodes)), make([]int64, len(p.Hosts))
	for i, h := range p.Hosts {
		free[i] = h.Capacity.Memory
	}
	best := len(p.Cables) + 1
	var try func(i int)
	try = func(i int) {
		if i == len(at) {
			crossing := 0
			for _, c := range p.Cables {
				if at[number[c.A]] != at[number[c.B]] {
					crossing++
				}
			}
			best = min(best, crossing)
			return
		}
		for h := range free {
			if p.Nodes[i].Needs.Memory > free[h] {
				continue
			}
			at[i] = h
			free[h] -= p.Nodes[i].Needs.Memory
			try(i + 1)
			free[h] += p.Nodes[i].Needs.Memory
		}
	}
	try(0)
	return best
}
