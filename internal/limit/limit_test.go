package limit_test

import (
	"strconv"
	"testing"
	"time"

	"trunkline/internal/limit"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestAKeyHasItsBurstAndThenItsRate(t *testing.T) {
	l := limit.New(10*time.Second, 3, 100)
	for i := range 3 {
		if wait := l.Take("a", start); wait != 0 {
			t.Fatalf("attempt %d waits %s", i, wait)
		}
	}
	if wait := l.Take("a", start); wait != 10*time.Second {
		t.Errorf("the fourth waits %s", wait)
	}
	if wait := l.Take("b", start); wait != 0 {
		t.Errorf("another key waits %s", wait)
	}
	if wait := l.Left("a", start.Add(4*time.Second)); wait != 6*time.Second {
		t.Errorf("after four seconds it is %s", wait)
	}
	if wait := l.Take("a", start.Add(10*time.Second)); wait != 0 {
		t.Errorf("after ten seconds it waits %s", wait)
	}
	if wait := l.Left("a", start.Add(10*time.Second)); wait != 10*time.Second {
		t.Errorf("the next is in %s", wait)
	}
}

func TestLookingTakesNothingAndForgivingGivesAllBack(t *testing.T) {
	l := limit.New(time.Minute, 1, 100)
	for range 5 {
		if l.Left("a", start) != 0 {
			t.Fatal("looking took an attempt")
		}
	}
	l.Take("a", start)
	if l.Left("a", start) == 0 {
		t.Error("it has one left")
	}
	l.Forgive("a")
	if wait := l.Take("a", start); wait != 0 {
		t.Errorf("after it was forgiven it waits %s", wait)
	}
}

func TestMemoryIsBoundedAndTheOldestKeyGoesFirst(t *testing.T) {
	l := limit.New(time.Hour, 1, 10)
	for i := range 1000 {
		l.Take(strconv.Itoa(i), start)
	}
	if n := l.Keys(); n != 10 {
		t.Errorf("%d keys are remembered", n)
	}
	if l.Take("999", start) == 0 {
		t.Error("the newest key was forgotten")
	}
	if l.Take("0", start) != 0 {
		t.Error("the oldest key is remembered")
	}
}
