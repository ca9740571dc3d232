package terminal

import (
	"context"
	"io"
	"time"

	"trunkline/internal/fault"
)

// Stream is a shell somewhere: its terminal's bytes both ways. Read returns io.EOF at the end, after which ExitCode is known
// if the host told it. Any other error means that the link, the host or the node is gone; when it is a fault, its sentence is shown.
// Close hangs up and unblocks Read and Write. Read, Write with Resize, and ExitCode may run at the same time.
type Stream interface {
	io.ReadWriteCloser
	Resize(cols, rows uint16) error
	ExitCode() (code int, known bool)
}

// Dial starts a shell with that window size. The context lives as long as the session, and is cancelled before that only when
// the caller of [Manager.Open] gives up while Dial runs.
type Dial func(ctx context.Context, cols, rows uint16) (Stream, error)

// Key names a session. Session identifiers are unguessable and are only looked up together with their tenant.
type Key struct {
	Tenant, Lab, Node string
	Session           string
}

// Options are what the first person to open a session chooses.
type Options struct {
	Cols, Rows uint16    // 0: 80 by 24
	Owner      string    // shown in lists; who opened it
	Record     io.Writer // not nil: an asciicast v2 recording from the first byte; see [Session.Record]
}

// Role says what a viewer may do.
type Role string

const (
	Control Role = "control" // sees and types
	Watch   Role = "watch"   // sees; what it types is ignored
)

// ParseRole reads a role from a request; empty is control.
func ParseRole(s string) (Role, error) {
	switch Role(s) {
	case "", Control:
		return Control, nil
	case Watch:
		return Watch, nil
	}
	return "", fault.New(fault.Invalid, "There is no role %q for a terminal; use control or watch.", s).InField("role")
}

// Cause says in one word why a session ended.
type Cause string

const (
	CauseExit     Cause = "exit"     // the shell ended
	CauseLost     Cause = "lost"     // the link, the host or the node went away
	CauseIdle     Cause = "idle"     // nobody was connected, or nothing happened, for too long
	CauseClosed   Cause = "closed"   // somebody ended it
	CauseShutdown Cause = "shutdown" // the controller stops
)

// End is why a session ended.
type End struct {
	Code   *int // the shell's exit code; nil when not known
	Cause  Cause
	Reason string // one sentence for a person
}

// ViewerInfo is one who looks on.
type ViewerInfo struct {
	Name   string `json:"name"`
	Role   Role   `json:"role"`
	Active bool   `json:"active"` // typed last: the window size follows this one
}

// Info is a session as lists show it.
type Info struct {
	Key        Key
	Owner      string
	Cols, Rows uint16
	Started    time.Time
	Detached   time.Time // since when nobody looks on; zero while somebody does
	Viewers    []ViewerInfo
	Output     uint64 // bytes so far
}
