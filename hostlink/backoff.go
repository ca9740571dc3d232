package hostlink

import "time"

// Backoff is the wait before attempt n (from 0) to dial again: full jitter, that is a point chosen by random (0 to 1)
// between nothing and an upper bound that doubles from least to most.
// Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
func Backoff(n int, least, most time.Duration, random float64) time.Duration {
	bound := least
	for range n {
		if bound >= most/2 {
			bound = most
			break
		}
		bound *= 2
	}
	bound = min(bound, most)
	return time.Duration(random * float64(bound))
}
