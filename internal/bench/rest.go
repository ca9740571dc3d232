package bench

import (
	"context"
	"time"
)

// Rest lets time pass: what is measured is what happens while nothing is asked.
func Rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
