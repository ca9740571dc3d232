package web

import (
	"slices"
	"testing"

	"trunkline/web/drawing"
)

func TestARememberedLayoutIsTheSame(t *testing.T) {
	var m layoutMemo
	for n := range layoutsKept + 10 {
		edges := [][2]int{{0, 1}, {1, n + 2}}
		want := drawing.Layout(n+3, edges)
		for range 2 {
			got := m.of(n+3, edges)
			if !slices.Equal(got, want) {
				t.Fatalf("%d nodes: %v, not %v", n+3, got, want)
			}
			got[0].X++ // is the caller's own
		}
	}
	if len(m.known) > layoutsKept {
		t.Errorf("%d are kept", len(m.known))
	}
	if slices.Equal(m.of(3, [][2]int{{0, 1}}), m.of(3, [][2]int{{1, 2}})) {
		t.Error("other cables have the same layout")
	}
}
