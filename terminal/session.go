package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"trunkline/internal/fault"
)

// Session is one shell and those who look at it. The manager that opened it owns its goroutines: one reads the stream, one
// writes to it, and one for each recording.
type Session struct {
	key     Key
	owner   string
	started time.Time
	config  Config
	stream  Stream
	manager *Manager

	ctx    context.Context // ends with the session
	cancel context.CancelFunc
	room   chan struct{} // a token: a viewer moved on, or left, or came
	pace   *rate.Limiter // for output that nobody takes

	mu        sync.Mutex
	ring      ring
	viewers   []*viewer
	active    *viewer
	sequence  uint64 // rises with each viewer that becomes active
	seen      bool   // somebody has been attached before
	detached  time.Time
	lastUse   time.Time
	cols      uint16
	rows      uint16
	ended     *End
	endedAt   time.Time
	recorders []*recorder
	input     inbox
}

func newSession(m *Manager, key Key, o Options, stream Stream, ctx context.Context, cancel context.CancelFunc) *Session {
	now := m.config.Now()
	return &Session{
		key: key, owner: o.Owner, started: now, config: m.config, stream: stream, manager: m,
		ctx: ctx, cancel: cancel,
		room:     make(chan struct{}, 1),
		pace:     rate.NewLimiter(rate.Limit(m.config.Unattended), m.config.Unattended),
		ring:     ring{limit: m.config.Replay},
		detached: now, lastUse: now,
		cols: o.Cols, rows: o.Rows,
		input: newInbox(),
	}
}

// ID is the unguessable name of the session within its tenant.
func (s *Session) ID() string { return s.key.Session }

// Key is the full name of the session.
func (s *Session) Key() Key { return s.key }

// Done is closed when the session has ended; [Session.End] then says why.
func (s *Session) Done() <-chan struct{} { return s.ctx.Done() }

// End says why the session ended, or false while it runs.
func (s *Session) End() (End, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		return End{}, false
	}
	return *s.ended, true
}

// Info describes the session.
func (s *Session) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := Info{Key: s.key, Owner: s.owner, Cols: s.cols, Rows: s.rows, Started: s.started, Output: s.ring.head}
	for _, v := range s.viewers {
		info.Viewers = append(info.Viewers, s.describeLocked(v))
	}
	if len(s.viewers) == 0 {
		info.Detached = s.detached
	}
	return info
}

// Close ends the session; reason is a sentence that every viewer is shown.
func (s *Session) Close(reason string) { s.end(End{Cause: CauseClosed, Reason: reason}) }

// readLoop takes output as long as somebody has room for it.
func (s *Session) readLoop() {
	buf := make([]byte, readSize)
	for {
		answer := s.waitForRoom()
		if s.ctx.Err() != nil {
			return
		}
		n, err := s.stream.Read(buf)
		if n > 0 {
			s.output(buf[:n])
		}
		if err == nil && answer == unattended {
			err = s.pace.WaitN(s.ctx, n)
		}
		if err != nil {
			if s.ctx.Err() == nil {
				s.end(s.endOf(err))
			}
			return
		}
	}
}

// output stores p and wakes the viewers.
func (s *Session) output(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return
	}
	s.lastUse = s.config.Now()
	s.ring.write(p)
	for _, v := range s.viewers {
		v.wakeUp()
	}
	for _, r := range s.recorders {
		r.wakeUp()
	}
}

// waitForRoom blocks while every viewer is full, so that the program blocks on its terminal too. When all of them stand still
// for the stall time they no longer count. Output that nobody takes is read at a bounded pace. It returns when the session ended, too.
func (s *Session) waitForRoom() roomAnswer {
	var stall *time.Timer
	for {
		if answer := s.hasRoom(); answer != full {
			return answer
		}
		if stall == nil {
			stall = time.NewTimer(s.config.Stall)
			defer stall.Stop()
		}
		select {
		case <-s.room:
			stall.Reset(s.config.Stall)
		case <-stall.C:
			s.releaseStalled()
		case <-s.ctx.Done():
			return full
		}
	}
}

// roomAnswer is whether the session may read more.
type roomAnswer uint8

const (
	full       roomAnswer = iota
	yes                   // a viewer takes it
	unattended            // nobody takes it, and nobody holds it
)

func (s *Session) hasRoom() roomAnswer {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := unattended
	for _, v := range s.viewers {
		switch {
		case s.ring.head-v.position < backlog:
			return yes
		case !v.stalled:
			answer = full
		}
	}
	if answer == full && s.input.full(s.config.PendingInput) {
		return yes // the viewer's acks wait behind its input: let the program run, or neither moves
	}
	return answer
}

func (s *Session) releaseStalled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.viewers {
		v.stalled = true
	}
}

// moved tells the reading goroutine that there may be room.
func (s *Session) moved() {
	select {
	case s.room <- struct{}{}:
	default:
	}
}

// endOf says why reading failed.
func (s *Session) endOf(err error) End {
	code, known := s.stream.ExitCode()
	switch {
	case known && code == 0:
		return End{Code: &code, Cause: CauseExit, Reason: "The shell ended."}
	case known:
		return End{Code: &code, Cause: CauseExit, Reason: fmt.Sprintf("The shell ended with exit code %d.", code)}
	}
	if _, isFault := errors.AsType[*fault.Error](err); isFault {
		return End{Cause: CauseLost, Reason: fault.Sentence(err)}
	}
	if !errors.Is(err, io.EOF) {
		s.config.Log.Warn("terminal stream failed", "tenant", s.key.Tenant, "lab", s.key.Lab, "node", s.key.Node, "error", err)
	}
	return End{Cause: CauseLost, Reason: "The connection to the node was lost. Open a new shell when the node is reachable again."}
}

// end ends the session; the first reason stays.
func (s *Session) end(e End) {
	s.mu.Lock()
	if s.ended != nil {
		s.mu.Unlock()
		return
	}
	s.ended, s.endedAt = &e, s.config.Now()
	for _, v := range s.viewers {
		v.wakeUp()
	}
	s.mu.Unlock()
	s.cancel()
	if err := s.stream.Close(); err != nil {
		s.config.Log.Debug("terminal stream did not close cleanly", "session", s.key.Node, "error", err)
	}
}

// expiry says whether the session has outlived its time.
func (s *Session) expiry(now time.Time) (End, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended != nil:
		return End{}, false
	case len(s.viewers) == 0 && now.Sub(s.detached) >= s.config.Grace:
		return End{Cause: CauseIdle, Reason: "Nobody was connected for " + spoken(s.config.Grace) + ", so the shell was closed."}, true
	case s.config.Idle > 0 && now.Sub(s.lastUse) >= s.config.Idle:
		return End{Cause: CauseIdle, Reason: "Nothing happened in this shell for " + spoken(s.config.Idle) + ", so it was closed."}, true
	}
	return End{}, false
}

// forgotten says whether an ended session has been kept long enough.
func (s *Session) forgotten(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended != nil && len(s.viewers) == 0 && now.Sub(s.endedAt) >= s.config.Linger
}

// spoken renders a duration as people say it.
func spoken(d time.Duration) string {
	unit, name := time.Second, "second"
	switch {
	case d%time.Hour == 0:
		unit, name = time.Hour, "hour"
	case d%time.Minute == 0:
		unit, name = time.Minute, "minute"
	}
	if d < unit || d%unit != 0 {
		return d.String()
	}
	if d == unit {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", d/unit, name)
}
