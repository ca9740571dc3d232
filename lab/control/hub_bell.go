package control

import (
	"context"
	"sync"
	"time"
)

// bellPause is the least time between two rings that one listener hears: hosts say something all the time.
const bellPause = 500 * time.Millisecond

// bell tells listeners that something changed, without saying what. It never waits for one.
type bell struct {
	running sync.WaitGroup
	closed  chan struct{}
	once    sync.Once

	mu        sync.Mutex
	listeners map[chan struct{}]struct{}
}

func newBell() *bell {
	return &bell{closed: make(chan struct{}), listeners: map[chan struct{}]struct{}{}}
}

// ring wakes every listener. Rings that nobody heard yet are one.
func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for wake := range b.listeners {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// listen adds a listener. Its channel is closed when ctx or the bell ends.
func (b *bell) listen(ctx context.Context) <-chan struct{} {
	wake, out := make(chan struct{}, 1), make(chan struct{})
	b.mu.Lock()
	b.listeners[wake] = struct{}{}
	b.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	b.running.Go(func() {
		defer close(out)
		defer cancel()
		defer b.remove(wake)
		for b.hear(ctx, wake, out) {
			pause(ctx, bellPause)
		}
	})
	b.running.Go(func() {
		select {
		case <-b.closed:
			cancel()
		case <-ctx.Done():
		}
	})
	return out
}

// hear passes one ring on; false: nobody listens any more.
func (b *bell) hear(ctx context.Context, wake <-chan struct{}, out chan<- struct{}) bool {
	select {
	case <-wake:
	case <-ctx.Done():
		return false
	}
	select {
	case out <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (b *bell) remove(wake chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.listeners, wake)
}

func (b *bell) close() {
	b.once.Do(func() { close(b.closed) })
	b.running.Wait()
}
