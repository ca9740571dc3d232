package terminal

import (
	"encoding/json"

	"github.com/coder/websocket"

	"trunkline/internal/fault"
)

// viewer is a cursor in a session's ring. All but the channel and the fixed fields is guarded by the session's mutex.
type viewer struct {
	session *Session
	role    Role
	name    string
	wake    chan struct{} // a token: there is something to send

	position   uint64 // number of the next byte to send
	inFlight   int    // bytes sent and not acknowledged
	oldUntil   uint64 // bytes before this one are replay: answers to queries in them are dropped
	stalled    bool   // took nothing for the stall time
	cols, rows uint16 // its own window
	turn       uint64 // when it was last active

	greeting    *ready // to be sent first
	tellSize    bool
	tellViewers bool
	dropped     *goodbye
}

// goodbye is how a websocket is closed.
type goodbye struct {
	code   websocket.StatusCode
	reason string
}

// The messages of the browser protocol; see the package comment.
type (
	ready struct {
		Type    string `json:"type"`
		Session string `json:"session"`
		Role    Role   `json:"role"`
		Cols    uint16 `json:"cols"`
		Rows    uint16 `json:"rows"`
		Offset  uint64 `json:"offset"`
		Replay  uint64 `json:"replay"`
		Restore string `json:"restore"`
		Resumed bool   `json:"resumed"`
		Window  int    `json:"window"`
	}
	resync struct {
		Type    string `json:"type"`
		Offset  uint64 `json:"offset"`
		Replay  uint64 `json:"replay"`
		Restore string `json:"restore"`
	}
	sizeMessage struct {
		Type string `json:"type"`
		Cols uint16 `json:"cols"`
		Rows uint16 `json:"rows"`
	}
	viewersMessage struct {
		Type    string         `json:"type"`
		Viewers []viewerOfMany `json:"viewers"`
	}
	viewerOfMany struct {
		ViewerInfo
		You bool `json:"you"`
	}
	exitMessage struct {
		Type   string `json:"type"`
		Code   *int   `json:"code,omitempty"`
		Cause  Cause  `json:"cause"`
		Reason string `json:"reason"`
	}
)

// attach adds a viewer. from, when not nil, is the byte that it wants to go on with.
func (s *Session) attach(role Role, name string, from *uint64) (*viewer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.viewers) >= s.config.Viewers {
		return nil, fault.New(fault.Exhausted, "%d people already look at this shell, which is the limit. Close one of the other pages first.", s.config.Viewers)
	}
	v := &viewer{session: s, role: role, name: name, wake: make(chan struct{}, 1)}
	v.greeting = &ready{Type: "ready", Session: s.key.Session, Role: role, Window: s.config.Window}
	switch {
	case from != nil && *from >= s.ring.tail && *from <= s.ring.head:
		v.position, v.greeting.Resumed = *from, true
	case !s.seen && s.ring.tail == 0: // nobody saw the first bytes: they are news, and the terminal is fresh
	default:
		v.position, v.greeting.Restore = s.ring.replay()
		v.oldUntil = s.ring.head
		v.greeting.Replay = s.ring.head - v.position
		if s.ring.partScreen() {
			s.input.redraw = true
			s.input.wakeUp()
		}
	}
	v.greeting.Offset = v.position
	s.seen = true
	s.viewers = append(s.viewers, v)
	if role == Control && s.active == nil {
		s.activateLocked(v)
	}
	s.tellViewersLocked()
	s.moved()
	v.wakeUp()
	return v, nil
}

// detach removes a viewer. When it was the active one, the one before it is.
func (s *Session) detach(v *viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var heir *viewer
	kept := s.viewers[:0]
	for _, other := range s.viewers {
		if other == v {
			continue
		}
		kept = append(kept, other)
		if other.role == Control && (heir == nil || other.turn >= heir.turn) {
			heir = other
		}
	}
	clear(s.viewers[len(kept):])
	s.viewers = kept
	if s.active == v {
		s.active = nil
		if heir != nil {
			s.activateLocked(heir)
		}
	}
	if len(s.viewers) == 0 {
		s.detached = s.config.Now()
	}
	s.tellViewersLocked()
	s.moved()
}

// activateLocked makes v the viewer whose window counts.
func (s *Session) activateLocked(v *viewer) {
	if s.active == v {
		return
	}
	s.active = v
	s.sequence++
	v.turn = s.sequence
	s.resizeLocked(v.cols, v.rows)
	s.tellViewersLocked()
}

func (s *Session) tellViewersLocked() {
	for _, v := range s.viewers {
		v.tellViewers = true
		v.wakeUp()
	}
}

func (s *Session) describeLocked(v *viewer) ViewerInfo {
	return ViewerInfo{Name: v.name, Role: v.role, Active: v == s.active}
}

// drop removes the viewers that match, each with that reason; the session goes on.
func (s *Session) drop(match func(ViewerInfo) bool, reason string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, v := range s.viewers {
		if v.dropped == nil && match(s.describeLocked(v)) {
			v.dropped = &goodbye{StatusRemoved, reason}
			v.wakeUp()
			n++
		}
	}
	return n
}

func (v *viewer) wakeUp() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// acked is the number of the first byte that the viewer's terminal has not parsed yet.
func (v *viewer) acked() uint64 { return v.position - uint64(v.inFlight) }

// ack takes an acknowledgement.
func (v *viewer) ack(n int) {
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	v.inFlight -= min(max(n, 0), v.inFlight)
	v.stalled = false
	v.wakeUp()
	s.moved()
}

// resize takes the size of the viewer's own window.
func (v *viewer) resize(cols, rows int) {
	if v.role != Control || cols < 1 || rows < 1 {
		return // a hidden page measures zero
	}
	const most = 1000
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	v.cols, v.rows = uint16(min(cols, most)), uint16(min(rows, most))
	if s.active == v {
		s.resizeLocked(v.cols, v.rows)
	}
}

// frame is the next thing to send: data (taken into the caller's buffer), text, or the end. The zero frame: nothing now.
type frame struct {
	data []byte
	text []byte
	bye  *goodbye
}

// next decides what goes to the viewer next. buf is where data is copied to. When late is set the viewer no longer gets the
// rest of an ended session, only its reason.
func (v *viewer) next(buf []byte, late bool) frame {
	s := v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case v.dropped != nil:
		return frame{bye: v.dropped}
	case v.greeting != nil:
		v.greeting.Cols, v.greeting.Rows = s.cols, s.rows
		message := v.greeting
		v.greeting, v.tellSize = nil, false
		return text(message)
	case v.tellSize:
		v.tellSize = false
		return text(sizeMessage{"size", s.cols, s.rows})
	case v.tellViewers:
		v.tellViewers = false
		return v.viewersLocked()
	case s.ended != nil && (late || v.position >= s.ring.head):
		v.dropped = goodbyeOf(*s.ended)
		return text(exitMessage{"exit", s.ended.Code, s.ended.Cause, s.ended.Reason})
	case v.position < s.ring.tail:
		return v.resyncLocked()
	}
	room := min(len(buf), s.config.Window-v.inFlight)
	if room <= 0 || v.position >= s.ring.head {
		return frame{}
	}
	n := s.ring.read(buf[:room], v.position)
	v.position += uint64(n)
	v.inFlight += n
	v.stalled = false
	s.moved()
	return frame{data: buf[:n]}
}

// resyncLocked starts again with what the ring still has, once the viewer's terminal has parsed all it was sent.
func (v *viewer) resyncLocked() frame {
	if v.inFlight > 0 {
		return frame{}
	}
	s := v.session
	var restore string
	v.position, restore = s.ring.replay()
	v.oldUntil = s.ring.head
	return text(resync{"resync", v.position, s.ring.head - v.position, restore})
}

func (v *viewer) viewersLocked() frame {
	s := v.session
	message := viewersMessage{Type: "viewers"}
	for _, other := range s.viewers {
		message.Viewers = append(message.Viewers, viewerOfMany{s.describeLocked(other), other == v})
	}
	return text(message)
}

func text(message any) frame {
	encoded, err := json.Marshal(message)
	if err != nil {
		return frame{bye: &goodbye{websocket.StatusInternalError, "A message could not be written. Connect again."}}
	}
	return frame{text: encoded}
}

func goodbyeOf(e End) *goodbye {
	if e.Cause == CauseShutdown {
		return &goodbye{websocket.StatusGoingAway, e.Reason}
	}
	return &goodbye{websocket.StatusNormalClosure, e.Reason}
}
