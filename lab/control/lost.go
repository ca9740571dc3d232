package control

import (
	"context"
	"time"
)

// lost reports that a host has been away for longer than the grace: its nodes are placed anew where the lab's policy says so.
func (c *Controller) lost(now hostNow) bool { return !now.connected && now.lostFor >= c.cfg.LostAfter }

// ringWhenLost tells those who watch the hosts when one has been away for too long, until ctx ends: nothing else happens then.
func (c *Controller) ringWhenLost(ctx context.Context) {
	rings := c.bell.listen(ctx)
	for {
		next := c.fleet.nextLost(c.cfg.LostAfter)
		timer := time.NewTimer(max(next, time.Millisecond))
		due := timer.C
		if next == 0 {
			due = nil // nobody is away
		}
		select {
		case _, more := <-rings:
			timer.Stop()
			if !more {
				return
			}
		case <-due:
			c.bell.ring()
		}
	}
}

// nextLost is how long it takes until the next enrolled host has been away for so long; 0: none will.
func (f *fleet) nextLost(after time.Duration) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := time.Duration(0)
	for id := range f.roster {
		if away := f.lostForLocked(id); away > 0 && away < after && (next == 0 || after-away < next) {
			next = after - away
		}
	}
	return next
}
