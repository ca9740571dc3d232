package fabric

import (
	"os"
	"strings"
	"sync"
	"time"
)

// Taking a port from a bridge or a carrier from a link makes the kernel wait for a grace period, 10 to 40 ms each on an idle kernel, and
// the switch daemon waits with it: removing 200 ports took 8 s. Expedited, a grace period takes well under a millisecond and
// the same removal 0.4 s (measured). So batches run expedited, and a little longer, since the switch daemon reacts after we are done.
const (
	expeditedPath = "/sys/kernel/rcu_expedited" // kernel Documentation/RCU; a plain switch for the whole kernel
	lingering     = 2 * time.Second
)

// expediter turns expedited grace periods on while someone needs them, and puts back what it found. A marker file says that it was us, so
// that the next run of an agent that was killed puts it back.
type expediter struct {
	marker string

	mu     sync.Mutex
	users  int
	ours   bool // we turned it on
	timer  *time.Timer
	closed bool
}

// recover puts back what a killed agent left on.
func (e *expediter) recover() {
	if _, err := os.Stat(e.marker); err == nil {
		e.ours = true
		e.restoreLocked()
	}
}

// hurry turns it on; call the result when the batch is done. A kernel without the switch, or one where it is on anyway, is left alone.
func (e *expediter) hurry() (done func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.users++
	if !e.ours {
		if have, err := os.ReadFile(expeditedPath); err == nil && strings.TrimSpace(string(have)) == "0" && os.WriteFile(e.marker, nil, 0o600) == nil {
			e.ours = os.WriteFile(expeditedPath, []byte("1"), 0) == nil
		}
	}
	return e.release
}

func (e *expediter) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.users--
	if e.users > 0 || !e.ours {
		return
	}
	if e.closed {
		e.restoreLocked()
		return
	}
	if e.timer == nil {
		e.timer = time.AfterFunc(lingering, e.expire)
	} else {
		e.timer.Reset(lingering)
	}
}

func (e *expediter) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users == 0 {
		e.restoreLocked()
	}
}

func (e *expediter) restoreLocked() {
	if e.ours {
		// A switch that can't be put back costs the kernel some interrupts and nothing else.
		_ = os.WriteFile(expeditedPath, []byte("0"), 0)
		_ = os.Remove(e.marker)
		e.ours = false
	}
}

// close restores the switch at once, or when the last batch ends.
func (e *expediter) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.timer != nil {
		e.timer.Stop()
	}
	if e.users == 0 {
		e.restoreLocked()
	}
}
