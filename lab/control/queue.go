package control

import (
	"sync"
	"time"
)

// queue holds the labs that need a look. A lab is in it at most once, and with at most one worker at a time.
type queue struct {
	mu      sync.Mutex
	ready   *sync.Cond
	order   []string
	queued  map[string]bool
	working map[string]bool // with a worker; true: came again meanwhile
	timers  map[string]*time.Timer
	due     map[string]time.Time
	closed  bool
}

func newQueue() *queue {
	q := &queue{queued: map[string]bool{}, working: map[string]bool{}, timers: map[string]*time.Timer{}, due: map[string]time.Time{}}
	q.ready = sync.NewCond(&q.mu)
	return q
}

// add puts the lab in, now.
func (q *queue) add(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.addLocked(id)
}

func (q *queue) addLocked(id string) {
	if q.closed || q.queued[id] {
		return
	}
	if _, busy := q.working[id]; busy {
		q.working[id] = true
		return
	}
	q.queued[id] = true
	q.order = append(q.order, id)
	q.ready.Signal()
}

// addAfter puts the lab in after a while, unless it is due sooner already.
func (q *queue) addAfter(id string, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := time.Now().Add(wait)
	if q.closed {
		return
	}
	if timer, waiting := q.timers[id]; waiting {
		if !at.Before(q.due[id]) {
			return
		}
		timer.Stop()
	}
	q.due[id] = at
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.timers[id] == timer {
			delete(q.timers, id)
			delete(q.due, id)
			q.addLocked(id)
		}
	})
	q.timers[id] = timer
}

// take waits for a lab; false means that the queue is closed.
func (q *queue) take() (string, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.order) == 0 && !q.closed {
		q.ready.Wait()
	}
	if q.closed {
		return "", false
	}
	id := q.order[0]
	q.order = q.order[1:]
	delete(q.queued, id)
	q.working[id] = false
	return id, true
}

// done gives the lab back; one that came again meanwhile is queued.
func (q *queue) done(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	again := q.working[id]
	delete(q.working, id)
	if again {
		q.addLocked(id)
	}
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, timer := range q.timers {
		timer.Stop()
	}
	q.ready.Broadcast()
}
