package control

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff is a capped exponential wait with full jitter.
type backoff struct {
	least, most time.Duration
	tries       int
}

func (b *backoff) next() time.Duration {
	wait := backoffAfter(b.tries, b.least, b.most)
	b.tries++
	return wait
}

func (b *backoff) reset() { b.tries = 0 }

// backoffAfter is the wait after so many failures: at least half of a bound that doubles up to most.
func backoffAfter(failures int, least, most time.Duration) time.Duration {
	bound := most
	if failures < 20 {
		bound = min(least<<failures, most)
	}
	return bound/2 + rand.N(bound/2+1)
}

// pause waits, or returns early when ctx ends.
func pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
