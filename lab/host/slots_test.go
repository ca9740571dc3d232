package host

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
)

func TestLabsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		if err := s.acquire(context.Background(), "first"); err != nil {
			t.Fatal(err)
		}
		granted := make(chan string)
		for _, lab := range []string{"big", "big", "big", "big", "small", "small"} {
			go func() {
				if s.acquire(context.Background(), lab) == nil {
					granted <- lab
				}
			}()
			synctest.Wait() // queued in this order
		}
		var order []string
		for range 6 {
			s.release()
			order = append(order, <-granted)
		}
		if want := []string{"big", "small", "big", "small", "big", "big"}; !slices.Equal(order, want) {
			t.Errorf("slots went to %v, want %v", order, want)
		}
	})
}

func TestWhoGivesUpWaitingLosesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		if err := s.acquire(context.Background(), "a"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		gaveUp := make(chan error)
		go func() { gaveUp <- s.acquire(ctx, "b") }()
		synctest.Wait()
		cancel()
		if err := <-gaveUp; err == nil {
			t.Fatal("a cancelled wait got a slot")
		}
		s.release()
		if err := s.acquire(context.Background(), "c"); err != nil {
			t.Errorf("the slot is lost: %v", err)
		}
		if len(s.waiting) != 0 || len(s.turn) != 0 {
			t.Errorf("the queue holds %v and %v", s.waiting, s.turn)
		}
	})
}
