// Package limit counts attempts by key, such as an address or a person, and says when there were too many.
//
// It knows token buckets and bounded memory: of the keys, the one used longest ago is forgotten first. It refuses to know what is attempted and
// how a refusal is told.
package limit

import (
	"container/list"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Keyed is a bucket for every key. Make it by New; it may be used by several goroutines.
type Keyed struct {
	every time.Duration
	burst int
	keys  int

	mu     sync.Mutex
	byKey  map[string]*list.Element
	recent *list.List // of *bucket, the latest first
}

type bucket struct {
	key   string
	limit *rate.Limiter
}

// New lets each key make burst attempts at once and one more every so often. At most so many keys are remembered.
func New(every time.Duration, burst, keys int) *Keyed {
	return &Keyed{every: every, burst: burst, keys: keys, byKey: map[string]*list.Element{}, recent: list.New()}
}

// Take takes one attempt of the key. 0 means that there was one; otherwise it is how long it is until there is.
func (k *Keyed) Take(key string, now time.Time) (wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	element, known := k.byKey[key]
	if !known {
		if k.recent.Len() >= k.keys {
			oldest := k.recent.Back()
			delete(k.byKey, oldest.Value.(*bucket).key)
			k.recent.Remove(oldest)
		}
		element = k.recent.PushFront(&bucket{key: key, limit: rate.NewLimiter(rate.Every(k.every), k.burst)})
		k.byKey[key] = element
	}
	k.recent.MoveToFront(element)
	one := element.Value.(*bucket).limit
	if one.AllowN(now, 1) {
		return 0
	}
	return k.until(one, now)
}

// Left says that the key has an attempt left, and takes none. 0 means that it has; otherwise it is how long it is until there is.
func (k *Keyed) Left(key string, now time.Time) (wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if element, known := k.byKey[key]; known {
		if one := element.Value.(*bucket).limit; one.TokensAt(now) < 1 {
			return k.until(one, now)
		}
	}
	return 0
}

func (k *Keyed) until(one *rate.Limiter, now time.Time) time.Duration {
	missing := 1 - one.TokensAt(now)
	return max(time.Duration(math.Ceil(missing*float64(k.every))), time.Nanosecond)
}

// Forgive forgets the attempts of a key: whoever knew the password is no guesser.
func (k *Keyed) Forgive(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if element, known := k.byKey[key]; known {
		k.recent.Remove(element)
		delete(k.byKey, key)
	}
}

// Keys is how many keys are remembered.
func (k *Keyed) Keys() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.recent.Len()
}
