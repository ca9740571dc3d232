package fabric

import (
	"context"
	"sync"
)

// background is a goroutine that is started once, when it is first needed, and ended with close. The zero value is ready.
type background struct {
	mu     sync.Mutex
	stop   context.CancelFunc
	closed bool
	done   sync.WaitGroup
}

// start runs work unless it runs already or was ended. It reports whether it did.
func (b *background) start(work func(context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stop != nil || b.closed {
		return false
	}
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.done.Go(func() { work(ctx) })
	return true
}

// close ends it and returns when it has ended.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	if b.stop != nil {
		b.stop()
	}
	b.mu.Unlock()
	b.done.Wait()
}
