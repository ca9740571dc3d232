package fabric

import (
	"context"
	"time"

	"trunkline/lab"
)

// A cable that flaps loses its carrier by the clock of the host that has its first end: down in the first part of each period, counted from
// the beginning of 1970. So it goes on through an agent's restart, and nobody has to tell it.

// dips reports whether a cable that flaps is without carrier now, and for how long it stays as it is.
func dips(f lab.Flap, now time.Time) (down bool, rest time.Duration) {
	if f.Every <= 0 || f.Down <= 0 || f.Down >= f.Every {
		return false, time.Hour
	}
	phase := time.Duration(now.UnixNano() % int64(f.Every))
	if phase < f.Down {
		return true, f.Down - phase
	}
	return false, f.Every - phase
}

// flap switches the cables that flap until ctx ends.
func (f *Fabric) flap(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.carriers.flapping:
		case <-timer.C:
		}
		timer.Reset(f.carriers.dip(time.Now()))
	}
}

// dip makes every end that flaps what it shall be now and returns when to do so again.
func (c *carriers) dip(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := time.Hour
	for _, e := range c.ends {
		if e.flap == nil {
			continue
		}
		down, rest := dips(*e.flap, now)
		next = min(next, rest)
		if e.dipped != down {
			e.dipped = down
			c.settle(e)
		}
	}
	return next
}
