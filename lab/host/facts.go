package host

import (
	"fmt"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// memo is what is remembered of a node across agents: the journal keeps it.
type memo struct {
	Restarts int    // NodeSpec.Restarts carried out
	Known    bool   // Restarts has been set
	Stopped  string // id of the container that we stopped on purpose
	Died     string // death (see death) that was the node's own, not the engine's
	Epoch    string // the start (see epoch) that Results belong to
	Results  []hostapi.ExecResult
	Begun    bool   // the step after Results has begun
	Opened   string // epoch whose gate is open
	Making   bool   // the engine was asked for a container and the answer is not written down
}

// facts is what is known of a node beside its container.
type facts struct {
	memo
	Plugged    string // epoch and plugKey that Plug last succeeded for
	Interfaces []hostapi.InterfaceStatus
	Listed     string // epoch that a List has shown: its Health is known
	Fail       failure
	Death      string // of the container as it is now, "" while it lives
	DeathAt    time.Time
	Heal       string // death that the engine's restart caused
	Missed     bool   // the engine restarted while something was done to the node: what became of it has not been seen
	PolicyRuns int    // restarts by policy since the node last ran for long
	LastStart  time.Time
	FirstSeen  time.Time // the startup delay counts from here
}

// failure is a step that did not succeed, and when it is tried again.
type failure struct {
	Verb    verb
	Err     *fault.Error
	Count   int
	RetryAt time.Time
}

// alive reports that the container's init exists.
func alive(c *Container) bool { return c != nil && (c.State == "running" || c.State == "paused") }

// ended reports that the container ran once and does no more.
func ended(c *Container) bool { return c != nil && c.State == "exited" }

// epoch names one start of a container on this boot of the machine: the process id is part of it because it is known
// the moment the container starts.
func epoch(c *Container) string { return fmt.Sprintf("%s#%d", c.ID, c.PID) }

// death names the end of one start of a container.
func death(c *Container) string { return fmt.Sprintf("%s@%d", c.ID, c.StartedAt.UnixNano()) }

// plugged names what Plug has done: for which start and which interfaces.
func plugged(c *Container, n *wantedNode) string { return epoch(c) + " " + n.plugKey }

// backoff doubles from first to last.
func backoff(first, last time.Duration, count int) time.Duration {
	d := first
	for i := 1; i < count && d < last; i++ {
		d *= 2
	}
	return min(d, last)
}

// retryDelay says when a failed step is tried again: what mends itself soon, what a person must mend late.
func retryDelay(code fault.Code, count int) time.Duration {
	switch code {
	case fault.Unavailable:
		return backoff(500*time.Millisecond, 15*time.Second, count)
	case fault.Conflict:
		return backoff(time.Second, time.Minute, count)
	default:
		return backoff(30*time.Second, 5*time.Minute, count)
	}
}

// policyDelay is how long a restart policy waits before the node's next start.
func policyDelay(count int) time.Duration {
	return backoff(500*time.Millisecond, time.Minute, count+1)
}
