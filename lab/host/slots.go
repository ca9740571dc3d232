package host

import (
	"context"
	"sync"
)

// slots bounds how much the machine does at once, and shares it between labs turn by turn: a lab of a thousand nodes does not
// keep a lab of three waiting.
type slots struct {
	mu      sync.Mutex
	free    int
	turn    []string                   // labs that wait, in the order of their turns
	waiting map[string][]chan struct{} // by lab, first come first served
}

func newSlots(n int) *slots { return &slots{free: n, waiting: map[string][]chan struct{}{}} }

// acquire waits for the lab's turn. On success the caller must release.
func (s *slots) acquire(ctx context.Context, labID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		s.mu.Unlock()
		return nil
	}
	granted := make(chan struct{})
	if len(s.waiting[labID]) == 0 {
		s.turn = append(s.turn, labID)
	}
	s.waiting[labID] = append(s.waiting[labID], granted)
	s.mu.Unlock()

	select {
	case <-granted:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dropLocked(labID, granted) {
		s.releaseLocked() // it was granted in the same moment
	}
	return ctx.Err()
}

func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.releaseLocked()
}

func (s *slots) releaseLocked() {
	for len(s.turn) > 0 {
		labID := s.turn[0]
		s.turn = s.turn[1:]
		queue := s.waiting[labID]
		if len(queue) == 0 {
			delete(s.waiting, labID)
			continue
		}
		close(queue[0])
		if len(queue) > 1 {
			s.waiting[labID] = queue[1:]
			s.turn = append(s.turn, labID)
		} else {
			delete(s.waiting, labID)
		}
		return
	}
	s.free++
}

// dropLocked takes a waiter out of the queue. It reports false when the waiter was granted already.
func (s *slots) dropLocked(labID string, granted chan struct{}) bool {
	queue := s.waiting[labID]
	for i, w := range queue {
		if w != granted {
			continue
		}
		rest := append(append([]chan struct{}{}, queue[:i]...), queue[i+1:]...)
		s.waiting[labID] = rest
		if len(rest) == 0 {
			delete(s.waiting, labID)
			for j, id := range s.turn {
				if id == labID {
					s.turn = append(s.turn[:j:j], s.turn[j+1:]...)
					break
				}
			}
		}
		return true
	}
	return false
}
