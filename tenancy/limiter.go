package tenancy

import (
	"time"

	"trunkline/internal/limit"
)

// limiter counts attempts by key, in bounded memory.
type limiter struct{ attempts *limit.Keyed }

func newLimiter(every time.Duration, burst, keys int) *limiter {
	return &limiter{limit.New(every, burst, keys)}
}

// allow takes one attempt of the key; false means that it has none left now.
func (l *limiter) allow(key string, now time.Time) bool { return l.attempts.Take(key, now) == 0 }

// spent says that the key has none left, and takes none.
func (l *limiter) spent(key string, now time.Time) bool { return l.attempts.Left(key, now) > 0 }

// forgive forgets the attempts of a key: whoever knew the password is no guesser.
func (l *limiter) forgive(key string) { l.attempts.Forgive(key) }
