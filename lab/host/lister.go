package host

import (
	"context"
	"sync"
)

// lister asks the engine for all containers on behalf of all labs: who asks while an answer is under way shares the next one.
// It also finds out that the engine itself restarted, by what it sees when the engine answers again.
type lister struct {
	engine Engine

	mu      sync.Mutex
	next    *listing // not begun yet
	running bool
	doubts  int // how often the engine was out of sight; at first it always is
	allayed int // of the doubts, those before the last answer was asked for
	resets  int // how often everything had ended when it came into sight again
}

// listing is one answer. Its fields are set when done is closed.
type listing struct {
	done   chan struct{}
	labs   map[string][]*Container
	resets int
	err    error
}

func newLister(e Engine) *lister { return &lister{engine: e, doubts: 1} }

// list returns an answer that the engine was asked for after the call began. ctx only ends the waiting; life ends the asking.
func (l *lister) list(ctx, life context.Context) (*listing, error) {
	l.mu.Lock()
	if l.next == nil {
		l.next = &listing{done: make(chan struct{})}
	}
	mine := l.next
	if !l.running {
		l.running = true
		go l.ask(life) // ends with life: the engine's calls obey it
	}
	l.mu.Unlock()
	select {
	case <-mine.done:
		return mine, mine.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *lister) ask(life context.Context) {
	for {
		l.mu.Lock()
		mine := l.next
		l.next = nil
		if mine == nil {
			l.running = false
			l.mu.Unlock()
			return
		}
		doubts := l.doubts
		l.mu.Unlock()
		all, err := l.engine.List(life)
		l.mu.Lock()
		l.finishLocked(mine, doubts, all, err)
		l.mu.Unlock()
		close(mine.done)
	}
}

// finishLocked takes an answer. doubts is how many there were when it was asked for: an answer allays none that came up meanwhile, as
// it may show what was there before.
func (l *lister) finishLocked(mine *listing, doubts int, all []Container, err error) {
	mine.err = err
	if err != nil {
		l.doubts++
		return
	}
	lives, over := false, false
	mine.labs = map[string][]*Container{}
	for i := range all {
		c := &all[i]
		mine.labs[c.Stamp.Lab] = append(mine.labs[c.Stamp.Lab], c)
		lives = lives || alive(c) || c.State == "restarting"
		over = over || ended(c)
	}
	if doubts > l.allayed && over && !lives {
		l.resets++ // nodes do not all end by themselves while nobody looks: the engine or the machine restarted
	}
	l.allayed = doubts
	mine.resets = l.resets
}

// doubted says that nobody followed the engine's events until now: they broke off, or they are followed only from here on.
func (l *lister) doubted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doubts++
}

func (l *lister) resetsSeen() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.resets
}
