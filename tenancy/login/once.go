package login

import (
	"sync"
	"time"
)

// onceMost bounds what is remembered. Only what was proven genuine is: a stranger cannot fill it.
const onceMost = 50_000

// once remembers what was seen until it would be refused by its time anyway.
type once struct {
	mu   sync.Mutex
	seen map[string]time.Time // until when
}

func newOnce() *once { return &once{seen: map[string]time.Time{}} }

// take reports that the key is seen for the first time.
func (o *once) take(key string, now, until time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if end, there := o.seen[key]; there && now.Before(end) {
		return false
	}
	if len(o.seen) >= onceMost {
		o.sweepLocked(now)
	}
	o.seen[key] = until
	return true
}

// forget lets the key be taken again.
func (o *once) forget(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.seen, key)
}

// sweepLocked drops what has ended; where nothing has, what comes first.
func (o *once) sweepLocked(now time.Time) {
	for key, end := range o.seen {
		if !now.Before(end) {
			delete(o.seen, key)
		}
	}
	for key := range o.seen {
		if len(o.seen) < onceMost {
			return
		}
		delete(o.seen, key)
	}
}
