package terminal

import (
	"context"
	"time"
)

// redrawPause lies between the two sizes that make a full-screen program redraw: long enough for it to see both.
const redrawPause = 50 * time.Millisecond

// inbox is what waits to go to the stream: bytes, the newest window size and the wish to be redrawn. It is guarded by the session's mutex; one
// goroutine empties it, so that a program that does not read blocks neither acks nor resizes of a viewer.
type inbox struct {
	bytes  []byte
	size   *[2]uint16
	redraw bool
	wake   chan struct{} // a token: there is something
	room   chan struct{} // closed when bytes were taken, then replaced
}

func newInbox() inbox {
	return inbox{wake: make(chan struct{}, 1), room: make(chan struct{})}
}

func (in *inbox) full(limit int) bool { return len(in.bytes) >= limit }

func (in *inbox) wakeUp() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// writeLoop sends input and sizes to the stream until the session ends. A failed write does not end the session: the reading side
// learns why the stream is gone, with the exit code.
func (s *Session) writeLoop() {
	var spare []byte
	var redrawn <-chan time.Time
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-redrawn:
			redrawn = nil
			s.mu.Lock()
			cols, rows := s.cols, s.rows
			s.mu.Unlock()
			s.setSize(cols, rows)
			continue
		case <-s.input.wake:
		}
		data, size, redraw := s.takeInput(spare)
		switch {
		case redraw:
			timer := time.NewTimer(redrawPause)
			defer timer.Stop()
			redrawn = timer.C
			s.setSize(size[0], size[1]+1)
		case size != nil:
			s.setSize(size[0], size[1])
		}
		if len(data) > 0 {
			if _, err := s.stream.Write(data); err != nil && s.ctx.Err() == nil {
				s.config.Log.Debug("terminal input was not written", "node", s.key.Node, "error", err)
			}
		}
		if spare = data; cap(spare) > readSize {
			spare = nil
		}
	}
}

// takeInput empties the inbox; spare becomes its next buffer. With redraw, size is never nil.
func (s *Session) takeInput(spare []byte) (data []byte, size *[2]uint16, redraw bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := &s.input
	data, size, redraw = in.bytes, in.size, in.redraw
	in.bytes, in.size, in.redraw = spare[:0], nil, false
	if redraw && size == nil {
		size = &[2]uint16{s.cols, s.rows}
	}
	if len(data) > 0 {
		close(in.room)
		in.room = make(chan struct{})
	}
	return data, size, redraw
}

func (s *Session) setSize(cols, rows uint16) {
	if err := s.stream.Resize(cols, rows); err != nil && s.ctx.Err() == nil {
		s.config.Log.Debug("terminal was not resized", "node", s.key.Node, "error", err)
	}
}

// typed takes input of a viewer. It waits when too much is pending.
func (s *Session) typed(ctx context.Context, v *viewer, data []byte) error {
	if v.role != Control || len(data) == 0 {
		return nil
	}
	answer := isReport(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer && (v != s.active || v.acked() < v.oldUntil) {
		return nil // an answer to an old query, or one that another viewer's terminal answers as well
	}
	if !answer {
		s.activateLocked(v)
	}
	for s.input.full(s.config.PendingInput) && s.ended == nil {
		room := s.input.room
		s.moved()
		s.mu.Unlock()
		select {
		case <-room:
		case <-s.ctx.Done():
		case <-ctx.Done():
		}
		s.mu.Lock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if s.ended != nil {
		return nil
	}
	s.lastUse = s.config.Now()
	s.input.bytes = append(s.input.bytes, data...)
	s.input.wakeUp()
	return nil
}

// resizeLocked makes the terminal that size, if it is not.
func (s *Session) resizeLocked(cols, rows uint16) {
	if cols == 0 || rows == 0 || cols == s.cols && rows == s.rows {
		return
	}
	s.cols, s.rows = cols, rows
	s.input.size = &[2]uint16{cols, rows}
	s.input.wakeUp()
	for _, v := range s.viewers {
		v.tellSize = true
		v.wakeUp()
	}
	for _, r := range s.recorders {
		r.wakeUp()
	}
}

// isReport tells answers that a terminal gives by itself (cursor position, device attributes, modes, colours, focus) from what
// a person types. xterm.js sends each answer as one message.
func isReport(data []byte) bool {
	if len(data) < 3 || data[0] != 0x1b {
		return false
	}
	body := data[2:]
	switch data[1] {
	case '[':
		return isControlReport(body)
	case ']', 'P': // colours and clipboard; settings and versions
		return true
	}
	return false
}

// isControlReport takes what follows ESC [.
func isControlReport(body []byte) bool {
	final := body[len(body)-1]
	if len(body) == 1 {
		return final == 'I' || final == 'O' // focus in and out
	}
	for _, b := range body[:len(body)-1] {
		if b >= 0x40 || b < 0x20 {
			return false // more than one sequence
		}
	}
	switch final {
	case 'c', 'n', 'y':
		return true
	case 'R':
		return body[0] == '?' || body[0] != '1' || len(body) > 4 // 1;2R to 1;8R is F3 with a modifier as well
	case 't':
		return true
	case 'u':
		return body[0] == '?'
	}
	return false
}
