package tenancy

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter counts attempts by key in bounded memory: the key used longest ago is forgotten first.
type limiter struct {
	every time.Duration
	burst int
	keys  int

	mu     sync.Mutex
	byKey  map[string]*list.Element
	recent *list.List // of *limitEntry, the latest first
}

type limitEntry struct {
	key   string
	limit *rate.Limiter
}

func newLimiter(every time.Duration, burst, keys int) *limiter {
	return &limiter{every: every, burst: burst, keys: keys, byKey: map[string]*list.Element{}, recent: list.New()}
}

// allow takes one attempt of the key; false means that it has none left now.
func (l *limiter) allow(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	element, known := l.byKey[key]
	if !known {
		if l.recent.Len() >= l.keys {
			oldest := l.recent.Back()
			delete(l.byKey, oldest.Value.(*limitEntry).key)
			l.recent.Remove(oldest)
		}
		element = l.recent.PushFront(&limitEntry{key: key, limit: rate.NewLimiter(rate.Every(l.every), l.burst)})
		l.byKey[key] = element
	}
	l.recent.MoveToFront(element)
	return element.Value.(*limitEntry).limit.AllowN(now, 1)
}

// spent says that the key has none left, and takes none.
func (l *limiter) spent(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	element, known := l.byKey[key]
	return known && element.Value.(*limitEntry).limit.TokensAt(now) < 1
}

// forgive forgets the attempts of a key: whoever knew the password is no guesser.
func (l *limiter) forgive(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if element, known := l.byKey[key]; known {
		l.recent.Remove(element)
		delete(l.byKey, key)
	}
}
