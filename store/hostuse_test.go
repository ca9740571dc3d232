package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline/lab/hostapi"
	"trunkline/store"
)

func TestADayOfSamplesIsKeptThinned(t *testing.T) {
	everyAddress(t, func(t *testing.T, address string) {
		ctx := t.Context()
		start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
		c := &clock{at: start}
		s := openWith(t, store.Config{URL: address, Now: c.now})
		_, hostID := seed(t, s)
		other := enrol(t, s, "host-b")
		must(t, s.AddUse(ctx, other, hostapi.Use{At: start, CPU: 9}))
		samples := int(26 * time.Hour / (10 * time.Second))
		for i := range samples { // cores 1 and 3 by turns
			must(t, s.AddUse(ctx, hostID, hostapi.Use{At: c.now(), CPU: float64(1 + i%2*2), MemoryBytes: int64(i%2) * 8 << 30, DiskBytes: 5 << 40, Nodes: i}))
			c.move(10 * time.Second)
		}
		must(t, s.Prune(ctx, c.now()))
		kept, err := s.UseSince(ctx, hostID, c.now().Add(-30*time.Hour))
		must(t, err)
		if len(kept) < 470 || len(kept) > 500 {
			t.Errorf("%d samples of %d are kept of a day, want at most 500", len(kept), samples)
		}
		for i, use := range kept {
			if use.CPU != 2 || use.MemoryBytes != 4<<30 || use.DiskBytes != 5<<40 || i > 0 && !use.At.After(kept[i-1].At) {
				t.Fatalf("sample %d of %d is %+v: want means, the oldest first", i, len(kept), use)
			}
		}
		if last := kept[len(kept)-1]; last.Nodes != samples-1 || c.now().Sub(last.At) != 10*time.Second {
			t.Errorf("the newest is %+v", last)
		}
		recent, err := s.UseSince(ctx, hostID, c.now().Add(-30*time.Minute))
		must(t, err)
		if diff := cmp.Diff(kept[len(kept)-10:], recent); diff != "" {
			t.Errorf("of the last half hour:\n%s", diff)
		}
		must(t, s.RemoveHost(ctx, hostID))
		must(t, s.AddUse(ctx, hostID, hostapi.Use{At: c.now()}))
		must(t, s.AddUse(ctx, hostID, hostapi.Use{At: c.now().Add(time.Hour)})) // its slot has ended, and the host is not there
		must(t, s.RemoveHost(ctx, other))
		if left, err := s.UseSince(ctx, other, start); err != nil || len(left) != 0 {
			t.Errorf("of a removed host: %+v, %v", left, err)
		}
	})
}
